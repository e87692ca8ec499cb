"""The lock of an account, across threads and processes, and the dirty byte in it.

`flock` on `<account>/lock`: the kernel frees it when a process dies. While a write is half done the file
says which mailboxes it touches; who takes the lock and finds that said reconciles those mailboxes first
(storage/reconcile.py). The words are not fsynced: after a power cut the boot id of the index is another one,
and that leads to the same.
"""

import errno
import fcntl
import os
import threading
import zlib
from pathlib import Path

from storage.errors import Busy

CLEAN = b"0"
_MOST = 64 * 1024


class AccountLock:
    """Holds one descriptor; not re-entrant. `dirty()` is what a predecessor left half done."""

    __slots__ = ("_fd", "_mutex", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._mutex = threading.Lock()

    def acquire(self, wait: bool = True) -> tuple[str, ...]:
        """Take the lock; returns the mailboxes that are dirty. FileNotFoundError: the account went, and this lock
        is closed, for all threads.

        Raises Busy where somebody holds it and `wait` is false.
        """
        if not self._mutex.acquire(blocking=wait):
            raise Busy
        try:
            if self._fd < 0:
                raise FileNotFoundError(self.path)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy from None
            if os.fstat(self._fd).st_nlink == 0:
                self.close()
                raise FileNotFoundError(self.path)
            said = os.pread(self._fd, _MOST, 0)
        except BaseException:
            self._mutex.release()
            raise
        if said[:1] != b"1":
            return ()
        words = said[9:].partition(b"\n")[0]
        if said[1:9] != b"%08x" % zlib.crc32(words):
            return ("",)  # cut off while it was written: then nothing else was done yet
        return tuple(words.decode(errors="replace").split("\t"))

    def release(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._mutex.release()

    def mark_dirty(self, mailboxes: tuple[str, ...]) -> None:
        words = "\t".join(mailboxes).encode()
        text = b"1%08x%b\n" % (zlib.crc32(words), words)
        if os.pwrite(self._fd, text, 0) != len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def mark_clean(self) -> None:
        os.pwrite(self._fd, CLEAN, 0)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
