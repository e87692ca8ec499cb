"""FETCH's arguments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap import fetch_grammar
from imap.fetch_grammar import Fetch
from imap.scanner import BadSyntax, Scanner
from imap.table import COMMANDS


def read(text: bytes) -> Fetch:
    scanner = Scanner(text)
    found = fetch_grammar.parse(scanner)
    scanner.end()
    return found


@pytest.mark.parametrize(
    ("items", "ready", "labels"),
    [
        (b"FLAGS", (b"FLAGS",), []),
        (b"(uid Flags UID)", (b"UID", b"FLAGS"), []),
        (b"ALL", (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE"), []),
        (b"full", (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY"), []),
        (b"(BODY BODY[] BODYSTRUCTURE)", (b"BODY", b"BODYSTRUCTURE"), [b"BODY[]"]),
        (b"BODY.PEEK[1.2.MIME]<0.10>", (), [b"BODY[1.2.MIME]<0>"]),
        (b"BODY[HEADER.FIELDS (From To)]", (), [b"BODY[HEADER.FIELDS (From To)]"]),
        (b"(RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)", (b"RFC822.SIZE",),
         [b"RFC822", b"RFC822.HEADER", b"RFC822.TEXT"]),
        (b"FLAGS (CHANGEDSINCE 7)", (b"FLAGS", b"MODSEQ"), []),
    ],
)  # fmt: skip
def test_items(items: bytes, ready: tuple[bytes, ...], labels: list[bytes]) -> None:
    found = read(b" 1:* " + items)
    assert found.ready == ready
    assert [body.label for body in found.bodies] == labels


@pytest.mark.parametrize(
    "text",
    [b"", b" 1", b" 1 ", b" 1 ()", b" 1 (ALL)", b" 1 FOO", b" 1 BODY[", b" 1 BODY[]<0>", b" 1 BODY[]<0.0>",
     b" 1 BODY[]<-1.5>", b" 1 BODY[]<99999999999999999999.1>", b" 1 (FLAGS", b" 1 FLAGS (CHANGEDSINCE x)",
     b" 1 (" + b" ".join([b"BODY[]"] * 300) + b")", b" 0 FLAGS", b" 1 FLAGS FLAGS"],
)  # fmt: skip
def test_what_is_no_fetch(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        read(text)


@pytest.mark.parametrize(
    ("items", "seen"),
    [
        (b"BODY[]", True),
        (b"BODY.PEEK[]", False),
        (b"RFC822", True),
        (b"RFC822.HEADER", False),
        (b"RFC822.TEXT", True),
    ],
)
def test_what_sets_seen(items: bytes, seen: bool) -> None:
    assert read(b" 1 " + items).marks_seen is seen


@given(st.sampled_from(COMMANDS), st.binary(max_size=80))
def test_no_parser_raises_anything_but_bad_syntax(command: object, text: bytes) -> None:
    try:
        command.parse(Scanner(b" " + text))  # type: ignore[attr-defined]
    except BadSyntax:
        pass


WORDS = st.sampled_from(
    [b"1", b"*", b":", b",", b" ", b"(", b")", b"[", b"]", b"<", b">", b".", b'"', b"\\", b"FLAGS", b"BODY",
     b"PEEK", b"HEADER.FIELDS", b"CHANGEDSINCE", b"UNCHANGEDSINCE", b"RETURN", b"STATUS", b"{3}\r\nabc", b"\\Seen",
     b"NIL", b"INBOX", b"SUBSCRIBED", b"+FLAGS", b"ALL", b"TEXT", b"NOT", b"OR", b"SUBJECT", b"MODSEQ", b"CHARSET",
     b"UID"]
)  # fmt: skip


@given(st.sampled_from(COMMANDS), st.lists(WORDS, max_size=14).map(b"".join))
def test_nor_on_what_looks_like_a_command(command: object, text: bytes) -> None:
    try:
        command.parse(Scanner(b" " + text))  # type: ignore[attr-defined]
    except BadSyntax as error:
        assert error.text.isascii()
