"""The queue: mail that was accepted and is on its way, to others or into a mailbox that could not take it at once.

A message is one file, whatever the number of its recipients (`storage.queue.files`), or for its first seconds a row
if it is small (`storage.queue.young`); the envelope and the state of each recipient are rows of `queue.sqlite`.
What must hold:

- `add` returns after the file, its directory entry and its rows are fsynced, in that order; where the message is a
  row, the rows are all there is.
- A message that is done loses its rows first, in the transaction that records its last outcome, then its file.
- A runner leases recipients until a time: `due` is moved to the end of the lease, so a runner that was killed
  gives them back by the time alone, which is the queue's own (`storage.queue.time`): no clock that is set flushes
  or freezes the queue. Delivered and failed are recorded whoever holds the lease now, a temporary outcome only by
  the holder. A recorded outcome is durable on return: that recipient is never sent to again.
- A recipient stays until its sender has been told what he wants to be told; the transaction that queues the notice
  settles him. A crash repeats no notice and loses none.
- Work is found by destination (`lane`), each with the time at which it is to be looked at next: what waits costs
  nothing, and a destination that does not answer is passed over as a whole.

Everything here blocks on the disk: it is called through the store's threads.
"""

import contextlib
import json
import logging
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from storage import durable
from storage.bus import Hint
from storage.errors import DiskFull
from storage.message import Message
from storage.mime.header import end_of_header
from storage.queue import rows as queue_rows
from storage.queue import young as queue_young
from storage.queue.db import QueueDatabase
from storage.queue.files import GRACE, QueueFiles, _log
from storage.queue.queued import Addition, Addressee, Envelope, Lane, Notice, Outcome, Parcel, Recorded, Work
from storage.queue.rows import Key, Row
from storage.queue.time import QueueTime, boot_id

if TYPE_CHECKING:
    from storage.store import Store

ADDED = Hint("", "queue", 0)  # told to the bus: something may be due
TRY_ALL = Hint(
    "", "queue try all", 0
)  # told to the bus: an operator asked for attempts, also where nobody answered
LEASE = 300  # seconds a runner has for what it took, until it renews the lease
TELL_WITHIN = 60  # seconds that a notice waits for the other recipients of a message

T = TypeVar("T")


