"""The queue's own time, which only ever runs on: what a clock that is set does not touch.

Due times, leases and ages are kept in queue time, not in the time of day. The rule:

- While the machine is up, queue time is the kernel's clock since boot (which nobody can set, and which goes on
  while the machine sleeps) plus a number that all processes agree on, kept in `queue.sqlite`. So a clock that
  jumps a day forward makes nothing due and bounces nothing, one that jumps back freezes nothing.
- Between two boots only the clock on the wall can say how long the machine was down, and it may lie (a dead
  battery, a wrong date until NTP has answered). It is believed up to `GAP`, and never backwards: so all that
  waited is due soon after a long stop, and a message loses at most `GAP` of the time in which it is tried. It is
  tried for `queue.give_up` while somebody can try it, and does not come back because the machine was off.

People are shown the time of day: a moment of queue time is as far from now on one clock as on the other. The
time at which a message was added is kept in both.
"""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

GAP = 4 * 3600  # seconds of a stop that count
BACK = (
    5  # seconds by which the clock since boot may be behind what was noted: less is the work of two processes
)

Clock = Callable[[], float]


def boot_id() -> str:
    """Names the time since this machine was started."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class QueueTime:
    """One process's view of queue time. `agree` comes first; `now` may be asked from any thread."""

    def __init__(self, wall: Clock, steady: Clock | None = None, boot: Callable[[], str] = boot_id) -> None:
        self.wall = wall
        # a clock that was handed in is taken to run on, unless another is handed in beside it
        self._steady = steady or (since_boot if wall is time.time else wall)
        self._boot = boot
        self._base = 0.0

    def agree(self, db: sqlite3.Connection) -> None:
        """Inside a writing transaction: take over what the processes of this boot use, or set it, and note how far
        the time has come. Done when a queue is opened, and now and then while a runner lives."""
        wall, steady, boot = self.wall(), self._steady(), self._boot()
        row = db.execute("SELECT boot, base, reached, wall FROM clock").fetchone()
        if row is None:
            self._base = wall - steady
        elif row[0] == boot and row[1] + steady >= row[2] - BACK:
            self._base = row[1]
        else:
            self._base = row[2] + min(max(wall - row[3], 0.0), GAP) - steady
        db.execute("DELETE FROM clock")
        db.execute(
            "INSERT INTO clock (boot, base, reached, wall) VALUES (?, ?, ?, ?)",
            (boot, self._base, steady + self._base, wall),
        )

    def now(self) -> float:
        return self._steady() + self._base

    def at(self, wall: float) -> int:
        """A time of day as queue time."""
        return int(wall - self.wall() + self.now())

    @property
    def ahead(self) -> int:
        """Add this to queue time for the time of day."""
        return round(self.wall() - self.now())
