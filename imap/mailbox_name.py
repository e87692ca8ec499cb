"""Mailbox names between the wire and the store: modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 (RFC 6855 §3).

The store's names are `str`, levels apart by "/". A name on the wire is taken only in its one canonical
spelling: what `encode` would have made of it. So no two spellings reach one mailbox, a client finds in LIST
the bytes it sent in CREATE, and "/" or ".." cannot hide inside base64. INBOX is INBOX in any case, alone
and as the first level (RFC 9051 §5.1).

Which names the store takes (empty levels, control characters, length) is the store's to say.
"""

import base64
import binascii
import re
from functools import lru_cache

DELIMITER = "/"
LONGEST_KEPT = 255  # octets of names that are remembered with what they mean

_SHIFTED = re.compile(r"[^\x20-\x7e]+|&")
_WIRE = re.compile(rb"&([A-Za-z0-9+,]*)-")


class BadName(Exception):
    """Not a mailbox name on the wire."""


def decode(raw: bytes, utf8: bool = False) -> str:
    """The store's name for a name on the wire."""
    return _decoded(raw, utf8) if len(raw) <= LONGEST_KEPT else canonical(text(raw, utf8))


@lru_cache(maxsize=4096)
def _decoded(raw: bytes, utf8: bool) -> str:
    return canonical(text(raw, utf8))


def text(raw: bytes, utf8: bool) -> str:
    """What a name, or a pattern, on the wire says."""
    if not utf8:
        return decode_text(raw)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadName from None


def decode_text(raw: bytes) -> str:
    """Modified UTF-7 to text, canonical spelling only."""
    if b"&" not in raw:
        try:
            text = raw.decode("ascii")
        except UnicodeDecodeError:
            raise BadName from None
    else:
        text = _decode_shifted(raw)
    if encode_text(text) != raw:
        raise BadName
    return text


def encode(name: str, utf8: bool = False) -> bytes:
    """The spelling on the wire of one of the store's names."""
    return name.encode("utf-8") if utf8 else encode_text(name)


def encode_text(text: str) -> bytes:
    """Text as modified UTF-7."""
    if text.isascii() and text.isprintable() and "&" not in text:
        return text.encode("ascii")
    return _SHIFTED.sub(_encode_run, text).encode("ascii")


def canonical(name: str) -> str:
    """The name with INBOX, alone or as its first level, in upper case."""
    first, slash, rest = name.partition(DELIMITER)
    return "INBOX" + slash + rest if first.upper() == "INBOX" else name


def _encode_run(match: re.Match[str]) -> str:
    run = match.group()
    if run == "&":
        return "&-"
    octets = run.encode("utf-16-be", "surrogatepass")
    return "&" + base64.b64encode(octets).decode("ascii").rstrip("=").replace("/", ",") + "-"


def _decode_shifted(raw: bytes) -> str:
    pieces: list[str] = []
    end = 0
    try:
        for match in _WIRE.finditer(raw):
            pieces.append(raw[end : match.start()].decode("ascii"))
            pieces.append(_decode_run(match.group(1)))
            end = match.end()
        pieces.append(raw[end:].decode("ascii"))
    except (binascii.Error, UnicodeDecodeError):
        raise BadName from None
    return "".join(pieces)


def _decode_run(run: bytes) -> str:
    if not run:
        return "&"
    octets = base64.b64decode(run.replace(b",", b"/") + b"=" * (-len(run) % 4), validate=True)
    return octets.decode("utf-16-be")
