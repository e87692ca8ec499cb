"""All rows of a large mailbox as one piece of the index, so that it is open in the time that reading takes.

The piece says what the rows said at a MODSEQ, as a mailbox does that was loaded then; the rows and the expunged say
what came after (storage/look.py), just as they tell one that is loaded. It is written in the background, by whoever
has it loaded, when so much came after it that reading that takes long; a small mailbox has none. Like all of the
index it may be missing, old or thrown away. For threads.

Invariant: what is read here and what came after its MODSEQ are the rows, all and no others. So it is believed only
at or above the index's floor, where all that went is known, and if they are as many as the index counts.
"""

import sqlite3
from typing import TYPE_CHECKING

from storage import records
from storage.columns import Columns
from storage.folder import Folder

if TYPE_CHECKING:
    from storage.account_files import AccountFiles

FEW = 400  # rows that are read as soon as a piece is looked for
SHARE = 16  # one in so many may have changed since
OCTETS_MOST = 512 * 1024 * 1024  # SQLite takes a thousand million at once


def worth(changed: int, rows: int) -> bool:
    """Whether so many changes of a mailbox with so many rows are to be packed."""
    return changed > FEW + rows // SHARE


def read(db: sqlite3.Connection, folder: Folder) -> tuple[Columns, int] | None:
    """What was packed of the mailbox, and at which MODSEQ; None: nothing, or before the index was made anew."""
    found = db.execute("SELECT modseq FROM packed WHERE mailbox = ?", (folder.id,)).fetchone()
    if found is None or found[0] < folder.floor:
        return None
    # As a file: a SELECT of the piece takes three times as long.
    with db.blobopen("packed", "rows", folder.id, readonly=True) as piece:
        columns = Columns.unpacked(piece.read)
    return None if columns is None else (columns, found[0])


def write(files: "AccountFiles", mailboxid: str, modseq: int, rows: bytes) -> None:
    """Keep what a mailbox was at `modseq`, unless something newer is kept, or the index was made anew."""
    if len(rows) > OCTETS_MOST or not files.ready:  # its account may be gone: this makes none
        return
    with files.writing() as db, records.transaction(db):
        db.execute(
            "INSERT INTO packed SELECT id, ?, ? FROM mailboxes"
            " WHERE mailboxid = ? AND ? BETWEEN floor AND modseq"
            " ON CONFLICT (mailbox) DO UPDATE SET modseq = excluded.modseq, rows = excluded.rows"
            " WHERE packed.modseq < excluded.modseq",
            (modseq, rows, mailboxid, modseq),
        )
