"""What SELECT and CLOSE have to know of all the rows of a mailbox.

Looking at a hundred thousand rows takes longer than all else that a SELECT does, and most clients select the
same few mailboxes in the same state again and again. So it is worked out once for a mod-sequence and kept as
long as the mailbox is loaded. Of a few rows it is worked out each time: that takes microseconds, and there may be
thousands of small mailboxes.
"""

from typing import NamedTuple
from weakref import WeakKeyDictionary

from storage.columns import Columns
from storage.selected import Mailbox

FEW = 1000  # rows


class Digest(NamedTuple):
    modseq: int
    first_unseen: int  # the UID of the first message without \\Seen; 0 where there is none
    deleted: bool  # whether any message has \\Deleted


_digests: WeakKeyDictionary[Mailbox, Digest] = WeakKeyDictionary()


def of(mailbox: Mailbox) -> Digest:
    """The digest of the mailbox as it is now."""
    rows = mailbox.rows
    if len(rows) <= FEW:
        return _made(mailbox.modseq, rows)
    known = _digests.get(mailbox)
    if known is None or known.modseq != mailbox.modseq:
        known = _digests[mailbox] = _made(mailbox.modseq, rows)
    return known


def _made(modseq: int, rows: Columns) -> Digest:
    unseen = rows.flags.first(lambda letters: "S" not in letters)
    first_unseen = rows.uids[unseen] if unseen >= 0 else 0
    return Digest(modseq, first_unseen, rows.flags.first(lambda letters: "T" in letters) >= 0)
