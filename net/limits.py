"""Counts shared by the processes of one server: how many connections does this account have?

A slot is one byte of a file in `<run>/limits/`, held by an OFD lock (fcntl(2)): the kernel gives it back when
the process dies, however it dies, so a crash leaves no account locked out and nothing has to be cleaned up.

Keys of a kind share 256 files, so that a process needs 256 descriptors for ten thousand accounts and the
kernel's list of locks on a file stays short. A key's slots are the bytes from `hash << 16`; two keys whose
47-bit hashes are equal would share their slots, which costs somebody a refused connection once in a long age.
The calls touch memory only (`<run>` is a tmpfs), so they are made in the event loop.
"""

import fcntl
import hashlib
import os
import struct
from pathlib import Path
from types import TracebackType

WIDTH = 16  # bits for the slots of one key


class Slot:
    """One place taken; `free` gives it back (twice is harmless)."""

    __slots__ = ("_fd", "_held", "_offset")

    def __init__(self, fd: int, offset: int, held: set[int]) -> None:
        self._fd = fd
        self._offset = offset
        self._held: set[int] | None = held

    def free(self) -> None:
        if self._held is not None and self._offset in self._held:
            _lock(self._fd, fcntl.F_UNLCK, self._offset)
            self._held.discard(self._offset)
        self._held = None

    def __enter__(self) -> "Slot":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.free()


class Slots:
    """The counts below one `<run>` directory, as one process sees them."""

    __slots__ = ("_files", "_folder")

    def __init__(self, run: Path) -> None:
        self._folder = run / "limits"
        self._files: dict[tuple[str, int], tuple[int, set[int]]] = {}

    def take(self, kind: str, key: str, most: int) -> Slot | None:
        """A place for `key`, or None when `most` are taken in all processes together."""
        digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
        fd, held = self._file(kind, digest[7])
        first = (int.from_bytes(digest, "big") >> WIDTH + 1) << WIDTH
        for offset in range(first, first + min(most, 1 << WIDTH)):
            if offset in held:  # one of our own: an OFD lock does not refuse its own descriptor
                continue
            try:
                _lock(fd, fcntl.F_WRLCK, offset)
            except BlockingIOError:
                continue
            held.add(offset)
            return Slot(fd, offset, held)
        return None

    def close(self) -> None:
        """Give everything back; slots that somebody still has are free by it."""
        for fd, held in self._files.values():
            held.clear()  # the number of the descriptor will be another file's
            os.close(fd)
        self._files.clear()

    def _file(self, kind: str, shard: int) -> tuple[int, set[int]]:
        found = self._files.get((kind, shard))
        if found is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path = self._folder / f"{kind}-{shard:02x}"
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            found = self._files[kind, shard] = fd, set()
        return found


def _lock(fd: int, kind: int, offset: int) -> None:
    """struct flock {short l_type; short l_whence; off_t l_start; off_t l_len; pid_t l_pid}, l_pid 0 for OFD."""
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("@hhqqi4x", kind, os.SEEK_SET, offset, 1, 0))
