"""Work that takes longer than a page: kept in this process, shown while it goes on.

A job belongs to who began it. It may hold passwords to be printed, so it is never written down: after an
hour, or with the process, it is gone, and what it has done is in the accounts. Work is done by one thread of
low priority, so that hashing a thousand passwords leaves the pages as quick as before.
"""

import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

KEPT = 3600.0  # seconds
MOST = 200  # of each kind; the oldest go first
NICE = 10

T = TypeVar("T")


@dataclass(slots=True)
class Job:
    """Something under way: how far it is, and what has come of it."""

    id: str
    owner: str
    domain: str
    kind: str
    total: int
    begun: float
    done: int = 0
    ended: float | None = None
    problems: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)  # by address: to be shown to the owner

    @property
    def percent(self) -> int:
        return 100 if self.ended is not None or not self.total else 100 * self.done // self.total


class Kept(Generic[T]):
    """What was laid aside for a person, for a while, under a name that nobody guesses."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._items: OrderedDict[str, tuple[float, str, T]] = OrderedDict()

    def put(self, owner: str, item: T) -> str:
        key = secrets.token_urlsafe(12)
        self._items[key] = (self._clock(), owner, item)
        self._tidy()
        return key

    def get(self, owner: str, key: str) -> T | None:
        self._tidy()
        found = self._items.get(key)
        return found[2] if found is not None and found[1] == owner else None

    def take(self, owner: str, key: str) -> T | None:
        """The same, and then it is gone."""
        item = self.get(owner, key)
        if item is not None:
            self._items.pop(key, None)
        return item

    def _tidy(self) -> None:
        before = self._clock() - KEPT
        for key in [key for key, (at, _, _) in self._items.items() if at < before]:
            del self._items[key]
        while len(self._items) > MOST:
            self._items.popitem(last=False)


class Jobs:
    """Those of a process. Plans (what a file would change), and passwords to be shown once, are kept beside
    them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._threads = ThreadPoolExecutor(1, "job", initializer=_low_priority)
        self._stopping = threading.Event()
        self._jobs: Kept[Job] = Kept(clock)
        self.plans: Kept[Any] = Kept(clock)
        self.shown_once: Kept[dict[str, str]] = Kept(clock)  # address → new password

    def begin(self, owner: str, domain: str, kind: str, total: int, work: Callable[[Job], None]) -> Job:
        """Start `work` in the background; it moves `job.done` on and stops when `stopping`."""
        job = Job("", owner, domain, kind, total, self._clock())
        job.id = self._jobs.put(owner, job)

        def run() -> None:
            try:
                work(job)
            finally:
                job.ended = self._clock()

        self._threads.submit(run)
        return job

    def get(self, owner: str, key: str) -> Job | None:
        return self._jobs.get(owner, key)

    @property
    def stopping(self) -> bool:
        """The process ends: a long job stops at the next of its steps."""
        return self._stopping.is_set()

    def close(self) -> None:
        self._stopping.set()
        self._threads.shutdown(wait=True, cancel_futures=True)


def _low_priority() -> None:
    """On Linux a priority belongs to a thread."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
