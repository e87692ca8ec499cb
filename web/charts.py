"""Charts drawn by us: from numbers to rectangles in a box of 1,000 by 100, which the page stretches to its width.

Only the bars are SVG; what is read (titles, scale, dates) is text of the page around them, so it keeps its size on
a telephone. Each step has its own title for who points at it, and the page has the same numbers as a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 1000.0, 100.0
GAP = 0.28  # of a step's width that is left empty


@dataclass(frozen=True, slots=True)
class Rect:
    """One rectangle; `kind` names its colour."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Step:
    """What stands at one step, and where somebody may point to hear about it."""

    x: float
    width: float
    rects: tuple[Rect, ...]
    numbers: tuple[int, ...]  # in the order of the chart's kinds


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart. `top` is the number at its upper edge."""

    kinds: tuple[str, ...]
    steps: tuple[Step, ...]
    top: int

    @property
    def empty(self) -> bool:
        return not any(any(step.numbers) for step in self.steps)


def stacked(series: Mapping[str, Sequence[int]]) -> Chart:
    """One bar a step, the kinds on top of one another."""
    columns = list(zip(*series.values(), strict=True))
    top = round_up(max((sum(column) for column in columns), default=0))
    steps = []
    for number, column in enumerate(columns):
        x, width = _place(number, len(columns))
        rects, below = [], 0
        for kind, value in zip(series, column, strict=True):
            below += value
            if value:
                rects.append(_rect(x + width * GAP / 2, width * (1 - GAP), below, value, top, kind))
        steps.append(Step(x, width, tuple(rects), tuple(column)))
    return Chart(tuple(series), tuple(steps), top)


def grouped(series: Mapping[str, Sequence[int]]) -> Chart:
    """The kinds of a step beside one another."""
    columns = list(zip(*series.values(), strict=True))
    top = round_up(max((max(column) for column in columns), default=0))
    steps = []
    for number, column in enumerate(columns):
        x, width = _place(number, len(columns))
        each = width * (1 - GAP) / len(series)
        rects = [
            _rect(x + width * GAP / 2 + each * place, each, value, value, top, kind)
            for place, (kind, value) in enumerate(zip(series, column, strict=True))
            if value
        ]
        steps.append(Step(x, width, tuple(rects), tuple(column)))
    return Chart(tuple(series), tuple(steps), top)


def bars(chart: Chart, labels: Sequence[str], names: Sequence[str]) -> Markup:
    """The steps as SVG; `labels` of the steps and `names` of the kinds are what is read where somebody points.
    Made here and not by a template: a month has some thirty steps of seven bars."""
    said = [escape(name) for name in names]
    drawn = []
    for label, step in zip(labels, chart.steps, strict=True):
        numbers = "".join(f"  {name} {number:,}" for name, number in zip(said, step.numbers, strict=True))
        rects = "".join(
            f'<rect class="kind-{each.kind}" x="{each.x}" y="{each.y}" width="{each.width}"'
            f' height="{each.height}"/>'
            for each in step.rects
        )
        drawn.append(
            f'<g class="step"><title>{escape(label)}{numbers}</title>'
            f'<rect class="point" x="{step.x}" y="0" width="{step.width}" height="100"/>{rects}</g>'
        )
    return Markup("\n").join(map(Markup, drawn))


def cells(chart: Chart, labels: Sequence[str]) -> Markup:
    """The same numbers as rows of a table."""
    return Markup("").join(
        Markup(  # noqa: S704 (numbers, and what is escaped)
            f'<tr><th scope="row">{escape(label)}</th>'
            + "".join(f'<td class="number">{number:,}</td>' for number in step.numbers)
            + "</tr>"
        )
        for label, step in zip(labels, chart.steps, strict=True)
    )


def round_up(value: int) -> int:
    """The scale's upper end, a round number whose half is whole: 4, 6, 8, 10, 20, 30, 40, 50, 60, 80, 100, …"""
    if value <= 8:
        return max(4, value + value % 2)
    power = 10
    while True:
        for factor in (1, 2, 3, 4, 5, 6, 8):
            if value <= power * factor:
                return power * factor
        power *= 10


def _place(number: int, steps: int) -> tuple[float, float]:
    return WIDTH * number / steps, WIDTH / steps


def _rect(x: float, width: float, upper: int, value: int, top: int, kind: str) -> Rect:
    y = HEIGHT * (1 - upper / top)
    return Rect(round(x, 2), round(y, 2), round(width, 2), round(HEIGHT * value / top, 2), kind)
