"""The store's edge towards the event loop: one `Store` for each process.

Everything that blocks runs in the store's threads, one hop for each command. At most `storage.open_indexes`
accounts are open at a time (lock and index); the one not used for longest is closed. Nothing here knows a protocol.
"""

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from config.settings import Settings
from storage import folder as folders
from storage import tree
from storage.account import Account
from storage.account_files import AccountFiles
from storage.appending import Appended, Appending
from storage.bus import Bus, Hint
from storage.delivery import Delivered, Delivery, Target
from storage.durable import each_at_once, sync_dir
from storage.errors import MailboxMissing
from storage.look import Loaded, look
from storage.message import Message
from storage.people.directory import Directory
from storage.people.logins import Logins
from storage.quota import Limits
from storage.remembered import Remembered
from storage.rounds import Rounds
from storage.selected import Mailbox
from storage.sharing import Sharing
from storage.spool import Spool, remove_leftovers
from storage.state.rates import Rates
from storage.state.sending import Sending
from storage.state.traces import Traces
from storage.threads import Threads

THREADS = 32  # hops at once; most of them wait for fsync
FLAGS_SYNCED = 0.5  # seconds until renamed flags are fsynced
OTHERS_EVERY = 5.0  # seconds between looks for other programs' changes in selected mailboxes
LOOK_EVERY = 6  # every so many of those, look at all whose index was written: a hint may have been lost
KEEP_LOADED = 30.0  # seconds that a mailbox stays loaded after its last session

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger("kwcmaild.storage")


