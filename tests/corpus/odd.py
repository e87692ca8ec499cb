"""What every message of the corpus has, and why we differ from Dovecot where we do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Odd:
    what: str
    message: bytes
    differs: dict[str, str]


HEAD = "From: Taro <taro@example.jp>\nTo: hanako@example.jp\nSubject: test\nDate: Mon, 1 Jan 2024 12:00:00 +0900\n"
NO_BLANK = "the line end before a boundary belongs to the boundary (RFC 2046 §5.1.1); signatures count on it"
BROKEN_TYPE = "a type that can still be read is kept, and without one it is text/plain (RFC 2045 §5.2)"
NULL_ELEMENT = "an empty element of a list is nothing (RFC 5322 §4.4)"
AFTER_FAULT = "the list is read to its end, so that nobody in it is lost"
SPACES = "white space around a value means nothing, and that inside it is kept"


def wire(text: str | bytes) -> bytes:
    octets = text.encode() if isinstance(text, str) else text
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def odd(what: str, text: str | bytes) -> Odd:
    return Odd(what, wire(text), {})
