"""Commands are the same however the bytes were cut, and cost bounded memory whatever is announced."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imap import reader
from imap.framing import Frame, Literal, TooLong, alone, announced, tag_of
from imap.scanner import BadSyntax, Scanner
from net.connection import Connection, LineTooLong, PeerGone

DIALOGUE = (
    b"a1 LOGIN {4+}\r\ntaro {6+}\r\nsecret\r\n"
    b'a2 SELECT "INBOX"\r\n'
    b"a3 SEARCH SUBJECT {5+}\r\n{3}\r\n TEXT x\n"
    b"a4 CREATE {0+}\r\n\r\n"
    b"\r\n"
    b"a5 NOOP\r\n"
)
COMMANDS = [
    b"a1 LOGIN {4+}\r\ntaro {6+}\r\nsecret",
    b'a2 SELECT "INBOX"',
    b"a3 SEARCH SUBJECT {5+}\r\n{3}\r\n TEXT x",
    b"a4 CREATE {0+}\r\n",
    b"",
    b"a5 NOOP",
]


class Wire:
    """A server and a transport for a connection, without a network."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.written = bytearray()
        self.conn = Connection(self)
        self.conn.connection_made(self)  # type: ignore[arg-type]

    def arrived(self, _connection: Connection) -> bool:
        return True

    async def serve(self, _connection: Connection) -> None:
        return

    def moved(self, _connection: Connection, _address: str) -> bool:
        return True

    def left(self, _connection: Connection) -> None:
        return

    def get_extra_info(self, _name: str) -> None:
        return None

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        return

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return


async def read_all(pieces: list[bytes], most: int = 1000) -> tuple[list[object], bytes]:
    """The commands (or errors) that a connection gives when the bytes come in these pieces."""
    wire = Wire()
    found: list[object] = []

    async def feed() -> None:
        for piece in pieces:
            if piece:
                wire.conn.data_received(piece)
            await asyncio.sleep(0)
        wire.conn.eof_received()

    feeding = asyncio.create_task(feed())
    while True:
        try:
            incoming = await reader.command(wire.conn, most, 5, lambda text: b"APPEND" in text, most)
            found.append(incoming.text if incoming.message is None else incoming)
            if incoming.message is not None:
                await reader.discard(wire.conn, incoming.message, most)
        except reader.Refused as error:
            found.append((error.text, error.text_so_far))
        except LineTooLong:
            found.append("line too long")
        except PeerGone:
            break
        except reader.Overlong:
            found.append("overlong")
            break
    await feeding
    return found, bytes(wire.written)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in itertools.pairwise(marks)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=10_000), max_size=40))
def test_cut_anywhere(places: list[int]) -> None:
    found, written = asyncio.run(read_all(cut(DIALOGUE, places)))
    assert found == COMMANDS
    assert written == b""


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(min_value=0, max_value=10_000), max_size=10))
def test_garbage_cut_anywhere_gives_the_same(data: bytes, places: list[int]) -> None:
    whole = asyncio.run(read_all([data], most=200))
    assert asyncio.run(read_all(cut(data, places), most=200)) == whole


async def test_a_synchronizing_literal_is_asked_for() -> None:
    found, written = await read_all([b"a LOGIN {1}\r\nx {1}\r\ny\r\n"])
    assert found == [b"a LOGIN {1}\r\nx {1}\r\ny"]
    assert written == b"+ OK\r\n+ OK\r\n"


async def test_a_literal_that_does_not_fit_is_not_asked_for() -> None:
    found, written = await read_all([b"a SEARCH TEXT {4000000000}\r\nb NOOP\r\n"])
    assert found == [("the literal is too big", b"a SEARCH TEXT {4000000000}"), b"b NOOP"]
    assert written == b""


