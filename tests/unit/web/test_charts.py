"""Numbers become rectangles that are as high as they say, inside their box."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from web.charts import HEIGHT, WIDTH, Chart, bars, cells, grouped, round_up, stacked

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


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is
@given(SERIES)
def test_grouped(series: dict[str, list[int]]) -> None:
    chart = grouped(series)
    check(chart, series)
    assert chart.empty == (not any(map(any, series.values())))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is
@given(SERIES)
def test_stacked(series: dict[str, list[int]]) -> None:
    chart = stacked(series)
    check(chart, series)
    for step in chart.steps:  # each stands on the one before
        for lower, upper in zip(step.rects, step.rects[1:], strict=False):
            assert abs(lower.y - (upper.y + upper.height)) < 0.03


@settings(deadline=None)
@given(st.integers(0, 10**9))
def test_the_scale_is_round_and_not_much_too_high(value: int) -> None:
    top = round_up(value)
    assert value <= top <= max(4, 2 * value)
    assert top % 2 == 0
    assert len(str(top).rstrip("0")) == 1


def test_what_is_drawn_says_all_numbers_and_lets_no_markup_in() -> None:
    chart = grouped({"received": [1234, 0], "sent": [0, 5]})
    drawn = bars(chart, ["10:00", "<b>"], ["Re&eived", "Sent"])
    assert "<title>10:00  Re&amp;eived 1,234  Sent 0</title>" in drawn
    assert "<title>&lt;b&gt;  Re&amp;eived 0  Sent 5</title>" in drawn
    assert drawn.count('class="kind-received"') == drawn.count('class="kind-sent"') == 1
    assert cells(chart, ["10:00", "<b>"]) == (
        '<tr><th scope="row">10:00</th><td class="number">1,234</td><td class="number">0</td></tr>'
        '<tr><th scope="row">&lt;b&gt;</th><td class="number">0</td><td class="number">5</td></tr>'
    )
