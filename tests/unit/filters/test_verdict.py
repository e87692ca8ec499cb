"""Several opinions become one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.verdict import DEFERRED, PASS, REJECTED, Action, AuthResult, Verdict, merge, refusal
from storage.status import Status

NO = Status("5.7.1", "no")
VERDICTS = st.builds(
    Verdict,
    st.sampled_from(Action),
    st.sampled_from([None, NO]),
    st.text(max_size=3),
    st.lists(st.binary(max_size=3), max_size=2).map(tuple),
    st.lists(st.builds(AuthResult, st.just("spf"), st.just("pass")), max_size=2).map(tuple),
)


@given(st.lists(VERDICTS, max_size=5))
def test_the_worst_wins_and_nothing_said_is_lost(verdicts: list[Verdict]) -> None:
    merged = merge(verdicts)
    assert merged.action == max((each.action for each in verdicts), default=Action.PASS)
    assert merged.fields == tuple(field for each in verdicts for field in each.fields)
    assert merged.results == tuple(result for each in verdicts for result in each.results)
    if verdicts:
        first = next(each for each in verdicts if each.action == merged.action)
        assert (merged.status, merged.reason) == (first.status, first.reason)


def test_discard_stands_above_all() -> None:
    assert merge([Verdict(Action.REJECT, NO), Verdict(Action.DISCARD), PASS]).action is Action.DISCARD


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [
        (PASS, None),
        (Verdict(Action.QUARANTINE), None),
        (Verdict(Action.DISCARD), None),
        (Verdict(Action.DEFER), DEFERRED),
        (Verdict(Action.REJECT), REJECTED),
        (Verdict(Action.REJECT, NO), NO),
    ],
)
def test_refusal(verdict: Verdict, answer: Status | None) -> None:
    assert refusal(verdict) == answer
