"""Lists of addresses as ENVELOPE shows them (RFC 5322 §3.4 with the obsolete forms of §4.4, RFC 9051 §7.5.2).

What comes in is one unfolded value; what goes out are octets as they were written, without quotes, comments
and needless space: encoded words stay encoded. A list is read to its end whatever it holds: what can't be
understood up to the next comma is kept as an address with MISSING_MAILBOX, MISSING_DOMAIN or SYNTAX_ERROR in
it, as other servers do, so that a person still sees that something was there. Empty elements (§4.4) are
nothing. Nothing raises or recurses, and the time is linear in the length.
"""

import re
from typing import NamedTuple

from storage.mime.content import skip_comments

ADDRESSES = 10_000  # of one list; more are passed over

_ATEXT = rb"!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~\x80-\xff"
_DOTTED = rb"[%b]+(?:\.[%b]+)*" % (_ATEXT, _ATEXT)
# The forms that almost all addresses have: with or without a name of atoms or one quoted string.
_USUAL = re.compile(
    rb'[ \t]*(?:(?:"([^"\\]*)"|([%b][%b.]*(?: [%b.]+)*))?[ \t]*<(%b)@(%b)>|(%b)@(%b))[ \t]*(?:,|\Z)'
    % (_ATEXT, _ATEXT, _ATEXT, _DOTTED, _DOTTED, _DOTTED, _DOTTED)
)
_WORD = re.compile(rb"[%b.]+" % _ATEXT)
_ATOM = re.compile(rb"[%b]+" % _ATEXT)
_QUOTED = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_DOMAIN_LITERAL = re.compile(rb"\[[^\]\\]*(?:\\.[^\]\\]*)*\]", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_MARKS = re.compile(rb"[()]|\\.", re.DOTALL)
_EMPTY = re.compile(rb"[ \t,]*")
_ANGLE = re.compile(rb"<[^<>]{0,998}>")  # what a route's commas stand in; a line is no longer
_PLAIN = re.compile(rb'[^,;"(<]+')


class Address(NamedTuple):
    """An address. A group begins with one that has only `mailbox`, its name, and ends with one of Nones."""

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


GROUP_END = Address(None, None, None, None)


def addresses(value: bytes) -> list[Address]:
    """The addresses of one unfolded field value."""
    found: list[Address] = []
    position, size = 0, len(value)
    reader = _Reader(value, found)
    while position < size and len(found) < ADDRESSES:
        match = _USUAL.match(value, position)
        if match is None:
            position = reader.list(position)
            continue
        position = match.end()
        quoted, atoms, mailbox, host, bare, bare_host = match.groups()
        if bare is not None:
            found.append(Address(None, None, bare, bare_host))
        else:
            found.append(Address(quoted or atoms, None, mailbox, host))
    return found


class _Reader:
    """Reads addresses and groups of any form out of `value` into `found`."""

    __slots__ = ("comment", "found", "literals", "position", "quotes", "size", "value")

    def __init__(self, value: bytes, found: list[Address]) -> None:
        self.value = value
        self.position = 0
        self.size = len(value)
        self.found = found
        self.comment = b""  # the space last passed over that had comments in it
        self.quotes = True  # whether a quoted string may still close
        self.literals = True  # whether a domain literal may

    def list(self, position: int) -> int:
        """One element of the list, which begins at `position`, and its comma; the position after it."""
        self.position = position
        self.comment = b""
        self.space()
        if not self.at(b","):
            self.element()
        return _EMPTY.match(self.value, self.position).end()  # type: ignore[union-attr]  # matches everywhere

    def element(self) -> None:
        """An address or a group (RFC 5322 §3.4)."""
        start = self.position
        if start >= self.size:
            return
        name = self.phrase()
        if name and self.at(b":"):
            self.position += 1
            self.group(name)
            return
        self.position = start
        self.mailbox()
        self.skip_to(b",")

    def group(self, name: bytes) -> None:
        """What follows a group's colon. One that is not closed ends with the list."""
        self.found.append(Address(None, None, name, None))
        while len(self.found) < ADDRESSES:
            self.space()
            if self.position >= self.size or self.at(b";"):
                break
            if self.at(b","):
                self.position += 1
                continue
            self.mailbox()
            self.skip_to(b",;")
        if self.at(b";"):
            self.position += 1
        self.space()
        self.found.append(GROUP_END)
        self.skip_to(b",")

    def mailbox(self) -> None:
        """name-addr or addr-spec. A comment is the name of an address that has no other (RFC 822 style)."""
        start = self.position
        name = self.phrase()
        if name is not None and self.at(b"<"):
            self.position += 1
            self.angle(name or None)
            return
        stop = self.position
        self.position = start
        self.comment = b""
        local = self.local_part()
        host = self.domain() if self.at(b"@") else b""
        if not host and name and stop > self.position:
            self.position = stop  # several words and no address: someone's name
            self.found.append(Address(name, None, b"MISSING_MAILBOX", b"MISSING_DOMAIN"))
            return
        text = _last_comment(self.comment) or None
        self.found.append(Address(text, None, local or b"MISSING_MAILBOX", host or b"MISSING_DOMAIN"))

    def angle(self, name: bytes | None) -> None:
        """What follows "<": a route, an address, ">" (RFC 5322 §4.4)."""
        route: bytes | None = None
        self.space()
        if self.at(b"@"):
            hosts = []
            while self.at(b"@"):
                hosts.append(self.domain() or b"")
                self.space()
                while self.at(b","):
                    self.position += 1
                    self.space()
            route = b"@" + b",@".join(hosts)
            if self.at(b":"):
                self.position += 1
            else:
                route = b"INVALID_ROUTE"
            self.space()
        local = self.local_part()
        host = self.domain() if self.at(b"@") else b"MISSING_DOMAIN" if local else None
        if not self.at(b">"):
            host = b"SYNTAX_ERROR"
            self.skip_to(b",>")
        if self.at(b">"):
            self.position += 1
        self.found.append(Address(name, route, local or b"MISSING_MAILBOX", host or b"MISSING_DOMAIN"))

    def phrase(self) -> bytes | None:
        """Words with one space between them; empty if there is none, None if it can't be one."""
        words: list[bytes] = []
        self.space()
        if self.at(b"."):
            return None
        while self.position < self.size:
            match = self.quoted()
            if match is not None:
                words.append(_unescaped(match[1]))
            else:
                match = _WORD.match(self.value, self.position)
                if match is None:
                    return None if self.at(b'"') else b" ".join(words)
                words.append(match.group())
            self.position = match.end()
            self.space()
        return b" ".join(words)

    def local_part(self) -> bytes:
        """Words and dots; obsolete space and comments around dots are dropped."""
        pieces: list[bytes] = []
        while self.at(b"."):  # no standard allows it, and there are such addresses
            pieces.append(b".")
            self.position += 1
        while True:
            match = self.quoted()
            if match is not None:
                pieces.append(_unescaped(match[1]))
            else:
                match = _ATOM.match(self.value, self.position)
                if match is None:
                    return b"".join(pieces)
                pieces.append(match.group())
            self.position = match.end()
            self.space()
            if not self.at(b"."):
                return b"".join(pieces)
            while self.at(b"."):
                pieces.append(b".")
                self.position += 1
                self.space()

    def domain(self) -> bytes:
        """What follows "@": a domain literal, or atoms with dots between them."""
        self.position += 1
        self.space()
        match = None
        if self.literals and self.at(b"["):
            match = _DOMAIN_LITERAL.match(self.value, self.position)
            self.literals = match is not None
        if match is not None:
            self.position = match.end()
            self.space()
            return match.group()
        pieces: list[bytes] = []
        while (match := _ATOM.match(self.value, self.position)) is not None:
            pieces.append(match.group())
            self.position = match.end()
            self.space()
            if not self.at(b"."):
                break
            self.position += 1
            self.space()
        return b".".join(pieces)

    def quoted(self) -> re.Match[bytes] | None:
        """A quoted string. Behind one that never closes none does, for every quote there is an escaped one;
        without that knowledge each would be searched to the end, in quadratic time."""
        if not self.quotes or not self.at(b'"'):
            return None
        match = _QUOTED.match(self.value, self.position)
        self.quotes = match is not None
        return match

    def at(self, mark: bytes) -> bool:
        return self.value.startswith(mark, self.position)

    def space(self) -> None:
        start = self.position
        self.position = skip_comments(self.value, start)
        if self.position - start > 2:
            passed = self.value[start : self.position]
            if b"(" in passed:
                self.comment = passed

    def skip_to(self, marks: bytes) -> None:
        """Move on to one of `marks` (outside of quotes and comments), or to the end."""
        while self.position < self.size:
            if self.value[self.position : self.position + 1] in marks:
                return
            if self.at(b"("):
                self.space()
                continue
            match = (
                self.quoted()
                or _ANGLE.match(self.value, self.position)
                or _PLAIN.match(self.value, self.position)
            )
            self.position = match.end() if match is not None else self.position + 1


def _unescaped(text: bytes) -> bytes:
    return _ESCAPE.sub(rb"\1", text) if b"\\" in text else text


def _last_comment(passed: bytes) -> bytes:
    """What stands in the last comment of a run of space and comments."""
    depth = start = 0
    found = b""
    for match in _MARKS.finditer(passed):
        if match.group() == b"(":
            depth += 1
            if depth == 1:
                start = match.end()
        elif match.group() == b")":
            depth -= 1
            if depth == 0:
                found = passed[start : match.start()]
    return _unescaped(found)
