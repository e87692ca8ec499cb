"""The whole server in this process, on ports of its own.

`site` is a directory with kwcmaild.yaml, a certificate and the accounts taro and hanako of example.test;
`house` the store over it, whose `pop3()`, `imap()` and `smtp()` open doors and return their addresses.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import hypothesis
import pytest

from tests.house import House, Site

# A busy machine is no fault of what is tested.
hypothesis.settings.register_profile(
    "patient",
    hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("patient")


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
