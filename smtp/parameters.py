"""The parameters of MAIL and RCPT: one table for each, from keyword to what makes a value of its octets.

Invariants: a value is kept as it came where the next host or a delivery report must see it so (ENVID, ORCPT: RFC
3461 §4.2, §4.4), but only after it has been held to its grammar, so nothing in it can end a line of a report. What
is offered only at some doors is known here and refused in `smtp.envelope`, where the door is known.
"""

import re
from collections.abc import Callable
from datetime import datetime

from smtp import replies
from smtp.replies import Malformed

LONGEST_ENVID = 100  # octets: RFC 3461 §4.4
LONGEST_ORCPT = 500  # octets: RFC 3461 §4.2

PARAMETER = re.compile(
    rb"(?P<name>[A-Za-z0-9][A-Za-z0-9-]*)(?:=(?P<value>[!-<>-~\x80-\xff][!-~\x80-\xff]*))?"
)
DIGITS = re.compile(rb"[0-9]{1,20}")
_INTERVAL = re.compile(rb"[1-9][0-9]{0,8}")  # RFC 4865 §3
_XTEXT = re.compile(rb"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")  # RFC 3461 §4
_HEX = re.compile(rb"\+([0-9A-F]{2})")
_ADDRESS_TYPE = re.compile(
    rb"[A-Za-z0-9!#$%&'*/?^_`{|}~-]{1,32}"
)  # an atom (RFC 3461 §4.2), without xtext's + and =
_DATE_TIME = re.compile(  # RFC 3339 §5.6, as the verified erratum 2040 of RFC 4865 has it
    rb"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)"
)

Parameters = dict[str, Callable[[bytes | None], object]]


def parameters(rest: bytes, known: Parameters) -> dict[str, object]:
    """`NAME[=value]` words, each at most once, each known."""
    given: dict[str, object] = {}
    for word in rest.split():
        match = PARAMETER.fullmatch(word)
        if match is None:
            raise Malformed(replies.SYNTAX)
        key = match["name"].decode().upper()
        if key not in known:
            raise Malformed(replies.PARAMETER_UNKNOWN)
        if key.lower() in given:
            raise Malformed(replies.PARAMETER_TWICE)
        given[key.lower()] = known[key](match["value"])
    return given


def unxtext(value: bytes) -> bytes | None:
    """What xtext stands for; None where it is none (RFC 3461 §4)."""
    if not _XTEXT.fullmatch(value):
        return None
    return _HEX.sub(lambda match: bytes([int(match[1], 16)]), value)


def _size(value: bytes | None) -> int:
    if value is None or not DIGITS.fullmatch(value):
        raise Malformed(replies.SYNTAX)
    return int(value)


def _body(value: bytes | None) -> str:
    if value is None or value.upper() not in (b"7BIT", b"8BITMIME", b"BINARYMIME"):
        raise Malformed(replies.SYNTAX)
    return value.decode().upper()


def _flag(value: bytes | None) -> bool:
    """SMTPUTF8 (RFC 6531 §3.4) and REQUIRETLS (RFC 8689 §2) have no value."""
    if value is not None:
        raise Malformed(replies.SYNTAX)
    return True


def _auth(value: bytes | None) -> str:
    if value is None:
        raise Malformed(replies.SYNTAX)
    return value.decode("ascii", "replace")


def _ret(value: bytes | None) -> str:
    """RFC 3461 §4.3."""
    if value is None or value.upper() not in (b"FULL", b"HDRS"):
        raise Malformed(replies.SYNTAX)
    return value.decode().upper()


def _envid(value: bytes | None) -> str:
    """RFC 3461 §4.4: what the xtext stands for must be printable ASCII."""
    meant = unxtext(value) if value is not None and len(value) <= LONGEST_ENVID else None
    if value is None or meant is None or not all(0x20 <= octet <= 0x7E for octet in meant):
        raise Malformed(replies.SYNTAX)
    return value.decode()


def _hold_for(value: bytes | None) -> int:
    """RFC 4865 §3: seconds."""
    if value is None or not _INTERVAL.fullmatch(value):
        raise Malformed(replies.SYNTAX)
    return int(value)


def _hold_until(value: bytes | None) -> int:
    """RFC 4865 §3: a moment, here in seconds since 1970."""
    if value is None or not _DATE_TIME.fullmatch(value):
        raise Malformed(replies.SYNTAX)
    try:
        return int(datetime.fromisoformat(value.decode().upper()).timestamp())
    except (ValueError, OverflowError):
        raise Malformed(replies.SYNTAX) from None


def _notify(value: bytes | None) -> str:
    """RFC 3461 §4.1: NEVER alone, or some of the others, each once."""
    words = (value or b"").upper().split(b",")
    allowed = {b"SUCCESS", b"FAILURE", b"DELAY"}
    if words != [b"NEVER"] and (len(set(words)) != len(words) or not allowed.issuperset(words)):
        raise Malformed(replies.SYNTAX)
    return b",".join(words).decode()


def _orcpt(value: bytes | None) -> str:
    """RFC 3461 §4.2, `addr-type;xtext`; of the type utf-8 it may be written in UTF-8 (RFC 6533 §3)."""
    if value is None or len(value) > LONGEST_ORCPT:
        raise Malformed(replies.SYNTAX)
    kind, _, address = value.partition(b";")
    if not _ADDRESS_TYPE.fullmatch(kind) or not address:
        raise Malformed(replies.SYNTAX)
    wide = kind.lower() == b"utf-8" and not address.isascii()
    meant = None if wide else unxtext(address)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise Malformed(replies.BAD_UTF8) from None
    if not (wide and text.isprintable()) and (meant is None or any(o < 0x20 or o == 0x7F for o in meant)):
        raise Malformed(replies.SYNTAX)
    return text


MAIL: Parameters = {
    "SIZE": _size,  # RFC 1870 §6
    "BODY": _body,  # RFC 6152 §2, RFC 3030 §3
    "SMTPUTF8": _flag,  # RFC 6531 §3.4
    "AUTH": _auth,  # RFC 4954 §5
    "RET": _ret,  # RFC 3461 §4.3
    "ENVID": _envid,  # RFC 3461 §4.4
    "REQUIRETLS": _flag,  # RFC 8689 §2
    "HOLDFOR": _hold_for,  # RFC 4865 §3
    "HOLDUNTIL": _hold_until,  # RFC 4865 §3
}
RCPT: Parameters = {
    "NOTIFY": _notify,  # RFC 3461 §4.1
    "ORCPT": _orcpt,  # RFC 3461 §4.2
}
