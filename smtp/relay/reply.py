"""What a server says: replies out of bytes that were cut anywhere, bounded, and the status that each one means.

Whatever comes is a reply, the wish for more bytes, or `BadReply`. A reply is at most `MOST` octets over all its
lines, so a server that talks without end costs that much and no more. What it says reaches logs, traces and
reports to senders only through `words` and `Reply.__str__`: printable, in one line, and short.
"""

import re
from dataclasses import dataclass

from storage.status import Status

MOST = 64 * 1024  # octets of one reply
WORDS = 400  # characters of it that people are shown

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")  # RFC 2034 §4, RFC 3463 §2
_BLANKS = re.compile(r"\s+")


class BadReply(Exception):
    """This is not SMTP, or more than anybody has to say; the text is for people."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply code and the texts of its lines (RFC 5321 §4.2)."""

    code: int
    lines: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code, where there is one of the reply's own class."""
        match = _ENHANCED.match(self.lines[0])
        return match[1] if match is not None and match[1][0] == str(self.code)[0] else None

    @property
    def words(self) -> str:
        """What it says without its codes."""
        return clean(" ".join(_ENHANCED.sub("", line, count=1) for line in self.lines))

    def __str__(self) -> str:
        return clean(f"{self.code} {' '.join(self.lines)}")

    def status(self) -> Status:
        """What the sender is told: the server's own enhanced code, or a general one of its class.

        A code of neither class 2, 4 nor 5 (a 3xx where none is due) says nothing: it may be tried again.
        """
        kind = self.code // 100
        if kind not in (2, 4, 5):
            return Status("4.5.0", f"unexpected reply: {self}")
        return Status(self.enhanced or f"{kind}.0.0", self.words)


def clean(text: str) -> str:
    """Printable, in one line, short."""
    text = _BLANKS.sub(" ", text[: 4 * WORDS]).strip()
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= WORDS else text[: WORDS - 1] + "…"


class Replies:
    """Takes bytes, gives replies in their order."""

    __slots__ = ("_data", "_first", "_lines", "_size")

    def __init__(self) -> None:
        self._data = b""
        self._lines: list[str] = []  # of a reply that is not complete
        self._first = 0  # its code
        self._size = 0  # octets of these

    @property
    def waiting(self) -> bool:
        """Whether something has come that no reply was made of."""
        return bool(self._data or self._lines)

    def feed(self, data: bytes) -> None:
        self._data = self._data + data if self._data else data

    def next(self) -> Reply | None:
        """The next whole reply, if it is there. Raises BadReply; then the session is worth nothing."""
        start = 0
        while (end := self._data.find(b"\n", start)) >= 0:
            line = self._data[start : end - 1 if self._data[end - 1 : end] == b"\r" and end > start else end]
            self._size += end + 1 - start
            start = end + 1
            if self._size > MOST:
                raise BadReply("the reply is endless")
            code, last = _code(line)
            if self._lines and code != self._first:  # §4.2.1: which of them is meant?
                raise BadReply(f"codes differ within a reply: {self._first} and {code}")
            self._first = code
            self._lines.append(line[4:].decode("utf-8", "replace"))
            if last:
                reply = Reply(code, tuple(self._lines))
                self._data = self._data[start:]
                self._lines.clear()
                self._size = 0
                return reply
        self._data = self._data[start:]
        if self._size + len(self._data) > MOST:
            raise BadReply("the reply is endless")
        return None


def _code(line: bytes) -> tuple[int, bool]:
    """The code of a line, and whether it is the reply's last (RFC 5321 §4.2.1)."""
    code, mark = line[:3], line[3:4]
    if not (len(code) == 3 and code.isdigit() and b"200" <= code <= b"599" and mark in (b"", b" ", b"-")):
        raise BadReply(f"this is not SMTP: {clean(line[:80].decode('utf-8', 'replace'))}")
    return int(code), mark != b"-"
