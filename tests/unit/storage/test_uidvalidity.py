"""UIDVALIDITY: threads that want some at the same moment take them together, and none has another's."""

import fcntl
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage import uidvalidity


def test_many_that_come_while_one_takes_take_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go_on = threading.Event(), threading.Event()
    takes: list[int] = []
    take_from_file = uidvalidity._take

    def slow(data: Path, count: int, clock: object) -> int:
        takes.append(count)
        inside.set()
        assert go_on.wait(60)
        return take_from_file(data, count, lambda: 1000.0)

    monkeypatch.setattr(uidvalidity, "_take", slow)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(uidvalidity.take, tmp_path, 2)
        assert inside.wait(60)
        others = [threads.submit(uidvalidity.take, tmp_path, 3) for _ in range(8)]
        while len(uidvalidity._asks) < 8:  # all have asked
            threading.Event().wait(0.001)
        go_on.set()
        assert first.result(60) == [1000, 1001]
        given = sorted(value for other in others for value in other.result(60))
    assert given == list(range(1002, 1026))
    assert takes == [2, 24]


def test_who_waits_for_the_lock_sees_what_was_given_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, given = fcntl.flock, []

    def waits(fd: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        given.append(uidvalidity._take(tmp_path, 3, lambda: 1000.0))  # another process
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", waits)
    assert uidvalidity.take(tmp_path, 1, lambda: 900.0) == [1003] and given == [1000]


def test_what_is_given_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", note)
    uidvalidity.take(tmp_path, 2, lambda: 1000.0)
    file, state = tmp_path / "state" / "uidvalidity", tmp_path / "state"
    assert synced == [str(file), str(state), str(tmp_path)] and file.read_text().strip() == "1001"
    uidvalidity.take(tmp_path, 1, lambda: 1000.0)
    assert synced[3:] == [str(file)]


def test_a_disk_that_fails_is_everybodys_error_and_the_next_try_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fsync", failing)
    with pytest.raises(OSError, match="Input/output"):
        uidvalidity.take(tmp_path, 2, lambda: 1000.0)
    monkeypatch.undo()
    assert uidvalidity.take(tmp_path, 2, lambda: 1000.0) == [1002, 1003]
