"""Body hashes of DKIM: the body is read once, in pieces, whatever its size and however many signatures it has.

RFC 6376 §3.4.3 (simple) and §3.4.4 (relaxed). Both drop the empty lines at the end, so empty lines are only
counted until something follows them; relaxed makes one space of white space within a line and drops it at the
end of one. The same bytes cut anywhere give the same hash.
"""

import hashlib
import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

_SPACE = re.compile(rb"[ \t]+")
_EMPTY = b"\r\n" * 4096


class Wanted(NamedTuple):
    """One hash of a body, as a signature asks for it."""

    relaxed: bool
    length: int | None = None  # octets of the canonical body that are signed (l=); None: all of it


def hashes(pieces: Iterable[bytes], wanted: Collection[Wanted]) -> dict[Wanted, tuple[bytes, int]]:
    """SHA-256 for each wanted form, and the octets that the canonical body has. Blocks: for threads."""
    canonical = [_Canonical(each) for each in wanted]
    for piece in pieces:
        for each in canonical:
            each.feed(piece)
    return {each.wanted: each.finish() for each in canonical}


class _Canonical:
    __slots__ = ("_empty", "_hash", "_held", "_left", "_some", "octets", "wanted")

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.octets = 0
        self._hash = hashlib.sha256()
        self._left = wanted.length
        self._held = b""  # the end of the last piece that can't be judged without the next
        self._empty = 0  # line ends seen since the last octet of content
        self._some = False  # whether there was any content

    def feed(self, piece: bytes) -> None:
        data = self._held + piece
        bare = data.removesuffix(b"\r")
        if self.wanted.relaxed:
            data = _SPACE.sub(b" ", data)
            bare = data.removesuffix(b"\r").removesuffix(b" ")
        self._held = data[len(bare) :]
        if self.wanted.relaxed:
            bare = bare.replace(b" \r\n", b"\r\n")
        self._take(bare)

    def _take(self, data: bytes) -> None:
        content = data.rstrip(b"\r\n")
        ends = (len(data) - len(content)) // 2
        while data[len(content) :] != b"\r\n" * ends:  # bare CR or LF at the end belongs to the content
            content = data[: len(data) - 2 * _pairs_at_end(data)]
            ends = (len(data) - len(content)) // 2
        if content:
            self._emit_ends(self._empty)
            self._emit(content)
            self._some = True
            self._empty = 0
        self._empty += ends

    def _emit_ends(self, count: int) -> None:
        whole, rest = divmod(count, 4096)
        for _ in range(whole):
            self._emit(_EMPTY)
        self._emit(_EMPTY[: 2 * rest])

    def _emit(self, data: bytes) -> None:
        self.octets += len(data)
        if self._left is None:
            self._hash.update(data)
        elif self._left:
            self._hash.update(data[: self._left])
            self._left -= min(len(data), self._left)

    def finish(self) -> tuple[bytes, int]:
        if self._held == b"\r" or self._held == b" \r":
            self._emit_ends(self._empty)
            self._emit(self._held)
            self._some, self._empty = True, 0
        if self._some or not self.wanted.relaxed:
            self._emit(b"\r\n")
        return self._hash.digest(), self.octets


def _pairs_at_end(data: bytes) -> int:
    count = 0
    while data.endswith(b"\r\n", 0, len(data) - 2 * count):
        count += 1
    return count
