"""Wall time of a piece of work and the CPU that a server spent on it."""

import asyncio
import time
from types import TracebackType

from benchmarks.server import Server

TAIL = 0.3  # seconds that belong to the work though nobody waits for them: queue files removed, logs written


class Clock:
    """`async with Clock(server) as clock:` … then `clock.wall` and `clock.cpu`, in seconds."""

    def __init__(self, server: Server) -> None:
        self._group = server.group
        self.wall = self.cpu = 0.0

    async def __aenter__(self) -> "Clock":
        self._before = self._group.cpu()
        self._began = time.perf_counter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wall = time.perf_counter() - self._began
        await asyncio.sleep(TAIL)
        self.cpu = self._group.cpu() - self._before
