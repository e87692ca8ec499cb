"""What SELECT and CLOSE have to know of all the rows of a mailbox.

Looking at a hundred thousand rows takes longer than all else that a SELECT does, and most clients select the
same few mailboxes in the same state again and again. So it is worked out once for a mod-sequence and kept as
long as the mailbox is loaded.
"""

from typing import NamedTuple
from weakref import WeakKeyDictionary

from storage.selected import Mailbox


class Digest(NamedTuple):
    modseq: int
    first_unseen: int  # the UID of the first message without \\Seen; 0 where there is none
    deleted: bool  # whether any message has \\Deleted


_digests: WeakKeyDictionary[Mailbox, Digest] = WeakKeyDictionary()


def of(mailbox: Mailbox) -> Digest:
    """The digest of the mailbox as it is now."""
    known = _digests.get(mailbox)
    if known is None or known.modseq != mailbox.modseq:
        rows = mailbox.rows
        unseen = rows.flags.first(lambda letters: "S" not in letters)
        first_unseen = rows.uids[unseen] if unseen >= 0 else 0
        deleted = rows.flags.first(lambda letters: "T" in letters) >= 0
        known = _digests[mailbox] = Digest(mailbox.modseq, first_unseen, deleted)
    return known
