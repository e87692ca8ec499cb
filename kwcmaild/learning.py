"""What users say about spam: mail that one of them moves into the junk folder is learned as spam, mail moved out of
it as none (`storage.moved`). So `imap/` needs no filter, and webmail neither.

The relay process follows the bus. Only a mailbox that something was moved or copied to is told of with MODSEQ 0:
deliveries cost nothing here. A hint that is lost is a message that is not learned; one that comes twice teaches
nothing twice. An account has so many lessons a day, so that nobody can teach the others what he wants.

People take little out of Junk, and who has seen spam alone calls everything spam. So for each lesson of spam the
engine of our own takes one of ham too: mail that its owner has read and left in the inbox.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from itertools import islice

from config.settings import Settings
from config.units import DAY
from filters.spam import rspamd, spamd
from filters.spam.engine import EngineFailure, within
from filters.spam.lesson import unmarked
from filters.spam.reading import MOST as READ_MOST
from filters.spam.reading import read
from filters.spam.tokens import tokens
from net.log import event
from storage.bus import Bus, Hint, Topic
from storage.errors import Broken
from storage.moved import Moved, kept, moved
from storage.state.bayes import SERVER, Bayes
from storage.store import Store

CALM = 1.0  # seconds for which the hints of an account are gathered
OVERLAP = 10.0  # seconds that are looked at once more: a clock that was set, two moves at once
LEARN_SECONDS = 30.0  # that an engine may take: nobody is waiting
BALANCED = 50  # lessons of ham that are caught up with at a time, from
KEPT_MOST = 500  # messages that are looked at for it
LESSONS_MOST = 1_000  # of an account in a day
REMEMBERED = 10_000  # accounts, and lessons
TIDY_FIRST, TIDY_EVERY = 3600.0, float(DAY)

_log = logging.getLogger("kwcmaild.learning")


@dataclass
class Learning:
    """A part of the relay process."""

    settings: Settings
    store: Store
    bayes: Bayes
    _waiting: set[str] = field(default_factory=set)
    _looked: dict[str, float] = field(default_factory=dict)  # when an account was looked at
    _taught: dict[tuple[str, str], bool] = field(default_factory=dict)  # the last word about a message
    _today: int = 0
    _lessons: dict[str, int] = field(default_factory=dict)  # of this day, by account
    _bus: Bus | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        self._bus = Bus(self.settings.run)
        self._bus.listen(self._heard, Topic.MOVED)
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._keep_tidy())]

    async def stop(self, wait: float) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._bus is not None:
            self._bus.close()
        await self.store.run(self.bayes.close)

    def _heard(self, hint: Hint) -> None:
        if not hint.account or hint.modseq or not self._teaches() or len(self._waiting) >= REMEMBERED:
            return
        self._waiting.add(hint.account)
        self._wake.set()

    def _teaches(self) -> bool:
        rules = self.settings.filters.spam
        return rules.learn and rules.engine != "none" and bool(self._address() or rules.engine == "builtin")

    def _address(self) -> str | None:
        rules = self.settings.filters.spam
        return rules.learn_address or (rules.address if rules.engine == "spamd" else None)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(CALM)
            self._wake.clear()
            accounts, self._waiting = self._waiting, set()
            for account in accounts:
                try:
                    await self._look(account)
                except Exception:  # one account's trouble is not the others'
                    event(_log, "learning.failed", logging.ERROR, account=account, exc_info=True)

    async def _look(self, address: str) -> None:
        now = self.store.clock()
        since = self._looked.get(address, now - CALM) - OVERLAP
        if len(self._looked) >= REMEMBERED:
            self._looked.clear()
        self._looked[address] = now
        account = self.store.account(address)
        lessons = await account.do(moved, int(since * 1_000_000))
        for each in lessons:
            if self._taught.get((address, each.base)) != each.junk and self._may_teach(address, now):
                await self._learn(address, each)
        if any(each.junk for each in lessons) and self.settings.filters.spam.engine == "builtin":
            for each in await self.store.run(self._missing, address, await account.do(kept, KEPT_MOST)):
                await self._learn(address, each)

    def _missing(self, address: str, candidates: list[Moved]) -> list[Moved]:
        """As many as there is less ham than spam."""
        spam, ham = self.bayes.totals(address)
        unknown = (each for each in candidates if self.bayes.learned(address, each.base) is None)
        return list(islice(unknown, min(max(spam - ham, 0), BALANCED)))

    def _may_teach(self, address: str, now: float) -> bool:
        """Count a lesson of the day."""
        today = int(now) // DAY
        if today != self._today:
            self._today, self._lessons = today, {}
        count = self._lessons[address] = self._lessons.get(address, 0) + 1
        if count == LESSONS_MOST + 1:
            event(_log, "learning.enough", logging.WARNING, account=address, lessons=LESSONS_MOST)
        return count <= LESSONS_MOST

    async def _learn(self, address: str, lesson: Moved) -> None:
        rules = self.settings.filters.spam
        try:
            if rules.engine == "builtin":
                await self.store.run(self._count, address, lesson)
            elif where := self._address():
                data = unmarked(await self.store.run(lesson.message.head, rules.most))
                learn = spamd.learn if rules.engine == "spamd" else rspamd.learn
                async with within(LEARN_SECONDS):
                    await learn(where, data, lesson.junk)
        except FileNotFoundError:
            return  # gone meanwhile
        except EngineFailure as failure:
            event(_log, "learning.engine_away", logging.WARNING, engine=rules.engine, why=failure)
            return
        if len(self._taught) >= REMEMBERED:
            self._taught.clear()
        self._taught[address, lesson.base] = lesson.junk
        event(
            _log,
            "learning.learned",
            account=address,
            message=lesson.base,
            spam=lesson.junk,
            engine=rules.engine,
        )

    def _count(self, address: str, lesson: Moved) -> None:
        words = tokens(read(unmarked(lesson.message.head(READ_MOST))))
        self.bayes.learn(SERVER, f"{address} {lesson.base}", words, spam=lesson.junk)
        self.bayes.learn(address, lesson.base, words, spam=lesson.junk)

    async def _keep_tidy(self) -> None:
        await asyncio.sleep(TIDY_FIRST)
        while True:
            try:
                await self.store.run(self.tidy)
            except Exception:
                event(_log, "learning.failed", logging.ERROR, exc_info=True)
            await asyncio.sleep(TIDY_EVERY)

    def tidy(self) -> None:
        """What nobody needs any more is forgotten, accounts that are gone among it. For a thread."""
        for address in self.bayes.scopes():
            try:
                gone = self.store.directory.account(address) is None
            except Broken:
                gone = False
            if gone:
                self.bayes.forget(address)
        self.bayes.tidy()
