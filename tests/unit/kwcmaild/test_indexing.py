"""The full-text index is kept up beside a running store, and can be switched off."""

import asyncio
from pathlib import Path

import pytest

from kwcmaild.indexing import Indexing, accounts
from storage.search import fulltext
from tests.house import DOMAIN, House, Site
from tests.open_files import open_files

MAIL = b"Subject: x\r\n\r\ninvoice\r\n"


async def taken(folder: Path, count: int) -> None:
    """Wait until so many messages are in the index; the test's own time-out ends that."""
    while fulltext.count(folder) < count:
        await asyncio.sleep(0.05)


async def test_what_was_there_and_what_comes_is_taken_in(house: House) -> None:
    folder = house.settings.data / "mail" / DOMAIN / "taro"
    await house.put("taro", "INBOX", MAIL)
    indexing = Indexing(house.settings, house.store)
    await indexing.start()
    try:
        await asyncio.wait_for(taken(folder, 1), 60)
        await house.put("taro", "INBOX", MAIL)
        await asyncio.wait_for(taken(folder, 2), 60)
        assert list(accounts(house.settings.data)) == [f"taro@{DOMAIN}"]
    finally:
        await indexing.stop(1)


async def test_accounts_that_nobody_uses_are_not_kept_open(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else, on a slow machine, the first have long been idle when the last is taken in.
    monkeypatch.setattr("kwcmaild.indexing.TIDY_EVERY", 3600)
    mail = house.settings.data / "mail"
    locals_ = [f"guest{number}" for number in range(20)]
    for local in locals_:
        house.site.write_account(local, password="x")
        await house.put(local, "INBOX", MAIL)
    indexing = Indexing(house.settings, house.store)
    await indexing.start()
    try:
        for local in locals_:
            await asyncio.wait_for(taken(mail / DOMAIN / local, 1), 60)
        assert len(open_files(mail)) >= 4 * len(locals_)
        async with asyncio.timeout(60):
            with house.store.files(f"{locals_[0]}@{DOMAIN}"):  # in use
                while len(open_files(mail)) > 5:  # the last turn may not have ended, or there is one more
                    await house.store.run(indexing.tidy, 0.0)
                assert len(open_files(mail)) >= 4
            while open_files(mail):
                await house.store.run(indexing.tidy, 0.0)
        await house.put(locals_[0], "INBOX", MAIL)
        await asyncio.wait_for(taken(mail / DOMAIN / locals_[0], 2), 60)
        await house.store.run(indexing.tidy)
        assert len(open_files(mail)) >= 4, "just used"
    finally:
        await indexing.stop(1)


async def test_a_damaged_index_is_made_again(house: House) -> None:
    folder = house.settings.data / "mail" / DOMAIN / "taro"
    await house.put("taro", "INBOX", MAIL)
    (folder / fulltext.FILE).write_bytes(b"nonsense" * 1000)
    indexing = Indexing(house.settings, house.store)
    await indexing.start()
    try:
        await asyncio.wait_for(taken(folder, 1), 60)
    finally:
        await indexing.stop(1)


async def test_it_can_be_switched_off(site: Site) -> None:
    site.configure(imap="{fulltext: false}")
    house = await House(site).open()
    try:
        await house.put("taro", "INBOX", MAIL)
        indexing = Indexing(house.settings, house.store)
        await indexing.start()
        await house.put("taro", "INBOX", MAIL)
        await indexing.stop(1)
        assert not (house.settings.data / "mail" / DOMAIN / "taro" / fulltext.FILE).exists()
    finally:
        await house.close()
