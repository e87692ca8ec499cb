"""Dots at line starts, TOP's cut, and the same bytes however the chunks were cut."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3.stuffing import PIECE, pieces

TEXTS = st.lists(
    st.sampled_from([b".", b"a", b"\r\n", b"\n", b"\r", b"..", b"\r\n.", b"\r\n.\r\n", b"x" * 9])
).map(b"".join)


@st.composite
def cut_texts(draw: st.DrawFn) -> list[bytes]:
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.b\r\n..c\r\n", b"a\r\n..b\r\n...c\r\n.\r\n"),
        (b"a\r\n.", b"a\r\n..\r\n.\r\n"),
        # line ends that are none: whoever takes them for one must not find the end of the message there
        (b"a\n.\nb\r\n", b"a\n..\nb\r\n.\r\n"),
        (b"a\n", b"a\n\r\n.\r\n"),
        (b"a\r", b"a\r\r\n.\r\n"),
    ],
)
def test_a_message_on_the_wire(message: bytes, wire: bytes) -> None:
    assert b"".join(pieces([message])) == wire


@given(cut_texts())
def test_where_the_chunks_were_cut_makes_no_difference(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert b"".join(pieces(chunks)) == b"".join(pieces([whole]))
    for lines in (0, 1, 3):
        assert b"".join(pieces(chunks, lines)) == b"".join(pieces([whole], lines))


@given(TEXTS)
def test_a_client_that_undoes_the_dots_has_the_message(message: bytes) -> None:
    wire = b"".join(pieces([message]))
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    body = wire.removesuffix(b".\r\n")
    assert re.search(rb"(\A|\n)\.\r?\n", body) is None  # nothing in it looks like the end
    undone = re.sub(rb"(\A|\n)\.", rb"\1", body)
    assert undone in (message, message + b"\r\n")


@given(TEXTS, st.integers(0, 4))
def test_top_is_header_and_so_many_lines(message: bytes, lines: int) -> None:
    message = b"Subject: x\r\n\r\n" + message
    wire = b"".join(pieces([message], lines))
    body = message.partition(b"\r\n\r\n")[2]
    wanted = b"Subject: x\r\n\r\n" + b"".join(re.findall(rb"[^\n]*\n|[^\n]+", body)[:lines])
    assert wire == b"".join(pieces([wanted]))


@pytest.mark.parametrize(
    ("message", "lines", "wire"),
    [
        (b"\r\nbody\r\nmore\r\n", 1, b"\r\nbody\r\n.\r\n"),
        (b"A: b\r\n", 5, b"A: b\r\n.\r\n"),
        (b"A: b\r\n\r\n", 5, b"A: b\r\n\r\n.\r\n"),
        (b"A: b\n\nbody\nmore\n", 1, b"A: b\n\nbody\n\r\n.\r\n"),
    ],
)
def test_top_of_odd_messages(message: bytes, lines: int, wire: bytes) -> None:
    assert b"".join(pieces([message], lines)) == wire
    assert b"".join(pieces([bytes([byte]) for byte in message], lines)) == wire


def test_large_messages_come_in_pieces_and_top_reads_no_further_than_it_must() -> None:
    read = 0

    def chunks():  # type: ignore[no-untyped-def]
        nonlocal read
        yield b"A: b\r\n\r\n"
        for _ in range(400):
            read += 1
            yield b".\r\n" * (PIECE // 4 // 3)

    sizes = [len(piece) for piece in pieces(chunks())]
    assert len(sizes) > 50
    assert max(sizes) < 2 * PIECE
    read = 0
    assert b"".join(pieces(chunks(), 3)) == b"A: b\r\n\r\n..\r\n..\r\n..\r\n.\r\n"
    assert read == 1
