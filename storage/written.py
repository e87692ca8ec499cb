"""A message as a file that is complete, and on its way to the disk.

To write and to wait for the disk are two steps, so that who writes many waits once: all `begin`, the first `sync`
waits, and the others find their octets on the disk.
"""

import contextlib
import os
from pathlib import Path

from storage import filename
from storage.errors import neutral
from storage.message import Message
from storage.mime.summary import summarise
from storage.rows import Summary


class Written:
    """A file in some tmp/ or in the spool. Nobody may rely on it before `sync` has returned."""

    __slots__ = ("_data", "_fd", "base", "date", "path", "size", "summary")

    def __init__(self, folder: str, message: Message, date: int, now: float) -> None:
        """Write all of it, with INTERNALDATE as its time. Raises DiskFull, FileNotFoundError."""
        self.base = filename.new_base(now)
        self.path = f"{folder}/{self.base}"
        self.size = message.size
        self.date = date
        self.summary: Summary | None = None
        self._data = message.read() if isinstance(message.source, bytes) else None
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if self._data is None:
                message.write_to(self._fd)
            else:
                _write_all(self._fd, self._data)
            os.utime(self._fd, (date, date))
        except BaseException as error:
            self.discard()
            raise neutral(error) from error

    def begin(self) -> None:
        """Tell the kernel to begin with the writing, for others are to be written too."""
        # "not needed in memory" is how one says that to Linux; what is not yet on the disk is not forgotten by it
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def summarise(self) -> None:
        """ENVELOPE and BODYSTRUCTURE, while the disk writes; a large message is read from its file."""
        if self._data is not None:
            self.summary = summarise(self._data)
            return
        with Message(Path(self.path), self.size).octets() as data:
            self.summary = summarise(data)

    def sync(self) -> None:
        """The file is on the disk when this returns."""
        try:
            os.fsync(self._fd)
        finally:
            self._close()

    def discard(self) -> None:
        """Close it, and take it away if it still is where it was written."""
        self._close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def _close(self) -> None:
        self._data = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):  # a disk that fills up takes a part
        data = data[written:]
        written = os.write(fd, data)
