"""Reads IMAP values (RFC 9051 §9: lists, strings, literals, numbers, NIL) strictly, for comparison.

Quoted or literal makes no difference to a client, so both read as bytes here.
"""

import re
from typing import TypeAlias

Value: TypeAlias = "int | bytes | tuple[Value, ...] | None"

_QUOTED = re.compile(rb'"((?:[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x5b\x5d-\x7f]|\\["\\])*)"')
_LITERAL = re.compile(rb"\{(\d+)\}\r\n")
_ATOM = re.compile(rb"[A-Za-z0-9.]+")


class NotImap(Exception):
    """The bytes are not what RFC 9051 allows."""


def read_values(data: bytes, position: int) -> tuple[tuple[Value, ...], int]:
    """The values from `position` up to the closing parenthesis, and the position after it."""
    stack: list[list[Value]] = [[]]
    while True:
        byte = data[position : position + 1]
        if byte == b"(":
            stack.append([])
            position += 1
            continue
        if byte == b")":
            position += 1
            done = tuple(stack.pop())
            if not stack:
                return done, position
            stack[-1].append(done)
        elif byte == b" ":
            position += 1
            if data[position : position + 1] in (b" ", b")", b"") or not stack[-1]:
                raise NotImap(f"stray space at {position}")
        else:
            value, position = _one(data, position)
            stack[-1].append(value)


def read_all(data: bytes) -> tuple[Value, ...]:
    """All of `data` must be one parenthesised list."""
    if data[:1] != b"(":
        raise NotImap("no list")
    values, position = read_values(data, 1)
    if position != len(data):
        raise NotImap(f"text after the list: {data[position:]!r}")
    return values


def _one(data: bytes, position: int) -> tuple[Value, int]:
    if match := _QUOTED.match(data, position):
        return re.sub(rb"\\(.)", rb"\1", match.group(1), flags=re.DOTALL), match.end()
    if match := _LITERAL.match(data, position):
        stop = match.end() + int(match.group(1))
        text = data[match.end() : stop]
        if stop > len(data) or b"\0" in text:
            raise NotImap("bad literal")
        return text, stop
    if match := _ATOM.match(data, position):
        text = match.group()
        if text.isdigit():
            return int(text), match.end()
        return (None if text.upper() == b"NIL" else text), match.end()
    raise NotImap(f"{data[position : position + 20]!r} at {position}")
