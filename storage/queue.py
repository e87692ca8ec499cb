"""The queue: mail that was accepted and could not be stored or handed on at once.

A message is one file `<data>/queue/<queue id>.eml`, whatever the number of its recipients; the envelope and
the state of each recipient are rows of `queue.sqlite`. What must hold:

- `add` returns after the file, its directory entry and its rows are fsynced, in that order. A crash before
  the rows leaves a file that nobody acknowledged; `recover` removes it after a grace, which protects a file
  whose rows another process is about to write.
- A settled message loses its rows first, then its file. A crash in between leaves the same kind of file.
- So rows without a file come from outside only. They are logged and held, never silently dropped. And files
  whose queue.sqlite is gone are no waste: they are put aside in `lost/`.
- A runner leases recipients until a time: `due` is moved to the end of the lease, so a runner that was killed
  gives them back by the clock alone. Delivered and failed are recorded whoever holds the lease now, a
  temporary outcome only by the holder.
- A failed recipient is settled by the transaction that queues the notice to the sender. A crash repeats no
  notice and loses none.

Everything here blocks on the disk: it is called through the store's threads.
"""

import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING

from storage import durable, queue_rows
from storage.bus import Hint
from storage.errors import DiskFull
from storage.message import Message
from storage.queue_db import QueueDatabase
from storage.queued import Addressee, Envelope, Notice, Outcome, Queued, Work

if TYPE_CHECKING:
    from storage.store import Store

SUFFIX = ".eml"
ADDED = Hint("", "queue", 0)  # told to the bus: something may be due
LEASE = 300  # seconds a runner has for what it took
GRACE = 3600  # seconds a file without rows is left alone
logger = logging.getLogger("storage.queue")


