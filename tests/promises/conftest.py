"""Where the stores of this folder lie, and the clock that they are handed."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises.world import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, if there is such a file system: no promise held here rests on fsync."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="kwcmaild-promises-") as folder:
        yield Path(folder)
