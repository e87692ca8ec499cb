"""Rounds: what arrives at the same time is written together, whoever it is for.

What waits for the disk costs the same for one message and for twenty. So deliveries and APPENDs are not sent to a
thread each, but gathered while a round is under way, and the next round takes them all:

    1  the octets of each message into a file in tmp/, and on their way to the disk (storage/written.py)
    2  what is known of a message from its octets is made while the disk writes; then each file is fsynced
    3  the accounts that are free are locked: renames, one fsync of each directory, rows  (storage/arriving.py)
    4  those that were not free: in threads of their own, one after the other, while the next round has begun

A round is never late because of one account that is locked for long, new, or to be mended, and a large message
is a round of its own. `Rounds` belongs to the event loop, `Round` to a thread.
"""

import asyncio
import contextlib
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from storage.account_files import AccountFiles
from storage.arriving import Batch, Group, arrive
from storage.durable import each_at_once
from storage.errors import neutral
from storage.message import Message
from storage.written import Written

if TYPE_CHECKING:
    from storage.store import Store

AT_ONCE = 2  # rounds: one waits for the disk while the other computes
MOST = 64  # commands of one round
FEW = 32  # accounts that wait and are looked at together again after each of them

Hop = Callable[..., "asyncio.Future[Any]"]
Entry = tuple["Deposit", "asyncio.Future[None]"]


class Deposit(ABC):
    """What one command wants to have stored. A kind of it writes its files, and says where they go."""

    def __init__(self, *messages: Message) -> None:
        self.large = not all(isinstance(message.source, bytes) for message in messages)
        self.files: list[Written] = []
        self.batches: list[tuple[str, Batch]] = []  # with the account of each
        self.error: Exception | None = None  # none of it could be tried

    @abstractmethod
    def write(self, store: "Store") -> None:
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

    def finish(self, store: "Store") -> None:
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
    """Deposits that are written together."""

    def __init__(self, store: "Store", deposits: Sequence[Deposit]) -> None:
        self._store = store
        self._unfinished = list(deposits)
        self._stack = contextlib.ExitStack()  # what keeps the accounts open
        self.busy: list[Group] = []  # after `begin`: what has to be waited for

    def begin(self) -> None:
        """All that can be done without waiting for anybody."""
        deposits = self._unfinished
        self._each(lambda deposit: deposit.write(self._store))
        if len(deposits) > 1:
            self._each(Deposit.begin)
        self._each(Deposit.summarise)
        self._each(Deposit.sync)
        groups: dict[str, list[Batch]] = {}
        for deposit in deposits:
            if deposit.error is None:
                for address, batch in deposit.batches:
                    if batch.error is None:
                        groups.setdefault(address, []).append(batch)
        try:
            self.busy = arrive([group for each in groups.items() if (group := self._open(*each))])
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
            closed = [files for files, _ in self.busy if not files.ready]
            each_at_once(_open, closed)  # a new account waits for the disk many times
            self.busy = arrive(self.busy)
            while self.busy:
                arrive([self.busy.pop(0)], wait=True)
                if len(self.busy) <= FEW:  # each look at all the others would be too much where they are many
                    self.busy = arrive(self.busy)
        finally:
            self.busy.clear()
            self._finish()

    def _each(self, step: Callable[[Deposit], None]) -> None:
        for deposit in self._unfinished:
            if deposit.error is None:
                try:
                    step(deposit)
                except Exception as error:
                    deposit.error = neutral(error)

    def _finish(self) -> None:
        for deposit in self._unfinished:
            if deposit.settled or not self.busy:
                deposit.finish(self._store)
        self._unfinished = [deposit for deposit in self._unfinished if not deposit.settled]
        if not self.busy:
            self._stack.close()


def _open(files: AccountFiles) -> None:
    with contextlib.suppress(Exception), files.reading():
        pass  # what is wrong with it shows again, where it is said


def store_now(store: "Store", deposit: Deposit) -> None:
    """A round of one, in this thread."""
    alone = Round(store, [deposit])
    alone.begin()
    if alone.busy:
        alone.one_by_one()


class Rounds:
    """One for each store, in its event loop."""

    def __init__(self, store: "Store", hop: Hop) -> None:
        self._store = store
        self._hop = hop
        self._waiting: list[Entry] = []
        self._under_way = 0

    def take(self, deposit: Deposit) -> "asyncio.Future[None]":
        """Done when the deposit is settled and finished. It is stored whether or not somebody still waits."""
        future = asyncio.get_running_loop().create_future()
        if deposit.large:
            self._begin([(deposit, future)], alone=True)
        else:
            self._waiting.append((deposit, future))
            if self._under_way < AT_ONCE:
                self._next()
        return future

    def _next(self) -> None:
        entries, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        self._under_way += 1
        self._begin(entries, alone=False)

    def _begin(self, entries: list[Entry], *, alone: bool) -> None:
        work = Round(self._store, [deposit for deposit, _ in entries])
        self._hop(work.begin).add_done_callback(functools.partial(self._begun, work, entries, alone))

    def _begun(self, work: Round, entries: list[Entry], alone: bool, ended: "asyncio.Future[None]") -> None:
        if not alone:
            self._under_way -= 1
            if self._waiting:
                self._next()
        if work.busy and ended.exception() is None:
            left = [entry for entry in entries if not entry[0].settled]
            self._hop(work.one_by_one).add_done_callback(functools.partial(_ended, left))
            entries = [entry for entry in entries if entry[0].settled]
        _ended(entries, ended)


def _ended(entries: list[Entry], ended: "asyncio.Future[None]") -> None:
    error = ended.exception()
    for _, future in entries:
        if future.done():  # nobody waits any more
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(None)
