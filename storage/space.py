"""Is there room on the disk for another message? Asked before one is taken, and answered from memory.

Room is kept for what has been taken already: a queue that is full must still be able to write down what became of
its messages, and an account to throw something away. The file system is asked at most once a second.
"""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from config.units import format_size

STALE = 1.0  # seconds

_log = logging.getLogger("storage.space")


class Space:
    """The disk that holds `<data>`, as one process sees it."""

    def __init__(self, data: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._data = data
        self._clock = clock
        self._asked = float("-inf")
        self._free = 0
        self._low = False

    def has_room(self, size: int, keep: int) -> bool:
        """Whether `keep` octets stay free when `size` more are written."""
        now = self._clock()
        if now - self._asked >= STALE:
            self._asked = now
            self._free = _free(self._data)
            self._tell(keep)
        return self._free - size >= keep

    def _tell(self, keep: int) -> None:
        """A line in the log when it begins and when it ends."""
        low = self._free < keep
        if low != self._low:
            fields = {"free": format_size(self._free), "keep": format_size(keep), "path": self._data}
            _log.log(
                logging.ERROR if low else logging.WARNING,
                "disk.low" if low else "disk.has_room",
                extra={"fields": fields},
            )
        self._low = low


def _free(path: Path) -> int:
    """Octets that we may still write; none where no more files can be made."""
    try:
        disk = os.statvfs(path)
    except OSError:
        return 2**62  # not ours to judge: writing will say what is the matter
    if disk.f_files and not disk.f_favail:
        return 0
    return disk.f_bavail * disk.f_frsize
