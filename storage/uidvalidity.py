"""UIDVALIDITY that no mailbox of this store ever had before (RFC 9051 §2.3.1.1).

One number for the whole store, in `<data>/state/uidvalidity`: the clock in seconds, but always above the
last one given. So a mailbox, or an account, deleted and made again never repeats one, also with the clock set
back. Taken by an exclusive lock and fsynced before use; threads that want some at the same moment, as when a
post makes a thousand accounts, take them together.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage.durable import sync_dir


@dataclass(slots=True)
class _Ask:
    data: Path
    count: int
    first: int = 0
    error: Exception | None = None


_turn = threading.Lock()  # one thread of the process at a time takes
_look = threading.Lock()  # over the list
_asks: list[_Ask] = []


def take(data: Path, count: int = 1, clock: Callable[[], float] = time.time) -> list[int]:
    """`count` fresh values, ascending."""
    ask = _Ask(data, count)
    with _look:
        _asks.append(ask)
    with _turn:
        if not ask.first and ask.error is None:  # nobody has taken for us while we waited
            with _look:
                together = [other for other in _asks if other.data == data]
                _asks[:] = [other for other in _asks if other.data != data]
            _take_for(together, clock)
    if ask.error is not None:
        raise ask.error
    return list(range(ask.first, ask.first + count))


def _take_for(asks: list[_Ask], clock: Callable[[], float]) -> None:
    try:
        first = _take(asks[0].data, sum(ask.count for ask in asks), clock)
    except Exception as error:
        for ask in asks:
            ask.error = error
        return
    for ask in asks:
        ask.first = first
        first += ask.count


def _take(data: Path, count: int, clock: Callable[[], float]) -> int:
    """The first of `count` values; they are given out once the file says so."""
    state = data / "state"
    state.mkdir(parents=True, exist_ok=True)
    path = state / "uidvalidity"
    new = not path.exists()
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        text = os.pread(fd, 16, 0).strip()
        last = int(text) if text.isdigit() else 0
        first = max(int(clock()), last + 1)
        os.pwrite(fd, b"%-15d\n" % (first + count - 1), 0)
        os.fsync(fd)
        if new:
            sync_dir(state)
            sync_dir(data)
    finally:
        os.close(fd)
    return first
