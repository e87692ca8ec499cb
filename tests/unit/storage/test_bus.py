"""The bus between processes, where the folder of the run is deeper than a socket's address is long."""

import asyncio
from pathlib import Path

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
