"""Tokens are read as RFC 9051 §9 has them; whatever else the bytes are, only BadSyntax comes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap.scanner import DEPTH, NUMBER64, BadSyntax, Scanner


@pytest.mark.parametrize(
    ("text", "method", "value", "rest"),
    [
        (b"abc def", "atom", b"abc", b" def"),
        (b"a]b", "atom", b"a", b"]b"),
        (b"a]b", "astring", b"a]b", b""),
        (b"select(", "keyword", b"SELECT", b"("),
        (b"a1.b-2 x", "tag", b"a1.b-2", b" x"),
        (b"a%b*c", "list_mailbox", b"a%b*c", b""),
        (b'"a b" c', "astring", b"a b", b" c"),
        (b'"a\\"\\\\b"', "string", b'a"\\b', b""),
        (b'""', "string", b"", b""),
        (b"{3}\r\na\r\nb", "string", b"a\r\n", b"b"),
        (b"{3+}\r\nabc)", "astring", b"abc", b")"),
        (b"{0}\r\n", "astring", b"", b""),
        (b"nil", "nstring", None, b""),
        (b"NIL)", "nstring", None, b")"),
        (b'"NIL"', "nstring", b"NIL", b""),
        (b"\\Seen)", "flag", b"\\Seen", b")"),
        (b"$Forwarded", "flag", b"$Forwarded", b""),
        (b"4294967295", "number", 4294967295, b""),
        (b"0", "number", 0, b""),
        (b"9223372036854775807", "number64", NUMBER64, b""),
        (b"body.peek[x", "word", b"BODY.PEEK", b"[x"),
        ('"受"'.encode(), "astring", "受".encode(), b""),
    ],
)
def test_token(text: bytes, method: str, value: object, rest: bytes) -> None:
    scanner = Scanner(text)
    assert getattr(scanner, method)() == value
    assert scanner.data[scanner.position :] == rest


@pytest.mark.parametrize(
    ("text", "method"),
    [
        (b"", "atom"),
        (b"(", "atom"),
        (b"\x80", "atom"),
        (b"+a", "tag"),
        (b'"open', "string"),
        (b'"a\\b"', "string"),
        (b'"a\rb"', "string"),
        (b"{3}\r\nab", "string"),
        (b"{99999999999999999999}\r\na", "string"),
        (b"{3}", "string"),
        (b"atom", "string"),
        (b"NILS", "nstring"),
        (b"4294967296", "number"),
        (b"9" * 5000, "number"),
        (b"9" * 5000, "number64"),
        (b"-1", "number"),
        (b"0", "nz_number"),
        (b"  ", "atom"),
        (b"x", "space"),
        (b"", "space"),
        (b"x", "end"),
        (b"{3}\r\nabc", "literal_to_come"),
    ],
)
def test_what_is_no_token_is_refused_and_nothing_is_taken(text: bytes, method: str) -> None:
    scanner = Scanner(text)
    with pytest.raises(BadSyntax):
        getattr(scanner, method)()
    assert scanner.position == 0


def test_words_end_where_they_end() -> None:
    assert Scanner(b"all").take_word(b"ALL")
    assert not Scanner(b"ALLOW").take_word(b"ALL")
    assert Scanner(b"ALL)").take_word(b"ALL")


def test_nesting_is_bounded() -> None:
    scanner = Scanner(b"(" * 10_000)

    def inner() -> None:
        with scanner.nested():
            scanner.expect(b"(")
            inner()

    with pytest.raises(BadSyntax, match="deep"):
        inner()
    assert scanner.position == DEPTH


METHODS = (
    "atom", "keyword", "tag", "word", "flag", "number", "number64", "nz_number", "string", "astring", "nstring",
    "list_mailbox", "space", "end", "literal_to_come",
)  # fmt: skip


@given(st.binary(max_size=60), st.lists(st.sampled_from(METHODS), max_size=10))
def test_garbage_raises_bad_syntax_only(data: bytes, methods: list[str]) -> None:
    scanner = Scanner(data)
    for method in methods:
        before = scanner.position
        try:
            getattr(scanner, method)()
        except BadSyntax as error:
            assert scanner.position == before
            assert error.text.isascii()
        assert before <= scanner.position <= len(data)
