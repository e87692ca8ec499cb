"""Where a message ends and what it may hold, however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp.data import Data, Fault, Lines

LONG = 1_000_000


def read(pieces: list[bytes], longest: int = LONG) -> tuple[bytes, bytes, Fault | None, bool]:
    reader = Data(longest)
    text = b""
    for number, piece in enumerate(pieces):
        text += reader.feed(piece)
        if reader.done:
            return text, reader.rest + b"".join(pieces[number + 1 :]), reader.fault, True
    return text, b"", reader.fault, False


GOOD = [
    (b".\r\n", b""),
    (b"\r\n.\r\n", b"\r\n"),
    (b"a\r\n.\r\n", b"a\r\n"),
    (b"a\r\n\r\nb\r\n.\r\n", b"a\r\n\r\nb\r\n"),
    (b"..\r\n.\r\n", b".\r\n"),
    (b".a\r\n.\r\n", b"a\r\n"),
    (b"...\r\n..\r\n.\r\n", b"..\r\n.\r\n"),
    (b"a.\r\n.\r\n", b"a.\r\n"),
    (b"\0\x80\xff\r\n.\r\n", b"\0\x80\xff\r\n"),
]


@pytest.mark.parametrize(("wire", "message"), GOOD)
def test_message(wire: bytes, message: bytes) -> None:
    assert read([wire]) == (message, b"", None, True)


@pytest.mark.parametrize(("wire", "message"), GOOD)
def test_message_octet_by_octet(wire: bytes, message: bytes) -> None:
    assert read([bytes([octet]) for octet in wire]) == (message, b"", None, True)


def test_what_follows_the_end_is_the_next_command() -> None:
    assert read([b"a\r\n.\r\nQUIT\r\n"]) == (b"a\r\n", b"QUIT\r\n", None, True)
    assert read([b".\r\n.\r\n"]) == (b"", b".\r\n", None, True)


# Sequences with which one server's end of data is another's text (SMTP smuggling, 2023), and their kin.
SMUGGLING = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n\0.\r\n",
    b"\n\r.\r\n",
    b"\r\r.\r\r",
    b"\n\n.\n\n",
    b"\r\n.\r\0\n",
    b"\r\n.\0\r\n",
    b"\x00.\r\n",
]


@pytest.mark.parametrize("trick", SMUGGLING)
def test_nothing_else_ends_the_message(trick: bytes) -> None:
    wire = b"a" + trick + b"MAIL FROM:<x@y>\r\n.\r\n"
    text, rest, fault, done = read([wire])
    assert done
    assert rest == b""
    assert b"MAIL FROM" in text
    assert fault is Fault.BARE_LINE_END or b"\0" in trick


@pytest.mark.parametrize("bare", [b"a\nb", b"a\rb", b"\n", b"\r", b"a\r", b"\r\r\n", b"\n\r\n", b"\r\n\n"])
def test_bare_cr_and_lf_are_faults(bare: bytes) -> None:
    wire = bare + b"\r\n.\r\n"
    assert read([wire])[2:] == (Fault.BARE_LINE_END, True)
    assert read([bytes([octet]) for octet in wire])[2:] == (Fault.BARE_LINE_END, True)


def test_longest_line() -> None:
    line = b"x" * 998 + b"\r\n"
    assert read([line, b".\r\n"], 999)[2] is None
    assert read([b"x" + line, b".\r\n"], 999)[2] is Fault.LONG_LINE
    assert read([b"x" * 500, b"x" * 500, b"\r\n.\r\n"], 999)[2] is Fault.LONG_LINE


def reference(wire: bytes) -> tuple[bytes, bytes, bool]:
    """RFC 5321 §4.5.2, line by line."""
    message, position = b"", 0
    while (end := wire.find(b"\r\n", position)) >= 0:
        line = wire[position : end + 2]
        position = end + 2
        if line == b".\r\n":
            return message, wire[position:], True
        message += line[1:] if line.startswith(b".") else line
    return message, b"", False


def has_bare(text: bytes) -> bool:
    return b"\n" in text.replace(b"\r\n", b"") or b"\r" in text.replace(b"\r\n", b"")


WIRE = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"a", b"\r\n.", b"\r\n.\r\n", b"\0"]), max_size=30
)


@given(WIRE.map(b"".join), st.lists(st.integers(0, 80), max_size=8))
def test_any_cut_gives_what_the_rfc_says(wire: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    text, rest, fault, done = read([wire[start:end] for start, end in pairwise(edges)])
    expected, expected_rest, expected_done = reference(wire)
    assert done is expected_done
    if done:
        assert (text, rest) == (expected, expected_rest)
        assert (fault is Fault.BARE_LINE_END) is has_bare(text)


@pytest.mark.parametrize(
    ("text", "longest", "fault"),
    [
        (b"a\r\n.b\r\n\r\nc", 100, None),
        (b"a\r\nb\rc\r\n", 100, Fault.BARE_LINE_END),
        (b"a\nb\r\n", 100, Fault.BARE_LINE_END),
        (b"a\rb\nc\r\n", 100, Fault.BARE_LINE_END),
        (b"a\r\r\n", 100, Fault.BARE_LINE_END),
        (b"a\r\n\r", 100, Fault.BARE_LINE_END),
        (b"12345678\r\n1234\r\n", 9, None),
        (b"12345678\r\n123456789\r\n", 9, Fault.LONG_LINE),
    ],
)
def test_a_chunk_may_end_anywhere(text: bytes, longest: int, fault: Fault | None) -> None:
    """Also between CR and LF, as the chunks of BDAT do (RFC 3030 §2)."""
    for at in range(len(text) + 1):
        watch = Lines(longest)
        watch.see(text[:at])
        watch.see(text[at:])
        watch.end()
        assert watch.fault is fault, (text[:at], text[at:])


@given(WIRE.map(b"".join), st.lists(st.integers(0, 80), max_size=5), st.integers(1, 30))
def test_lines_judge_the_same_for_any_cut(text: bytes, cuts: list[int], longest: int) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    whole, pieces = Lines(longest), Lines(longest)
    whole.see(text)
    whole.end()
    for start, end in pairwise(edges):
        pieces.see(text[start:end])
    pieces.end()
    assert (whole.fault is None) is (pieces.fault is None)
