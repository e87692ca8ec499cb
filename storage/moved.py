"""Mail that users moved or copied into their junk folder, or out of it, as the index remembers how rows came.

A delivery names no mailbox that a row came from, and an index that was made anew knows of its rows only that they
were found: neither is a user's doing. Nor is it said of mail that went from Junk into the trash, for people empty
their junk.

`kept` is the other side: mail that its owner has read and left in the inbox.
"""

from dataclasses import dataclass

from storage import folder as folders
from storage.account_files import AccountFiles
from storage.message import Message
from storage.reconcile import message_of
from storage.rows import Row

JUNK, TRASH = "\\Junk", "\\Trash"
MOST = 500  # of the newest moves

# Programs that do not know RFC 6154 have a trash of their own.
TRASHES = frozenset(("Trash", "Deleted Items", "Deleted Messages", "ごみ箱", "ゴミ箱", "削除済みアイテム"))

_MOVED = (
    "SELECT mailboxes.name, uid, base, flags, rows.modseq, size, date, born, came, cur, lf, saved"
    " FROM mailboxes JOIN rows ON rows.mailbox = mailboxes.id"
    " WHERE rows.modseq > :since AND born > :since AND mailboxid {} :junk AND came {} IN"
    " ('moved from ' || :junk, 'copied from ' || :junk) AND came LIKE '% from %' ORDER BY born DESC LIMIT :most"
)
_KEPT = (
    "SELECT uid, base, flags, rows.modseq, size, date, born, came, cur, lf, saved"
    " FROM mailboxes JOIN rows ON rows.mailbox = mailboxes.id"
    " WHERE name = 'INBOX' AND instr(flags, 'S') AND NOT instr(flags, 'T')"
    " ORDER BY instr(flags, 'R') > 0 DESC, uid DESC LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Moved:
    """One message that somebody put into Junk (`junk`), took out of it, or kept."""

    base: str  # EMAILID: the same in every mailbox
    born: int  # MODSEQ, microseconds since 1970
    junk: bool
    message: Message


def moved(files: AccountFiles, since: int) -> list[Moved]:
    """What came after MODSEQ `since`, in that order."""
    with files.reading() as db:
        known = {each.name: each for each in folders.load_all(db, files.maildir)}
        junk = next((each.mailboxid for each in known.values() if each.special_use == JUNK), None)
        if junk is None:
            return []
        bound = {"since": since, "junk": junk, "most": MOST}
        into = db.execute(_MOVED.format("=", "NOT"), bound).fetchall()
        out = db.execute(_MOVED.format("!=", ""), bound).fetchall()
    found = []
    for is_junk, rows in ((True, into), (False, out)):
        for name, *columns in rows:
            folder, row = known[name], Row(*columns)
            if folder.special_use != TRASH and name not in TRASHES:
                found.append(Moved(row.base, row.born, is_junk, message_of(folder, row)))
    return sorted(found, key=lambda each: each.born)


def kept(files: AccountFiles, most: int) -> list[Moved]:
    """Read and not thrown away: what was answered first, then the newest."""
    with files.reading() as db:
        inbox = folders.load(db, files.maildir, "INBOX")
        rows = [Row(*columns) for columns in db.execute(_KEPT, (most,))]
    return [Moved(row.base, row.born, False, message_of(inbox, row)) for row in rows]
