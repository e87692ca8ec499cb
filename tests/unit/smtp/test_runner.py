"""The runner: attempts on schedule, the sender told once, nothing lost whenever it is killed."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from config.settings import Queue as Schedule
from config.settings import Settings
from smtp.relay.letter import Answered, Letter, Unreachable
from smtp.relay.local import Report, Take
from smtp.relay.runner import Runner
from smtp.relay.schedule import next_pause
from storage.bus import Bus, Hint
from storage.message import Message
from storage.queue import LEASE, Queue
from storage.queue_admin import QueueAdmin
from storage.queued import Addressee, Outcome, Queued, Select, State
from storage.status import DELIVERED, DISK_FULL, MAILBOX_FULL, UNKNOWN_RECIPIENT, Status

START = 1_700_000_000
MESSAGE = Message.of(b"From: me@example.test\r\nMessage-ID: <1@example.test>\r\n\r\nbody\r\n")
TARO = Addressee("taro@example.test")
HANAKO = Addressee("hanako@example.test")
T = TypeVar("T")
SCHEDULE: dict[str, Any] = {"retry": (60, 600), "give_up": 3600, "delay_notice": None}


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

    def new_runner(self) -> Runner:
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

    async def step(self) -> float:
        """One look, and all that comes of it."""
        wait = await self.runner.step()
        await self.runner.traffic.settled()
        await self.runner.teller.step()
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


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.queue.close()
    site.bus.close()


async def test_what_can_be_stored_is_stored_and_leaves_the_queue(site: Site) -> None:
    site.queue.add(MESSAGE, "me@example.test", [TARO, HANAKO], "t")
    await site.until(0)
    assert site.stored == [("taro@example.test", MESSAGE.read()), ("hanako@example.test", MESSAGE.read())]
    assert site.open() == [] and not list(site.queue.directory.glob("*.eml"))


async def test_attempts_follow_the_schedule_and_then_the_sender_is_told(site: Site) -> None:
    site.answers["taro@example.test"] = MAILBOX_FULL
    site.queue.add(MESSAGE, "me@example.test", [TARO], "t")
    await site.until(4000)
    assert [when for _, to, when in site.tried if to == "taro@example.test"] == [
        0, 60, 660, 1260, 1860, 2460, 3060, 3600,
    ]  # fmt: skip
    ((address, notice),) = site.stored
    assert address == "me@example.test"
    assert b"Final-Recipient: rfc822; taro@example.test\r\nAction: failed\r\nStatus: 4.2.2\r\n" in notice
    assert b"\r\nMessage-ID: <1@example.test>\r\n" in notice  # the original's header
    assert site.open() == [] and not list(site.queue.directory.glob("*.eml"))


async def test_a_mended_mailbox_gets_its_mail_and_nobody_is_told(site: Site) -> None:
    site.answers["taro@example.test"] = DISK_FULL
    site.queue.add(MESSAGE, "me@example.test", [TARO, HANAKO], "t")
    await site.until(30)
    assert site.open() == [
        ("taro@example.test", State.WAITING, DISK_FULL),
        ("hanako@example.test", State.DELIVERED, DELIVERED),
    ]
    del site.answers["taro@example.test"]
    await site.until(60)
    assert [address for address, _ in site.stored] == ["hanako@example.test", "taro@example.test"]
    assert site.open() == []


async def test_a_first_attempt_made_before_counts(site: Site) -> None:
    site.answers["taro@example.test"] = DISK_FULL
    site.queue.add(MESSAGE, "", [Addressee("taro@example.test", status=DISK_FULL)], "t")
    await site.until(700)
    assert [when for _, _, when in site.tried] == [0, 600]


async def test_a_permanent_failure_is_told_at_once_for_all_that_failed_together(site: Site) -> None:
    site.answers = {"taro@example.test": UNKNOWN_RECIPIENT, "hanako@example.test": UNKNOWN_RECIPIENT}
    site.queue.add(MESSAGE, "me@example.test", [TARO, HANAKO], "t")
    await site.until(10)
    ((address, notice),) = site.stored
    assert address == "me@example.test" and notice.count(b"Final-Recipient:") == 2
    assert site.tried[-1][:2] == ("", "me@example.test")


async def test_a_bounce_is_never_bounced(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    site.answers = {"taro@example.test": UNKNOWN_RECIPIENT, "me@example.test": UNKNOWN_RECIPIENT}
    site.queue.add(MESSAGE, "me@example.test", [TARO], "t")
    await site.until(10)
    assert [to for _, to, _ in site.tried] == ["taro@example.test", "me@example.test"]
    assert site.open() == [] and site.stored == []
    assert "queue.notified" in caplog.messages


async def test_who_asked_not_to_be_told_is_not(site: Site) -> None:
    site.answers["taro@example.test"] = UNKNOWN_RECIPIENT
    site.queue.add(MESSAGE, "me@example.test", [Addressee("taro@example.test", notify="NEVER")], "t")
    await site.until(10)
    assert len(site.tried) == 1 and site.open() == []


async def test_a_delivery_that_raises_is_tried_again_and_stops_nobody_else(site: Site) -> None:
    site.answers["taro@example.test"] = RuntimeError("a bug")
    site.queue.add(MESSAGE, "me@example.test", [TARO], "t")
    site.queue.add(MESSAGE, "me@example.test", [HANAKO], "t")
    await site.until(30)
    assert [address for address, _ in site.stored] == ["hanako@example.test"]
    del site.answers["taro@example.test"]
    await site.until(60)
    assert [address for address, _ in site.stored] == ["hanako@example.test", "taro@example.test"]


async def test_killed_during_an_attempt_it_is_made_again_when_the_lease_ends(site: Site) -> None:
    site.queue.add(MESSAGE, "me@example.test", [TARO], "t")
    site.queue.claim("a runner that was killed")
    await site.until(LEASE - 1)
    assert site.stored == []
    await site.until(LEASE)
    assert len(site.stored) == 1


async def test_killed_before_the_sender_was_told_he_is_told_once(site: Site) -> None:
    queue_id = site.queue.add(MESSAGE, "me@example.test", [TARO], "t")
    (work,) = site.queue.claim("dead")
    site.queue.record("dead", queue_id, [Outcome(work.recipients[0].number, UNKNOWN_RECIPIENT)])
    await site.new_runner().teller.step()
    await site.until(10)
    assert [address for address, _ in site.stored] == ["me@example.test"]
    assert site.open() == []


async def test_a_message_file_that_is_gone_is_held_for_the_operator(site: Site) -> None:
    queue_id = site.queue.add(MESSAGE, "me@example.test", [TARO], "t")
    (site.queue.directory / f"{queue_id}.eml").unlink()
    await site.until(10)
    ((_, state, status),) = site.open()
    assert state is State.HELD and status is not None and status.code == "5.3.0"


async def test_woken_by_the_bus_at_once(site: Site) -> None:
    """A message that is added while the runner sleeps is tried without waiting for any time to pass."""
    delivered, asleep = asyncio.Event(), asyncio.Event()

    async def threads(fn: Callable[..., Any], *args: object) -> Any:
        result = fn(*args)
        if fn == site.queue.next_due:
            asleep.set()
        if fn == site.queue.record_all:
            delivered.set()
        return result

    site.runner._threads = site.runner._recorder._threads = threads
    task = asyncio.create_task(site.runner.run())
    async with asyncio.timeout(10):
        await asleep.wait()
        site.queue.add(MESSAGE, "me@example.test", [TARO], "t")
        await delivered.wait()
        site.runner.stop()
        await task
    assert site.open() == []


async def test_a_queue_that_cannot_be_read_is_looked_at_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looked = 0

    def trouble(*_: object) -> list[object]:
        nonlocal looked
        looked += 1
        if looked == 2:
            site.runner.stop()
        raise OSError("disk")

    monkeypatch.setattr("smtp.relay.runner.AFTER_TROUBLE", 0.0)
    monkeypatch.setattr(site.queue, "lanes", trouble)
    async with asyncio.timeout(10):
        await site.runner.run()
    assert looked == 2 and "queue.trouble" in caplog.messages


@pytest.mark.parametrize(
    ("attempts", "age", "pause"),
    [
        (0, 0, 60),
        (1, 0, 600),
        (9, 0, 600),
        (9, 3300, 300),
        (9, 3599.5, 1),
        (9, 3600, None),
        (0, 1e9, None),
        (9, 1700, 100),  # the moment of the delay notice
        (9, 1800, 600),
    ],
)
def test_next_pause(attempts: int, age: float, pause: int | None) -> None:
    schedule = Schedule(**{**SCHEDULE, "delay_notice": 1800})
    assert next_pause(schedule, age, attempts, 0.5) == pause


def test_pauses_differ_a_little() -> None:
    schedule = Schedule(**SCHEDULE)
    assert [next_pause(schedule, 0, 1, jitter) for jitter in (0, 0.5, 1)] == [540, 600, 660]
