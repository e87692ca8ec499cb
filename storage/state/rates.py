"""How often within a time: counts that all processes of a server share, cheap enough for every command.

A count is kept for a kind, a key and a window (so many seconds): what came in the running window and in the one
before. The running total is the new count and that share of the old one which the last `window` seconds still
reach into, as if it had come evenly: a limit is held to within a few percent, a burst at the turn of an hour
does not pass twice, and a count is 24 octets however much it counts.

The file is a table of fixed size, sets of eight slots found by a hash; where a set is full a count that
has run out goes, else the smallest. So an attack from a million addresses costs no room: it makes the table
forget small counts. Keep what must not be forgotten so in a file of its own. One count costs about 10 µs and no
fsync; a set is locked for the time of one read and one write, by an OFD lock that the kernel frees when a
process dies. A set that somebody holds for longer (a stopped process) is counted in without the lock, and one
that cannot be read or written counts as nothing: no door waits for a count, or closes for the want of one.
"""

import fcntl
import hashlib
import logging
import os
import struct
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from storage.state.statedb import open_state

SETS = 8_192
WAYS = 8
TRIES = 20  # times that a lock is asked for
PAUSE = 0.0002  # seconds between two of them
MOST = 2**32 - 1

_SLOT = struct.Struct("<8sIIII")  # hash, window, number of the running one, its count, the count before
_WINDOW = struct.Struct("<I")
_FLOCK = struct.Struct("@hhqqi4x")
_SET = WAYS * _SLOT.size

log = logging.getLogger("storage.state.rates")


class Tally(NamedTuple):
    """A count as it stands."""

    window: int
    number: int  # of the running window since 1970
    current: int
    before: int
    at: float

    @property
    def total(self) -> int:
        """What came in the last `window` seconds."""
        return self.current + int(self.before * max(0.0, self.number + 1 - self.at / self.window))

    def falls(self, most: int) -> float:
        """When the total is down to `most`, if nothing more comes."""
        if self.total <= most:
            return self.at
        number, current, before = self.number, self.current, self.before
        if current > most:  # not before the next window
            number, current, before = number + 1, 0, current
        share = (most - current) / before if before else 1.0
        return (number + 1 - max(0.0, share)) * self.window


class Rates:
    """The counts in one file, as one process sees them. From any thread."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._mutex = threading.Lock()  # an OFD lock does not tell threads apart
        self._fd = -1
        self._complained = False

    def add(self, kind: str, key: str, window: int, amount: int = 1) -> Tally:
        """Count `amount` more (0: only look; negative: take back) and say how it stands then."""
        return self._do(kind, key, (window,), amount)[0]

    def add_to_each(self, kind: str, key: str, windows: Sequence[int], amount: int = 1) -> list[Tally]:
        """The same within several times, which are found in one place."""
        return self._do(kind, key, windows, amount)

    def take(self, kind: str, key: str, window: int, most: int) -> bool:
        """Count one more, unless that would make more than `most`: then it is not counted, and false."""
        (tally,) = self._do(kind, key, (window,), 1, most)
        return tally.total <= most

    def forget(self, kind: str, key: str, window: int) -> None:
        """Begin from nothing."""
        self._do(kind, key, (window,), None)

    def close(self) -> None:
        with self._mutex:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _do(
        self, kind: str, key: str, windows: Sequence[int], amount: int | None, most: int | None = None
    ) -> list[Tally]:
        digest = hashlib.blake2b(f"{kind}\0{key}".encode("utf-8", "replace"), digest_size=8).digest()
        number = int.from_bytes(digest, "little") % SETS
        at = self._clock()
        tallies = [Tally(window, int(at // window), max(0, amount or 0), 0, at) for window in windows]
        with self._mutex:
            held = False
            try:
                fd = self._fd if self._fd >= 0 else self._open()
                held = amount != 0 and _lock(fd, number)  # who only looks disturbs nobody
                octets = bytearray(os.pread(fd, _SET, number * _SET))
                octets += bytes(_SET - len(octets))  # the end of a new file
                before = bytes(octets)
                tallies = [_count(octets, digest, tally, amount, most) for tally in tallies]
                if octets != before:
                    _write(fd, number, octets, None if held else before)
            except OSError as error:
                self._complain(error)
            finally:
                if held:
                    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, number))
        return tallies

    def _open(self) -> int:
        self._fd = open_state(self._path)
        return self._fd

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            log.error("rates.unusable", extra={"fields": {"file": self._path, "error": str(error)}})


def _count(octets: bytearray, digest: bytes, nothing: Tally, amount: int | None, most: int | None) -> Tally:
    """Count in one slot of a set; `nothing` is how an unknown one stands. What would be more than `most` is told
    and not counted."""
    window, number, current, before, at = nothing
    name = digest + _WINDOW.pack(window)
    place = octets.find(name)
    while place > 0 and place % _SLOT.size:  # looks like it, across two slots
        place = octets.find(name, place + 1)
    current = 0
    if place >= 0:
        _, _, then, current, before = _SLOT.unpack_from(octets, place)
        if then != number:  # a clock that was set back begins anew, too
            current, before = 0, current if then == number - 1 else 0
    if amount is None:
        current = before = 0
    elif current + amount < 0:  # what is taken back came before the turn
        current, before = 0, max(0, before + current + amount)
    else:
        current = min(MOST, current + amount)
    tally = Tally(window, number, current, before, at)
    if most is not None and tally.total > most:
        return tally
    if amount and place < 0:
        place = _SLOT.size * min(range(WAYS), key=lambda each: _worth(octets, each, at))
    if amount != 0 and place >= 0:
        _SLOT.pack_into(octets, place, digest, window, number, current, before)
    return tally


def _write(fd: int, number: int, octets: bytearray, before: bytes | None) -> None:
    """A set: all of it where it is ours, else the slots that are not as `before`."""
    if before is None:
        os.pwrite(fd, octets, number * _SET)
        return
    for place in range(0, _SET, _SLOT.size):
        if (slot := octets[place : place + _SLOT.size]) != before[place : place + _SLOT.size]:
            os.pwrite(fd, slot, number * _SET + place)


def _worth(octets: bytearray, each: int, at: float) -> tuple[int, int]:
    """Which slot of a full set is kept: one that has run out is worth nothing, else what it counts."""
    _, window, number, current, before = _SLOT.unpack_from(octets, each * _SLOT.size)
    return (0, 0) if (number + 2) * window <= at else (1, current + before)


def _lock(fd: int, number: int) -> bool:
    """Whether the set is ours now."""
    flock = _flock(fcntl.F_WRLCK, number)
    for _ in range(TRIES):
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, flock)
        except BlockingIOError:
            time.sleep(PAUSE)
        else:
            return True
    return False


def _flock(kind: int, number: int) -> bytes:
    """struct flock of one octet (fcntl(2)); the process is 0 for an OFD lock."""
    return _FLOCK.pack(kind, os.SEEK_SET, number, 1, 0)
