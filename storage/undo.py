"""What must be there whole or not at all: copies, and several messages of one APPEND (RFC 9051 §6.4.7, RFC 3502).

While such files are placed the dirty line of the lock says which UIDs they have. Who finds it, and no rows for
those UIDs, takes the files out again: nobody was told of them. They go into tmp/, not away, and leave with the
other leftovers.

The line holds the boot id. The lock's file is not fsynced, so after a power cut it may show a write that was
finished and acknowledged long ago; such a line undoes nothing.
"""

import os
import sqlite3

from storage import filename
from storage.folder import BOOT, Folder

_MARK = "undo"


def word(folder: Folder, first: int, count: int) -> str:
    """For the dirty line: the UIDs `first` .. `first + count - 1` of this mailbox come together."""
    return f"{_MARK} {BOOT} {first} {first + count - 1} {folder.mailboxid}"


def undo(db: sqlite3.Connection, folder: Folder, words: tuple[str, ...]) -> None:
    """Take out of `folder` what those words say and what has no rows."""
    for said in words:
        mark, _, rest = said.partition(" ")
        if mark == _MARK and rest.count(" ") >= 3:
            boot, first, last, mailboxid = rest.split(" ", 3)
            if boot == BOOT and mailboxid == folder.mailboxid and first.isdigit() and last.isdigit():
                _take_out(db, folder, int(first), int(last))


def _take_out(db: sqlite3.Connection, folder: Folder, first: int, last: int) -> None:
    rows = db.execute(
        "SELECT COUNT(*) FROM rows WHERE mailbox = ? AND uid BETWEEN ? AND ?", (folder.id, first, last)
    ).fetchone()[0]
    if rows:
        return  # committed: all of them
    for place in ("new", "cur"):
        for entry in os.scandir(folder.path / place):
            name = filename.parse(entry.name)
            if name.ours and name.uid is not None and first <= name.uid <= last:
                os.rename(entry.path, folder.path / "tmp" / entry.name)
