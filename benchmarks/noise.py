"""How much of the machine's CPU others used meanwhile: figures of a busy machine are worth less."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.server import Server

TICK = os.sysconf("SC_CLK_TCK")


class Noise:
    """Sums over all rows: the machine's busy time, without the server's and without the load's."""

    def __init__(self) -> None:
        self._others = self._all = 0.0

    @contextmanager
    def beside(self, server: Server) -> Iterator[None]:
        busy, ours, load, began = _busy(), server.group.cpu(), time.process_time(), time.monotonic()
        yield
        mine = server.group.cpu() - ours + time.process_time() - load
        self._others += max(0.0, _busy() - busy - mine)
        self._all += (time.monotonic() - began) * (os.cpu_count() or 1)

    def __str__(self) -> str:
        return (
            f"Other processes used {self._others / max(self._all, 1e-9):.0%} of the machine's CPU meanwhile."
        )


def _busy() -> float:
    """Seconds that the machine's processors were busy, interrupts included."""
    user, nice, system, _, _, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICK
