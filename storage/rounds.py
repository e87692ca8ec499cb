"""Rounds: what arrives at the same time is written together, whoever it is for.

What waits for the disk costs the same for one message and for twenty. So deliveries and APPENDs are not sent to a
thread each, but gathered while others are under way, at two places:

    1  the octets of each message into a file in tmp/, and on their way to the disk (storage/written.py)
    2  what is known of a message from its octets is made while the disk writes; then each file is fsynced
    3  the accounts that are free are locked: renames, one fsync of each directory, rows  (storage/arriving.py)
    4  those that were not free: in threads of their own, one after the other, while others arrive

Two threads at most are in 1 and 2, and each takes all that wait there. One is in 3: who comes to it while another
is in there leaves what it has to that one, so that what goes into one account is never divided among threads that
wait for each other. A thread that finds nothing more goes home; one message alone takes one hop.

Nobody is late because of one account that is locked for long, new, or to be mended; and what is large, or for very
many accounts, goes its way alone. `Rounds` is asked by the event loop and worked by threads.
"""

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from config.settings import Settings
from storage.account_files import AccountFiles
from storage.arriving import Batch, Group, arrive, open_for
from storage.durable import each_at_once
from storage.errors import neutral
from storage.message import Message
from storage.quota import Limits
from storage.written import Written

AT_ONCE = 2  # threads that write files: one waits for the disk while the other computes
MOST = 64  # commands of one round
MANY = 128  # accounts of one command that goes its way alone
FEW = 32  # accounts that wait and are looked at together again after each of them

Hop = Callable[..., "asyncio.Future[Any]"]
Entry = tuple["Deposit", "asyncio.Future[None]"]


class Keeper(Protocol):
    """What is asked of the store while something is stored (`storage/store.py`)."""

    clock: Callable[[], float]

    @property
    def settings(self) -> Settings: ...
    def files(self, address: str) -> AbstractContextManager[AccountFiles]: ...
    def is_open(self, address: str) -> bool: ...
    def limits(self, address: str) -> Limits: ...
    def publish(self, account: str, mailbox: str, modseq: int) -> None: ...
    def close_surplus(self) -> None: ...


class Deposit(ABC):
    """What one command wants to have stored. A kind of it writes its files, and says where they go."""

    def __init__(self, *messages: Message) -> None:
        self.large = not all(isinstance(message.source, bytes) for message in messages)  # goes its way alone
        self.files: list[Written] = []
        self.batches: list[tuple[str, Batch]] = []  # with the account of each
        self.error: Exception | None = None  # none of it could be tried

    @abstractmethod
    def write(self, store: Keeper) -> None:
        """Fill `files` and `batches`. For a thread."""

    def begin(self) -> None:
        for file in self.files:
            file.begin()

    def summarise(self) -> None:
        for file in self.files:
            file.summarise()

    def sync(self) -> None:
        for file in self.files:
            file.sync()

    @property
    def settled(self) -> bool:
        return self.error is not None or all(batch.done or batch.error for _, batch in self.batches)

    def finish(self, store: Keeper) -> None:
        """Tell who listens, and take away what did not become a message."""
        for address, batch in self.batches:
            if batch.done:
                store.publish(address, batch.mailbox, batch.modseq)
        taken = {
            arrival.file.path
            for _, batch in self.batches
            if batch.done
            for arrival in batch.arrivals
            if not arrival.shared
        }
        for file in self.files:
            if file.path not in taken:
                file.discard()


class Round:
    """Deposits that arrive together, their files on the disk."""

    def __init__(self, store: Keeper, deposits: Sequence[Deposit]) -> None:
        self._store = store
        self._unfinished = list(deposits)
        self._stack = contextlib.ExitStack()  # what keeps the accounts open
        self.busy: list[Group] = []  # after `begin`: what has to be waited for

    def begin(self) -> None:
        """All that can be done without waiting for anybody."""
        groups: dict[str, list[Batch]] = {}
        for deposit in self._unfinished:
            if deposit.error is None:
                for address, batch in deposit.batches:
                    if batch.error is None:
                        groups.setdefault(address, []).append(batch)
        addresses = list(groups)
        if len(addresses) > FEW:  # those that are open come first, lest they be closed for the others' sake
            addresses.sort(key=lambda address: not self._store.is_open(address))
        try:
            opened = (self._open(address, groups[address]) for address in addresses)
            self.busy = arrive([group for group in opened if group])
        finally:
            self._finish()

    def _open(self, address: str, batches: Sequence[Batch]) -> Group | None:
        try:
            return self._stack.enter_context(self._store.files(address)), batches
        except Exception as error:
            for batch in batches:
                batch.error = error
            return None

    def one_by_one(self) -> None:
        """Those that had to be waited for; first, together, those that only had to be opened."""
        try:
            closed = [group for group in self.busy if not group[0].ready]
            each_at_once(open_for, closed)  # a new account waits for the disk many times
            self.busy = arrive(self.busy)
            while self.busy:
                arrive([self.busy.pop(0)], wait=True)
                if len(self.busy) <= FEW:  # each look at all the others would be too much where they are many
                    self.busy = arrive(self.busy)
        finally:
            self.busy.clear()
            self._finish()

    def _finish(self) -> None:
        for deposit in self._unfinished:
            if deposit.settled or not self.busy:
                deposit.finish(self._store)
        self._unfinished = [deposit for deposit in self._unfinished if not deposit.settled]
        if not self.busy:
            self._stack.close()


