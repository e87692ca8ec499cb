"""The SQLite file of the queue: its durability, its transactions. Its tables are in `storage.queue.schema`.

Unlike an account's index this file is no cache. It alone knows the envelope, so a commit is fsynced
(`synchronous=FULL` with a write-ahead log) before the call returns; all but those that may be lost with the
power, which are the leases. Several processes share the file: a writer takes the lock at once (`BEGIN IMMEDIATE`)
and holds it for some rows only, never while it waits. SQLite asks for its lock again and again with pauses of up to
100 ms; a lock of the kernel's around it (`queue.lock`) wakes who waits, and is freed when its holder is killed.

What several threads want to be durable at the same time shares one transaction and one fsync: the first of them
does it for all that have come by then (`grouped`). Each fails alone, or all with the commit.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from storage import durable
from storage.queue import schema as queue_schema
from storage.queue.time import QueueTime

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], T]


class LaterVersion(ValueError):
    """The file has a form that a later version of this program gave it."""


class QueueDatabase:
    """Two connections for the threads of one process, one to write and one to read, so that who reads need not
    wait for an fsync. Each is used by one thread at a time."""

    def __init__(self, path: Path, time: QueueTime, busy_timeout: float = 10.0) -> None:
        self.time = time
        self._folder = path.parent
        self._lock = threading.Lock()
        turn = os.open(path.with_name("queue.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._turn = os.fdopen(turn, "r+b", buffering=0)
        self._connection = sqlite3.connect(
            path, timeout=busy_timeout, isolation_level=None, check_same_thread=False
        )
        path.chmod(0o600)
        # Of two that begin a write-ahead log at once SQLite would refuse the second.
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)
        self._connection.execute("PRAGMA synchronous=FULL")
        self._durable = True
        self._reading = threading.Lock()
        self._reader = sqlite3.connect(
            path, timeout=busy_timeout, isolation_level=None, check_same_thread=False
        )
        self._gate = threading.Lock()
        self._waiting: list[_Entry] = []
        self._led = False
        try:
            with self.writing() as db:
                self.created = _lift(db)
                time.agree(db)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def writing(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction, undone where the block raises. If it is not `durable` it may be lost with the power."""
        with self._lock:
            if durable is not self._durable:
                self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            fcntl.flock(self._turn, fcntl.LOCK_EX)
            try:
                with self._transaction():
                    yield self._connection
            finally:
                fcntl.flock(self._turn, fcntl.LOCK_UN)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
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
        with self._reading:
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                self._reader.execute("ROLLBACK")

    def grouped(self, write: Write[T], *, names: bool = False) -> T:
        """`write` in a transaction that it may share with others; durable on return. `names`: the folder's entries
        are on the disk before the rows are."""
        entry = _Entry(write, names)
        with self._gate:
            self._waiting.append(entry)
            entry.leads = not self._led
            self._led = True
        if not entry.leads:
            entry.woken.wait()
        if entry.leads:
            self._lead()
        if entry.error is not None:
            raise entry.error
        result: T = entry.result
        return result

    def _lead(self) -> None:
        """Do what waits, then let the next one lead that has come meanwhile."""
        group: list[_Entry] = []
        try:
            with self.writing() as db:
                with self._gate:  # now that the lock is ours: all that came while it was waited for
                    group, self._waiting = self._waiting, []
                if any(entry.names for entry in group):
                    durable.sync_dir(self._folder)
                if len(group) == 1:  # nobody else's part has to be kept apart
                    group[0].result = group[0].write(db)
                else:
                    for entry in group:
                        entry.run(db)
        except BaseException as error:
            with self._gate:
                group, self._waiting = group or self._waiting, [] if not group else self._waiting
            for entry in group:
                entry.error = entry.error or error
        finally:
            with self._gate:
                follower = self._waiting[0] if self._waiting else None
                self._led = follower is not None
                if follower is not None:
                    follower.leads = True
            for entry in group:
                entry.woken.set()
            if follower is not None:
                follower.woken.set()

    def close(self) -> None:
        with self._lock, self._reading:
            self._connection.close()
            self._reader.close()
            self._turn.close()


class _Entry:
    """One thread's part of a group."""

    __slots__ = ("error", "leads", "names", "result", "woken", "write")

    def __init__(self, write: Callable[[sqlite3.Connection], Any], names: bool) -> None:
        self.write = write
        self.names = names
        self.leads = False
        self.woken = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, db: sqlite3.Connection) -> None:
        db.execute("SAVEPOINT part")
        try:
            self.result = self.write(db)
        except BaseException as error:
            self.error = error
            if not db.in_transaction:  # a full disk: SQLite has undone it all, and nobody's part is left
                raise
            db.execute("ROLLBACK TO part")
        db.execute("RELEASE part")


def _lift(db: sqlite3.Connection) -> bool:
    """Make or change the tables. Whether there were none: then files beside them have lost their envelopes."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    known = len(queue_schema.VERSIONS)
    if version > known:
        raise LaterVersion(
            f"queue.sqlite is of a later version of kwcmaild (format {version}; this program knows {known}):"
            " install that version again"
        )
    for script in queue_schema.VERSIONS[version:]:
        for statement in script:
            db.execute(statement)
    db.execute(f"PRAGMA user_version={known}")
    return bool(version == 0)
