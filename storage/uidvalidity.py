"""UIDVALIDITY that no mailbox of this store ever had before (RFC 9051 §2.3.1.1).

One number for the whole store, in `<data>/state/uidvalidity`: the clock in seconds, but always above the
last one given. So a mailbox, or an account, deleted and made again never repeats one, also with the clock set
back. Taken by an exclusive lock and fsynced before use.
"""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from storage.durable import sync_dir


def take(data: Path, count: int = 1, clock: Callable[[], float] = time.time) -> list[int]:
    """`count` fresh values, ascending."""
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
    return list(range(first, first + count))
