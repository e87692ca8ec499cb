"""Full-text indexes are kept up here, in the relay process, out of the way of deliveries and sessions.

The bus says where something came; every account is looked at once after the start. A turn takes in a bounded number
of messages of one account, then the next account has its turn; between turns there is a pause that is twice as long
as the turn took, so that all of this together never takes more than a third of a core. A hint that is lost costs
nothing but speed: what is not taken in is read by who searches for it, and the next hint catches up.

Here every account is opened in which anything happens, and few of them are looked at again soon. So those that were
not used for a while are closed, and what the texts left in memory is given back, also while it never comes to rest:
what this process holds follows what is going on, and not what there is.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from config.settings import Settings
from kwcmaild import memory
from net.log import event
from storage.account_files import AccountFiles
from storage.bus import Bus, Hint, Topic
from storage.errors import StoreError
from storage.index import damaged
from storage.search import fulltext
from storage.search.feed import Fed, feed
from storage.store import Store

CALM = 2.0  # seconds for which hints are gathered: what comes together is taken in together
REST = 2.0  # times as long as a turn took is rested after it
MOST_WAITING = 100_000  # accounts; with more, hints are dropped
IDLE = 30.0  # seconds for which an account stays open
TIDY_EVERY = 10.0  # seconds

_log = logging.getLogger("kwcmaild.indexing")


@dataclass
class Indexing:
    """A part of the relay process."""

    settings: Settings
    store: Store
    _waiting: dict[str, None] = field(default_factory=dict)  # in the order in which they have their turns
    _bus: Bus | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _fed: bool = False  # since memory was given back

    async def start(self) -> None:
        self._bus = Bus(self.settings.run)
        self._bus.listen(self._heard, Topic.SOON)
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._keep_tidy())]

    async def stop(self, wait: float) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._bus is not None:
            self._bus.close()

    def _heard(self, hint: Hint) -> None:
        if hint.account and self.settings.imap.fulltext and len(self._waiting) < MOST_WAITING:
            self._waiting[hint.account] = None
            self._wake.set()

    async def _run(self) -> None:
        if self.settings.imap.fulltext:
            for address in await self.store.run(lambda: list(accounts(self.settings.data))):
                self._waiting.setdefault(address)
            self._wake.set()
        while True:
            await self._wake.wait()
            await asyncio.sleep(CALM)
            self._wake.clear()
            while self._waiting and self.settings.imap.fulltext:
                await self._turn()

    async def _keep_tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_EVERY)
            try:
                await self.store.run(self.tidy)
            except (sqlite3.Error, OSError):
                event(_log, "indexing.untidy", logging.ERROR, exc_info=True)

    def tidy(self, idle: float = IDLE) -> None:
        """Give back what is not needed. For a thread."""
        self.store.close_idle(idle)
        if self._fed:  # texts of all sizes have come and gone in several threads
            self._fed = False
            memory.give_back_free_room()

    async def _turn(self) -> None:
        address = next(iter(self._waiting))
        del self._waiting[address]
        began = time.monotonic()
        try:
            fed = await self.store.account(address).do(_feed)
        except (sqlite3.Error, OSError, StoreError):  # one account's trouble is not the others'
            event(_log, "indexing.failed", logging.ERROR, account=address, exc_info=True)
            fed = Fed(0, False)
        self._fed = True
        if fed.more:
            self._waiting.setdefault(address)
        await asyncio.sleep((time.monotonic() - began) * REST)


def _feed(files: AccountFiles) -> Fed:
    if not files.maildir.is_dir():
        return Fed(0, False)  # the account was deleted, or has no mail yet
    try:
        return feed(files)
    except sqlite3.DatabaseError as error:
        if not damaged(error):
            raise
        fulltext.remove(files.dir)
        return Fed(0, True)


def accounts(data: Path) -> Iterator[str]:
    """Everybody who has mail."""
    for domain in sorted((data / "mail").glob("*")):
        for account in sorted(domain.glob("*")):
            if (account / "Maildir").is_dir():
                yield f"{account.name}@{domain.name}"
