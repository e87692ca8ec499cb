"""Engines as Debian ships them, each started once for the tests that ask for it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import engines
from tests.engines.engines import Engine
from tests.unit.smtp.conftest import connect as connect  # the same client, as a fixture here


@pytest.fixture(scope="session")
def spamd() -> Iterator[Engine]:
    with (
        tempfile.TemporaryDirectory(prefix="kwcmaild-spamd-") as folder,
        engines.spamd(Path(folder)) as spamd,
    ):
        yield spamd


@pytest.fixture(scope="session")
def rspamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with engines.rspamd(tmp_path_factory.mktemp("rspamd")) as rspamd:
        yield rspamd


@pytest.fixture(scope="session")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with engines.clamd(tmp_path_factory.mktemp("clamd")) as socket:
        yield socket
