"""Command lines of POP3, good, odd and hostile."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3 import grammar
from pop3.grammar import BadSyntax
from pop3.table import COMMANDS


@pytest.mark.parametrize(
    ("line", "keyword", "rest"),
    [
        (b"STAT\r\n", b"STAT", b""),
        (b"stat\n", b"STAT", b""),
        (b"Retr 1\r\n", b"RETR", b"1"),
        (b"PASS a b  c \r\n", b"PASS", b"a b  c "),
        (b"PASS  leading\r\n", b"PASS", b" leading"),
        ("USER 太郎\r\n".encode(), b"USER", "太郎".encode()),
        (b"\xff\xfe\r\n", b"\xff\xfe", b""),
    ],
)
def test_split(line: bytes, keyword: bytes, rest: bytes) -> None:
    assert grammar.split(line) == (keyword, rest)


@pytest.mark.parametrize(
    "line", [b"\r\n", b"\n", b" STAT\r\n", b"ST\0AT\r\n", b"NOOP\r\r\n", b"A\tB\r\n", b"A\x7f\r\n"]
)
def test_what_is_no_command(line: bytes) -> None:
    with pytest.raises(BadSyntax):
        grammar.split(line)


@pytest.mark.parametrize(
    ("parse", "rest", "value"),
    [
        (grammar.nothing, b"", None),
        (grammar.nothing, b"  ", None),
        (grammar.text, b" x ", b" x "),
        (grammar.number, b"1", 1),
        (grammar.number, b"007 ", 7),
        (grammar.number_or_none, b"", None),
        (grammar.number_or_none, b"12", 12),
        (grammar.number_and_lines, b"1 0", (1, 0)),
        (grammar.number_and_lines, b"1  10 ", (1, 10)),
        (grammar.mechanism, b"", (b"", None)),
        (grammar.mechanism, b"plain", (b"PLAIN", None)),
        (grammar.mechanism, b"PLAIN AAA=", (b"PLAIN", b"AAA=")),
        (grammar.mechanism, b"PLAIN =", (b"PLAIN", b"")),
    ],
)
def test_arguments(parse: Callable[[bytes], object], rest: bytes, value: object) -> None:
    assert parse(rest) == value


@pytest.mark.parametrize(
    ("parse", "rest"),
    [
        (grammar.nothing, b"1"),
        (grammar.text, b""),
        (grammar.number, b""),
        (grammar.number, b"-1"),
        (grammar.number, b"+1"),
        (grammar.number, b"1_0"),
        (grammar.number, b"1 2"),
        (grammar.number, "１".encode()),
        (grammar.number, b"9" * 11),
        (grammar.number_and_lines, b"1"),
        (grammar.number_and_lines, b"1 2 3"),
        (grammar.number_and_lines, b"1 " + b"9" * 4000),
        (grammar.mechanism, b"PLAIN a b"),
    ],
)
def test_bad_arguments(parse: Callable[[bytes], object], rest: bytes) -> None:
    with pytest.raises(BadSyntax) as raised:
        parse(rest)
    assert isinstance(raised.value.args[0], bytes)


@given(st.binary(max_size=300))
def test_no_line_does_anything_but_parse_or_be_refused(line: bytes) -> None:
    try:
        _, rest = grammar.split(line + b"\r\n")
    except BadSyntax:
        return
    for command in COMMANDS:
        try:
            command.parse(rest)
        except BadSyntax:
            pass
