"""Reads the tokens of one command (RFC 9051 §9), left to right, from bytes that are all there.

A command is one bytes value without its final line end. A literal lies in it as it came over the wire:
`{n}` CRLF and n octets. CR and LF occur nowhere else (`imap.framing` sees to that), so a literal cannot be
feigned. Every method either takes what it names and moves on, or raises `BadSyntax` and leaves the position
where it was. Nothing here waits, and no other exception is raised whatever the bytes are.

`BadSyntax.text` goes to the client after BAD: ASCII, without any byte of the client's.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

DEPTH = 50  # parentheses within parentheses that a grammar may follow; a reader's stack is bounded by it

NUMBER = 2**32 - 1
NUMBER64 = 2**63 - 1

# RFC 9051 §9: ATOM-CHAR, ASTRING-CHAR (adds "]"), list-char (adds "%" and "*"), tag (no "+").
_ATOM = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_ASTRING = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
_LIST = re.compile(rb"[!#$%&'*+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
_TAG = re.compile(rb"[!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
_WORD = re.compile(rb"[A-Za-z0-9.\-]+")
_FLAG = re.compile(rb"\\?[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
# 8-bit octets are let through in a quoted string: whoever reads it decides what they mean.
_QUOTED = re.compile(rb'"([^"\\\r\n\x00]*(?:\\["\\][^"\\\r\n\x00]*)*)"')
_ESCAPED = re.compile(rb'\\(["\\])')
_LITERAL = re.compile(rb"\{([0-9]{1,20})\+?\}\r\n")
_TO_COME = re.compile(rb"~?\{[0-9]{1,20}\+?\}\Z")
_DIGITS = re.compile(rb"[0-9]{1,20}")
_NIL = re.compile(rb"[Nn][Ii][Ll](?![!#$&'+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~])")


class BadSyntax(Exception):
    """The command breaks its grammar. `text` is a sentence for the client."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Scanner:
    """A position in the bytes of one command."""

    __slots__ = ("_depth", "data", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position
        self._depth = 0

    def at_end(self) -> bool:
        return self.position >= len(self.data)

    def end(self) -> None:
        """Nothing may follow."""
        if self.position < len(self.data):
            raise BadSyntax("unexpected text after the arguments")

    def peek(self) -> bytes:
        """The next octet without taking it; empty at the end."""
        return self.data[self.position : self.position + 1]

    def take(self, token: bytes) -> bool:
        """Take `token` (any case) if it comes next."""
        stop = self.position + len(token)
        if self.data[self.position : stop].upper() != token.upper():
            return False
        self.position = stop
        return True

    def take_word(self, word: bytes) -> bool:
        """Take `word` (any case) if it comes next and ends there: `FROM` is not taken from `FROMAGE`."""
        start = self.position
        if self.take(word) and not _ASTRING.match(self.data, self.position):
            return True
        self.position = start
        return False

    def expect(self, token: bytes) -> None:
        """`token` (any case) must come next."""
        if not self.take(token):
            raise BadSyntax(f"expected {_named(token)}")

    def space(self) -> None:
        """Exactly one space must come next."""
        if self.data[self.position : self.position + 1] != b" ":
            raise BadSyntax("unexpected end of the command" if self.at_end() else "expected a space")
        self.position += 1

    def atom(self) -> bytes:
        return self._match(_ATOM, "an atom")

    def keyword(self) -> bytes:
        """An atom in upper case: the name of a command, an item, an option."""
        return self._match(_ATOM, "a word").upper()

    def word(self) -> bytes:
        """Letters, digits, dots and hyphens, in upper case: a name that a bracket may follow."""
        return self._match(_WORD, "a word").upper()

    def tag(self) -> bytes:
        return self._match(_TAG, "a tag")

    def flag(self) -> bytes:
        """A keyword, or a system flag with its backslash."""
        return self._match(_FLAG, "a flag")

    def number(self, most: int = NUMBER) -> int:
        """An unsigned number of at most 32 bits."""
        match = _DIGITS.match(self.data, self.position)
        if match is None:
            raise BadSyntax("expected a number")
        value = int(match.group())
        if value > most or self.data[match.end() : match.end() + 1].isdigit():
            raise BadSyntax("number out of range")
        self.position = match.end()
        return value

    def number64(self) -> int:
        """An unsigned number of at most 63 bits: sizes and mod-sequences."""
        return self.number(NUMBER64)

    def nz_number(self, most: int = NUMBER) -> int:
        """A number above zero."""
        start = self.position
        value = self.number(most)
        if value == 0:
            self.position = start
            raise BadSyntax("expected a number above zero")
        return value

    def string(self) -> bytes:
        """A quoted string or a literal."""
        match = _QUOTED.match(self.data, self.position)
        if match is not None:
            self.position = match.end()
            text = match.group(1)
            return _ESCAPED.sub(rb"\1", text) if b"\\" in text else text
        match = _LITERAL.match(self.data, self.position)
        if match is None:
            raise BadSyntax("expected a string")
        stop = match.end() + int(match.group(1))
        if stop > len(self.data):
            raise BadSyntax("the literal is not complete")
        self.position = stop
        return self.data[match.end() : stop]

    def literal_to_come(self) -> None:
        """A literal is announced here, at the very end; its octets have not been read."""
        self._match(_TO_COME, "a literal")

    def rest(self) -> bytes:
        """All that is left."""
        text = self.data[self.position :]
        self.position = len(self.data)
        return text

    def astring(self) -> bytes:
        match = _ASTRING.match(self.data, self.position)
        if match is not None:
            self.position = match.end()
            return match.group()
        return self.string()

    def nstring(self) -> bytes | None:
        """A string, or NIL as None."""
        match = _NIL.match(self.data, self.position)
        if match is not None:
            self.position = match.end()
            return None
        return self.string()

    def nstring8(self) -> bytes | None:
        """The same, or a literal8 (RFC 3516 §7), which may hold NUL."""
        if self.data[self.position : self.position + 2] == b"~{":
            self.position += 1
            return self.string()
        return self.nstring()

    def list_mailbox(self) -> bytes:
        """A mailbox pattern: wildcards need no quotes in it (RFC 9051 §6.3.9)."""
        match = _LIST.match(self.data, self.position)
        if match is not None:
            self.position = match.end()
            return match.group()
        return self.string()

    @contextmanager
    def nested(self) -> Iterator[None]:
        """One level of a grammar that contains itself: `with scanner.nested(): …`, at most DEPTH deep."""
        if self._depth >= DEPTH:
            raise BadSyntax("nested too deeply")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def _match(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        match = pattern.match(self.data, self.position)
        if match is None:
            raise BadSyntax(f"expected {what}" + (" but the command ends" if self.at_end() else ""))
        self.position = match.end()
        return match.group()


def _named(token: bytes) -> str:
    names = {b"(": "an opening parenthesis", b")": "a closing parenthesis", b" ": "a space"}
    return names.get(token, token.decode("ascii", "replace"))
