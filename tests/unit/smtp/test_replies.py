"""One table from answers of the house to reply codes."""

import inspect
import re
from pathlib import Path

import pytest

from smtp import replies
from smtp.replies import Reply
from storage import errors, status
from storage.status import Status


@pytest.mark.parametrize(
    ("answer", "wire"),
    [
        (status.UNKNOWN_RECIPIENT, b"550 5.1.1 no such recipient here\r\n"),
        (status.NOT_RECEIVING, b"550 5.2.1 this mailbox does not receive mail\r\n"),
        (status.MAILBOX_FULL, b"452 4.2.2 mailbox is full\r\n"),
        (status.TOO_BIG, b"552 5.3.4 message is too big\r\n"),
        (status.DISK_FULL, b"452 4.3.1 not enough storage, try again later\r\n"),
        (status.INTERNAL, b"451 4.3.0 internal error, try again later\r\n"),
        (status.DELIVERED, b"250 2.0.0 delivered\r\n"),
        (Status("4.9.9"), b"451 4.9.9 try again later\r\n"),
        (Status("5.9.9", "no"), b"554 5.9.9 no\r\n"),
    ],
)
def test_status(answer: Status, wire: bytes) -> None:
    assert replies.of_status(answer).wire() == wire


def test_codes_agree_with_their_class() -> None:
    for code, reply in replies.CODES.items():
        assert str(reply)[0] == code[0]
    for name, reply in inspect.getmembers(replies, lambda each: isinstance(each, Reply)):
        assert not reply.status or str(reply.code)[0] == reply.status[0], name
        assert reply.wire().endswith(b"\r\n"), name
        assert len(reply.wire()) <= 512, name  # RFC 5321 §4.5.3.1.5


@pytest.mark.parametrize(
    "kind", [errors.OverQuota, errors.DiskFull, errors.Broken, errors.MailboxMissing, KeyError]
)
def test_the_text_of_an_error_is_never_told(kind: type[Exception]) -> None:
    wire = replies.of_error(kind("the inside story"), "abc").wire()
    assert wire.startswith(b"4")
    assert b"inside" not in wire


def test_nothing_of_a_reply_can_be_a_second_line() -> None:
    assert replies.of_status(Status("5.7.1", "a\r\n250 ok")).wire() == b"550 5.7.1 a  250 ok\r\n"


def test_a_reply_is_no_longer_than_it_may_be() -> None:
    """RFC 5321 §4.5.3.1.5: a check may say what it likes."""
    wire = replies.of_status(Status("5.7.1", "x" * 5000)).wire()
    assert wire.startswith(b"550 5.7.1 xxx") and wire.endswith(b"x\r\n") and len(wire) <= 512


def test_capabilities() -> None:
    assert replies.capabilities("mx.example", ["A", "B 1"]) == b"250-mx.example\r\n250-A\r\n250 B 1\r\n"


def test_codes_are_chosen_in_one_place() -> None:
    """No other file of the door makes a reply of numbers."""
    folder = Path(replies.__file__).parent
    others = [path for path in folder.glob("*.py") if path.name != "replies.py"]
    assert others
    for path in others:
        assert not re.search(r'\bReply\(\d|"[245]\d\d[ -]', path.read_text("utf-8")), path.name
