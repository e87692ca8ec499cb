"""A message on its way in: in memory while it is small, in a file of `<data>/spool/` above.

Whatever a peer announces or sends, a connection costs a bounded amount of memory. What is past the limit is
thrown away while the peer goes on, and `too_big` says so.
"""

import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from storage.errors import neutral
from storage.filename import new_base
from storage.message import Message

MEMORY = 256 * 1024  # bytes kept in memory unless told otherwise; the spool file takes over above
WRITE = 256 * 1024  # bytes gathered for one hop to a thread
LEFTOVER = 86_400  # seconds after which a spool file belongs to no living connection

Hop = Callable[..., Awaitable[Any]]


class Spool:
    """Takes chunks, gives a Message. `most` is the limit in octets, `memory` what of it may stay in memory."""

    __slots__ = (
        "_dir",
        "_fd",
        "_hop",
        "_memory",
        "_memory_most",
        "_path",
        "_written",
        "most",
        "size",
        "too_big",
    )

    def __init__(self, directory: Path, most: int, hop: Hop, memory: int = MEMORY) -> None:
        self.most = most
        self.size = 0
        self.too_big = False
        self._dir = directory
        self._hop = hop
        self._memory_most = memory
        self._memory: list[bytes] = []
        self._written = 0
        self._fd = -1
        self._path: Path | None = None

    async def write(self, data: bytes) -> None:
        """Raises DiskFull; the spool is then discarded."""
        if self.too_big:
            return
        self.size += len(data)
        if self.size > self.most:
            self.too_big = True
            await self.discard()
            return
        self._memory.append(bytes(data))
        if self.size - self._written > (WRITE if self._fd >= 0 else self._memory_most):
            await self._spill()

    async def finish(self) -> Message:
        """The whole message. The spool file stays until `discard`."""
        if self._fd < 0:
            return Message.of(b"".join(self._memory))
        await self._spill()
        assert self._path is not None
        return Message(self._path, self.size)

    async def discard(self) -> None:
        """Let go of memory and file. May be called at any time, and twice."""
        self._memory.clear()
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            await self._hop(_close, fd, self._path)

    async def _spill(self) -> None:
        chunks, self._memory = self._memory, []
        try:
            self._fd, self._path = await self._hop(_append, self._dir, self._fd, self._path, chunks)
        except OSError as error:
            await self.discard()
            raise neutral(error) from error
        self._written = self.size


def _append(directory: Path, fd: int, path: Path | None, chunks: list[bytes]) -> tuple[int, Path]:
    if path is None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / new_base(0)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    data = memoryview(b"".join(chunks))
    while data:
        data = data[os.write(fd, data) :]
    return fd, path


def _close(fd: int, path: Path | None) -> None:
    os.close(fd)
    if path is not None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def remove_leftovers(directory: Path, now: float) -> None:
    """At the start of a process: files of connections that a crash ended."""
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(directory):
            with contextlib.suppress(FileNotFoundError):
                if entry.stat().st_mtime < now - LEFTOVER:
                    os.unlink(entry.path)
