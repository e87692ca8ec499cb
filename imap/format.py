"""Values as the server writes them (RFC 9051 §4, §9): strings, names, dates. Pure; bytes out."""

import re

from imap import mailbox_name

_ATOM = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+\Z")
_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]{0,1000}\Z")
_QUOTABLE8 = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f\x80-\xff]{0,1000}\Z")
_SPECIAL = re.compile(rb'(["\\])')


def string(data: bytes) -> bytes:
    """A string: quoted where it may be (no CR, LF, NUL, 8-bit), else a literal."""
    if _QUOTABLE.match(data):
        return b'"' + _SPECIAL.sub(rb"\\\1", data) + b'"'
    return literal(data)


def nstring(data: bytes | None) -> bytes:
    return b"NIL" if data is None else string(data)


def astring(data: bytes) -> bytes:
    """An atom where it may be (and is not NIL), else a string."""
    if _ATOM.match(data) and data.upper() != b"NIL":
        return data
    return string(data)


def literal(data: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(data), data)


def mailbox(name: str, utf8: bool = False) -> bytes:
    """A mailbox name. Always quoted or a literal except INBOX: old clients stumble over odd atoms."""
    if name == "INBOX":
        return b"INBOX"
    raw = mailbox_name.encode(name, utf8)
    return string8(raw) if utf8 else string(raw)


def string8(data: bytes) -> bytes:
    """A string for a client that takes UTF-8 in quoted strings (RFC 9755 §3, RFC 9051 §4.3)."""
    if _QUOTABLE8.match(data):
        return b'"' + _SPECIAL.sub(rb"\\\1", data) + b'"'
    return literal(data)
