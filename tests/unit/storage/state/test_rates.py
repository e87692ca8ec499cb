"""Counts within a time: right on average, never forgotten early, shared, bounded, and no reason to stop."""

import hashlib
import itertools
import multiprocessing
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.state.rates import MOST, SETS, WAYS, Rates, Tally

HOUR = 3600


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000 * 3600.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(tmp_path: Path, clock: Clock) -> Rates:
    return Rates(tmp_path / "run" / "rates", clock)


def test_what_came_in_the_last_hour(rates: Rates, clock: Clock) -> None:
    assert rates.add("mail", "taro", HOUR, 0).total == 0
    assert [rates.add("mail", "taro", HOUR).total for _ in range(3)] == [1, 2, 3]
    assert rates.add("mail", "taro", HOUR, 97).total == 100
    assert rates.add("mail", "hanako", HOUR, 0).total == 0
    assert rates.add("rcpt", "taro", HOUR, 0).total == 0
    assert rates.add("mail", "taro", 24 * HOUR, 0).total == 0
    clock.now += HOUR
    assert rates.add("mail", "taro", HOUR, 0).total == 100
    clock.now += HOUR // 4
    assert rates.add("mail", "taro", HOUR, 0).total == 75
    assert rates.add("mail", "taro", HOUR, 5).total == 80
    clock.now += HOUR
    assert rates.add("mail", "taro", HOUR, 0).total == 3  # three quarters of the five
    clock.now += HOUR
    assert rates.add("mail", "taro", HOUR, 0).total == 0


def test_taken_back_and_forgotten(rates: Rates, clock: Clock) -> None:
    rates.add("mail", "taro", HOUR, 10)
    assert rates.add("mail", "taro", HOUR, -4).total == 6
    clock.now += HOUR
    assert rates.add("mail", "taro", HOUR, -4).total == 2  # what came before the turn
    assert rates.add("mail", "taro", HOUR, -40).total == 0
    rates.add("mail", "taro", HOUR, 10)
    clock.now += HOUR
    rates.add("mail", "taro", HOUR, 10)
    rates.forget("mail", "taro", HOUR)
    assert rates.add("mail", "taro", HOUR, 0).total == 0


def test_a_clock_that_is_set_begins_anew(rates: Rates, clock: Clock) -> None:
    rates.add("mail", "taro", HOUR, 10)
    clock.now -= 5 * HOUR
    assert rates.add("mail", "taro", HOUR).total == 1
    clock.now += 500 * HOUR
    assert rates.add("mail", "taro", HOUR).total == 1


def test_it_does_not_overflow(rates: Rates) -> None:
    rates.add("mail", "taro", HOUR, MOST)
    assert rates.add("mail", "taro", HOUR, MOST).total == MOST


