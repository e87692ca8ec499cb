"""The whole server in this process, on ports of its own.

`site` is a directory with kwcmaild.yaml, a certificate and the accounts taro and hanako of example.test;
`house` the store over it, whose `pop3()`, `imap()` and `smtp()` open doors and return their addresses.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.house import House, Site

TESTS = Path(__file__).parent

# A busy machine is no fault of what is tested.
hypothesis.settings.register_profile(
    "patient",
    hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("patient")


# Files that take a minute or more, the longest first: none of them is begun when the other processes are done.
LONG = (
    "browser/test_panel.py",
    "unit/web/test_api_served.py",
    "crash/test_fulltext.py",
    "crash/test_load.py",
    "crash/test_killed.py",
    "neighbours/test_faults.py",
    "neighbours/test_proof.py",
    "clients/test_life.py",
    "crash/test_relay.py",
    "soak/test_soak.py",
    "attacks/test_headers.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {TESTS / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path, len(LONG)))


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command that runs in this process says for the whole of it where its log goes."""
    root, asyncio = logging.getLogger(), logging.getLogger("asyncio")
    handlers, levels = root.handlers[:], (root.level, asyncio.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    asyncio.setLevel(levels[1])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    folder = tmp_path / "site"
    folder.mkdir()
    return Site.make(folder)


@pytest.fixture
async def house(site: Site) -> AsyncIterator[House]:
    house = await House(site).open()
    yield house
    await house.close()
