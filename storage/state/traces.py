"""Where did my mail go? What happens to a mail is noted here, and read again by `storage.state.stories`.

A delivery never waits for its trace: `note` puts a row into a bounded buffer in memory, and one thread of the
process writes the buffer about once a second, in one transaction, to `<data>/state/traces.sqlite`, which all
processes share. Notes that find the buffer full are dropped, counted, and the count is in the log.

What is promised: a process that is killed loses the notes of its last second or so, a power cut those that
the kernel had not written yet. Traces are no mail: where their file cannot be written, is damaged or missing,
mail goes its way and the notes wait in the buffer or are dropped.

Invariants: rows are deleted from the oldest end only, a few hundred in a transaction, so that no writer waits
long; the file stays below `traces.most` and nothing in it is older than `traces.keep` (both looked at once a
minute by whoever writes, and every six hours by the relay process).

The same thread adds up the counts of each hour (`storage.state.hourly`), and writes the lists of the domains' mails
(`storage.state.mails`), under the same promises.
"""

import json
import logging
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from config.traces import Traces as Limits
from storage.errors import Broken
from storage.state import hourly
from storage.state.hourly import HOUR, SERVER, Hourly, What
from storage.state.mails import Arrived, Mails
from storage.state.statedb import StateDb
from storage.status import Status

EVERY = 1.0  # seconds for which notes are gathered
MOST_WAITING = 20_000  # notes in memory, some 10 MB
MOST_WRITTEN = 2_000  # rows of one transaction
LONGEST = 1_000  # characters of a text
TIDY_EVERY = 60.0  # seconds
STEP = 500  # rows deleted in one transaction
PAUSE = 0.02  # seconds that the other writers have between two steps
SPARE = 1_024  # free pages kept in the file for what comes next; more are given back
COMPLAIN_EVERY = 60.0  # seconds between two lines in the log about the same trouble

SCHEMA = (
    "CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL NOT NULL, trace TEXT NOT NULL, what TEXT NOT NULL,"
    " queue_id TEXT NOT NULL, message_id TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,"
    " account TEXT NOT NULL, peer TEXT NOT NULL, code TEXT, text TEXT, detail TEXT);"
    "CREATE INDEX event_trace ON event (trace);"
    "CREATE INDEX event_queue_id ON event (queue_id) WHERE queue_id != '';"
    "CREATE INDEX event_message_id ON event (message_id) WHERE message_id != '';"
    "CREATE INDEX event_sender ON event (sender COLLATE NOCASE) WHERE sender != '';"
    "CREATE INDEX event_recipient ON event (recipient COLLATE NOCASE) WHERE recipient != '';"
    "CREATE INDEX event_account ON event (account COLLATE NOCASE) WHERE account != ''",
)

_INSERT = "INSERT INTO event VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_NOTHING: Mapping[str, str] = {}

log = logging.getLogger("storage.state.traces")


class _Note(NamedTuple):
    at: float
    trace: str
    what: str
    queue_id: str
    message_id: str
    sender: str
    recipient: str
    peer: str
    status: Status | None
    detail: Mapping[str, str]