async def test_a_refused_literal_that_comes_anyway_is_thrown_away() -> None:
    literal = b"x NOOP\r\n" * 120
    found, _ = await read_all(
        [b"a SEARCH TEXT {960+}\r\n" + literal + b" {2+}\r\nzz\r\nb NOOP\r\n"], most=970
    )
    assert found == [("the literal is too big", b"a SEARCH TEXT {960+}"), b"b NOOP"]


async def test_a_huge_literal_that_comes_anyway_ends_the_connection() -> None:
    assert (await read_all([b"a SEARCH TEXT {4000000000+}\r\nxxx"]))[0] == ["overlong"]


async def test_many_small_literals_are_bounded_together() -> None:
    found, _ = await read_all(
        [b"a X " + b"{100+}\r\n" + b"x" * 100 + b" " + b"{100+}\r\n" + b"y" * 100 + b"\r\n"], 150
    )
    assert found == [("the literal is too big", b"a X {100+}\r\n" + b"x" * 100 + b" {100+}")]


async def test_a_message_is_left_to_append() -> None:
    found, written = await read_all([b"a APPEND INBOX {5}\r\n"])
    assert found == [reader.Incoming(b"a APPEND INBOX {5}", Literal(5, True))]
    assert written == b""


@pytest.mark.parametrize("bad", [b"a NO\rOP", b"a NO\0OP", b"a \rNOOP {3}"])
async def test_stray_controls_are_refused_and_the_next_command_is_read(bad: bytes) -> None:
    found, _ = await read_all([bad + b"\r\nb NOOP\r\n"])
    assert found == [("CR, LF or NUL inside a line", bad), b"b NOOP"]


async def test_a_long_line_is_thrown_away() -> None:
    found, _ = await read_all([b"a " + b"x" * 100_000 + b"\r\nb NOOP\r\n"])
    assert found == ["line too long", b"b NOOP"]


def test_a_frame_never_holds_more_than_its_limit() -> None:
    frame = Frame(20)
    assert frame.line(b"a X {10}\r\n") == Literal(10, True)
    assert frame.fits(Literal(12, True))
    assert not frame.fits(Literal(13, True))
    frame.literal(b"x" * 10)
    with pytest.raises(TooLong):
        frame.line(b" and more {3+}\r\n")


@pytest.mark.parametrize(
    ("line", "literal"),
    [
        (b"a {3}", Literal(3, True)),
        (b"a {3+}", Literal(3, False)),
        (b"a ~{3}", Literal(3, True, True)),
        (b"a {}", None),
        (b"a {-1}", None),
        (b"a {3} ", None),
        (b"a {999999999999999999999}", None),
    ],
)
def test_announced(line: bytes, literal: Literal | None) -> None:
    assert announced(line) == literal


@pytest.mark.parametrize(
    ("text", "tag"),
    [(b"a1 x", b"a1"), (b"a1", b"a1"), (b"", b"*"), (b"+ x", b"*"), (b'"a" x', b"*"), (b" x", b"*")],
)
def test_tag_of(text: bytes, tag: bytes) -> None:
    assert tag_of(text) == tag


@given(st.binary(max_size=80))
def test_a_line_gives_a_frame_or_bad_syntax(line: bytes) -> None:
    frame = Frame()
    line = line.replace(b"\n", b"") + b"\r\n"
    try:
        frame.line(line)
    except BadSyntax:
        return
    assert Scanner(frame.text).data == line[:-2]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"a NOOP\r\n", b"a NOOP"),
        (b"a NOOP\n", b"a NOOP"),
        (b"a 890123\r\n", b"a 890123"),
        (b"a 8901234\r\n", None),
        (b"a X {3}\r\n", None),
        (b"a X {3+}\r\n", None),
        (b"a N\0P\r\n", None),
        (b"a N\rP\r\n", None),
        (b"a NOOP\r\r\n", None),
    ],
)
def test_a_line_that_is_the_whole_command_is_taken_at_once(line: bytes, text: bytes | None) -> None:
    assert alone(line, 8) == text