@given(
    current=st.integers(0, 2000),
    before=st.integers(0, 2000),
    most=st.integers(0, 1000),
    share=st.floats(0, 0.999),
)
def test_it_says_when_it_goes_on(current: int, before: int, most: int, share: float) -> None:
    number = 400_000
    tally = Tally(HOUR, number, current, before, (number + share) * HOUR)
    then = tally.falls(most) + 0.001
    assert then >= tally.at
    turns = int(then // HOUR) - number
    assert turns in (0, 1, 2)
    later = [tally, tally._replace(number=number + 1, current=0, before=current), None][turns]
    assert later is None or later._replace(at=then).total <= most
    if then - tally.at > 3:  # and not much earlier
        earlier = then - 2
        turns = int(earlier // HOUR) - number
        state = tally if turns == 0 else tally._replace(number=number + 1, current=0, before=current)
        assert turns == 2 or state._replace(at=earlier).total >= most - 1


@given(st.lists(st.tuples(st.integers(0, 2 * HOUR), st.integers(0, 50)), max_size=40))
def test_never_more_than_in_two_windows_never_less_than_in_this_one(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    clock = Clock()
    rates = Rates(tmp_path_factory.mktemp("run") / "rates", clock)
    came: list[tuple[float, int]] = []
    for pause, amount in steps:
        clock.now += pause
        came.append((clock.now, amount))
        total = rates.add("mail", "taro", HOUR, amount).total
        start = clock.now // HOUR * HOUR
        assert total >= sum(amount for at, amount in came if at >= start)
        assert total <= sum(amount for at, amount in came if at >= start - HOUR)
    rates.close()


def test_a_flood_of_keys_costs_no_room_and_large_counts_stay(tmp_path: Path, clock: Clock) -> None:
    rates = Rates(tmp_path / "rates", clock)
    rates.add("mail", "taro", HOUR, 100)
    for number in range(20_000):
        rates.add("mail", f"flood {number}", HOUR)
    assert rates.add("mail", "taro", HOUR, 0).total == 100
    assert (tmp_path / "rates").stat().st_size <= SETS * WAYS * 24


def test_where_a_set_is_full_what_still_counts_stays(rates: Rates, clock: Clock) -> None:
    """Also what came in the window before, as long as that reaches into the last hour."""

    def set_of(key: str) -> int:
        digest = hashlib.blake2b(f"mail\0{key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") % SETS

    keys = (f"flood {number}" for number in itertools.count())
    clock.now = clock.now // HOUR * HOUR
    rates.add("mail", "taro", HOUR, 100)
    clock.now += 1.5 * HOUR
    for key in itertools.islice((key for key in keys if set_of(key) == set_of("taro")), WAYS):
        rates.add("mail", key, HOUR)
    assert rates.add("mail", "taro", HOUR, 0).total == 50


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock is waited for as long as it takes; else, on a busy machine, some count without it."""
    monkeypatch.setattr("storage.state.rates.TRIES", 10**9)


def _count(path: str) -> None:
    rates = Rates(Path(path), Clock())
    for _ in range(300):
        rates.add("mail", "taro", 86_400)
    os._exit(0)


@pytest.mark.usefixtures("patient")
def test_processes_count_together(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_count, args=(str(tmp_path / "rates"),)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert Rates(tmp_path / "rates", Clock()).add("mail", "taro", 86_400, 0).total == 1_200


def test_so_many_in_a_minute_and_more_as_it_passes(rates: Rates, clock: Clock) -> None:
    assert [rates.take("visit", "a", 60, 3) for _ in range(5)] == [True, True, True, False, False]
    assert rates.take("visit", "b", 60, 3)
    clock.now += 60  # all of the last minute still counts
    assert not rates.take("visit", "a", 60, 3)
    clock.now += 30  # half of it
    assert [rates.take("visit", "a", 60, 3) for _ in range(3)] == [True, True, False]
    clock.now -= 3600
    assert rates.take("visit", "a", 60, 1)


def _take(path: str, times: int, found: "multiprocessing.Queue[int]") -> None:
    rates = Rates(Path(path), Clock())
    found.put(sum(rates.take("visit", "a", 60, 1500) for _ in range(times)))


@pytest.mark.usefixtures("patient")
def test_not_one_too_many_when_all_come_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    found: multiprocessing.Queue[int] = context.Queue()
    processes = [context.Process(target=_take, args=(str(tmp_path / "rates"), 1000, found)) for _ in range(4)]
    for process in processes:
        process.start()
    taken = sum(found.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(60)
    assert taken == 1500


def test_a_set_that_somebody_holds_is_counted_in_all_the_same(tmp_path: Path, clock: Clock) -> None:
    import fcntl

    rates = Rates(tmp_path / "rates", clock)
    rates.add("mail", "taro", HOUR)
    with (tmp_path / "rates").open("r+b") as other:
        fcntl.fcntl(other, fcntl.F_OFD_SETLK, struct.pack("@hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        assert rates.add("mail", "taro", HOUR).total == 2


def test_where_nothing_can_be_written_nothing_is_counted_or_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "run").write_text("a file where the folder should be")
    rates = Rates(tmp_path / "run" / "rates")
    assert [rates.add("mail", "taro", HOUR).total for _ in range(3)] == [1, 1, 1]
    assert caplog.messages == ["rates.unusable"]
    rates.close()


def test_garbage_in_the_file_is_no_reason_to_fail(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "rates").write_bytes(b"\xff" * (SETS * WAYS * 24 - 100))
    rates = Rates(tmp_path / "rates", clock)
    assert [rates.add("mail", f"k{number}", HOUR).total for number in range(500)] == [1] * 500