class Traces:
    """The notes of one process. `limits` is replaced when the configuration is read again; `is_ours` says of a
    domain whether it is counted by itself."""

    def __init__(
        self,
        state: Path,
        limits: Limits,
        clock: Callable[[], float] = time.time,
        is_ours: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self.limits = limits
        self.told: Callable[[str], None] = _nobody  # hears of each note what it is, for who counts
        self._clock = clock
        self._is_ours = is_ours
        self._db = database(state)
        self._hourly = Hourly(state)
        self._mails = Mails(state)
        self._arrived: deque[Arrived] = deque()
        self._notes: deque[_Note] = deque()
        self._counted: deque[tuple[int, What, tuple[str, ...]]] = deque()
        self._counts: Counter[hourly.Key] = Counter()
        self._dropped = 0
        self._writing = threading.Lock()  # one at a time takes what waits, and has written it when it lets go
        self._awake = False  # the thread will look at the buffer without being woken
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._tidied = -TIDY_EVERY
        self._complained = -COMPLAIN_EVERY

    def note(
        self,
        trace: str,
        what: str,
        *,
        queue_id: str = "",
        message_id: str = "",
        sender: str = "",
        recipient: str = "",
        peer: str = "",
        status: Status | None = None,
        detail: Mapping[str, str] = _NOTHING,
        at: float | None = None,
    ) -> None:
        """Something happened to a mail. Never waits and never raises; from any thread. `detail` is not changed
        afterwards; the account that it names as `account` can be asked for as an address can. `at`: now."""
        self.told(what)
        if len(self._notes) >= MOST_WAITING:
            self._dropped += 1
        else:
            when = self._clock() if at is None else at
            self._notes.append(
                _Note(when, trace, what, queue_id, message_id, sender, recipient, peer, status, detail)
            )
        self._nudge()

    def count(self, what: What, domains: Iterable[str] = ()) -> None:
        """One more mail of a kind, for the server and for each of the domains that is ours. As `note`: never waits
        and never raises; too many at once are not counted."""
        if len(self._counted) < MOST_WAITING:
            self._counted.append((int(self._clock()) // HOUR, what, tuple(domains)))
        self._nudge()

    def arrived(self, mail: Arrived) -> None:
        """A mail for the lists of its domains. As `note`: never waits and never raises."""
        if len(self._arrived) < MOST_WAITING:
            kept = mail if self.limits.subjects else mail._replace(subject=b"")
            self._arrived.append(kept if kept.at else kept._replace(at=self._clock()))
        self._nudge()

    def close(self) -> None:
        """Write what waits, for which nobody waits long: once. Blocks on the disk."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._notes or self._dropped or self._counted or self._arrived:
            self._write()
        self._db.close()
        self._hourly.close()
        self._mails.close()

    def tidy(self) -> None:
        """Delete what is too old or too much. Blocks on the disk, in small steps."""
        if not self._db.path.exists():  # somebody took it away: what is written next makes a new one
            self._db.close()
        try:
            while (self._delete_some() | self._forget_mails()) and not self._closing.wait(PAUSE):
                if self._thread is threading.current_thread():
                    self._write()  # however long it takes, notes do not wait for it
        except sqlite3.Error as error:
            self._complain(error)

    # ------------------------------------------------------------------ the thread

    def _nudge(self) -> None:
        if not self._awake:
            self._awake = True
            self._wake.set()
            if self._thread is None:
                self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            self._closing.wait(EVERY)
            self._awake = False  # before the buffer is taken: a note that comes later wakes again
            if not self._write():
                self._awake = True  # they are tried again in a second, whether or not others come
                self._wake.set()
            elif time.monotonic() - self._tidied >= TIDY_EVERY:
                self._tidied = time.monotonic()
                self.tidy()

    def _write(self) -> bool:
        """Everything that waits, in transactions of bounded size; False if it has to wait on."""
        with self._writing:
            return self._write_all()

    def _write_all(self) -> bool:
        try:
            while self._notes:
                batch = [self._notes.popleft() for _ in range(min(len(self._notes), MOST_WRITTEN))]
                try:
                    with self._db.transaction() as transaction:
                        transaction.executemany(_INSERT, map(_row, batch))
                except sqlite3.Error:
                    self._notes.extendleft(reversed(batch))
                    raise
            while self._arrived:
                mails = [self._arrived.popleft() for _ in range(min(len(self._arrived), MOST_WRITTEN))]
                try:
                    self._mails.add(mails)
                except sqlite3.Error:
                    self._arrived.extendleft(reversed(mails))
                    raise
            self._add_up()
        except sqlite3.Error as error:
            self._complain(error)
            return False
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            log.error("traces.dropped", extra={"fields": {"notes": dropped}})
        return True

    def _add_up(self) -> None:
        """The counts that wait, into their hours; kept for another try where the file cannot be written."""
        ours: dict[str, bool] = {}
        while self._counted:
            hour, what, domains = self._counted.popleft()
            self._counts[SERVER, hour, what] += 1
            for domain in set(domains):
                if domain not in ours:
                    ours[domain] = self._ours(domain)
                if ours[domain]:
                    self._counts[domain, hour, what] += 1
        if self._counts:
            self._hourly.add(self._counts, int(self._clock()) // HOUR - hourly.KEPT)
            self._counts.clear()

    def _ours(self, domain: str) -> bool:
        try:
            return bool(domain) and self._is_ours(domain)
        except Broken:
            return False

    def _delete_some(self) -> bool:
        """One step of the deletion; True when there may be more to do."""
        with self._db.transaction() as transaction:
            pages, free, size = (
                transaction.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            room = (pages - free) * size > self.limits.most
            oldest = transaction.execute("SELECT id, at FROM event ORDER BY id LIMIT ?", (STEP,)).fetchall()
            before = self._clock() - self.limits.keep
            if not room:
                young = next((number for number, row in enumerate(oldest) if row[1] >= before), len(oldest))
                oldest = oldest[:young]
            if oldest:
                transaction.execute("DELETE FROM event WHERE id <= ?", (oldest[-1][0],))
        if free > SPARE and free > pages // 10:
            self._db.give_back(STEP)
            return True
        return len(oldest) == STEP

    def _forget_mails(self) -> bool:
        return self._mails.delete_some(self._clock() - self.limits.keep)

    def _complain(self, error: sqlite3.Error) -> None:
        now = time.monotonic()
        if now - self._complained >= COMPLAIN_EVERY:
            self._complained = now
            fields = {"error": str(error), "waiting": len(self._notes)}
            log.error("traces.not_written", extra={"fields": fields})


def _nobody(what: str) -> None:
    """Who listens where nobody does."""


def database(state: Path) -> StateDb:
    """The file of the traces; made when it is first used."""
    return StateDb(state / "traces.sqlite", SCHEMA, shrinks=True)


def _row(note: _Note) -> tuple[object, ...]:
    """As it is written: texts of bounded length that are UTF-8, whatever came over the wire."""
    status, detail = note.status, note.detail
    account = detail.get("account", "")
    kept = None
    if detail:
        cut = {
            key: value if len(value) <= LONGEST else value[:LONGEST] + "…" for key, value in detail.items()
        }
        kept = json.dumps(cut, ensure_ascii=True)
    return (
        note.at,
        _text(note.trace),
        note.what,
        _text(note.queue_id),
        _text(note.message_id.strip().removeprefix("<").removesuffix(">")),
        _text(note.sender),
        _text(note.recipient),
        _text(account),
        _text(note.peer),
        status and status.code,
        status and _text(status.text),
        kept,
    )


def _text(text: str) -> str:
    if len(text) > LONGEST:
        text = text[:LONGEST]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