class Queue:
    """The queue as one process sees it. `wake` is called when something may be due at once."""

    def __init__(
        self,
        directory: Path,
        clock: Callable[[], float] = time.time,
        wake: Callable[[Hint], None] = lambda hint: None,
        steady: Callable[[], float] | None = None,
        boot: Callable[[], str] = boot_id,
        small: int = queue_young.MOST,
    ) -> None:
        self.directory = directory
        self._wake = wake
        self._small = small  # octets up to which a new message is no file yet
        if not directory.is_dir():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.sync_dir(directory.parent)
        self.time = QueueTime(clock, steady, boot)
        self.files = QueueFiles(directory)
        self.database = QueueDatabase(directory / "queue.sqlite", self.time)
        if self.database.created:
            durable.sync_dir(directory)
            self.files.put_aside()

    @classmethod
    def of(cls, store: "Store") -> "Queue":
        """The queue beside a process's store; runners are woken over the bus. Blocks on the disk."""
        return cls(store.settings.data / "queue", store.clock, store.bus.publish)

    def close(self) -> None:
        self.database.close()

    def wake(self, hint: Hint = ADDED) -> None:
        """Tell the runners that something may be due."""
        self._wake(hint)

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
        smtputf8: bool = False,
        require_tls: bool = False,
        hold_until: int | None = None,
        holder: str = "",
    ) -> str:
        """Take responsibility for a message: durable when this returns its queue id.

        The first attempt is made at once, at the time `due`, or not before `hold_until` (RFC 4865): both are
        times of day. Recipients marked `here` are leased to `holder`, who delivers them and records it. Raises
        DiskFull."""
        parcel = Parcel(message, reverse_path, recipients, due, envid, ret, smtputf8, require_tls, hold_until)
        return self.add_all([parcel], trace, holder)[0]

    def add_all(self, parcels: Sequence[Parcel], trace: str, holder: str = "") -> list[str]:
        """The same for several messages: all of them, or none."""
        return self.add_together([Addition(parcels, trace, holder)])[0]

    def add_together(self, additions: Sequence[Addition]) -> list[list[str]]:
        """The same for several at once, which share what waits for the disk, and fail together."""
        now = int(self.time.now())
        new: list[queue_rows.New] = []
        messages: list[tuple[str, Message]] = []
        for each in additions:
            for parcel in each.parcels:
                envelope = self._envelope(parcel, each.trace, now)
                messages.append((envelope.queue_id, parcel.message))
                new.append(queue_rows.New(envelope, parcel.recipients, self._due(parcel, now), each.holder))
        with _neutral():
            self._write(messages, lambda db: queue_rows.insert(db, new, now, LEASE))
        self.wake()
        ids = iter([queue_id for queue_id, _ in messages])
        return [[next(ids) for _ in each.parcels] for each in additions]

    def _write(self, messages: Sequence[tuple[str, Message]], rows: Callable[[sqlite3.Connection], T]) -> T:
        """Messages and what there is to write of them: all durable on return, or nothing of it there."""
        young = [(queue_id, message.read()) for queue_id, message in messages if self._is_small(message)]
        large = [(queue_id, message) for queue_id, message in messages if not self._is_small(message)]
        now = int(self.time.now())

        def write(db: sqlite3.Connection) -> T:
            if young:
                queue_young.insert(db, young, now)
            return rows(db)

        if not large:
            return self.database.grouped(write)
        with self.files.written(large):
            return self.database.grouped(write, names=True)

    def _is_small(self, message: Message) -> bool:
        return isinstance(message.source, bytes) and message.size <= self._small

    def _due(self, parcel: Parcel, now: int) -> int:
        return max(
            (self.time.at(at) for at in (parcel.due, parcel.hold_until) if at is not None), default=now
        )

    def _envelope(self, parcel: Parcel, trace: str, now: int) -> Envelope:
        wall, message, hold = self.time.wall(), parcel.message, parcel.hold_until
        return Envelope(
            _new_id(wall),
            parcel.reverse_path,
            trace,
            int(wall),
            message.size,
            parcel.envid,
            parcel.ret,
            parcel.smtputf8,
            parcel.require_tls,
            _has_eight_bits(message),
            now if hold is None else max(now, self.time.at(hold)),  # what is not tried yet grows no older
        )

    # ------------------------------------------------------------------ out

    def lanes(self, most: int = 100) -> list[Lane]:
        """Destinations with somebody due, the longest due first."""
        with self.database.reading() as db:
            return queue_rows.lanes(db, int(self.time.now()), most)

    def sort(self, key: Key, most: int = 500) -> int:
        """Find the lanes of new recipients; how many there were."""
        with self.database.writing(durable=False) as db:
            return queue_rows.sort(db, int(self.time.now()), most, key)

    def claim(
        self,
        holder: str,
        most: int = 100,
        lease: int = LEASE,
        lanes: Sequence[str] | None = None,
        key: Key | None = None,
    ) -> list[Work]:
        """Lease up to `most` due recipients in each of some lanes, or all, to `holder`: grouped by lane and
        message, the longest due first. With `key`, recipients that are in a wrong lane are moved instead."""
        now = int(self.time.now())
        names = [each.name for each in self.lanes(most)] if lanes is None else lanes
        if not names:  # nothing due is the usual case, and takes no lock
            return []
        rows: list[Row] = []
        with self.database.writing(durable=False) as db:  # a lease that the power took is no loss
            for name in names:
                rows += queue_rows.claim(db, holder, name, now, most, lease, key)
        return queue_rows.works(rows, self.time.ahead, by_lane=True)

    def postpone(self, lanes: Mapping[str, int]) -> None:
        """Do not look at these destinations for so many seconds each, unless something new comes for them."""
        with self.database.writing(durable=False) as db:
            for lane, seconds in lanes.items():
                queue_rows.settle_lane(db, lane, int(self.time.now()) + seconds)

    def look_at_all(self) -> None:
        """Forget which destinations were postponed."""
        with self.database.writing(durable=False) as db:
            queue_rows.look_at_all(db)

    def renew(self, holder: str, queue_ids: Collection[str], lease: int = LEASE) -> None:
        """Prolong the leases of a runner that lives, for the messages that it has in hand."""
        now = int(self.time.now())
        with self.database.writing(durable=False) as db:
            self.time.agree(db)
            db.execute(
                """UPDATE recipient SET due = ? WHERE holder = ? AND holder != '' AND state = 'waiting'
                   AND message IN (SELECT value FROM json_each(?))""",
                (now + lease, holder, json.dumps(list(queue_ids))),
            )

    def give_back(self, holder: str, lane: str | None = None) -> int:
        """End the leases of a runner that stops, or those in a lane that it leaves: others need not wait."""
        with self.database.writing(durable=False) as db:
            return db.execute(
                """UPDATE recipient SET due = ?1, holder = '' WHERE holder = ?2 AND holder != ''
                   AND state = 'waiting' AND (?3 IS NULL OR lane = ?3)""",
                (int(self.time.now()), holder, lane),
            ).rowcount

    def record(self, holder: str, queue_id: str, outcomes: Sequence[Outcome]) -> Recorded:
        """Write down how attempts ended; durable on return."""
        return self.record_all(holder, [(queue_id, outcomes)])[0]

    def record_all(
        self, holder: str, ended: Sequence[tuple[str, Sequence[Outcome]]], *, remove: bool = True
    ) -> list[Recorded]:
        """The same for several messages, with one fsync. Without `remove` the files of those that are done are left
        to the caller, who has more urgent things to do."""
        now, wall = int(self.time.now()), int(self.time.wall())

        def write(db: sqlite3.Connection) -> list[Recorded]:
            return [
                queue_rows.record(db, holder, queue_id, outcomes, now, wall) for queue_id, outcomes in ended
            ]

        recorded = self.database.grouped(write)
        if remove:
            self.files.remove([each.queue_id for each in recorded if each.file])
        return recorded

    def next_due(self) -> int | None:
        """The time of day at which the next recipient is due or a lease ends; None when nobody waits."""
        with self.database.reading() as db:
            (due,) = db.execute("SELECT min(next) FROM lane").fetchone()
        return None if due is None else due + self.time.ahead

    def message(self, queue_id: str, small: int = 0) -> Message:
        """The message of a queue id, in memory if it has no more than `small` octets. Raises FileNotFoundError."""
        try:
            return self.messages([queue_id], small)[queue_id]
        except KeyError:
            raise FileNotFoundError(queue_id) from None

    def messages(self, queue_ids: Collection[str], small: int = 0) -> dict[str, Message]:
        """The same for several; those of which nothing is left are left out."""
        with self.database.reading() as db:
            young = queue_young.read(db, queue_ids)
        found = {queue_id: Message.of(octets) for queue_id, octets in young.items()}
        for queue_id in queue_ids:
            if queue_id not in found:
                with contextlib.suppress(FileNotFoundError):
                    found[queue_id] = self.files.message(queue_id, small)
        return found

    def header(self, queue_id: str, most: int) -> bytes:
        """The header block of a message; nothing where the message is gone."""
        try:
            octets = self.message(queue_id).head(most)
        except FileNotFoundError:
            return b""
        end = end_of_header(octets)
        return octets if end < 0 else octets[:end]

    def grow_up(self, age: int = queue_young.AGE) -> int:
        """Make files of some small messages that came so many seconds ago; how many there were."""
        with self.database.reading() as db:
            old = queue_young.old(db, int(self.time.now()) - age)
        if old:
            ids = [queue_id for queue_id, _ in old]
            with _neutral():
                self.files.grown(old)
                done = self.database.grouped(lambda db: queue_young.grown(db, ids))
            self.files.remove(done)
        return len(old)

    # ------------------------------------------------------------------ what the sender is told

    def untold(self, most: int = 100) -> tuple[list[Work], bool]:
        """Messages whose senders are to be told now, with the recipients to tell of; and whether there are more,
        now or when their other recipients have been tried."""
        now = int(self.time.now())
        with self.database.reading() as db:
            ids = queue_rows.tellable(db, now, now - TELL_WITHIN, most)
            rows = queue_rows.untold(db, ids)
            more = queue_rows.more_untold(db, ids)
        return queue_rows.works(rows, self.time.ahead, by_lane=False), more

    def settle(self, queue_id: str, numbers: Sequence[int], notice: Notice | None = None) -> str | None:
        """Recipients of whom the sender has been told, and the message itself where nobody is left.

        The notice, where there is one, is queued in the same transaction under the message's trace; its queue
        id is returned. Another process that was faster has told of some of them: then nothing is done."""
        if notice is None:
            with contextlib.suppress(_AlreadyTold):
                if self.database.grouped(lambda db: self._told(db, queue_id, numbers)):
                    self.files.remove([queue_id])
            return None
        now, wall = int(self.time.now()), self.time.wall()
        notice_id = _new_id(wall)

        def write(db: sqlite3.Connection) -> bool:
            found = db.execute("SELECT trace FROM message WHERE id = ?", (queue_id,)).fetchone()
            if found is None:
                raise _AlreadyTold
            size, eightbit = notice.message.size, _has_eight_bits(notice.message)
            flags = (notice.smtputf8, notice.require_tls, eightbit)
            envelope = Envelope(notice_id, "", found[0], int(wall), size, "", "", *flags, now)
            queue_rows.insert(db, [queue_rows.New(envelope, [Addressee(notice.to)], now)], now)
            return self._told(db, queue_id, numbers)

        try:
            with _neutral():
                done = self._write([(notice_id, notice.message)], write)
        except _AlreadyTold:
            return None
        if done:
            self.files.remove([queue_id])
        self.wake()
        return notice_id

    def _told(self, db: sqlite3.Connection, queue_id: str, numbers: Sequence[int]) -> bool:
        if queue_rows.told(db, queue_id, numbers) < len(numbers):
            raise _AlreadyTold
        return queue_rows.drop_if_done(db, queue_id)

    # ------------------------------------------------------------------ after a crash

    def recover(self, grace: int = GRACE) -> None:
        """Bring files and rows together: run once when a runner starts."""
        self.files.recover(self.database, self.hold_missing, self.time.wall(), grace)

    def hold_missing(self, queue_id: str) -> None:
        """A message whose file is gone: keep its envelope for the operator, try it no more."""
        with self.database.writing() as db:
            held = db.execute(
                """UPDATE recipient SET state = 'held', holder = '', code = '5.3.0',
                   text = 'the message file is missing' WHERE message = ?1 AND state = 'waiting'
                   AND NOT EXISTS (SELECT 1 FROM young WHERE id = ?1)""",
                (queue_id,),
            ).rowcount
        if held:
            _log(logging.ERROR, "queue.file_missing", queue_id=queue_id, recipients=held)


class _AlreadyTold(Exception):
    """Another process has told the sender."""


def _new_id(now: float) -> str:
    """Short, sorted by time, and never the same twice on a machine whose clock was set back."""
    return f"{int(now * 1_000_000):x}{secrets.token_hex(3)}"


def _has_eight_bits(message: Message) -> bool:
    """Whether the next host must offer 8BITMIME (RFC 6152)."""
    return not all(chunk.isascii() for chunk in message.chunks())


@contextmanager
def _neutral() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT)
        if not full and isinstance(error, sqlite3.OperationalError):
            full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
        if full:
            raise DiskFull("no room for the queue") from error
        raise
