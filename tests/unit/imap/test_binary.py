"""BINARY of parts that are too large for memory: decoded into a file, and handed out in pieces."""

import base64
import os
from pathlib import Path

import pytest

from imap import bodies
from imap.bodies import Large, UnknownEncoding, plan, read
from imap.fetch_grammar import parse
from imap.scanner import Scanner
from storage.message import Message

SIZE = 3_000_000


def fetch(items: str, path: Path) -> list[bodies.Octets]:
    wanted = parse(Scanner(f" 1 ({items})".encode()))
    (answers,) = read(plan(wanted.bodies), [Message(path, os.stat(path).st_size)])
    assert answers is not None
    return answers


def poured(large: bodies.Octets) -> bytes:
    assert isinstance(large, Large)
    octets = large.head
    while piece := large.next():
        octets += piece
    large.close()
    return octets


@pytest.fixture
def path(tmp_path: Path) -> Path:
    head = b"Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    found = tmp_path / "message"
    found.write_bytes(head + base64.encodebytes(bytes(range(1, 251)) * (SIZE // 250)))
    return found


def test_a_large_part(path: Path) -> None:
    whole, size, some = fetch("BINARY.PEEK[1] BINARY.SIZE[1] BINARY.PEEK[1]<250.3>", path)
    assert poured(whole) == b"{%d}\r\n" % SIZE + bytes(range(1, 251)) * (SIZE // 250)
    assert size == b"%d" % SIZE
    assert poured(some) == b"{3}\r\n\x01\x02\x03"


def test_nul_is_said_in_front(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(
        b"Content-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n" + bytes(2_000_000)
    )
    (answer,) = fetch("BINARY.PEEK[1]", path)
    assert poured(answer) == b"~{2000000}\r\n" + bytes(2_000_000)


def test_an_encoding_that_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-odd\r\n\r\n" + b"x" * 2_000_000
    )
    for items in ("BINARY.PEEK[1]", "BODY.PEEK[] BINARY.SIZE[1]"):
        with pytest.raises(UnknownEncoding):
            fetch(items, path)
