"""Hints say "look": many cost few looks, and a mailbox moves on without any.

Holds of DESIGN "Bus". (A full socket, and hints that are sent again: tests/unit/storage/test_store.py.)
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from storage import selected
from storage.appending import Appended
from storage.bus import Bus
from storage.message import Message
from storage.selected import Mailbox
from storage.store import Store
from tests.promises.world import NONE, TARO, settings_at

BURST = 400
ONE = [Appended(Message.of(b"Subject: hello\r\n\r\n"), NONE, 0)]


async def reached(mailbox: Mailbox, uids: tuple[int, ...]) -> None:
    event = asyncio.Event()
    unwatch = mailbox.watch(event.set)
    async with asyncio.timeout(60):
        while mailbox.uids != uids:
            event.clear()
            if mailbox.uids != uids:
                await event.wait()
    unwatch()


async def test_a_burst_of_hints_costs_few_looks(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_at(ground)
    store, other = await Store.open(settings), await Store.open(settings)
    mailbox = await store.account(TARO).open("INBOX")
    looks = 0
    look = selected.look

    def counted(*args: Any) -> Any:
        nonlocal looks
        looks += args[1] == mailbox.mailboxid and args[0] is files
        return look(*args)

    with store.files(TARO) as files:
        monkeypatch.setattr(selected, "look", counted)
        for number in range(BURST):
            other.publish(TARO, "INBOX", number)
        await other.account(TARO).append("INBOX", ONE)
        await reached(mailbox, (1,))
    assert looks < BURST / 10
    mailbox.release()
    await other.close()
    await store.close()


async def test_hints_may_all_be_lost(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process did is then found by the look around, and flags by the next one at all mailboxes."""
    monkeypatch.setattr("storage.store.OTHERS_EVERY", 0.1)
    settings = settings_at(ground)
    store, other = await Store.open(settings), await Store.open(settings)
    mailbox = await store.account(TARO).open("INBOX")
    monkeypatch.setattr(Bus, "publish", lambda *_: None)
    theirs = await other.account(TARO).open("INBOX")
    await theirs.append(ONE * 2)
    await reached(mailbox, (1, 2))
    await theirs.store([1], "add", frozenset({"\\Deleted"}))
    await theirs.expunge()
    await reached(mailbox, (2,))
    for each in (mailbox, theirs):
        each.release()
    await other.close()
    await store.close()


async def test_a_listener_that_hangs_holds_nobody_up(ground: Path) -> None:
    """A process that does not read its socket: deliveries go on, and what is kept for it is bounded."""
    settings = settings_at(ground)
    deaf = Bus(settings.run)
    deaf.listen(lambda _: None)
    assert deaf._receiver is not None
    asyncio.get_running_loop().remove_reader(deaf._receiver)
    store = await Store.open(settings)
    for number in range(20_000):
        store.publish(f"user{number}@example.test", "INBOX", number)
    ((_, waiting),) = store.bus._waiting.items()
    assert 0 < len(waiting) <= 10_000
    await store.account(TARO).append("INBOX", ONE)
    deaf.close()
    await store.close()
