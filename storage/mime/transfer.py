"""The body of a part without its transfer encoding (RFC 2045 §6), as a stream of pieces of bounded size.

What is broken is passed over: octets that are not base64, an escape of quoted-printable without its digits, lines
of uuencode that do not fit. So any octets give some.
"""

import binascii
import re
from collections.abc import Iterator

from storage.mime.parts import Part
from storage.octets import Octets

PIECE = 256 * 1024  # octets that are decoded together
IDENTITY = frozenset({b"7bit", b"8bit", b"binary"})
_UUENCODE = frozenset({b"x-uuencode", b"uuencode", b"x-uue"})  # of before MIME, and still met

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def known(encoding: bytes) -> bool:
    """Whether there is a way to decode it."""
    encoding = encoding.lower()
    return encoding in IDENTITY or encoding in _UUENCODE or encoding in (b"base64", b"quoted-printable")


def decoded(data: Octets, part: Part, *, most: int | None = None) -> Iterator[bytes]:
    """The body of a part, decoded, where that is known, else as it is; of its octets at most `most` are read."""
    stop = part.body_end if most is None else min(part.body_end, part.body_start + most)
    raw = (data[at : min(at + PIECE, stop)] for at in range(part.body_start, stop, PIECE))
    encoding = part.encoding.lower()
    if encoding == b"base64":
        return _base64(raw)
    if encoding == b"quoted-printable":
        return (binascii.a2b_qp(lines) for lines in _lines(raw))
    if encoding in _UUENCODE:
        return map(_uuencode, _lines(raw))
    return raw


def _base64(raw: Iterator[bytes]) -> Iterator[bytes]:
    """Base64, also of several pieces that were padded each."""
    rest = b""
    for piece in raw:
        *ended, last = piece.split(b"=")
        out = []
        for run in ended:
            out.append(_group(rest + _NOT_BASE64.sub(b"", run)))
            rest = b""
        rest += _NOT_BASE64.sub(b"", last)
        whole = len(rest) & ~3
        out.append(binascii.a2b_base64(rest[:whole]))
        rest = rest[whole:]
        yield b"".join(out)
    yield _group(rest)


def _group(clean: bytes) -> bytes:
    """Base64 without its padding."""
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def _lines(raw: Iterator[bytes]) -> Iterator[bytes]:
    """The same octets, cut between lines. A line longer than a piece is cut before an escape that is not whole."""
    rest = b""
    for piece in raw:
        piece = rest + piece
        cut = piece.rfind(b"\n") + 1
        if not cut and len(piece) > PIECE:
            cut = piece.rfind(b"=", len(piece) - 2)
            cut = len(piece) if cut < 0 else cut
        if cut:
            yield piece[:cut]
        rest = piece[cut:]
    if rest:
        yield rest


def _uuencode(lines: bytes) -> bytes:
    pieces: list[bytes] = []
    for line in lines.splitlines():
        if line.startswith((b"begin ", b"end")):
            continue
        try:
            pieces.append(binascii.a2b_uu(line))
        except binascii.Error:
            continue
    return b"".join(pieces)
