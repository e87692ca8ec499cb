"""Greylisting: who has to wait, who is let in, who is known, and what is never put off."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.filters import Greylist as Rules
from filters.greylist import Greylist
from filters.mail import Mail, Outside, Recipient
from filters.verdict import Action
from storage.people.address import parse
from storage.state import greylist as memory_module
from storage.state.greylist import Greylist as Memory

TARO = "taro@example.test"
MINUTE, DAY = 60, 86_400


class World:
    def __init__(self, state: Path) -> None:
        self.now = 1_000_000.0
        self.memory = Memory(state)
        self.rules = Rules(enabled=True)
        self.check = Greylist(lambda: self.rules, self.memory, self.run, lambda: self.now)

    @staticmethod
    async def run(fn: Callable[..., Any], *args: Any) -> Any:
        return fn(*args)

    async def asks(self, peer: str = "192.0.2.7", sender: str = "a@example.com", to: str = TARO) -> str:
        found = await self.check.recipient(Mail(sender, peer, "t"), Recipient(parse(to), Outside(to)))
        if found.action is Action.PASS:
            return ""
        assert found.action is Action.DEFER
        return str(found.status)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_who_comes_again_is_let_in_and_known(world: World) -> None:
    assert await world.asks() == "4.7.1 greylisted, try again in 300 seconds"
    world.now += 2 * MINUTE
    assert await world.asks() == "4.7.1 greylisted, try again in 180 seconds"
    world.now += 3 * MINUTE
    assert await world.asks() == ""
    assert await world.asks(sender="other@example.com", to="hanako@example.test") == ""  # known by now


async def test_asking_what_would_be_makes_nobody_known(world: World) -> None:
    dry = Mail("a@example.com", "192.0.2.7", "t", dry=True)
    assert (await world.check.recipient(dry, Recipient(parse(TARO), Outside(TARO)))).action is Action.DEFER
    world.now += 6 * MINUTE
    assert await world.asks() == "4.7.1 greylisted, try again in 300 seconds"


async def test_a_large_sender_comes_again_from_the_next_machine(world: World) -> None:
    await world.asks("192.0.2.7")
    await world.asks("2001:db8:0:1::7")
    world.now += 6 * MINUTE
    assert await world.asks("192.0.2.200") == ""
    assert await world.asks("2001:db8:0:1:ffff::1") == ""
    assert await world.asks("192.0.3.7")
    assert await world.asks("2001:db8:0:2::7")


async def test_each_sender_and_recipient_waits_for_itself(world: World) -> None:
    await world.asks()
    world.now += 6 * MINUTE
    assert await world.asks(sender="b@example.com")
    assert await world.asks(to="hanako@example.test")
    assert await world.asks(sender="A@Example.com", to="TARO@example.test") == ""


async def test_too_late_is_new(world: World) -> None:
    await world.asks()
    world.now += 3 * DAY
    assert await world.asks() == "4.7.1 greylisted, try again in 300 seconds"


async def test_known_as_long_as_it_keeps_sending(world: World) -> None:
    await world.asks()
    world.now += 6 * MINUTE
    await world.asks()
    for _ in range(3):
        world.now += 30 * DAY
        assert await world.asks() == ""
    world.now += 36 * DAY
    assert await world.asks()


async def test_what_is_never_put_off(world: World) -> None:
    for to in ("postmaster@example.test", "abuse+x@example.test"):
        assert await world.asks(to=to) == ""
    assert await world.asks("10.1.2.3") == ""
    assert await world.asks("127.0.0.1") == ""
    world.rules = Rules()
    assert not world.check.stages


async def test_a_memory_that_cannot_be_read_lets_mail_in(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    world.memory.close()
    (tmp_path / "greylist.sqlite").mkdir()
    assert await world.asks() == ""
    assert [record.message for record in caplog.records] == ["greylist.state"]


async def test_memory_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "MOST", 10)
    monkeypatch.setattr(memory_module, "_TIDY_EVERY", 5)
    for number in range(100):
        world.now += 1
        await world.asks(sender=f"{number}@example.com")
    rows = world.memory._db.query("SELECT count(*) FROM asked")
    assert rows[0][0] <= 15
    assert await world.asks(sender="99@example.com") == "4.7.1 greylisted, try again in 300 seconds"
