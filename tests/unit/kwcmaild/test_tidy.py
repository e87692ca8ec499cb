"""What a door gives back while its clients wait."""

import asyncio

import pytest

from kwcmaild import memory, tidy
from storage.selected import Mailbox
from tests.house import DOMAIN, House
from tests.open_files import open_files

MAIL = b"Subject: x\r\n\r\ninvoice\r\n"


async def closed(house: House) -> None:
    """Wait until no account is open; the test's own time-out ends that."""
    while open_files(house.settings.data / "mail"):
        await asyncio.sleep(0.02)


async def settled(house: House, mailbox: Mailbox) -> None:
    """Until a look finds nothing new: times of files are believed when they are some milliseconds old."""
    while await house.store.run(mailbox.behind):
        await mailbox.refresh()
        await house.store.run(house.store.close_idle, 0.0)
        await asyncio.sleep(0.03)


async def test_accounts_of_clients_that_wait_are_closed(house: House) -> None:
    await house.put("taro", "INBOX", MAIL)
    mailbox = await house.store.account(f"taro@{DOMAIN}").open("INBOX")
    house.store.start(tidy.close_idle(house.store, 0.0, 0.01))
    await asyncio.wait_for(closed(house), 60)
    await house.put("taro", "INBOX", MAIL)  # opens it again
    await mailbox.refresh()
    assert len(mailbox.uids) == 2
    mailbox.release()


async def test_a_mailbox_in_which_nothing_happens_is_not_opened_to_find_that_out(house: House) -> None:
    await house.put("taro", "INBOX", MAIL)
    mailbox = await house.store.account(f"taro@{DOMAIN}").open("INBOX")
    await asyncio.wait_for(settled(house, mailbox), 60)
    await house.store.run(
        house.store.close_idle, 0.0
    )  # on a slow machine it had settled before the first look
    assert not await house.store.run(mailbox.behind)
    assert not open_files(house.settings.data / "mail")
    await house.put("taro", "INBOX", MAIL)
    assert await house.store.run(mailbox.behind)
    mailbox.release()


async def test_free_room_is_given_back_again_and_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    times = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(memory, "give_back_free_room", lambda: loop.call_soon_threadsafe(times.release))
    house.store.start(tidy.give_back_room(house.store, 0.01))
    for _ in range(3):
        await asyncio.wait_for(times.acquire(), 60)
