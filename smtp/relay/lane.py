"""One destination while something is under way to it: the letters that were claimed for it, and its connections.

A letter is in `backlog`, or it is out on a connection; one whose connection ended before it was tried comes back.
Everything here belongs to the event loop.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable

from smtp.relay.letter import Letter


class Lane:
    def __init__(self, name: str) -> None:
        self.name = name
        self.backlog: deque[Letter] = deque()
        self.connections: set[asyncio.Task[None]] = set()
        self.lost: set[asyncio.Task[None]] = set()  # of these: came to nobody, and are about to end
        self.out: list[Letter] = []  # being sent
        self.more = False  # something may be due that is not claimed yet
        self.closing = False  # nothing more is to be taken
        self._changed = asyncio.Event()

    @property
    def talking(self) -> int:
        """Connections that have not failed."""
        return len(self.connections - self.lost)

    @property
    def waiting(self) -> int:
        """Letters for which there is no connection."""
        return len(self.backlog) - (len(self.connections) - len(self.out))

    def put(self, letters: Iterable[Letter]) -> None:
        self.backlog.extend(letters)
        self._changed.set()

    def put_back(self, letters: Iterable[Letter]) -> None:
        self.backlog.extendleft(letters)
        self._changed.set()

    def close(self) -> None:
        self.closing = True
        self._changed.set()

    async def next(self, linger: float) -> Letter | None:
        """The next letter; None where none comes within `linger` seconds."""
        if linger and not self.backlog and not self.closing:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(linger):
                    while not self.backlog and not self.closing:
                        self._changed.clear()
                        await (
                            self._changed.wait()
                        )  # all that linger are woken, and one of them finds a letter
        if self.closing or not self.backlog:
            return None
        return self.backlog.popleft()
