"""Whose name is on it? The addresses that stand in From and Sender of a message that an account submits.

Mail programs show what is in From, each by its own reading of odd syntax, so a reading of ours that is merely
generous would let through what others read as somebody else's address. Here a field is understood in one way
or not at all: mailboxes as RFC 5322 §3.4 writes them, with what real programs add (dots in names, 8-bit names,
consecutive dots in the local parts of carriers). Groups (RFC 6854), routes, comments inside an address and
anything behind it are refused. A display name may say what it likes: it is no address.
"""

import re

from storage.mime.header import named, unfold
from storage.people.address import AddressError, parse
from storage.people.directory import AccountEntry
from storage.status import Status

MOST = 20  # addresses of one field
SHOWN = 100  # characters of an address that go into the answer

_QUOTED = rb'"(?:[ \t!#-\[\]-~\x80-\xff]|\\[ -~\t])*"'
_ATEXT = rb"A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\xff"
_ADDRESS = re.compile(
    rb"(?:%b|[%b][%b.]*)@(?:[%b.]+|\[[A-Za-z0-9:.\-]+\])" % (_QUOTED, _ATEXT, _ATEXT, _ATEXT)
)
_WORD = re.compile(rb"%b|[%b.\[\]]+" % (_QUOTED, _ATEXT))
_SPACE = re.compile(rb"[ \t]*")
_IN_COMMENT = re.compile(rb"(?:[^()\\\x00-\x08\x0a-\x1f\x7f]|\\[ -~\t])*")


class Unclear(ValueError):
    """The field cannot be understood in one way alone; the text says why, for its sender."""


def wrong(head: bytes, entry: AccountEntry) -> Status | None:
    """Why an account may not send a message with this header block; None: it may."""
    authors, senders = named(head, b"from", b"sender")
    if not authors:
        return Status("5.6.0", "the message has no From field")  # RFC 5322 §3.6
    for shown, values in (("From", authors), ("Sender", senders)):
        if len(values) > 1:
            return Status("5.6.0", f"the message has more than one {shown} field")
        for value in values:
            try:
                addresses = mailboxes(unfold(value))
            except Unclear as error:
                return Status("5.6.0", f"the {shown} field of the message {error}")
            if len(addresses) > 1:
                return Status("5.7.1", f"the {shown} field of the message names more than one address")
            if not entry.may_send_as(addresses[0]):
                return Status("5.7.1", f"{_shown(addresses[0])} in {shown} does not belong to your account")
    return None


def mailboxes(value: bytes) -> list[str]:
    """The addresses of an unfolded From or Sender, at least one. Raises Unclear. Linear in the length."""
    found: list[str] = []
    position = 0
    while len(found) < MOST:
        position = _pass(value, position)
        match = _ADDRESS.match(value, position)
        if match is not None:  # addr-spec
            address, position = match.group(), match.end()
        else:
            address, position = _named(value, position)
        found.append(_parsed(address))
        position = _pass(value, position)
        if position == len(value):
            return found
        if value[position : position + 1] != b",":
            raise Unclear("has something behind an address")
        position += 1
    raise Unclear("names too many addresses")


def _named(value: bytes, position: int) -> tuple[bytes, int]:
    """A display name, or none, and an address in angle brackets; and where that ends."""
    while (match := _WORD.match(value, position)) is not None:
        position = _pass(value, match.end())
    mark = value[position : position + 1]
    if mark == b":":
        raise Unclear("names a group of addresses")
    if not mark:
        raise Unclear("has no address")
    if mark != b"<":
        raise Unclear("is not understood")
    match = _ADDRESS.match(value, _space(value, position + 1))
    if match is None:
        raise Unclear("has no address in its angle brackets")
    position = _space(value, match.end())
    if value[position : position + 1] != b">":
        raise Unclear("is not understood")
    return match.group(), position + 1


def _pass(value: bytes, position: int) -> int:
    """Behind white space and comments, which may hold others (RFC 5322 §3.2.2)."""
    depth = 0
    position = _space(value, position)
    while depth or value[position : position + 1] == b"(":
        mark = value[position : position + 1]
        if mark == b"(":
            depth += 1
        elif mark == b")":
            depth -= 1
        else:
            raise Unclear("has a comment that is not closed")
        position += 1
        if depth:
            match = _IN_COMMENT.match(value, position)
            assert match is not None  # it matches nothing, too
            position = match.end()
        else:
            position = _space(value, position)
    return position


def _space(value: bytes, position: int) -> int:
    match = _SPACE.match(value, position)
    assert match is not None  # it matches nothing, too
    return match.end()


def _parsed(address: bytes) -> str:
    try:
        return str(parse(address.decode()))
    except (AddressError, UnicodeDecodeError):
        raise Unclear("has a malformed address") from None


def _shown(address: str) -> str:
    return "".join(letter if " " < letter <= "~" else "?" for letter in address[:SHOWN])
