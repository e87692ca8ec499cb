"""A mailbox's loaded state is shared, outlives its last session for a while, and is then let go.

Holds of DESIGN "Store" (all sessions of a process share one loaded state, dropped 30 s after the last active one)
and "Flags" (renamed at once, fsynced within a second, and before the process ends).
"""

import asyncio
from pathlib import Path

import pytest

from storage import store as stores
from storage.appending import Appended
from storage.errors import DiskFull
from storage.message import Message
from storage.selected import Mailbox
from storage.store import Store
from tests.promises.world import NONE, TARO, folder_of, settings_at

ONE = [Appended(Message.of(b"Subject: hello\r\n\r\n"), NONE, 0)]


async def test_a_loaded_mailbox_outlives_its_last_session_for_a_while(
    ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stores.KEEP_LOADED == 30
    store = await Store.open(settings_at(ground))
    account = store.account(TARO)
    monkeypatch.setattr(stores, "KEEP_LOADED", 3600)
    one, two = await account.open("INBOX"), await account.open("INBOX")
    assert one is two
    one.release()
    two.release()
    again = await account.open("INBOX")
    assert again is one

    monkeypatch.setattr(stores, "KEEP_LOADED", 0)
    again.release()
    async with asyncio.timeout(60):
        while store._loaded:
            await asyncio.sleep(0)
    other = await account.open("INBOX")
    assert other is not one
    other.release()
    await store.close()


async def test_the_while_begins_anew_with_each_session(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a session ended long ago drops nothing that another one has just left."""
    store = await Store.open(settings_at(ground))
    account = store.account(TARO)
    monkeypatch.setattr(stores, "KEEP_LOADED", 0.05)
    one = await account.open("INBOX")
    one.release()
    again = await account.open("INBOX")
    assert again is one
    monkeypatch.setattr(stores, "KEEP_LOADED", 3600)
    again.release()
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, passed.set)  # timers come in their order
    await passed.wait()
    assert await account.open("INBOX") is one
    one.release()
    await store.close()


async def test_who_fails_to_open_a_loaded_mailbox_holds_nothing(
    ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: Mailbox) -> None:
        raise DiskFull

    store = await Store.open(settings_at(ground))
    account = store.account(TARO)
    one = await account.open("INBOX")
    with monkeypatch.context() as patch, pytest.raises(DiskFull):
        patch.setattr(Mailbox, "refresh", full)
        await account.open("INBOX")
    assert one.sessions == 1
    one.release()
    await store.close()


@pytest.mark.parametrize("then", ["time passes", "the store is closed"])
async def test_renamed_flags_are_fsynced_soon(
    ground: Path, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    assert stores.FLAGS_SYNCED < 1
    synced: set[Path | str] = set()
    monkeypatch.setattr(stores, "sync_dir", synced.add)
    monkeypatch.setattr(stores, "FLAGS_SYNCED", 0 if then == "time passes" else 3600)
    store = await Store.open(settings_at(ground))
    inbox = await store.account(TARO).open("INBOX")
    await inbox.append(ONE * 2)
    await inbox.store([1, 2], "add", frozenset({"\\Seen"}))
    await inbox.store([1], "add", frozenset({"\\Flagged"}))
    if then == "time passes":
        async with asyncio.timeout(60):
            while not synced:
                await asyncio.sleep(0)
        inbox.release()
    folder = folder_of(store.settings.data)
    await store.close()
    assert synced == {folder / "cur", folder / "new"}
