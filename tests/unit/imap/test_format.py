"""What the server writes, the scanner reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap import format
from imap.scanner import Scanner


@given(st.binary(max_size=50))
def test_strings_come_back(data: bytes) -> None:
    for written in (format.string(data), format.nstring(data), format.astring(data), format.literal(data)):
        scanner = Scanner(written)
        assert scanner.astring() == data
        assert scanner.at_end()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("INBOX", b"INBOX"),
        ("Sent", b'"Sent"'),
        ('a"b', b'"a\\"b"'),
        ("送信", b'"&kAFP4Q-"'),
    ],
)
def test_mailbox(name: str, written: bytes) -> None:
    assert format.mailbox(name) == written


def test_utf8_mailbox() -> None:
    assert format.mailbox("送信", utf8=True) == '"送信"'.encode()


def test_nil() -> None:
    assert format.nstring(None) == b"NIL"
    assert format.astring(b"nil") == b'"nil"'
    assert format.astring(b"") == b'""'
