"""Looks at the DNS of domains that are under way, so that a page can be shown before the last answer has come.

One look for a domain at a time, whoever asks; what it found is shown for a few seconds, then DNS is asked again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

from filters.publish import Found, Record
from web.turns import away

FRESH = 10.0  # seconds for which what was found is shown
KEPT = 1_000  # domains
FIRST = 0.2  # seconds that a page waits: what is in the resolver's memory is there by then


@dataclass(frozen=True, slots=True)
class Pending:
    """A record of which DNS has not told yet: in the place of a `Found`."""

    record: Record
    state: str = "asked"
    there: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One question a record."""

    began: float
    records: tuple[Record, ...]
    answers: tuple["asyncio.Task[Found]", ...]

    @property
    def done(self) -> int:
        return sum(each.done() for each in self.answers)

    @property
    def ended(self) -> bool:
        return self.done == len(self.answers)

    def so_far(self) -> list[Found | Pending]:
        """Of each record what is known. Raises what a question raised."""
        pairs = zip(self.records, self.answers, strict=True)
        return [task.result() if task.done() else Pending(record) for record, task in pairs]


@dataclass(slots=True)
class DnsLooks:
    """Of one process. For the event loop."""

    _looks: OrderedDict[str, Look] = field(default_factory=OrderedDict)

    async def at(
        self, domain: str, records: Sequence[Record], ask: Callable[[Record], Coroutine[None, None, Found]]
    ) -> Look:
        """The look that goes on or has just ended, else a new one; a moment later."""
        now = asyncio.get_running_loop().time()
        look = self._looks.pop(domain, None)
        old = look is None or look.records != tuple(records) or (look.ended and now - look.began > FRESH)
        if look is None or old:
            answers = tuple(asyncio.create_task(ask(record)) for record in records)
            look = Look(now, tuple(records), answers)
        self._looks[domain] = look
        while len(self._looks) > KEPT:
            self._looks.popitem(last=False)
        if not look.ended:
            async with away():
                await asyncio.wait(look.answers, timeout=FIRST)
        return look
