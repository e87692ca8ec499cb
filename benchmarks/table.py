"""The figures of all runs as one table in Markdown: medians, and ours against the other's."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.figure import Figure
from benchmarks.rows import Row


@dataclass(slots=True)
class Results:
    """What was measured so far: by row, then figure, then server."""

    servers: Sequence[str]
    found: dict[str, dict[str, dict[str, list[Figure]]]] = field(default_factory=dict)

    def add(self, row: Row, server: str, figures: Sequence[Figure]) -> None:
        for figure in figures:
            by_server = self.found.setdefault(row.name, {}).setdefault(figure.what, {})
            by_server.setdefault(server, []).append(figure)


def table(results: Results, rows: Sequence[Row]) -> str:
    """A ratio above 1 is in kwcmaild's favour, in rates and in times alike."""
    other, *ours = results.servers
    head = ["workload", "figure", other, *(cell for name in ours for cell in (name, "ratio")), "aim"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        for number, (what, by_server) in enumerate(results.found.get(row.name, {}).items()):
            first = [f"{row.title} (`{row.name}`)", row.aim] if number == 0 else ["", ""]
            lines.append([first[0], what, *_cells(by_server, other, ours), first[1]])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(by_server: Mapping[str, Sequence[Figure]], other: str, ours: Sequence[str]) -> list[str]:
    theirs = _median(by_server.get(other, ()))
    cells = [_shown(theirs, by_server.get(other, ()))]
    for name in ours:
        figures = by_server.get(name, ())
        value = _median(figures)
        cells += [_shown(value, figures), _ratio(theirs, value, figures)]
    return cells


def _median(figures: Sequence[Figure]) -> float | None:
    return statistics.median(figure.value for figure in figures) if figures else None


def _shown(value: float | None, figures: Sequence[Figure]) -> str:
    if value is None:
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {figures[0].unit}"


def _ratio(theirs: float | None, value: float | None, figures: Sequence[Figure]) -> str:
    if theirs is None or value is None or min(theirs, value) <= 0:
        return "–"
    return f"{value / theirs if figures[0].more else theirs / value:.2f}"
