"""POP3 command lines: bytes in, a keyword and its arguments out (RFC 1939 §3, RFC 2449 §4). No I/O."""

from typing import NamedTuple

LINE = 2048  # octets of a line: RFC 2449 §4 says 255, SASL responses (RFC 5034 §4) and passwords are longer
_DIGITS = 10  # no mailbox has more messages than ten digits say

_CONTROL = bytes([*range(32), 127])


class BadSyntax(Exception):
    """The line is no command; `args[0]` says why, as bytes for the peer."""


class Line(NamedTuple):
    """A keyword in upper case and what stands behind it."""

    keyword: bytes
    rest: bytes


def split(line: bytes) -> Line:
    """A line as received, with its line end. Keywords are in any case (RFC 1939 §3)."""
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    if line.translate(None, _CONTROL) != line:
        raise BadSyntax(b"control characters in the command")
    keyword, _, rest = line.partition(b" ")
    if not keyword:
        raise BadSyntax(b"empty command")
    return Line(keyword.upper(), rest)


def nothing(rest: bytes) -> None:
    """No argument. Blanks at the end are forgiven, here and with numbers."""
    if rest.strip(b" "):
        raise BadSyntax(b"this command takes no argument")


def text(rest: bytes) -> bytes:
    """All of the rest, blanks too: a password may hold any (RFC 1939 §7, PASS)."""
    if not rest:
        raise BadSyntax(b"an argument is missing")
    return rest


def number(rest: bytes) -> int:
    """A message number."""
    return _number(rest.strip(b" "))


def number_or_none(rest: bytes) -> int | None:
    """A message number, or nothing for all of them."""
    rest = rest.strip(b" ")
    return _number(rest) if rest else None


def number_and_lines(rest: bytes) -> tuple[int, int]:
    """TOP's message number and number of lines."""
    words = rest.split()
    if len(words) != 2:
        raise BadSyntax(b"a message number and a number of lines are needed")
    return _number(words[0]), _number(words[1])


def mechanism(rest: bytes) -> tuple[bytes, bytes | None]:
    """AUTH: the mechanism (empty: which are there?) and the initial response, still in base64; RFC 5034 §4."""
    words = rest.split()
    if len(words) > 2:
        raise BadSyntax(b"a mechanism and one initial response are all that is taken")
    name = words[0].upper() if words else b""
    if len(words) < 2:
        return name, None
    return name, b"" if words[1] == b"=" else words[1]


def _number(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > _DIGITS:
        raise BadSyntax(b"a number is needed")
    return int(digits)