class Store:
    """The process's store. Make it with `open`."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self.clock = clock
        self.bus = Bus(settings.run)
        self._threads = Threads(THREADS, "store")
        self._rounds = Rounds(self, self._threads.run)
        self._mutex = threading.Lock()
        self._open: OrderedDict[str, AccountFiles] = OrderedDict()
        self._pins: dict[str, int] = {}
        self._loaded: dict[tuple[str, str], Mailbox] = {}
        self._left: dict[Mailbox, asyncio.TimerHandle] = {}  # loaded, without a session
        # weak: who asks for names that do not exist leaves nothing behind
        self._loading: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._followers: dict[str, set[Callable[[str, int], None]]] = {}  # by account
        self._unsynced: set[Path] = set()
        self._sync: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.directory = Directory(settings, clock)
        self.logins = Logins(settings, self.directory, self.run, clock)
        self.rates = Rates(settings.run / "rates", clock)
        self.sharing = Sharing(settings.data, self.directory, self.files)
        self.sending = Sending(settings.data / "state", clock)
        self.traces = Traces(settings.data / "state", settings.traces, clock, self.directory.is_local)

    @classmethod
    async def open(cls, settings: Settings, clock: Callable[[], float] = time.time) -> "Store":
        store = cls(settings, clock)
        store._loop = asyncio.get_running_loop()
        store.bus.attach(store._loop)
        await store.run(remove_leftovers, settings.data / "spool", clock())
        store.start(store.directory.run())
        return store

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sync is not None:
            self._sync.cancel()
        await self._sync_flags()
        self.bus.close()
        await asyncio.to_thread(self._threads.close)
        for files in self._open.values():
            files.close()
        self._open.clear()
        self.logins.close()
        self.directory.close()
        self.rates.close()
        self.sending.close()
        self.sharing.close()
        await asyncio.to_thread(self.traces.close)

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        """The configuration was read again: who holds a part of it gets the new one."""
        self._settings = self.directory.settings = self.logins.settings = settings
        self.traces.limits = settings.traces

    def start(self, work: "asyncio._CoroutineLike[None]") -> None:
        """A background task that ends with the store."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background work failed", exc_info=error)

    def hop(self, fn: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """One hop to a store thread, begun at once."""
        return self._threads.run(fn, *args)

    async def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One hop to a store thread."""
        result: T
        if kwargs:
            result = await self._threads.run(lambda: fn(*args, **kwargs))
        else:
            result = await self._threads.run(fn, *args)
        return result

    def account(self, address: str) -> Account:
        """No I/O. `address` is canonical."""
        return Account(self, address)

    async def deliver(
        self, message: Message, reverse_path: str, targets: Sequence[Target], trace: str
    ) -> list[Delivered]:
        """Put a message into mailboxes; fsynced when this returns. One outcome for each target, in order."""
        delivery = Delivery(message, reverse_path, targets, trace)
        await self._rounds.take(delivery)
        return delivery.outcomes()

    async def append(
        self, address: str, name: str, messages: Sequence[Appended], freed: Limits
    ) -> tuple[int, list[int]]:
        """See `Account.append`."""
        appending = Appending(address, name, messages, freed)
        await self._rounds.take(appending)
        return appending.outcome()

    def spool(self, most: int) -> Spool:
        return Spool(self.settings.data / "spool", most, self.run, self.settings.storage.spool_memory)

    @contextlib.contextmanager
    def files(self, address: str) -> Iterator[AccountFiles]:
        """The open account, for a thread; not closed before it is given back."""
        with self._mutex:
            files = self._open.get(address)
            if files is None:
                files = self._open[address] = AccountFiles(self.settings.data, address, self.clock)
            self._open.move_to_end(address)
            self._pins[address] = self._pins.get(address, 0) + 1
            surplus = self._surplus()
        each_at_once(AccountFiles.close, surplus)
        try:
            yield files
        finally:
            with self._mutex:
                files.used = time.monotonic()
                self._pins[address] -= 1
                if not self._pins[address]:
                    del self._pins[address]

    def close_idle(self, seconds: float) -> int:
        """Close the accounts that nobody has used for so long: each has four descriptors, and pages. How many they
        were. For a thread."""
        before = time.monotonic() - seconds
        with self._mutex:
            idle = [
                each for each, files in self._open.items() if each not in self._pins and files.used < before
            ]
            closing = [self._open.pop(address) for address in idle]
        each_at_once(AccountFiles.close, closing)
        return len(closing)

    def _surplus(self) -> list[AccountFiles]:
        over = len(self._open) - self.settings.storage.open_indexes
        if over <= 0:
            return []
        unpinned = (address for address in self._open if address not in self._pins)
        return [self._open.pop(address) for address in list(itertools.islice(unpinned, over))]

    def close_surplus(self) -> None:
        """After what had more accounts open than may stay so. For a thread."""
        with self._mutex:
            surplus = self._surplus()
        each_at_once(AccountFiles.close, surplus)

    def is_open(self, address: str) -> bool:
        return address in self._open

    def known_use(self, address: str) -> tuple[int, int] | None:
        """Octets and messages of an account, where that is known without opening or reading anything."""
        files = self._open.get(address)
        return None if files is None else files.use

    def remembered(self, address: str) -> Remembered | None:
        """What is known of an account that is open, without waiting for anybody."""
        files = self._open.get(address)
        return None if files is None else files.remembered

    def limits(self, address: str) -> Limits:
        """The account's quota as its file says now. For a thread."""
        entry = self.directory.account(address)
        if entry is None:
            return Limits()
        return Limits(entry.file.quota, entry.file.quota_messages)

    def publish(self, account: str, mailbox: str, modseq: int) -> None:
        """Tell the other processes, and this one. From any thread."""
        self.bus.publish(Hint(account, mailbox, modseq))
        if (self._loaded or self._followers) and self._loop is not None:
            self._loop.call_soon_threadsafe(self._heard, account, mailbox, modseq)

    def follow(self, account: str, callback: Callable[[str, int], None]) -> Callable[[], None]:
        """`callback` runs in the loop with the mailbox and MODSEQ of each hint about the account (see `Hint`)."""
        self._listen()
        self._followers.setdefault(account, set()).add(callback)

        def unfollow() -> None:
            followers = self._followers.get(account, set())
            followers.discard(callback)
            if not followers:
                self._followers.pop(account, None)

        return unfollow

    def _heard(self, account: str, mailbox: str, modseq: int) -> None:
        self.look_at(account, mailbox, modseq)
        for callback in list(self._followers.get(account, ())):
            callback(mailbox, modseq)

    # Loaded mailboxes: event loop only.

    async def mailbox(self, account: Account, name: str) -> Mailbox:
        self._listen()
        key = (account.address, name)
        async with self._loading.setdefault(key, asyncio.Lock()):
            mailbox = self._loaded.get(key)
            if mailbox is not None and not mailbox.gone:
                mailbox.sessions += 1
                self._keep(mailbox)
                try:
                    await mailbox.refresh()
                except BaseException:  # a full disk, or who asked has vanished
                    mailbox.release()
                    raise
                if not mailbox.gone and mailbox.name == name:
                    return mailbox
                mailbox.release()
            loaded = await account.do(_load_whole, name)
            mailbox = Mailbox(account, loaded)
            mailbox.sessions += 1
            self._loaded[key] = mailbox
            return mailbox

    def drop_later(self, mailbox: Mailbox) -> None:
        """Its last session has let go of it."""
        self._keep(mailbox)
        self._left[mailbox] = asyncio.get_running_loop().call_later(KEEP_LOADED, self.drop, mailbox)

    def _keep(self, mailbox: Mailbox) -> None:
        if (timer := self._left.pop(mailbox, None)) is not None:
            timer.cancel()

    def drop(self, mailbox: Mailbox) -> None:
        """Forget a mailbox that nobody uses."""
        self._keep(mailbox)
        for key, loaded in list(self._loaded.items()):
            if loaded is mailbox:
                del self._loaded[key]

    def look_at(self, account: str, name: str, modseq: int = 0) -> None:
        """In this process, move a loaded mailbox on, if there is one and it is not as far as `modseq`."""
        mailbox = self._loaded.get((account, name))
        if mailbox is not None and mailbox.sessions and not 0 < modseq <= mailbox.modseq:
            self.start(mailbox.refresh(others=False))

    def _listen(self) -> None:
        if not self._listening:
            self._listening = True
            self.bus.listen(lambda hint: self._heard(hint.account, hint.mailbox, hint.modseq))
            self.start(self._look_around())

    async def _look_around(self) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(OTHERS_EVERY)
            rounds += 1
            mailboxes = [mailbox for mailbox in self._loaded.values() if mailbox.sessions]
            mailboxes = await self.run(_disturbed if rounds % LOOK_EVERY else _behind, mailboxes)
            for mailbox in mailboxes:
                try:
                    await mailbox.refresh()
                except Exception:
                    log.exception("look at a mailbox failed")

    def sync_soon(self, folder: Path) -> None:
        """fsync the directories of a mailbox whose flags were renamed, within a second."""
        if not self._unsynced:
            loop = asyncio.get_running_loop()
            self._sync = loop.call_later(FLAGS_SYNCED, lambda: self.start(self._sync_flags()))
        self._unsynced.add(folder)

    async def _sync_flags(self) -> None:
        folders_now, self._unsynced = self._unsynced, set()
        if folders_now:
            await self.run(_sync_all, folders_now)


def _disturbed(mailboxes: list[Mailbox]) -> list[Mailbox]:
    return [mailbox for mailbox in mailboxes if mailbox.disturbed()]


def _behind(mailboxes: list[Mailbox]) -> list[Mailbox]:
    return [mailbox for mailbox in mailboxes if mailbox.behind()]


def _sync_all(paths: set[Path]) -> None:
    for path in paths:
        for place in ("cur", "new"):
            with contextlib.suppress(FileNotFoundError):
                sync_dir(path / place)


def _load_whole(files: AccountFiles, name: str) -> Loaded:
    try:
        return _load(files, name)
    except MailboxMissing:
        tree.listing(files)  # takes in folders that other programs made
        return _load(files, name)


def _load(files: AccountFiles, name: str) -> Loaded:
    with files.reading() as db:  # makes the account
        mailboxid = folders.load(db, files.maildir, name).mailboxid
    loaded = look(files, mailboxid, -1)
    if loaded is None:
        raise MailboxMissing(name)
    return loaded
