"""One server for all tests of this folder, and an account of its own for each."""

import itertools
import re
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.daemons import Daemons, Login, Tools

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    daemons = Daemons(tmp_path_factory.mktemp("server"))
    try:
        yield daemons.start()
    finally:
        daemons.stop()


@pytest.fixture
def accounts(daemons: Daemons, request: pytest.FixtureRequest) -> Callable[..., Login]:
    """Accounts named after the test, made when asked for."""
    node = f"{request.path.stem}.{request.node.name}".removeprefix("test_")
    name = re.sub(r"[^a-z0-9]+", "-", node.lower())[:45].strip("-")
    unique = next(_numbers)
    return lambda who="a", more="": daemons.account(f"{who}.{name}-{unique}", more)


@pytest.fixture
def login(accounts: Callable[..., Login]) -> Login:
    return accounts()


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(tmp_path)


@pytest.fixture
def context(daemons: Daemons) -> ssl.SSLContext:
    """A client that trusts the demo's authority and nobody else."""
    return ssl.create_default_context(cafile=str(daemons.demo.ca))
