"""Rounds: what arrives together is written together; who has to be waited for holds up nobody else."""

import asyncio
import errno
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from config.settings import Settings
from storage import delivery, durable, index, rounds
from storage.delivery import Target
from storage.lock import AccountLock
from storage.message import Message
from storage.rounds import Deposit, Round
from storage.store import Store

TEXT = b"Subject: hello\r\n\r\nbody\r\n"
NAMES = [f"u{number}@example.test" for number in range(8)]


def settings(folder: Path) -> Settings:
    accounts = folder / "domains" / "example.test" / "accounts"
    accounts.mkdir(parents=True, exist_ok=True)
    (accounts.parent / "domain.yaml").write_text("capacity: 1T\n")
    return Settings(
        hostname="mail.example.test", data=folder / "data", run=folder / "run", domains=folder / "domains"
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(settings(tmp_path))
    for name in NAMES:  # made and open: what comes next need not wait
        (first,) = await opened.deliver(Message.of(TEXT), "", [Target(name)], "t")
        assert first.status.ok
    yield opened
    await opened.close()


async def count(store: Store, name: str) -> int:
    return (await store.account(name).status("INBOX")).messages


async def test_what_comes_while_a_round_is_under_way_goes_together_into_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    write, all_there = rounds.write, threading.Event()

    def counted(store: Store, deposits: Sequence[Deposit]) -> None:
        sizes.append(len(deposits))
        assert all_there.wait(60)
        write(store, deposits)

    monkeypatch.setattr(rounds, "write", counted)
    deliveries = asyncio.gather(
        *(store.deliver(Message.of(TEXT), "", [Target(name)], "t") for name in NAMES * 3)
    )
    await asyncio.sleep(0)  # each has begun
    all_there.set()
    delivered = await deliveries
    assert all(copy.status.ok for copies in delivered for copy in copies)
    assert sum(sizes) == 24
    assert len(sizes) <= 3  # one of each thread, and the rest
    assert [await count(store, name) for name in NAMES] == [4] * 8


async def test_one_account_is_never_waited_for_by_two_threads(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written while others arrive is left to the thread that brings those in."""
    begin, inside, together = Round.begin, threading.Event(), threading.Event()
    sizes: list[int] = []

    def counted(self: Round) -> None:
        sizes.append(len(self._unfinished))
        inside.set()
        assert together.wait(60)
        begin(self)
        assert not self.busy

    monkeypatch.setattr(Round, "begin", counted)
    first = asyncio.ensure_future(store.deliver(Message.of(TEXT), "", [Target(NAMES[0])], "t"))
    await asyncio.to_thread(inside.wait, 60)
    left: list[list[rounds.Entry]] = []
    bring_in = rounds.Rounds._bring_in

    def counting(
        self: rounds.Rounds, loop: asyncio.AbstractEventLoop, entries: list[rounds.Entry]
    ) -> list[rounds.Entry]:
        settled = bring_in(self, loop, entries)
        left.append(entries)
        if sum(map(len, left)) == 9:
            together.set()
        return settled

    monkeypatch.setattr(rounds.Rounds, "_bring_in", counting)
    others = [store.deliver(Message.of(TEXT), "", [Target(NAMES[0])], "t") for _ in range(9)]
    delivered = await asyncio.wait_for(asyncio.gather(first, *others), 60)
    assert [copy.status.ok for copies in delivered for copy in copies] == [True] * 10
    assert sizes == [1, 9]
    assert sorted(copies[0].uid or 0 for copies in delivered) == list(range(2, 12))


async def test_an_account_that_is_locked_holds_up_no_other(store: Store) -> None:
    lock = AccountLock(store.settings.data / "mail" / "example.test" / "u0" / "lock")
    lock.acquire()  # as another process has it
    try:
        both = asyncio.ensure_future(store.deliver(Message.of(TEXT), "", [*map(Target, NAMES[:2])], "t"))
        waits = asyncio.ensure_future(store.deliver(Message.of(TEXT), "", [Target(NAMES[0])], "t"))
        for name in NAMES[1:]:
            (copy,) = await asyncio.wait_for(store.deliver(Message.of(TEXT), "", [Target(name)], "t"), 60)
            assert copy.status.ok
        assert not both.done()
        assert not waits.done()
    finally:
        lock.release()
        lock.close()
    assert [copy.status.ok for copy in await asyncio.wait_for(both, 60)] == [True, True]
    assert [copy.status.ok for copy in await asyncio.wait_for(waits, 60)] == [True]
    assert await count(store, NAMES[0]) == 3


async def test_two_processes_that_deliver_to_the_same_accounts_in_other_orders_both_end(
    store: Store, tmp_path: Path
) -> None:
    other = await Store.open(settings(tmp_path))
    try:
        deliveries = [
            each.deliver(Message.of(TEXT), "", [*map(Target, names)], "t")
            for _ in range(10)
            for each, names in ((store, NAMES), (other, NAMES[::-1]), (store, NAMES[4:] + NAMES[:4]))
        ]
        delivered = await asyncio.wait_for(asyncio.gather(*deliveries), 60)
        assert all(copy.status.ok for copies in delivered for copy in copies)
        assert [await count(store, name) for name in NAMES] == [31] * 8
    finally:
        await other.close()


async def test_a_disk_that_fails_at_the_last_fsync_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("storage.arriving.sync_dir", failing)
    delivered = await store.deliver(Message.of(TEXT), "", [*map(Target, NAMES)], "t")
    assert [copy.status.temporary for copy in delivered] == [True] * 8
    monkeypatch.undo()
    assert [await count(store, name) for name in NAMES] == [1] * 8
    assert not os.listdir(store.settings.data / "spool")


async def test_what_fails_when_the_rows_are_there_is_no_failure(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sender would send it again."""

    def fails(_: AccountLock) -> None:
        raise OSError(errno.EIO, "the dirty byte stays")

    monkeypatch.setattr(AccountLock, "mark_clean", fails)
    (copy,) = await store.deliver(Message.of(TEXT), "", [Target(NAMES[0])], "t")
    monkeypatch.undo()
    assert copy.status.ok and await count(store, NAMES[0]) == 2
    (copy,) = await store.deliver(Message.of(TEXT), "", [Target(NAMES[0])], "t")
    assert copy.status.ok and await count(store, NAMES[0]) == 3


async def test_many_accounts_are_written_to_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shared out among threads, opened and closed by them, some held by others: each has it once, in one file."""
    monkeypatch.setattr(durable, "ALONE", 2)
    monkeypatch.setattr(durable, "TOGETHER", 4)
    limits = store.settings.storage.model_copy(update={"open_indexes": 5})
    store.settings = store.settings.model_copy(update={"storage": limits})
    names = [f"member{number}@example.test" for number in range(20)]
    other = await Store.open(store.settings)
    try:
        for round_ in range(2):
            delivered = await asyncio.wait_for(
                asyncio.gather(
                    store.deliver(Message.of(TEXT), "", [*map(Target, names)], "t"),
                    other.deliver(Message.of(TEXT), "", [*map(Target, names[::7])], "t"),
                ),
                60,
            )
            assert all(copy.status.ok for copies in delivered for copy in copies)
            expected = [(round_ + 1) * (1 + (not number % 7)) for number in range(20)]
            assert [await count(store, name) for name in names] == expected
        files = {path.stat().st_ino for path in (store.settings.data / "mail").rglob("member*/Maildir/new/*")}
        assert len(files) == 4
    finally:
        await other.close()


async def test_of_many_accounts_those_that_are_open_stay_so_and_the_surplus_is_closed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post goes to the same accounts again and again: the first in line are not closed for the others."""
    monkeypatch.setattr(rounds, "MANY", 10)
    monkeypatch.setattr(rounds, "FEW", 10)
    monkeypatch.setattr(delivery, "MANY", 10)
    limits = store.settings.storage.model_copy(update={"open_indexes": 10})
    store.settings = store.settings.model_copy(update={"storage": limits})
    names = [f"member{number}@example.test" for number in range(20)]
    opened: list[str] = []
    closed = asyncio.Queue[None]()
    loop = asyncio.get_running_loop()
    open_index, close_surplus = index.open_index, Store.close_surplus

    def counted(path: Path) -> sqlite3.Connection:
        opened.append(path.parent.name)
        return open_index(path)

    def told(self: Store) -> None:
        close_surplus(self)
        loop.call_soon_threadsafe(closed.put_nowait, None)

    monkeypatch.setattr("storage.account_files.open_index", counted)
    monkeypatch.setattr(Store, "close_surplus", told)
    for expected in (20, 10, 10):
        opened.clear()
        delivered = await store.deliver(Message.of(TEXT), "", [*map(Target, names)], "t")
        assert all(copy.status.ok for copy in delivered)
        assert len(opened) == expected
        await asyncio.wait_for(closed.get(), 60)
        assert sum(map(store.is_open, [*NAMES, *names])) == 10
