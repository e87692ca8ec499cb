"""A queue and its runner on a clock of their own, mailboxes and other servers that answer as they are told."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from config.settings import Queue as Schedule
from config.settings import Settings
from smtp.relay.letter import Answered, Letter, Unreachable
from smtp.relay.local import Report, Take
from smtp.relay.runner import Runner
from storage.bus import Bus, Hint
from storage.message import Message
from storage.queue.admin import QueueAdmin
from storage.queue.queue import Queue
from storage.queue.queued import Addressee, Queued, Select, State
from storage.status import DELIVERED, Status

START = 1_700_000_000
MESSAGE = Message.of(b"From: me@example.test\r\nMessage-ID: <1@example.test>\r\n\r\nbody\r\n")
SCHEDULE: dict[str, Any] = {"retry": (60, 600), "give_up": 3600, "delay_notice": None}
T = TypeVar("T")


class Site:
    """A queue, a runner, a clock, mailboxes and other servers that answer as they are told."""

    def __init__(self, folder: Path) -> None:
        self.now = float(START)
        self.settings = self.with_schedule()(folder)
        self.queue = Queue(folder / "queue", lambda: self.now, self.on_add)
        self.answers: dict[str, Status | Exception] = {}
        self.tried: list[tuple[str, str, float]] = []  # reverse-path, recipient, seconds since START
        self.stored: list[tuple[str, bytes]] = []
        self.bus = Bus(self.settings.run)
        self.world = World(self)
        self.runner = self.new_runner()

    @staticmethod
    def with_schedule(**more: Any) -> Callable[[Path], Settings]:
        schedule = Schedule(**{**SCHEDULE, **more})
        return lambda folder: Settings(
            hostname="mail.example.test", data=folder, run=folder / "run", queue=schedule
        )

    def configure(self, **more: Any) -> None:
        self.settings = self.with_schedule(**more)(self.settings.data)
        self.runner.settings = self.settings

    def new_runner(self, **more: Any) -> Runner:
        return Runner(
            self.settings,
            self.queue,
            inline,
            self.deliver,
            self.world,
            lambda _, domain: domain,
            lambda domain: domain == "example.test",
            clock=lambda: self.now,
            steady=lambda: self.now,
            jitter=lambda: 0.5,
            **more,
        )

    def on_add(self, hint: Hint) -> None:
        self.bus.publish(hint)

    async def deliver(
        self, message: Message, reverse_path: str, recipients: Sequence[Addressee], trace: str
    ) -> list[Status]:
        statuses = []
        for recipient in recipients:
            self.tried.append((reverse_path, recipient.address, self.now - START))
            answer = self.answers.get(recipient.address, DELIVERED)
            if isinstance(answer, Exception):
                raise answer
            if answer.ok:
                self.stored.append((recipient.address, message.read()))
            statuses.append(answer)
        return statuses

    async def look(self) -> None:
        """Begin what is due."""
        await self.runner.step()

    async def step(self) -> float:
        """One look, and all that comes of it."""
        while True:
            wait = await self.runner.step()
            await self.runner.traffic.settled()
            await self.runner.teller.step()
            if not self.runner._woken.is_set():
                return wait

    async def until(self, end: float) -> None:
        """Let the runner work by due time alone up to a time."""
        while True:
            wait = await self.step()
            if self.now + wait > START + end:
                return
            self.now += wait

    def open(self) -> list[tuple[str, State, Status | None]]:
        return [
            (each.address, each.state, each.status)
            for listed in QueueAdmin(self.queue).list(Select())
            for each in listed.recipients
        ]


class World:
    """Other servers: a stand-in for the courier. A domain of which nothing else is said takes everything."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.dead: dict[str, Status] = {}
        self.replies: dict[str, Answered] = {}  # by address; its number is that of the recipient
        self.broken: set[str] = set()  # domains at which the courier fails as it should not
        self.calls: list[tuple[str, float]] = []  # connections: domain, seconds since START
        self.sent: list[tuple[str, list[str]]] = []  # queue id and recipients of each letter that was tried
        self.gates: dict[str, asyncio.Event] = {}  # domains that answer when they are let
        self.open: dict[str, int] = {}
        self.most_open: dict[str, int] = {}

    async def carry(self, key: str, take: Take, report: Report) -> None:
        self.calls.append((key, self.site.now - START))
        self.open[key] = self.open.get(key, 0) + 1
        self.most_open[key] = max(self.most_open.get(key, 0), self.open[key])
        try:
            await self._carry(key, take, report)
        finally:
            self.open[key] -= 1

    async def _carry(self, key: str, take: Take, report: Report) -> None:
        if key in self.dead:
            if key in self.gates:
                await self.gates[key].wait()
            raise Unreachable(self.dead[key])
        while (letter := await take()) is not None:
            if key in self.broken:
                raise RuntimeError("a bug")
            if key in self.gates:
                await self.gates[key].wait()
            self.sent.append((letter.envelope.queue_id, [each.address for each in letter.recipients]))
            await report(letter, [self._answer(letter, each) for each in letter.recipients])

    def _answer(self, letter: Letter, one: Queued) -> Answered:
        answer = self.replies.get(one.address, Answered(0, Status("2.0.0", "ok"), "mx.test", reply="250 ok"))
        return replace(answer, number=one.number)


async def inline(fn: Callable[..., T], *args: object) -> T:
    return fn(*args)