def write(store: Keeper, deposits: Sequence[Deposit]) -> None:
    """Their files are on the disk when this returns; those that failed have their `error`."""
    _each(deposits, lambda deposit: deposit.write(store))
    if len(deposits) > 1:
        _each(deposits, Deposit.begin)
    _each(deposits, Deposit.summarise)
    _each(deposits, Deposit.sync)


def _each(deposits: Sequence[Deposit], step: Callable[[Deposit], None]) -> None:
    for deposit in deposits:
        if deposit.error is None:
            try:
                step(deposit)
            except Exception as error:
                deposit.error = neutral(error)


def store_now(store: Keeper, deposit: Deposit) -> None:
    """A deposit that goes its way alone, in this thread."""
    write(store, [deposit])
    alone = Round(store, [deposit])
    alone.begin()
    if alone.busy:
        alone.one_by_one()


class Rounds:
    """One for each store. `take` belongs to its event loop, what stands below `_work` to threads."""

    def __init__(self, store: Keeper, hop: Hop) -> None:
        self._store = store
        self._hop = hop
        self._mutex = (
            threading.Lock()
        )  # over the four that follow, and held for no longer than it takes to look
        self._new: list[Entry] = []
        self._writing = 0  # threads
        self._written: list[Entry] = []
        self._arriving = False  # whether a thread is there to take what is written

    def take(self, deposit: Deposit) -> "asyncio.Future[None]":
        """Done when the deposit is settled and finished. It is stored whether or not somebody still waits."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        entry = deposit, future
        if deposit.large:
            self._hop(store_now, self._store, deposit).add_done_callback(
                lambda ended: self._alone(entry, ended)
            )
            return future
        with self._mutex:
            self._new.append(entry)
            if self._writing >= AT_ONCE:
                return future
            self._writing += 1
        self._hop(self._work, loop).add_done_callback(lambda ended: _settled(ended.result()))
        return future

    def _work(self, loop: asyncio.AbstractEventLoop) -> list[Entry]:
        """Rounds, until nothing waits; returns the last that were settled: that is said with the end of the hop."""
        settled: list[Entry] = []
        while entries := self._next():
            _tell(loop, settled)
            try:
                write(self._store, [deposit for deposit, _ in entries])
            except BaseException as error:
                _blame(entries, error)
            settled = self._bring_in(loop, entries)
        return settled

    def _next(self) -> list[Entry]:
        with self._mutex:
            entries, self._new = self._new[:MOST], self._new[MOST:]
            if not entries:
                self._writing -= 1
        return entries

    def _bring_in(self, loop: asyncio.AbstractEventLoop, entries: list[Entry]) -> list[Entry]:
        """Bring in what is written, others' too, until there is no more; returns the last that were settled."""
        with self._mutex:
            self._written += entries
            if self._arriving:
                return []
            self._arriving = True
        settled: list[Entry] = []
        while True:
            with self._mutex:
                entries, self._written = self._written, []
                if not entries:
                    self._arriving = False
                    return settled
            _tell(loop, settled)
            round_ = Round(self._store, [deposit for deposit, _ in entries])
            try:
                round_.begin()
            except BaseException as error:
                _blame(entries, error)
            settled = entries
            if round_.busy:
                settled = [entry for entry in entries if entry[0].settled]
                left = [entry for entry in entries if not entry[0].settled]
                loop.call_soon_threadsafe(self._wait, round_, left)

    def _alone(self, entry: Entry, ended: "asyncio.Future[None]") -> None:
        _ended([entry], ended)
        if len(entry[0].batches) > MANY:
            self._hop(self._store.close_surplus)  # nobody waits for that

    def _wait(self, round_: Round, entries: list[Entry]) -> None:
        """In a thread of their own, for those that are not free."""
        self._hop(round_.one_by_one).add_done_callback(lambda ended: _ended(entries, ended))


def _blame(entries: list[Entry], error: BaseException) -> None:
    """For what nobody foresaw."""
    for deposit, _ in entries:
        if not deposit.settled:
            deposit.error = neutral(error)


def _tell(loop: asyncio.AbstractEventLoop, entries: list[Entry]) -> None:
    if entries:
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(_settled, entries)


def _settled(entries: list[Entry]) -> None:
    for _, future in entries:
        if not future.done():  # else nobody waits any more
            future.set_result(None)


def _ended(entries: list[Entry], ended: "asyncio.Future[None]") -> None:
    error = ended.exception()
    if error is None:
        _settled(entries)
        return
    for _, future in entries:
        if not future.done():
            future.set_exception(error)
