"""The bus between processes, where the folder of the run is deeper than a socket's address is long."""

import asyncio
from pathlib import Path

import pytest

from storage import bus
from storage.bus import ADDRESS_MOST, Bus, Hint, Topic


async def test_a_folder_with_a_long_path(tmp_path: Path) -> None:
    run = tmp_path / ("deep" * 30) / "run"
    run.mkdir(parents=True)
    assert len(str(run)) > ADDRESS_MOST
    told: asyncio.Queue[Hint] = asyncio.Queue()
    hearer, teller = Bus(run), Bus(run)
    hearer.listen(told.put_nowait, Topic.MAIL)
    hint = Hint("taro@example.test", "INBOX", 7)
    teller.publish(hint)
    assert await asyncio.wait_for(told.get(), 60) == hint
    hearer.close()
    teller.close()
    assert not list((run / "bus").iterdir())


async def test_who_is_in_no_hurry_hears_of_each_account_once(tmp_path: Path) -> None:
    told: asyncio.Queue[Hint] = asyncio.Queue()
    hearer, teller = Bus(tmp_path), Bus(tmp_path)
    hearer.listen(told.put_nowait, Topic.SOON)
    teller.attach(asyncio.get_running_loop())
    hints = [
        Hint(f"{who}@example.test", "INBOX", modseq) for modseq in (1, 2, 3) for who in ("taro", "hanako")
    ]
    for hint in hints:
        teller.publish(hint)
    assert [await asyncio.wait_for(told.get(), 60) for _ in range(2)] == hints[4:]
    teller.publish(hints[0])
    teller.close()  # does not take along what it has gathered
    assert await asyncio.wait_for(told.get(), 60) == hints[0]
    assert told.empty()
    hearer.close()


async def test_many_accounts_are_told_in_several_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "AT_ONCE", 2)
    told: asyncio.Queue[Hint] = asyncio.Queue()
    hearer, teller = Bus(tmp_path), Bus(tmp_path)
    hearer.listen(told.put_nowait, Topic.SOON)
    teller.attach(asyncio.get_running_loop())
    hints = [Hint(f"u{number}@example.test", "INBOX", 7) for number in range(7)]
    for hint in hints:
        teller.publish(hint)
    assert [await asyncio.wait_for(told.get(), 60) for _ in hints] == hints
    hearer.close()
    teller.close()
