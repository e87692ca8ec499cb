"""The tree of parts: its shape is held against Dovecot's by tests/corpus; here are its promises."""

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import octets
from storage.mime.parts import DEPTH, PARTS, Part, parse
from storage.octets import FileOctets

PIECES = [
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: multipart/digest; boundary=bb\r\n",
    b"Content-Type: message/rfc822\r\n",
    b'Content-Type: text/plain; charset="x"; name*0="a"; name*1*=b\r\n',
    b"Content-Disposition: attachment; filename=x\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"--b\r\n",
    b"--bb\r\n",
    b"--b--\r\n",
    b"--bb--",
    b"text\r\n",
    b"\x00\xff",
    b"Content-Type: ",
    b"(",
    b'"',
    b";",
]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join) | st.binary(max_size=300)


def every(root: Part) -> list[Part]:
    found, work = [], [root]
    while work:
        part = work.pop()
        found.append(part)
        work += part.children
        if part.message is not None:
            work.append(part.message)
    return found


def body(data: bytes, part: Part) -> bytes:
    return data[part.body_start : part.body_end]


def test_parts_of_a_multipart() -> None:
    data = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\nContent-Type: text/html\r\n"
        b"Content-Disposition: inline; filename=a\r\n\r\none\r\ntwo\r\n--b\r\n\r\nthree\r\n--b--\r\nepilogue"
    )
    root = parse(data)
    assert root.media == b"multipart/mixed" and root.body_end == len(data)
    first, second = root.children
    assert (first.media, body(data, first), first.lines) == (b"text/html", b"one\r\ntwo", 1)
    assert (first.disposition, first.disposition_params) == (b"inline", ((b"filename", b"a"),))
    assert (second.media, body(data, second), second.header_start) == (
        b"text/plain",
        b"three",
        second.body_start - 2,
    )


def test_a_message_within() -> None:
    data = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n"
    root = parse(data)
    assert root.message is not None
    assert data[root.message.header_start : root.message.body_start] == b"Subject: in\r\n\r\n"
    assert (root.lines, root.message.lines, root.size) == (3, 1, 21)


@pytest.mark.parametrize(
    "unit",
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Type: multipart/digest; boundary=%d\r\n\r\n--%d\r\n",
    ],
)
def test_ten_thousand_levels_are_cut_off(unit: bytes) -> None:
    data = b"".join(unit % (n, n) if b"%" in unit else unit for n in range(10_000))
    started = time.process_time()
    root = parse(data)
    assert time.process_time() - started < 5
    levels, part = 1, root
    while part.children or part.message:
        part = part.message or part.children[0]
        levels += 1
    assert levels <= DEPTH
    assert len(every(root)) <= PARTS


def test_more_parts_than_the_limit_are_the_body_of_the_last() -> None:
    data = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 50
    root = parse(data, parts=11)
    assert len(root.children) == 10
    assert body(data, root.children[0]) == b"x"
    assert root.children[-1].body_end == len(data)


def test_header_octets_beyond_the_limit_are_not_read() -> None:
    data = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: text/html\r\n\r\nx\r\n" * 3
    )
    root = parse(data, headers=80)
    assert [part.media for part in root.children] == [b"text/html", b"text/plain", b"text/plain"]


@given(HOSTILE)
def test_any_octets_give_a_sound_tree(data: bytes) -> None:
    root = parse(data)
    assert (root.header_start, root.body_end) == (0, len(data))
    for part in every(root):
        assert 0 <= part.header_start <= part.body_start <= part.body_end <= len(data)
        inside = part.children + ([part.message] if part.message else [])
        last = part.body_start
        for child in inside:
            assert last <= child.header_start and child.body_end <= part.body_end
            last = child.body_end
        if part.media.startswith(b"text/") or part.message:
            assert part.lines == body(data, part).count(b"\n")


@settings(max_examples=50)
@given(HOSTILE)
def test_a_file_is_read_as_bytes_are(data: bytes) -> None:
    whole, octets.PIECE = octets.PIECE, 7
    try:
        assert parse(FileOctets(io.BytesIO(data))) == parse(data)
    finally:
        octets.PIECE = whole


def test_the_boundary_is_found_in_time_that_grows_with_the_size_alone() -> None:
    head = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(90)
    )
    started = time.process_time()
    parse(head + b"--x\r\n" * 400_000)
    assert time.process_time() - started < 5
