"""The pace of a destination: it grows with success, is halved by trouble, and a dead one is left alone."""

import pytest

from smtp.relay.pace import BEGIN, FIRST_PAUSE, KNOWN_MOST, LONGEST_PAUSE, Pace, Paces, is_about_the_host
from storage.status import Status

MOST = 20


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_grows_by_one_with_each_success_up_to_what_the_settings_allow() -> None:
    pace = Pace()
    seen = []
    for _ in range(30):
        seen.append(pace.allowed(MOST))
        pace.succeeded(MOST)
    assert seen[:4] == [int(BEGIN), 3, 4, 5] and seen[-1] == MOST
    assert pace.allowed(3) == 3


def test_trouble_halves_it_and_from_there_it_grows_slowly() -> None:
    pace = Pace()
    for _ in range(30):
        pace.succeeded(MOST)
    pace.slowed()
    assert pace.allowed(MOST) == 10
    pace.slowed()
    pace.slowed()
    assert pace.allowed(MOST) == 2
    for _ in range(3):
        pace.succeeded(MOST)
    assert pace.allowed(MOST) == 3
    for _ in range(10):
        pace.slowed()
    assert pace.allowed(MOST) == 1


def test_a_host_gets_as_many_connections_as_it_takes() -> None:
    pace = Pace()
    for _ in range(30):
        pace.succeeded(MOST)
    pace.crowded(4)
    assert pace.allowed(MOST) == 4
    pace.crowded(0)
    assert pace.allowed(MOST) == 1


def test_a_closed_one_is_left_alone_for_longer_each_time_until_a_success() -> None:
    clock = Clock()
    paces = Paces(clock, lambda: 0.5)
    pauses = [paces.close("dead") for _ in range(8)]
    assert pauses[:4] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert paces.of("dead").allowed(MOST) == 1
    clock.now += LONGEST_PAUSE
    assert paces.closed_for("dead") == 0
    paces.of("dead").succeeded(MOST)
    assert paces.close("dead") == FIRST_PAUSE
    paces.reopen()
    assert paces.closed_for("dead") == 0 and paces.closed_for("never seen") == 0


def test_pauses_differ_a_little_and_never_overflow() -> None:
    pauses = []
    for jitter in (0.0, 1.0):
        paces = Paces(Clock(), lambda jitter=jitter: jitter)
        pauses.append(paces.close("dead"))
        for _ in range(5000):
            paces.close("dead")
    assert pauses == [pytest.approx(0.9 * FIRST_PAUSE), pytest.approx(1.1 * FIRST_PAUSE)]


def test_what_is_remembered_is_bounded_and_the_dead_are_not_forgotten_first() -> None:
    paces = Paces(Clock(), lambda: 0.5)
    paces.close("dead")
    for number in range(KNOWN_MOST + 10):
        paces.of(f"d{number}")
    assert len(paces._known) <= KNOWN_MOST
    assert paces.closed_for("dead") > 0


@pytest.mark.parametrize(
    ("code", "about_the_host"),
    [("4.2.2", False), ("4.1.1", False), ("4.7.1", True), ("4.3.2", True), ("4.4.2", True), ("5.7.1", False)],
)
def test_what_says_something_about_the_host(code: str, about_the_host: bool) -> None:
    assert is_about_the_host(Status(code)) is about_the_host
