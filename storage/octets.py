"""A file that is looked at like `bytes`, so that a message of 100 MB costs the memory of one piece.

`FileOctets` has the four things that the readers of mail need of `bytes`: length, slices, `find` and
`count`, with the same meaning. Slices are copies of what was asked for, so whoever slices bounds the size.
"""

import io
from typing import BinaryIO, TypeAlias

PIECE = 256 * 1024  # octets looked at in one go


class FileOctets:
    """The octets of a seekable stream."""

    __slots__ = ("_size", "_stream")

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._size = stream.seek(0, io.SEEK_END)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, cut: slice) -> bytes:
        start, stop, step = cut.indices(self._size)
        if step != 1:
            raise ValueError("only plain slices")
        return self._read(start, stop)

    def find(self, needle: bytes, start: int = 0, stop: int | None = None) -> int:
        """As `bytes.find`; pieces overlap by the needle's length less one."""
        stop = self._size if stop is None else min(stop, self._size)
        start = max(start, 0)
        while start + len(needle) <= stop:
            piece = self._read(start, min(stop, start + PIECE))
            found = piece.find(needle)
            if found >= 0:
                return start + found
            if len(piece) < len(needle):
                return -1
            start += len(piece) - len(needle) + 1
        return -1

    def count(self, octet: bytes, start: int = 0, stop: int | None = None) -> int:
        """As `bytes.count` of a single octet."""
        stop = self._size if stop is None else min(stop, self._size)
        total = 0
        while start < stop:
            piece = self._read(start, min(stop, start + PIECE))
            if not piece:
                break
            total += piece.count(octet)
            start += len(piece)
        return total

    def _read(self, start: int, stop: int) -> bytes:
        if stop <= start:
            return b""
        self._stream.seek(start)
        return self._stream.read(stop - start)


Octets: TypeAlias = bytes | FileOctets
