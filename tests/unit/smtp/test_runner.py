"""The runner: attempts on schedule, the sender told once, nothing lost whenever it is killed."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import Queue as Schedule
from smtp.relay.schedule import next_pause
from storage.message import Message
from storage.queue.queue import LEASE
from storage.queue.queued import Addressee, Outcome, State
from storage.status import DELIVERED, DISK_FULL, MAILBOX_FULL, UNKNOWN_RECIPIENT
from tests.unit.smtp.site import MESSAGE, SCHEDULE, Site

TARO = Addressee("taro@example.test")
HANAKO = Addressee("hanako@example.test")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("smtp.relay.traffic.LINGER", 0.02)
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


async def test_a_notice_is_signed(site: Site) -> None:
    def sign(message: Message, *domains: str) -> Message:
        return message.prepend(f"DKIM-Signature: {' '.join(domains)}\r\n".encode())

    site.runner = site.new_runner(sign=sign)
    site.answers["taro@example.test"] = UNKNOWN_RECIPIENT
    site.queue.add(MESSAGE, "me@example.test", [TARO], "t")
    await site.until(0)
    ((address, notice),) = site.stored
    assert address == "me@example.test"
    assert notice.startswith(b"DKIM-Signature: example.test example.test example.test\r\nDate: ")


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
    assert site.queue.grow_up(age=0) == 1
    (site.queue.directory / f"{queue_id}.eml").unlink()
    await site.until(10)
    ((_, state, status),) = site.open()
    assert state is State.HELD and status is not None and status.code == "5.3.0"


async def test_woken_by_the_bus_at_once(site: Site) -> None:
    """A message that is added while the runner sleeps is tried without waiting for any time to pass."""
    delivered, asleep = asyncio.Event(), asyncio.Event()

    async def threads(fn: Callable[..., Any], *args: object) -> Any:
        result = fn(*args)
        if fn == site.runner._survey:
            asleep.set()
        if fn == site.runner._recorder._write_down:
            delivered.set()
        return result

    site.runner._threads = site.runner._recorder._threads = threads
    task = asyncio.create_task(site.runner.run())
    async with asyncio.timeout(60):
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
    async with asyncio.timeout(60):
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
