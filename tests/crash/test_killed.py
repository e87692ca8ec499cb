"""A process is killed between any two system calls of a change; the next one finds every promise kept.

Each change runs in a child that ends before its n-th call, for n from 1 until it comes to its end. The next
process then opens the account as it is, or without its index, or is itself killed while it mends: in turn, and
in the long run (`make crash`) each for each n.
"""

import itertools
import shutil
from pathlib import Path

import pytest

from tests.crash import calls, state
from tests.crash.rounds import LONG
from tests.crash.state import Place
from tests.crash.works import WORKS, Work

pytestmark = pytest.mark.usefixtures("small", "quick")


OPENED, LOST, KILLED = "opened", "lost index", "killed again"


def crash_at_each_call(work: Work, ground: Path, thens: list[str]) -> int:
    origin = Place(ground)
    work.prepare(origin)
    before = origin.look()
    work.disturb(origin)
    for count in itertools.count(1):
        then = thens[count % len(thens)]
        place = origin.copy_to(ground.with_name("now"))
        try:
            ended, said = calls.run(lambda say, place=place: work.do(place, say), calls.stop_before(count))
            assert said or not ended
            if then == LOST:
                place.lose_indexes()
            elif then == KILLED:
                calls.run(lambda say, place=place: (place.look(), None)[1], calls.stop_before(count % 17 + 1))
            after = state.check_sound(place, before)
            work.check(before, after, said, False)
            work.also(place)
            state.check_index_is_a_cache(place)
            state.check_goes_on(place, before, after)
        except Exception as error:
            error.add_note(f"stopped before call {count} of {work.name}, then {then}: see {place.data}")
            raise
        shutil.rmtree(place.data)
        if ended:
            return count
    raise AssertionError


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_killed_between_any_two_calls(work: Work, ground: Path) -> None:
    for number, thens in enumerate(
        [[OPENED], [LOST], [KILLED]] if LONG else [[OPENED, LOST, OPENED, KILLED]]
    ):
        assert crash_at_each_call(work, ground / str(number) / "data", thens) > 5
