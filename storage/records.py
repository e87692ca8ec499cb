"""The index's rows of one mailbox: read, inserted, copied, forgotten. All inside the caller's transaction."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence, Set

from storage.folder import Folder
from storage.mime.head import Head
from storage.rows import Row, Summary, row_of

TABLES = ("rows", "summaries", "heads", "previews")  # with a row for each message
ROWS = "SELECT uid, base, flags, modseq, size, date, born, came, cur, lf, saved FROM rows WHERE mailbox = ?"


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # on a full disk SQLite has rolled back by itself, or the COMMIT failed
            db.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """Inside, all questions are answered from the same state."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


def read_rows(db: sqlite3.Connection, mailbox: int) -> list[Row]:
    return list(map(row_of, db.execute(ROWS + " ORDER BY uid", (mailbox,))))


def rows_of(db: sqlite3.Connection, folder: Folder, uids: Sequence[int]) -> list[Row]:
    """The rows of those UIDs that exist, ascending."""
    if not uids:
        return []
    wanted = set(uids)
    return [
        Row(*row)
        for row in db.execute(
            ROWS + " AND uid BETWEEN ? AND ? ORDER BY uid",
            (folder.id, min(wanted), max(wanted)),
        )
        if row[0] in wanted
    ]


def insert_rows(db: sqlite3.Connection, folder: Folder, rows: list[Row]) -> None:
    db.executemany(
        "INSERT INTO rows (uid, base, flags, modseq, size, date, born, came, cur, lf, saved, mailbox)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(*row, folder.id) for row in rows],
    )


def flag(db: sqlite3.Connection, folder: Folder, rows: list[Row], flags: Sequence[str], modseq: int) -> None:
    """Rows that have these flags from now on. UIDs without gaps whose flags become the same are one statement."""
    runs: list[tuple[str, int, int]] = []
    for row, letters in zip(rows, flags, strict=True):
        if runs and runs[-1][2] == row.uid - 1 and runs[-1][0] == letters:
            runs[-1] = (letters, runs[-1][1], row.uid)
        else:
            runs.append((letters, row.uid, row.uid))
    db.executemany(
        "UPDATE rows SET flags = ?, cur = 1, modseq = ? WHERE mailbox = ? AND uid BETWEEN ? AND ?",
        [(letters, modseq, folder.id, first, last) for letters, first, last in runs],
    )


def forget(db: sqlite3.Connection, folder: Folder, gone: list[Row], modseq: int, now: int) -> None:
    """Rows that are no more: remembered as expunged."""
    runs = [(folder.id, first, last) for first, last in _runs([row.uid for row in gone])]
    db.executemany(
        "INSERT OR REPLACE INTO expunged (mailbox, uid, base, modseq, at)"
        " SELECT mailbox, uid, base, ?, ? FROM rows WHERE mailbox = ? AND uid BETWEEN ? AND ?",
        [(modseq, now, *run) for run in runs],
    )
    for table in TABLES:
        db.executemany(f"DELETE FROM {table} WHERE mailbox = ? AND uid BETWEEN ? AND ?", runs)  # noqa: S608


def _runs(uids: Sequence[int]) -> list[tuple[int, int]]:
    """UIDs as ranges without gaps: a thousand that go together are few."""
    runs: list[tuple[int, int]] = []
    for uid in sorted(uids):
        if runs and runs[-1][1] == uid - 1:
            runs[-1] = (runs[-1][0], uid)
        else:
            runs.append((uid, uid))
    return runs


def save_summaries(db: sqlite3.Connection, folder: Folder, summaries: dict[int, Summary]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO summaries VALUES (?, ?, ?, ?, ?)",
        [(folder.id, uid, s.envelope, s.bodystructure, s.body) for uid, s in summaries.items()],
    )
    db.executemany(
        f"INSERT OR REPLACE INTO heads VALUES (?, ?{', ?' * len(Head._fields)})",  # noqa: S608
        [(folder.id, uid, *s.head) for uid, s in summaries.items()],
    )


def summary_column(db: sqlite3.Connection, folder: Folder, uids: Set[int], field: str) -> dict[int, bytes]:
    """One field of the summaries, by UID: made by the interpreter in one go, for there may be ten thousand."""
    assert field in Summary.__dataclass_fields__
    found = dict(
        db.execute(
            f"SELECT uid, {field} FROM summaries WHERE mailbox = ? AND uid BETWEEN ? AND ?",  # noqa: S608
            (folder.id, min(uids), max(uids)),
        )
    )
    return found if found.keys() == uids else {uid: found[uid] for uid in uids if uid in found}


def previews(db: sqlite3.Connection, folder: Folder, span: tuple[int, int]) -> dict[int, str]:
    """The previews that there are of UIDs in `span`, both ends included."""
    found = db.execute(
        "SELECT uid, preview FROM previews WHERE mailbox = ? AND uid BETWEEN ? AND ?", (folder.id, *span)
    )
    return dict(found.fetchall())


def save_previews(db: sqlite3.Connection, folder: Folder, made: dict[int, str]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO previews VALUES (?, ?, ?)",
        [(folder.id, uid, preview) for uid, preview in made.items()],
    )


def receive(
    db: sqlite3.Connection, source: Folder, target: Folder, rows: list[Row], fresh: list[Row]
) -> None:
    """Rows of copied or moved messages, and what was made of them."""
    insert_rows(db, target, fresh)
    moves = _shifts(rows, fresh)
    for table, columns in (
        ("summaries", "envelope, bodystructure, body"),
        ("heads", ", ".join(Head._fields)),
        ("previews", "preview"),
    ):
        db.executemany(
            f"INSERT OR REPLACE INTO {table} SELECT ?, uid + ?, {columns} FROM {table}"  # noqa: S608
            " WHERE mailbox = ? AND uid BETWEEN ? AND ?",
            [(target.id, shift, source.id, first, last) for first, last, shift in moves],
        )


def _shifts(rows: Sequence[Row], fresh: Sequence[Row]) -> list[tuple[int, int, int]]:
    """Runs of UIDs without gaps, and how far each is moved."""
    shifts: list[tuple[int, int, int]] = []
    for row, new in zip(rows, fresh, strict=True):
        shift = new.uid - row.uid
        if shifts and shifts[-1][1:] == (row.uid - 1, shift):
            shifts[-1] = (shifts[-1][0], row.uid, shift)
        else:
            shifts.append((row.uid, row.uid, shift))
    return shifts
