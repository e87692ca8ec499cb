"""Accounts small enough to be crashed some thousand times."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import describe, maildir
from tests.crash import calls


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few folders; and UIDs in blocks of two, so that nearly every change writes a mark."""
    monkeypatch.setattr(maildir, "SPECIAL_MAILBOXES", {"Archive": "\\Archive"})
    monkeypatch.setattr(describe, "UID_BLOCK", 2)


@pytest.fixture
def quick() -> Iterator[None]:
    """Without fsync: what a killed process wrote is there all the same."""
    with calls.hooked(calls.unsynced()):
        yield


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Path]:
    """Where a store may lie: in memory, if there is such a file system, for SQLite's own fsyncs cost time."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path / "data"
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="kwcmaild-crash-") as folder:
        yield Path(folder) / "data"
