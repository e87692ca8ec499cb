"""What was learned: once of each message, the other way when it moves back, and for so long."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.state import bayes as module
from storage.state.bayes import FORGOTTEN, KEPT, SERVER, Bayes, Counts

DAY, TARO = 86_400, "taro@example.test"


class Clock:
    now = 20_000.0 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bayes(tmp_path: Path, clock: Clock) -> Iterator[Bayes]:
    bayes = Bayes(tmp_path, clock)
    yield bayes
    bayes.close()


def test_a_message_is_counted_once_and_moved_back_the_other_way(bayes: Bayes) -> None:
    learned = [bayes.learn(SERVER, "m1", {"win", "now"}, spam=spam) for spam in (True, True, False, False)]
    assert learned == [True, False, True, False]
    assert bayes.totals(SERVER) == Counts(0, 1)
    assert bayes.counts(SERVER, ["win", "now", "never"]) == {"win": Counts(0, 1), "now": Counts(0, 1)}
    assert (bayes.learned(SERVER, "m1"), bayes.learned(SERVER, "m2")) == (False, None)


def test_who_looks_sees_that_something_was_learned_by_whomever(bayes: Bayes, tmp_path: Path) -> None:
    other = Bayes(tmp_path)
    versions = [bayes.version(), other.version()]
    for lesson, teacher in enumerate((bayes, other)):
        teacher.learn(SERVER, f"m{lesson}", {"word"}, spam=True)
        now = [bayes.version(), other.version()]
        assert all(new != old for new, old in zip(now, versions, strict=True))
        versions = now
    bayes.learn(SERVER, "m1", {"word"}, spam=True)  # nothing new
    assert [bayes.version(), other.version()] == versions
    other.close()


def test_an_account_that_is_gone_is_forgotten_and_what_it_taught_is_not(bayes: Bayes) -> None:
    for scope in (SERVER, TARO):
        bayes.learn(scope, "m1", {"word"}, spam=True)
    bayes.forget(TARO)
    assert (bayes.totals(TARO), bayes.counts(TARO, ["word"]), bayes.scopes()) == (Counts(0, 0), {}, [])
    assert bayes.learned(TARO, "m1") is None and bayes.learned(SERVER, "m1") is True
    assert bayes.counts(SERVER, ["word"]) == {"word": Counts(1, 0)}


def test_what_came_once_and_long_ago_goes(bayes: Bayes, clock: Clock) -> None:
    bayes.learn(SERVER, "m1", {"once", "twice"}, spam=True)
    bayes.learn(SERVER, "m2", {"twice"}, spam=False)
    for days, known in ((FORGOTTEN, {"once", "twice"}), (1, {"twice"})):
        clock.now += days * DAY
        bayes.tidy()
        assert bayes.counts(SERVER, ["once", "twice"]).keys() == known
    assert bayes.learned(SERVER, "m1") is True
    clock.now += (KEPT - FORGOTTEN) * DAY
    bayes.tidy()
    assert bayes.learned(SERVER, "m1") is None


def test_of_too_many_the_rarest_and_of_those_the_oldest_go(
    bayes: Bayes, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ACCOUNT_MOST", 2)
    bayes.learn(TARO, "m1", {"often", "old"}, spam=True)
    clock.now += DAY
    bayes.learn(TARO, "m2", {"often", "new"}, spam=True)
    bayes.tidy()
    assert bayes.counts(TARO, ["often", "old", "new"]).keys() == {"often", "new"}
