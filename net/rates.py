"""How often in a minute does this address come? One count for all processes of the server.

A table in a file of `<run>/limits/` that all processes map: sets of eight slots, found by the hash of the key. A
slot counts the running minute and remembers the last one, of which the part is added that lies within the past
sixty seconds; so the window slides, and a key needs 24 bytes. Of more than eight keys of one set the one that was
silent for longest is forgotten.

Two processes do not count in one set at the same moment: a byte of the file is locked (an OFD lock, fcntl(2)) for
the few microseconds that it takes, and given back by the kernel if the process dies in them. Only where its holder
was stopped for good (SIGSTOP) is it given up after a bounded time and counted without it. `<run>` is a tmpfs: nothing here touches a disk.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

PERIOD = 60  # seconds
SETS = 8192
WAYS = 8
TRIES = 1000  # to have the lock; each gives the processor to whoever else wants it

_SLOT = struct.Struct("<QIIII")  # hash of the key, minute, count of it, count of the minute before, unused
_SET = _SLOT.size * WAYS


class Rates:
    """One kind of count below a `<run>` directory."""

    __slots__ = ("_clock", "_fd", "_path", "_table")

    def __init__(self, run: Path, kind: str, clock: Callable[[], float] = time.time) -> None:
        self._path = run / "limits" / f"{kind}-rates"
        self._clock = clock
        self._fd = -1
        self._table: mmap.mmap | None = None

    def take(self, key: str, most: int) -> bool:
        """Count `key` once more; false, and not counted, when it has come `most` times in the past minute."""
        table = self._open()
        digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
        mark = int.from_bytes(digest, "little") or 1
        number = int.from_bytes(digest[:2], "little") % SETS
        minute, second = divmod(self._clock(), PERIOD)
        locked = self._lock(number)
        try:
            return _count(table, number * _SET, mark, int(minute), 1 - second / PERIOD, most)
        finally:
            if locked:
                fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, number))

    def close(self) -> None:
        if self._table is not None:
            self._table.close()
            os.close(self._fd)
            self._table, self._fd = None, -1

    def _open(self) -> mmap.mmap:
        if self._table is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.ftruncate(self._fd, SETS * _SET)
            self._table = mmap.mmap(self._fd, SETS * _SET)
        return self._table

    def _lock(self, number: int) -> bool:
        wanted = _flock(fcntl.F_WRLCK, number)
        for _ in range(TRIES):
            try:
                fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, wanted)
            except BlockingIOError:
                os.sched_yield()  # whoever has it may wait for a processor
                continue
            return True
        return False


def _count(table: mmap.mmap, start: int, mark: int, minute: int, part: float, most: int) -> bool:
    """`part` is how much of the last minute still lies within the window."""
    at = _find(table, start, mark)
    count = before = 0
    if at >= 0:
        _, then, now_count, before_count, _ = _SLOT.unpack_from(table, at)
        if then == minute:
            count, before = now_count, before_count
        elif then == minute - 1:
            before = now_count
    else:
        places = range(start, start + _SET, _SLOT.size)
        at = min(places, key=lambda place: int(_SLOT.unpack_from(table, place)[1]))
    if before * part + count >= most:
        return False
    _SLOT.pack_into(table, at, mark, minute, count + 1, before, 0)
    return True


def _find(table: mmap.mmap, start: int, mark: int) -> int:
    """The slot of a mark within its set, or -1."""
    octets = mark.to_bytes(8, "little")
    at = table.find(octets, start, start + _SET)
    while at >= 0 and (at - start) % _SLOT.size:
        at = table.find(octets, at + 1, start + _SET)
    return at


def _flock(kind: int, offset: int) -> bytes:
    """struct flock {short l_type; short l_whence; off_t l_start; off_t l_len; pid_t l_pid}, l_pid 0 for OFD."""
    return struct.pack("@hhqqi4x", kind, os.SEEK_SET, offset, 1, 0)
