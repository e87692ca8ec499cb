"""A message as a multi-line response: dot-stuffing and the final dot (RFC 1939 §3), and TOP's cut (§7).

Chunks in, pieces out, with the same result wherever the chunks were cut, and no work per line. A dot is doubled
after every LF, not only after CRLF: clients that take a bare LF for a line end (most do) would otherwise find
the end of the response inside a message that an enemy wrote.
"""

import re
from collections.abc import Iterable, Iterator

PIECE = 256 * 1024  # octets that are made ready at a time

_EMPTY_LINE = re.compile(rb"\n\r?\n")


class Stuffing:
    """Doubles the dots at line starts; `end` gives the last line."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b"\r\n"

    def feed(self, chunk: bytes) -> bytes:
        if not chunk:
            return b""
        stuffed = chunk.replace(b"\n.", b"\n..")
        if chunk[:1] == b"." and self._tail[-1:] == b"\n":
            stuffed = b"." + stuffed
        self._tail = (self._tail + chunk[-2:])[-2:]
        return stuffed

    def end(self) -> bytes:
        """The terminator, on a line of its own."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"


class Top:
    """Lets through the header, the empty line behind it, and so many lines of the body."""

    __slots__ = ("_in_body", "_lines", "_tail", "done")

    def __init__(self, lines: int) -> None:
        self._lines = lines  # still to come
        self._in_body = False
        self._tail = b"\n"  # a message may begin with the empty line
        self.done = False

    def feed(self, chunk: bytes) -> bytes:
        """What of `chunk` belongs to the answer."""
        if self.done:
            return b""
        at = 0
        if not self._in_body:
            seen = self._tail + chunk
            match = _EMPTY_LINE.search(seen)
            if match is None:
                self._tail = seen[-2:]
                return chunk
            at = match.end() - len(self._tail)
            self._in_body = True
        return chunk[: self._end(chunk, at)]

    def _end(self, chunk: bytes, at: int) -> int:
        """Where the wanted lines of the body end, `at` being where it begins or goes on."""
        there = chunk.count(b"\n", at)
        if there < self._lines:
            self._lines -= there
            return len(chunk)
        while self._lines:
            at = chunk.index(b"\n", at) + 1
            self._lines -= 1
        self.done = True
        return at


def pieces(chunks: Iterable[bytes], lines: int | None = None) -> Iterator[bytes]:
    """The response's body with its terminator, in pieces of about `PIECE`; with `lines`, the answer to TOP."""
    stuffing = Stuffing()
    top = None if lines is None else Top(lines)
    ready: list[bytes] = []
    size = 0
    for chunk in chunks:
        part = stuffing.feed(chunk if top is None else top.feed(chunk))
        ready.append(part)
        size += len(part)
        if top is not None and top.done:
            break
        if size >= PIECE:
            yield b"".join(ready)
            ready, size = [], 0
    yield b"".join((*ready, stuffing.end()))
