"""A message on its way out: what of it the next host must be able to take, and its octets with dots stuffed.

The message is sent as it is. Nothing is encoded anew for a host that does not offer 8BITMIME: signatures would
break, and what a sender wrote is not ours to change. It goes as it is or back to its sender (`queue.eightbit`).

Memory is bounded: a message up to `SMALL` octets is one piece, a larger one is read in pieces, and each piece is
scanned and stuffed by itself.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from storage.message import Message

SMALL = 256 * 1024  # octets up to which a message is held whole
HEADER = 64 * 1024  # octets in which the header section is looked for

_TLS_OPTIONAL = re.compile(rb"^TLS-Required:[ \t]*No[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)  # RFC 8689 §5


@dataclass(frozen=True, slots=True)
class Content:
    """A message that was looked at. `whole` is all of it where it is small."""

    message: Message
    whole: bytes | None
    eightbit: bool  # octets above 127 anywhere
    utf8_header: bool  # octets above 127 in the header section
    tls_optional: bool  # its sender rather has it delivered than protected (TLS-Required: No)


def inspect(message: Message) -> Content:
    """Read it once. Blocks on the disk unless it is in memory. Raises OSError."""
    if message.size <= SMALL:
        whole = message.read()
        header = whole[: _header_end(whole)]
        eightbit = not whole.isascii()
    else:
        whole = None
        header = message.head(HEADER)
        header = header[: _header_end(header)]
        eightbit = not all(chunk.isascii() for chunk in message.chunks())
    return Content(
        message, whole, eightbit, eightbit and not header.isascii(), bool(_TLS_OPTIONAL.search(header))
    )


def stuffed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The data after DATA, its last line included (RFC 5321 §4.5.2); the same octets however they are cut."""
    tail = b"\r\n"  # the last octets sent: a line begins
    for chunk in chunks:
        if not chunk:
            continue
        # a dot at the start of a line whose CRLF, or the half of it, was in the chunk before
        if tail == b"\r\n" and chunk[:1] == b".":
            yield b"."
        elif tail[-1:] == b"\r" and chunk[:2] == b"\n.":
            yield b"\n."
            chunk = chunk[1:]
        yield chunk.replace(b"\r\n.", b"\r\n..") if b"\r\n." in chunk else chunk
        tail = chunk[-2:] if len(chunk) > 1 else (tail + chunk)[-2:]
    yield b".\r\n" if tail == b"\r\n" else b"\r\n.\r\n"


def _header_end(data: bytes) -> int:
    end = data.find(b"\r\n\r\n")
    return len(data) if end < 0 else end + 2
