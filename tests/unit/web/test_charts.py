"""Numbers become rectangles that are as high as they say, inside their box."""

from hypothesis import given
from hypothesis import strategies as st

from web.charts import HEIGHT, WIDTH, Chart, grouped, round_up, stacked

SERIES = st.integers(1, 40).flatmap(
    lambda steps: st.fixed_dictionaries(
        {kind: st.lists(st.integers(0, 10**6), min_size=steps, max_size=steps) for kind in ("a", "b", "c")}
    )
)


def check(chart: Chart, series: dict[str, list[int]]) -> None:
    assert [step.numbers for step in chart.steps] == list(zip(*series.values(), strict=True))
    for step in chart.steps:
        found = {rect.kind: rect for rect in step.rects}
        for kind, number in zip(chart.kinds, step.numbers, strict=True):
            assert (kind in found) == (number > 0)
            if number:
                rect = found[kind]
                assert abs(rect.height - HEIGHT * number / chart.top) < 0.01
                assert rect.y >= -0.01 and rect.y + rect.height <= HEIGHT + 0.02
                assert (
                    step.x <= rect.x + 0.01
                    and rect.x + rect.width <= step.x + step.width + 0.02 <= WIDTH + 0.03
                )


@given(SERIES)
def test_grouped(series: dict[str, list[int]]) -> None:
    chart = grouped(series)
    check(chart, series)
    assert chart.empty == (not any(map(any, series.values())))


@given(SERIES)
def test_stacked(series: dict[str, list[int]]) -> None:
    chart = stacked(series)
    check(chart, series)
    for step in chart.steps:  # each stands on the one before
        for lower, upper in zip(step.rects, step.rects[1:], strict=False):
            assert abs(lower.y - (upper.y + upper.height)) < 0.03


@given(st.integers(0, 10**9))
def test_the_scale_is_round_and_not_much_too_high(value: int) -> None:
    top = round_up(value)
    assert value <= top <= max(4, 2 * value)
    assert top % 2 == 0
    assert len(str(top).rstrip("0")) == 1
