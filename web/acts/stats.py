"""Numbers for the dashboards: mail of each hour or day, of one domain or the whole server."""

import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from storage.state import hourly
from storage.state.hourly import HOUR, SERVER, WHATS, What
from web.office import Office
from web.person import Person, Right, allow

Span = Literal["day", "week", "month", "quarter"]
DAYS: dict[Span, int] = {"day": 1, "week": 7, "month": 30, "quarter": 90}


@dataclass(frozen=True, slots=True)
class Flow:
    """So many mails of each kind in each step. A step begins at `starts[n]`, seconds since 1970."""

    span: Span
    starts: tuple[float, ...]
    counts: dict[What, tuple[int, ...]]

    @property
    def totals(self) -> dict[What, int]:
        return {what: sum(each) for what, each in self.counts.items()}


async def domain(office: Office, person: Person, name: str, span: Span) -> Flow:
    """The mail of a domain."""
    allow(person, Right.DOMAIN_SEE, name)
    return await office.run(_flow, office, name, span)


async def server(office: Office, person: Person, span: Span) -> Flow:
    """The mail of the whole server."""
    allow(person, Right.SERVER_SEE)
    return await office.run(_flow, office, SERVER, span)


def _flow(office: Office, name: str, span: Span) -> Flow:
    starts = _starts(office.now(), span)
    first, last = int(starts[0]) // HOUR, int(office.now()) // HOUR
    found = hourly.read(office.settings().data / "state", name, first, last)
    counts = {what: [0] * len(starts) for what in WHATS}
    for each in found:
        step = _step(starts, each.hour * HOUR)
        if step is not None and each.what in counts:
            counts[each.what][step] += each.count
    return Flow(span, tuple(starts), {what: tuple(each) for what, each in counts.items()})


def _starts(now: float, span: Span) -> list[float]:
    """Hours of the last day, or days of the server's calendar (which may have 23 or 25 hours)."""
    if span == "day":
        this = int(now) // HOUR * HOUR
        return [float(this - HOUR * back) for back in range(23, -1, -1)]
    today = datetime.fromtimestamp(now).date()
    days = [today - timedelta(days=back) for back in range(DAYS[span] - 1, -1, -1)]
    return [time.mktime(each.timetuple()) for each in days]


def _step(starts: Sequence[float], at: int) -> int | None:
    """The step in which a moment lies: the last one that begins not after it."""
    step = bisect_right(starts, at) - 1
    return step if step >= 0 else None
