"""How hard a destination is driven: how many connections at once, and whether it is left alone for a while.

The number of connections begins small, grows by one with each message that is taken, and is halved when the
destination says that it has trouble (a 4xx that is about itself and not about one mailbox); from half of what went
wrong it grows slowly. Where nobody could be spoken to, or a host said 421 and nothing else is under way, the
destination is closed: nothing is tried for a minute, then for two, up to half an hour, until one gets through.
A host that takes fewer connections than were opened is no dead one: it gets as many as it took.

No I/O, and no clock but the one handed in, which must run on (`time.monotonic`).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from storage.status import Status

BEGIN = 2.0  # connections to a destination that is not known yet
FIRST_PAUSE = 60.0  # seconds that a destination is left alone when nobody answered
LONGEST_PAUSE = 1800.0
KNOWN_MOST = 10_000  # destinations remembered
ABOUT_THE_RECIPIENT = ("4.1.", "4.2.", "4.6.")  # RFC 3463: address, mailbox, content


@dataclass(slots=True)
class Pace:
    """One destination."""

    window: float = BEGIN
    ceiling: float = float("inf")  # from here on it grows slowly
    failures: int = 0  # in a row
    proven: bool = False  # a message has gone through since the last failure
    open_at: float = 0.0

    def allowed(self, most: int) -> int:
        """Connections at once, of `most`."""
        return max(1, min(int(self.window), most))

    def succeeded(self, most: int) -> None:
        self.failures, self.proven, self.open_at = 0, True, 0.0
        step = 1.0 if self.window < self.ceiling else 1 / self.window
        self.window = min(self.window + step, float(most))

    def slowed(self) -> None:
        self.window = self.ceiling = max(1.0, self.window / 2)

    def crowded(self, open_connections: int) -> None:
        """One connection more was refused while others work."""
        self.window = self.ceiling = max(1.0, float(open_connections))

    def close(self, now: float, jitter: float) -> None:
        """Leave it alone, each time for longer; `jitter` of 0 to 1."""
        pause = min(FIRST_PAUSE * 2.0 ** min(self.failures, 30), LONGEST_PAUSE)
        self.failures += 1
        self.proven = False
        self.window = self.ceiling = 1.0
        self.open_at = now + pause * (0.9 + 0.2 * jitter)


class Paces:
    """All destinations of one process."""

    def __init__(self, clock: Callable[[], float], jitter: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._jitter = jitter
        self._known: dict[str, Pace] = {}

    def of(self, key: str) -> Pace:
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= KNOWN_MOST:
                self._forget()
            found = self._known[key] = Pace()
        return found

    def closed_for(self, key: str) -> float:
        """Seconds until a destination may be tried again; 0: now."""
        found = self._known.get(key)
        return 0.0 if found is None else max(0.0, found.open_at - self._clock())

    def close(self, key: str) -> float:
        """Leave a destination alone; for how many seconds."""
        self.of(key).close(self._clock(), self._jitter())
        return self.closed_for(key)

    def reopen(self) -> None:
        """Somebody says that all may be tried."""
        for pace in self._known.values():
            pace.open_at = 0.0

    def _forget(self) -> None:
        """Those that nothing is known against; else all."""
        self._known = {key: pace for key, pace in self._known.items() if self.closed_for(key)}
        if len(self._known) >= KNOWN_MOST:
            self._known = {}


def is_about_the_host(status: Status) -> bool:
    """A temporary failure that another recipient would have met as well."""
    return status.temporary and not status.code.startswith(ABOUT_THE_RECIPIENT)
