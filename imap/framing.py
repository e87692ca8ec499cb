"""Cuts what a client sends into commands (RFC 9051 §2.2.1, §4.3; RFC 7888), without I/O.

A command is a line, and after each line that ends in `{n}` a literal of n octets and a further line. The
session reads the lines and octets; a `Frame` collects them and says what has to come next:

    literal = frame.line(line)      None: the command is complete, `frame.text` is its bytes
    frame.literal(octets)           the announced octets (all of them), then the next line is due

Invariants: `text` holds CR and LF only in front of and inside literals, so `imap.scanner` can trust
`{n}` CRLF; it is never longer than `most`, whatever was announced, so a command costs bounded memory. A
literal that is a whole message (APPEND) does not go through a frame: the session streams it to the spool.
"""

import re
from dataclasses import dataclass

from imap.scanner import BadSyntax

LINE = 64 * 1024  # octets of one line; RFC 7162 §4 asks for 8192 at least, clients list thousands of UIDs
COMMAND = 256 * 1024  # octets of one command with its literals

_ANNOUNCED = re.compile(rb"(~?)\{([0-9]{1,20})(\+?)\}\Z")
_TAG = re.compile(rb"[!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]{1,100}(?= |\Z)")
_STRAY = re.compile(rb"[\r\n\x00]")


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal that the end of a line announces."""

    size: int
    waits: bool  # {n}: the client waits for "+"; {n+} (RFC 7888): the octets are already on their way
    binary: bool = False  # ~{n} (RFC 3516): may hold NUL


class TooLong(BadSyntax):
    """The command passes `most`. `literal` is the one that did it: its octets may still have to be read."""

    def __init__(self, literal: Literal | None) -> None:
        super().__init__("the command is too long")
        self.literal = literal


class Frame:
    """One command while it comes in."""

    __slots__ = ("_most", "_pieces", "_size")

    def __init__(self, most: int = COMMAND) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._most = most

    @property
    def text(self) -> bytes:
        """What has come of the command so far, without the last line end."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def line(self, line: bytes) -> Literal | None:
        """Take a line with its line end; the literal that it announces, or None where the command ends."""
        line = without_end(line)
        self._pieces.append(line)
        self._size += len(line)
        found = announced(line)
        if _STRAY.search(line):
            raise BadSyntax("CR, LF or NUL inside a line")
        if self._size > self._most:
            raise TooLong(found)
        return found

    def fits(self, literal: Literal) -> bool:
        """Whether the command may still hold this literal."""
        return self._size + literal.size <= self._most

    def literal(self, octets: bytes) -> None:
        """Take the octets of the literal announced last."""
        self._size += len(octets)
        self._pieces += (b"\r\n", octets)


def alone(line: bytes, most: int) -> bytes | None:
    """The text of a command that is this line and nothing else, as nearly all are; None: a `Frame` has to see."""
    text = without_end(line)
    if text.endswith(b"}") or len(text) > most or _STRAY.search(text):
        return None
    return text


def without_end(line: bytes) -> bytes:
    """A line without its CRLF (or LF alone: a client's slip that hurts nobody here)."""
    if line.endswith(b"\r\n"):
        return line[:-2]
    return line[:-1] if line.endswith(b"\n") else line


def announced(line: bytes) -> Literal | None:
    """The literal that a line without its line end announces."""
    if not line.endswith(b"}"):
        return None
    match = _ANNOUNCED.search(line)
    return match and Literal(int(match.group(2)), not match.group(3), bool(match.group(1)))


def tag_of(text: bytes) -> bytes:
    """The tag at the start of a command that could not be read, for its BAD; `*` where there is none."""
    match = _TAG.match(text)
    return match.group() if match else b"*"
