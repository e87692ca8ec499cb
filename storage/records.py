"""The index's rows of one mailbox: read, inserted, copied, forgotten. All inside the caller's transaction."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence, Set

from storage.folder import Folder
from storage.rows import Row, Summary

ROWS = "SELECT uid, base, flags, modseq, size, date, born, came, cur, lf FROM rows WHERE mailbox = ?"


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
    return [Row(*row) for row in db.execute(ROWS + " ORDER BY uid", (mailbox,))]


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
        "INSERT INTO rows (uid, base, flags, modseq, size, date, born, came, cur, lf, mailbox)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(*row, folder.id) for row in rows],
    )


def forget(db: sqlite3.Connection, folder: Folder, gone: list[Row], modseq: int, now: int) -> None:
    """Rows that are no more: remembered as expunged."""
    places = [(folder.id, row.uid) for row in gone]
    db.executemany("DELETE FROM rows WHERE mailbox = ? AND uid = ?", places)
    db.executemany("DELETE FROM summaries WHERE mailbox = ? AND uid = ?", places)
    db.executemany(
        "INSERT OR REPLACE INTO expunged (mailbox, uid, base, modseq, at) VALUES (?, ?, ?, ?, ?)",
        [(folder.id, row.uid, row.base, modseq, now) for row in gone],
    )


def save_summaries(db: sqlite3.Connection, folder: Folder, summaries: dict[int, Summary]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO summaries VALUES (?, ?, ?, ?, ?)",
        [(folder.id, uid, s.envelope, s.bodystructure, s.body) for uid, s in summaries.items()],
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


def receive(
    db: sqlite3.Connection, source: Folder, target: Folder, rows: list[Row], fresh: list[Row]
) -> None:
    """Rows and summaries of copied or moved messages."""
    insert_rows(db, target, fresh)
    db.executemany(
        "INSERT OR REPLACE INTO summaries SELECT ?, ?, envelope, bodystructure, body FROM summaries"
        " WHERE mailbox = ? AND uid = ?",
        [(target.id, new.uid, source.id, row.uid) for row, new in zip(rows, fresh, strict=True)],
    )
