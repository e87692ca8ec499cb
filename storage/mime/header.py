"""Where the fields of a header block lie, as octets, so that a field can be shown, dropped or replaced whole.

A field begins at the start of a line with a name and a colon; lines that begin with a space or a tab belong
to the field above (RFC 5322 §2.2.3). The block ends with the first empty line. Line ends are CRLF; a bare LF
is taken too, a bare CR is an octet like any other. Lines that are no field (mbox's "From " and plain
nonsense) belong to no field and are passed over. Nothing here raises, whatever the octets.
"""

import re
from typing import NamedTuple

from storage.octets import Octets

BLOCK = 1024 * 1024  # octets of a header block that are looked at for fields; what follows stays unread

# RFC 5322 §3.6.8 ftext is any printable but ":"; 8-bit octets are let through, spaces before the colon
# are obsolete syntax (§4.5).
_FIELD = re.compile(rb"^([^\x00-\x20:\x7f]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)\n?", re.MULTILINE)


class Field(NamedTuple):
    """One field: `start`..`end` is all of it with its line end, the value begins at `value_start`."""

    name: bytes  # in lower case
    start: int
    end: int
    value_start: int


def end_of_header(data: Octets, start: int = 0, stop: int | None = None) -> int:
    """The position after the empty line that ends the header block at `start`; -1 if there is none."""
    if stop is None:
        stop = len(data)
    opening = data[start : min(start + 2, stop)]
    if opening == b"\r\n":
        return start + 2
    if opening[:1] == b"\n":
        return start + 1
    crlf = data.find(b"\n\r\n", start, stop)
    bare = data.find(b"\n\n", start, stop if crlf < 0 else crlf)
    if bare >= 0:
        return bare + 2
    return crlf + 3 if crlf >= 0 else -1


def fields(data: Octets, start: int = 0, end: int | None = None) -> list[Field]:
    """The fields of the header block at `start`, in their order, up to the empty line or `end`."""
    stop = len(data) if end is None else end
    close = end_of_header(data, start, stop)
    block = data[start : min(stop if close < 0 else close, start + BLOCK)]
    return [
        Field(match[1].lower(), start + match.start(), start + match.end(), start + match.start(2))
        for match in _FIELD.finditer(block)
    ]


def values(block: bytes) -> list[tuple[bytes, bytes]]:
    """Names as they are written and raw values (folded, with their CR) of a header block's fields."""
    return _FIELD.findall(block)


def named(data: bytes, *names: bytes) -> list[list[bytes]]:
    """The raw values of the fields with each of these names (in lower case), in their order. Cheaper than `fields`
    where no place is asked for."""
    close = end_of_header(data)
    found: dict[bytes, list[bytes]] = {name: [] for name in names}
    for name, value in _FIELD.findall(data[: min(len(data) if close < 0 else close, BLOCK)]):
        if (values := found.get(name.lower())) is not None:
            values.append(value)
    return list(found.values())


def unfold(value: bytes) -> bytes:
    """A raw value on one line: each fold is one space; white space around it means nothing.

    NUL, which IMAP can't carry (RFC 9051 §4.3.1), becomes U+FFFD, a bare CR a space.
    """
    if b"\0" in value:
        value = value.replace(b"\0", b"\xef\xbf\xbd")
    if b"\n" in value:
        value = b" ".join([line.strip(b" \t\r") for line in value.split(b"\n")])
    value = value.strip(b" \t\r")
    return value.replace(b"\r", b" ") if b"\r" in value else value
