"""The notices that stand above every page: read from the disk every few seconds, not with every click."""

from dataclasses import dataclass, field
from typing import Protocol

from storage.state.panel import Panel
from storage.state.panel_notices import Notice, Notices
from storage.store import Store

EVERY = 5.0  # seconds for which they are remembered


class Behind(Protocol):
    """What is behind the panel (`web.office.Office`)."""

    @property
    def store(self) -> Store: ...
    @property
    def panel(self) -> Panel: ...


@dataclass(slots=True)
class Banner:
    """Of one process. For the event loop."""

    looked: float = 0.0
    found: list[Notice] = field(default_factory=list)

    async def look(self, office: Behind) -> None:
        """Read them again where that was long ago."""
        now = office.store.clock()
        if 0 <= now - self.looked < EVERY:
            return
        self.looked = now
        notices = Notices(office.panel.db, office.panel.clock)
        self.found = await office.store.run(notices.shown, "administrators", current=True)

    def forget(self) -> None:
        """One was written: the next click shows it."""
        self.looked = 0.0

    def of(self, now: float, *, administers: bool) -> list[Notice]:
        """For these people, as of now: the grave ones first."""
        shown = [
            each
            for each in self.found
            if each.current(now) and (administers or each.words.audience == "everybody")
        ]
        return sorted(shown, key=lambda each: ("incident", "maintenance", "news").index(each.words.kind))
