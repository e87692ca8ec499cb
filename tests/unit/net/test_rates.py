"""Counts by the minute: within a process, over several, and when the table is crowded."""

import multiprocessing
from pathlib import Path

from net import rates
from net.rates import Rates


class Clock:
    def __init__(self) -> None:
        self.now = 6000.0  # the start of a minute

    def __call__(self) -> float:
        return self.now


def test_so_many_in_a_minute_and_then_more_as_it_passes(tmp_path: Path) -> None:
    clock = Clock()
    it = Rates(tmp_path, "x", clock)
    assert [it.take("a", 3) for _ in range(5)] == [True, True, True, False, False]
    assert it.take("b", 3)
    clock.now += 60  # all of the last minute still counts
    assert not it.take("a", 3)
    clock.now += 30  # half of it
    assert it.take("a", 3)
    assert it.take("a", 3)
    assert not it.take("a", 3)
    clock.now += 120
    assert [it.take("a", 3) for _ in range(4)] == [True, True, True, False]
    it.close()


def test_a_clock_that_was_set_back_locks_nobody_out(tmp_path: Path) -> None:
    clock = Clock()
    it = Rates(tmp_path, "x", clock)
    assert [it.take("a", 1), it.take("a", 1)] == [True, False]
    clock.now -= 3600
    assert it.take("a", 1)


def test_two_processes_count_together(tmp_path: Path) -> None:
    clock = Clock()
    first, second = Rates(tmp_path, "x", clock), Rates(tmp_path, "x", clock)
    assert first.take("a", 2)
    assert second.take("a", 2)
    assert not first.take("a", 2)
    assert Rates(tmp_path, "other", clock).take("a", 2)


def _count(run: Path, times: int, found: "multiprocessing.Queue[int]") -> None:
    it = Rates(run, "x", Clock())
    found.put(sum(it.take("a", 3000) for _ in range(times)))


def test_not_one_too_many_when_all_come_at_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("fork")
    found: multiprocessing.Queue[int] = spawn.Queue()
    workers = [spawn.Process(target=_count, args=(tmp_path, 2000, found)) for _ in range(4)]
    for worker in workers:
        worker.start()
    taken = sum(found.get(timeout=30) for _ in workers)
    for worker in workers:
        worker.join()
    assert taken == 3000


def test_of_a_crowded_set_the_silent_one_is_forgotten(tmp_path: Path) -> None:
    clock = Clock()
    it = Rates(tmp_path, "x", clock)
    sets = rates.SETS
    try:
        rates.SETS = 1
        assert it.take("old", 1)
        clock.now += 60
        for number in range(rates.WAYS - 1):
            assert it.take(f"new {number}", 1)
        assert it.take("one more", 1)
        assert not it.take("new 0", 1)
        assert it.take("old", 1)
    finally:
        rates.SETS = sets
