"""No number twice, whoever asks at the same time."""

import fcntl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.state.list_number import last, take

SALES = "sales@example.test"


def test_numbers_run_on_for_each_list(tmp_path: Path) -> None:
    assert last(tmp_path, SALES) == 0
    assert [take(tmp_path, SALES) for _ in range(3)] == [1, 2, 3]
    assert take(tmp_path, "other@example.test") == 1
    assert last(tmp_path, SALES) == 3


def test_no_number_twice(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda _: take(tmp_path, SALES), range(40)))
    assert sorted(numbers) == list(range(1, 41))


def test_who_waits_for_the_lock_sees_what_was_given_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, given = fcntl.flock, []

    def waits(fd: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        given.append(take(tmp_path, SALES))
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", waits)
    assert take(tmp_path, SALES) == 2 and given == [1]


def test_a_file_that_cannot_be_read_gives_none(tmp_path: Path) -> None:
    take(tmp_path, SALES)
    (tmp_path / "lists/example.test/sales.number").write_bytes(b"rubbish")
    with pytest.raises(OSError, match="running number"):
        take(tmp_path, SALES)
