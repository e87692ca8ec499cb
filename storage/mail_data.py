"""The mail of an account by folder and age: how much there is, and deleting a part of it for good.

What is meant is named by folder and by the day before which it came; counted first, so that a person can be
asked, then deleted in pieces by UID. Mail that comes meanwhile is younger and stays. A piece is one change of the
mailbox (`storage.mailbox.expunge`), so a deletion that is cut off leaves whole messages only, and is simply asked
for again. For threads, through `Account.do`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from storage import folder as folders
from storage import tree
from storage.account_files import AccountFiles
from storage.errors import MailboxMissing
from storage.look import look

PIECE = 200  # messages of one change: other programs wait no longer than for those


@dataclass(frozen=True, slots=True)
class FolderUse:
    """One folder: how much it holds, and the days between which it came (seconds since 1970)."""

    name: str
    special_use: str | None
    messages: int
    octets: int
    oldest: int | None
    newest: int | None


@dataclass(frozen=True, slots=True)
class Old:
    """What came into a folder before a moment."""

    name: str
    octets: int
    uids: tuple[int, ...]

    def pieces(self, size: int = PIECE) -> Iterator[tuple[int, ...]]:
        for start in range(0, len(self.uids), size):
            yield self.uids[start : start + size]


def folders_in_use(files: AccountFiles) -> list[FolderUse]:
    """All folders that can hold mail, INBOX first, then by name."""
    infos = tree.listing(files)
    with files.reading() as db:
        known = {folder.name: folder for folder in folders.load_all(db, files.maildir)}
        dates = {
            row[0]: row[1:]
            for row in db.execute("SELECT mailbox, min(date), max(date) FROM rows GROUP BY mailbox")
        }
    found = []
    for info in infos:
        folder = known.get(info.name)
        if folder is not None:
            oldest, newest = dates.get(folder.id, (None, None))
            found.append(
                FolderUse(info.name, info.special_use, folder.messages, folder.bytes, oldest, newest)
            )
    return found


def old(files: AccountFiles, name: str, before: float | None) -> Old:
    """What came before (None: all there is now). Raises MailboxMissing."""
    with files.reading() as db:
        mailboxid = folders.load(db, files.maildir, name).mailboxid
    if look(files, mailboxid, 1 << 62) is None:  # other programs' changes are taken in
        raise MailboxMissing(name)
    with files.reading() as db:
        folder = folders.load(db, files.maildir, name)
        rows = db.execute(
            "SELECT uid, size FROM rows WHERE mailbox = ? AND (? IS NULL OR date < ?) ORDER BY uid",
            (folder.id, before, before),
        ).fetchall()
    return Old(name, sum(row[1] for row in rows), tuple(row[0] for row in rows))