class Queue:
    """The queue as one process sees it. `wake` is called when something may be due at once."""

    def __init__(
        self,
        directory: Path,
        clock: Callable[[], float] = time.time,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.directory = directory
        self._clock = clock
        self._wake = wake
        if not directory.is_dir():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.sync_dir(directory.parent)
        self.database = QueueDatabase(directory / "queue.sqlite")
        if self.database.created:
            durable.sync_dir(directory)
            self._put_aside()

    @classmethod
    def of(cls, store: "Store") -> "Queue":
        """The queue beside a process's store; runners are woken over the bus. Blocks on the disk."""
        return cls(store.settings.data / "queue", store.clock, lambda: store.bus.publish(ADDED))

    def close(self) -> None:
        self.database.close()

    def wake(self) -> None:
        """Tell the runners that something may be due."""
        self._wake()

    # ------------------------------------------------------------------ in

    def add(
        self,
        message: Message,
        reverse_path: str,
        recipients: Sequence[Addressee],
        trace: str,
        *,
        due: int | None = None,
        envid: str = "",
        ret: str = "",
    ) -> str:
        """Take responsibility for a message: durable when this returns its queue id.

        `due` is the time of the next attempt, now if not given. Raises DiskFull."""
        if not recipients:
            raise ValueError("a queued message has at least one recipient")
        now = int(self._clock())
        envelope = Envelope(_new_id(self._clock()), reverse_path, trace, now, message.size, envid, ret)
        with self._written(envelope.queue_id, message), self.database.writing() as db:
            queue_rows.insert(db, envelope, recipients, now if due is None else due)
        self.wake()
        return envelope.queue_id

    def settle(self, queue_id: str, numbers: Sequence[int] = (), notice: Notice | None = None) -> str | None:
        """End the failed recipients `numbers` of a message, and the message itself when nobody is left.

        The notice, where there is one, is queued in the same transaction under the message's trace; its queue
        id is returned. Another process that was faster has queued one already: then nothing is."""
        if notice is None:
            with self.database.writing() as db:
                queue_rows.report(db, queue_id, numbers)
                done = queue_rows.drop_if_done(db, queue_id)
            if done:
                self._unlink(queue_id)
            return None
        now = self._clock()
        notice_id = _new_id(now)
        with self._written(notice_id, notice.message):
            with self.database.writing() as db:
                told = queue_rows.report(db, queue_id, numbers)
                if told:
                    (trace,) = db.execute("SELECT trace FROM message WHERE id = ?", (queue_id,)).fetchone()
                    envelope = Envelope(notice_id, "", trace, int(now), notice.message.size)
                    queue_rows.insert(db, envelope, [Addressee(notice.to)], int(now))
                done = queue_rows.drop_if_done(db, queue_id)
        if done:
            self._unlink(queue_id)
        if not told:
            self._unlink(notice_id)
            return None
        self._wake()
        return notice_id

    # ------------------------------------------------------------------ out

    def claim(self, holder: str, most: int = 100, lease: int = LEASE) -> list[Work]:
        """Lease up to `most` due recipients to `holder`, grouped by message, the longest due first."""
        now = int(self._clock())
        with self.database.reading() as db:  # nothing due is the usual case, and takes no lock
            if db.execute(queue_rows.DUE, (now, 1)).fetchone() is None:
                return []
        with self.database.writing() as db:
            rows = db.execute(queue_rows.DUE, (now, most)).fetchall()
            db.executemany(
                "UPDATE recipient SET due = ?, holder = ? WHERE message = ? AND number = ?",
                [(now + lease, holder, row[0], row[8]) for row in rows],
            )
        groups: dict[str, tuple[Envelope, list[Queued]]] = {}
        for row in rows:
            _, recipients = groups.setdefault(row[0], (Envelope(*row[:7]), []))
            recipients.append(queue_rows.queued_from(row[7:]))
        return [Work(envelope, tuple(recipients)) for envelope, recipients in groups.values()]

    def renew(self, holder: str, queue_id: str, lease: int = LEASE) -> None:
        """Prolong a lease, for an attempt that takes long."""
        with self.database.writing() as db:
            db.execute(
                "UPDATE recipient SET due = ? WHERE message = ? AND holder = ? AND state = 'waiting'",
                (int(self._clock()) + lease, queue_id, holder),
            )

    def give_back(self, holder: str) -> int:
        """End all leases of a runner that stops, so that others need not wait for their end."""
        with self.database.writing() as db:
            return db.execute(
                "UPDATE recipient SET due = ?, holder = '' WHERE holder = ? AND state = 'waiting'",
                (int(self._clock()), holder),
            ).rowcount

    def record(self, holder: str, queue_id: str, outcomes: Sequence[Outcome]) -> None:
        """Write down how attempts ended; durable on return."""
        now = int(self._clock())
        with self.database.writing() as db:
            for outcome in outcomes:
                queue_rows.record(db, holder, queue_id, outcome, now)

    def untold(self, queue_id: str) -> list[Queued]:
        """The recipients of a message that failed and of whom the sender has not been told."""
        with self.database.reading() as db:
            rows = db.execute(
                """SELECT * FROM queued WHERE message = ?1 AND number IN
                   (SELECT number FROM untold WHERE message = ?1) ORDER BY number""",
                (queue_id,),
            ).fetchall()
        return [queue_rows.queued_from(row) for row in rows]

    def unsettled(self) -> list[Envelope]:
        """Messages that wait for no attempt but for `settle`: a runner was killed before it."""
        with self.database.reading() as db:
            rows = db.execute(
                """SELECT * FROM envelope WHERE EXISTS (SELECT 1 FROM untold WHERE message = envelope.id)
                   OR NOT EXISTS (SELECT 1 FROM open WHERE message = envelope.id)"""
            ).fetchall()
        return [Envelope(*row) for row in rows]

    def next_due(self) -> int | None:
        """When the next recipient is due or its lease ends; None when nobody waits."""
        with self.database.reading() as db:
            due: int | None = db.execute("SELECT min(due) FROM recipient WHERE state = 'waiting'").fetchone()[
                0
            ]
        return due

    def message(self, queue_id: str) -> Message:
        """The message of a queue id. Raises FileNotFoundError."""
        path = self._path(queue_id)
        return Message(path, path.stat().st_size)

    # ------------------------------------------------------------------ after a crash

    def recover(self, grace: int = GRACE) -> None:
        """Bring files and rows together: run once when a runner starts."""
        files = {entry.name.removesuffix(SUFFIX): entry for entry in self._files()}
        with self.database.reading() as db:
            known = {row[0] for row in db.execute("SELECT id FROM message")}
        for queue_id in files.keys() - known:
            self._remove_orphan(files[queue_id], grace)
        missing = [queue_id for queue_id in known - files.keys() if not self._path(queue_id).exists()]
        for queue_id in missing:
            self.hold_missing(queue_id)

    def hold_missing(self, queue_id: str) -> None:
        """A message whose file is gone: keep its envelope for the operator, try it no more."""
        with self.database.writing() as db:
            held = db.execute(
                """UPDATE recipient SET state = 'held', holder = '', code = '5.3.0',
                   text = 'the message file is missing' WHERE message = ? AND state = 'waiting'""",
                (queue_id,),
            ).rowcount
        if held:
            _log(logging.ERROR, "queue.file_missing", queue_id=queue_id, recipients=held)

    def _remove_orphan(self, entry: "os.DirEntry[str]", grace: int) -> None:
        try:
            if entry.stat().st_mtime > self._clock() - grace:
                return
        except FileNotFoundError:
            return
        with self.database.reading() as db:  # it may have got its rows since the list was made
            known = db.execute(
                "SELECT 1 FROM message WHERE id = ?", (entry.name.removesuffix(SUFFIX),)
            ).fetchone()
        if known is None:
            _log(logging.WARNING, "queue.orphan_removed", file=entry.name)
            Path(entry.path).unlink(missing_ok=True)

    def _put_aside(self) -> None:
        """The tables are new: if there are files, queue.sqlite was lost and they have no envelope."""
        lost = self.directory / "lost"
        for entry in self._files():
            lost.mkdir(mode=0o700, exist_ok=True)
            os.replace(entry.path, lost / entry.name)
            _log(logging.ERROR, "queue.envelope_lost", file=lost / entry.name)

    # ------------------------------------------------------------------ files

    def _path(self, queue_id: str) -> Path:
        return self.directory / (queue_id + SUFFIX)

    def _files(self) -> "list[os.DirEntry[str]]":
        with os.scandir(self.directory) as entries:
            return [entry for entry in entries if entry.name.endswith(SUFFIX)]

    def _unlink(self, queue_id: str) -> None:
        self._path(queue_id).unlink(missing_ok=True)

    def forget_files(self, queue_ids: Sequence[str]) -> None:
        """Unlink the files of messages whose rows are gone."""
        for queue_id in queue_ids:
            self._unlink(queue_id)

    @contextmanager
    def _written(self, queue_id: str, message: Message) -> Iterator[None]:
        """The message file, durable, around the transaction of its rows; gone again if that fails."""
        path = self._path(queue_id)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try:
                message.write_to(fd)
                os.fsync(fd)
            finally:
                os.close(fd)
            durable.sync_dir(self.directory)
            yield
        except BaseException as error:
            path.unlink(missing_ok=True)
            if _is_full(error):
                raise DiskFull("no room for the queue") from error
            raise


def _new_id(now: float) -> str:
    """Short, sorted by time, and never the same twice on a machine whose clock was set back."""
    return f"{int(now * 1_000_000):x}{secrets.token_hex(3)}"


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (ENOSPC, EDQUOT)
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_FULL


def _log(level: int, event: str, **fields: object) -> None:
    logger.log(level, event, extra={"fields": fields})
