"""What mail programs ask again and again is read once; what clients keep to themselves is not kept."""

import pytest

from imap.command import LONGEST_KEPT, MOST_KEPT, Asked
from imap.scanner import Scanner
from imap.table import TABLE


def read(text: bytes) -> Asked:
    scanner = Scanner(b"a " + text)
    command = TABLE.find(scanner)
    return TABLE.keep(text, command, command.parse(scanner))


@pytest.mark.parametrize(
    "text",
    [b"STATUS INBOX (MESSAGES)", b"noop", b'LIST "" "*" RETURN (SUBSCRIBED)', b"SELECT INBOX (CONDSTORE)"],
)
def test_asked_again(text: bytes) -> None:
    asked = read(text)
    assert TABLE.known(text) is asked
    assert asked.command.name.encode() == text.upper().partition(b" ")[0]
    assert hash(asked.arguments) == hash(read(text).arguments)  # frozen: many sessions have the same


@pytest.mark.parametrize(
    "text", [b"LOGIN taro secret", b"SEARCH TEXT secret", b"STATUS " + b"x" * LONGEST_KEPT + b" (MESSAGES)"]
)
def test_not_kept(text: bytes) -> None:
    read(text)
    assert TABLE.known(text) is None


def test_no_client_fills_the_memory() -> None:
    for number in range(MOST_KEPT + 10):
        read(b"STATUS f%d (MESSAGES)" % number)
    assert (
        sum(TABLE.known(b"STATUS f%d (MESSAGES)" % n) is not None for n in range(MOST_KEPT + 10)) <= MOST_KEPT
    )
