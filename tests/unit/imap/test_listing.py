"""LIST's grammar and answers (RFC 5258 §5 has most of these cases)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap.commands.listing import List, hierarchy, list_line, parse_list, parse_lsub
from imap.scanner import BadSyntax, Scanner
from storage.rows import MailboxInfo


def read(text: bytes) -> List:
    scanner = Scanner(text)
    found = parse_list(scanner)
    scanner.end()
    return found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b' "" *', List(b"", (b"*",))),
        (b' "a/" "%"', List(b"a/", (b"%",))),
        (b" () {0}\r\n ()", None),
        (b' () "" (a b)', List(b"", (b"a", b"b"), True)),
        (b' (SUBSCRIBED) "" "*"', List(b"", (b"*",), True, frozenset({b"SUBSCRIBED"}))),
        (
            b' "" % RETURN (CHILDREN STATUS (UNSEEN))',
            List(b"", (b"%",), True, frozenset(), frozenset({b"CHILDREN", b"STATUS"}), (b"UNSEEN",)),
        ),
        (b' (FOO) "" %', None),
        (b' "" % RETURN (FOO)', None),
        (b' "" % return ()', List(b"", (b"%",), True)),
        (b' ""', None),
        (b' "" a b', None),
    ],
)
def test_parse(text: bytes, wanted: List | None) -> None:
    if wanted is None:
        with pytest.raises(BadSyntax):
            read(text)
    else:
        assert read(text) == wanted


@given(st.binary(max_size=60))
def test_garbage(text: bytes) -> None:
    for parse in (parse_list, parse_lsub):
        try:
            parse(Scanner(b" " + text))
        except BadSyntax:
            pass


MAILBOXES = [
    MailboxInfo("INBOX"),
    MailboxInfo("Foo", selectable=False),
    MailboxInfo("Foo/Bar"),
    MailboxInfo("Sent", special_use="\\Sent"),
]
TREE = hierarchy(MAILBOXES, {"Foo/Bar", "Gone", "Tip/Deep"}).names


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("INBOX", b' "" *', b"(\\HasNoChildren) \"/\" INBOX"),
        ("Foo", b' "" *', b'(\\Noselect \\HasChildren) "/" "Foo"'),
        ("Foo", b' () "" *', b'(\\NonExistent \\HasChildren) "/" "Foo"'),
        ("Foo/Bar", b' (SUBSCRIBED) "" *', b'(\\HasNoChildren \\Subscribed) "/" "Foo/Bar"'),
        ("Foo", b' (SUBSCRIBED) "" *', None),
        ("Foo", b' (SUBSCRIBED RECURSIVEMATCH) "" *',
         b'(\\NonExistent \\HasChildren) "/" "Foo" ("CHILDINFO" ("SUBSCRIBED"))'),
        ("Gone", b' (SUBSCRIBED) "" *', b'(\\NonExistent \\HasNoChildren \\Subscribed) "/" "Gone"'),
        ("Gone", b' "" *', None),
        ("Tip", b' (SUBSCRIBED) "" *', None),
        ("Sent", b' (SPECIAL-USE) "" *', b'(\\HasNoChildren \\Sent) "/" "Sent"'),
        ("INBOX", b' (SPECIAL-USE) "" *', None),
        ("Foo/Bar", b' "" * RETURN (SUBSCRIBED)', b'(\\HasNoChildren \\Subscribed) "/" "Foo/Bar"'),
    ],
)  # fmt: skip
def test_lines(name: str, text: bytes, line: bytes | None) -> None:
    expected = None if line is None else b"* LIST " + line + b"\r\n"
    assert list_line(name, TREE[name], read(text)) == expected


def test_remote_is_everything_here() -> None:
    assert list_line("INBOX", TREE["INBOX"], read(b' (REMOTE) "" *')) is not None
