"""The SQLite file of the queue: its tables, its durability, its transactions.

Unlike an account's index this file is no cache. It alone knows the envelope, so each commit is fsynced
(`synchronous=FULL` with a write-ahead log) before the call returns. Several processes share it: a writer
takes the lock at once (`BEGIN IMMEDIATE`) and holds it for some rows only, never while it waits.

One row in `message` for each message file, one in `recipient` for each recipient. Due work is found by an
index on the waiting recipients alone, so a long queue of messages that are not yet due costs nothing.

Two views give rows in the order of the fields of `storage.queued`: `envelope` as Envelope, `queued` as Queued
behind the queue id (its status is the last two columns). `open` are the recipients that wait or are held,
`untold` those that failed with nobody told yet: a message without either is done.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = 1

SCHEMA = """
CREATE TABLE message (
    id            TEXT PRIMARY KEY,
    reverse_path  TEXT NOT NULL,
    trace         TEXT NOT NULL,
    added         INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    envid         TEXT NOT NULL,
    ret           TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE recipient (
    message       TEXT NOT NULL,
    number        INTEGER NOT NULL,
    address       TEXT NOT NULL,
    domain        TEXT NOT NULL,
    original      TEXT NOT NULL,
    mailbox       TEXT NOT NULL,
    notify        TEXT NOT NULL,
    orcpt         TEXT NOT NULL,
    state         TEXT NOT NULL,
    reported      INTEGER NOT NULL DEFAULT 0,
    due           INTEGER NOT NULL,
    holder        TEXT NOT NULL DEFAULT '',
    attempts      INTEGER NOT NULL DEFAULT 0,
    last_attempt  INTEGER,
    code          TEXT,
    text          TEXT,
    PRIMARY KEY (message, number)
) WITHOUT ROWID;

CREATE VIEW envelope AS SELECT id, reverse_path, trace, added, size, envid, ret FROM message;
CREATE VIEW queued AS SELECT message, number, address, original, mailbox, notify, orcpt, state, due, holder,
    attempts, last_attempt, code, text FROM recipient;
CREATE VIEW open AS SELECT * FROM recipient WHERE state IN ('waiting', 'held');
CREATE VIEW untold AS SELECT * FROM recipient WHERE state = 'failed' AND reported = 0;

CREATE INDEX message_added ON message (added);
CREATE INDEX recipient_due ON recipient (due, message, number) WHERE state = 'waiting';
CREATE INDEX recipient_failed ON recipient (message) WHERE state = 'failed' AND reported = 0;
"""


class QueueDatabase:
    """One connection for the threads of one process, used by one thread at a time."""

    def __init__(self, path: Path, busy_timeout: float = 10.0) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            path, timeout=busy_timeout, isolation_level=None, check_same_thread=False
        )
        path.chmod(0o600)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self.created = self._make_tables()

    def _make_tables(self) -> bool:
        """Whether the tables were not there: then message files beside them have lost their envelopes."""
        with self.writing() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise RuntimeError(f"queue.sqlite has version {version}; this program knows {VERSION}")
            if version == VERSION:
                return False
            for statement in SCHEMA.split(";"):
                if statement.strip():
                    db.execute(statement)
            db.execute(f"PRAGMA user_version={VERSION}")
            return True

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, durable when the block is left without an exception, undone otherwise."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent view, which waits for no writer."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        with self._lock:
            self._connection.close()
