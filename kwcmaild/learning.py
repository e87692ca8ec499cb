"""What users say about spam: mail that one of them moves into the junk folder is learned as spam, mail moved out of
it as none. So `imap/` needs no filter, and webmail neither.

The relay process follows hints of the bus. What is looked at is how a row came: a move or copy by a user names the
mailbox that it came from, a delivery does not. From Junk into Trash teaches nothing: people empty their junk. A
hint that is lost is a message that is not learned.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from config.settings import Settings
from filters.spam import rspamd, spamd
from filters.spam.score import EngineFailure
from filters.spam.tokens import tokens
from net.log import event
from storage.bayes import SERVER, Bayes
from storage.bus import Bus, Hint
from storage.errors import StoreError
from storage.rows import MailboxInfo
from storage.store import Store

CALM = 1.0  # seconds for which the hints of an account are gathered
MOST_ACCOUNTS = 10_000  # remembered; how far each was looked at
JUNK, TRASH = "\\Junk", "\\Trash"

_log = logging.getLogger("kwcmaild.learning")


@dataclass
class Learning:
    """A part of the relay process."""

    settings: Settings
    store: Store
    bayes: Bayes
    _waiting: set[str] = field(default_factory=set)
    _seen: dict[tuple[str, str], int] = field(
        default_factory=dict
    )  # modseq up to which a mailbox was looked at
    _bus: Bus | None = None
    _task: asyncio.Task[None] | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        self._bus = Bus(self.settings.run)
        self._bus.listen(self._heard)
        self._task = asyncio.create_task(self._run())

    async def stop(self, wait: float) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._bus is not None:
            self._bus.close()
        await self.store.run(self.bayes.close)

    def _heard(self, hint: Hint) -> None:
        rules = self.settings.filters.spam
        if hint.account and rules.learn and rules.engine != "none":
            self._seen.setdefault((hint.account, hint.mailbox), hint.modseq - 1)
            self._waiting.add(hint.account)
            self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(CALM)
            self._wake.clear()
            accounts, self._waiting = self._waiting, set()
            for account in accounts:
                try:
                    await self._look(account)
                except (StoreError, OSError) as error:
                    event(_log, "learning.failed", logging.WARNING, account=account, why=error)
            if len(self._seen) > MOST_ACCOUNTS:
                self._seen.clear()

    async def _look(self, address: str) -> None:
        account = self.store.account(address)
        mailboxes = await account.mailboxes()
        junk = next((each.mailboxid for each in mailboxes if each.special_use == JUNK), None)
        if junk is None:
            return
        for mailbox in mailboxes:
            if (address, mailbox.name) in self._seen and mailbox.special_use != TRASH:
                await self._learn_from(address, mailbox, junk)

    async def _learn_from(self, address: str, info: MailboxInfo, junk: str) -> None:
        mailbox = await self.store.account(address).open(info.name)
        try:
            await mailbox.refresh()
            since = self._seen[address, info.name]
            self._seen[address, info.name] = mailbox.modseq
            rows = [row for row in mailbox.rows.values() if row.born > since and " from " in row.came]
            spam = info.mailboxid == junk
            moved = [row for row in rows if row.came.endswith(f" from {junk}") != spam]
            for row, message in zip(moved, await mailbox.messages([row.uid for row in moved]), strict=True):
                if message is not None:
                    data = await self.store.run(message.head, self.settings.filters.spam.most)
                    await self._learn(address, row.base, data, spam)
        finally:
            mailbox.release()

    async def _learn(self, address: str, base: str, data: bytes, spam: bool) -> None:
        rules = self.settings.filters.spam
        try:
            if rules.engine == "builtin":
                await self.store.run(self._count, address, base, data, spam)
            else:
                assert rules.address is not None
                learn: Callable[..., object] = spamd.learn if rules.engine == "spamd" else rspamd.learn
                await learn(rules.address, data, spam, max(rules.timeout, 30))  # type: ignore[misc]
            event(_log, "learning.learned", account=address, message=base, spam=spam, engine=rules.engine)
        except EngineFailure as failure:
            event(_log, "learning.engine_away", logging.WARNING, engine=rules.engine, why=failure)

    def _count(self, address: str, base: str, data: bytes, spam: bool) -> None:
        words = tokens(data)
        self.bayes.learn(SERVER, f"{address} {base}", words, spam=spam)
        self.bayes.learn(address, base, words, spam=spam)
