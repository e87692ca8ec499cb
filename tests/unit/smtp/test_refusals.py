"""What is refused leaves a trace; a dictionary attack leaves a bounded one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.traces import Traces as Limits
from smtp.refusals import EACH, MOST_PEERS, Refusals
from storage.state.stories import stories
from storage.state.traces import Traces
from storage.status import UNKNOWN_RECIPIENT, Status
from tests.house import House
from tests.unit.smtp.conftest import Connect


class Kept(Traces):
    """Keeps what is noted."""

    def __init__(self, state: Path) -> None:
        super().__init__(state, Limits())
        self.kept: list[dict[str, Any]] = []

    def note(self, trace: str, what: str, **fields: Any) -> None:
        self.kept.append({"trace": trace, "what": what, **fields})


@pytest.fixture
def traces(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


async def test_the_first_of_a_peer_one_by_one_the_others_as_a_number(traces: Kept) -> None:
    refusals = Refusals(traces)
    for number in range(EACH + 90):
        refusals.note("t", "192.0.2.7", UNKNOWN_RECIPIENT, sender="a@x", recipient=f"r{number}@example.test")
    refusals.note("u", "192.0.2.8", UNKNOWN_RECIPIENT)
    assert len(traces.kept) == EACH + 1
    assert traces.kept[0]["recipient"] == "r0@example.test"
    refusals.tell()
    assert len(traces.kept) == EACH + 2
    assert traces.kept[-1]["detail"] == {"times": "90"} and traces.kept[-1]["peer"] == "192.0.2.7"
    refusals.note("t", "192.0.2.7", UNKNOWN_RECIPIENT, recipient="again@example.test")
    assert traces.kept[-1]["recipient"] == "again@example.test"
    refusals.tell()
    refusals.tell()
    assert len(traces.kept) == EACH + 3


async def test_the_minute_ends_by_itself(traces: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp.refusals.PERIOD", 0.01)
    refusals = Refusals(traces)
    for _ in range(EACH + 1):
        refusals.note("t", "192.0.2.7", Status("5.1.1", "no"))
    async with asyncio.timeout(60):
        while len(traces.kept) < EACH + 1:
            await asyncio.sleep(0.005)
    assert traces.kept[-1]["detail"] == {"times": "1"}


async def test_any_number_of_peers_takes_bounded_memory(traces: Kept) -> None:
    refusals = Refusals(traces)
    for number in range(3 * MOST_PEERS):
        refusals.note("t", f"peer {number}", UNKNOWN_RECIPIENT)
    assert len(refusals._peers) <= MOST_PEERS


async def test_over_the_wire(house: House, connect: Connect) -> None:
    house.site.write_account("closed", "receive: false\n", "x")
    client = await connect(await house.smtp())
    assert (await client.ask("MAIL FROM:<a@example.com> SIZE=999999999")).startswith("552")
    assert (await client.ask("MAIL FROM:<a@example.com>")).startswith("250")
    assert (await client.ask("RCPT TO:<closed@example.test>")).startswith("550")
    assert (await client.ask("RCPT TO:<taro@example.test>")).startswith("250")
    assert (await client.ask("DATA")).startswith("354")
    assert (await client.ask(b"Subject: x\r\n\r\na bare\nline end\r\n.")).startswith("554")
    state = house.settings.data / "state"
    await house.store.run(house.store.traces.close)
    found = await house.store.run(lambda: stories(state, "a@example.com"))
    said = {event.status.code for story in found for event in story.events if event.status}
    assert said == {"5.3.4", "5.2.1", "5.6.0"}
