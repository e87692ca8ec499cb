"""Reads commands from a connection: the waiting half of `imap.framing`.

A literal is asked for with "+" only when the command may have it (RFC 9051 §4.3), so a refused one costs
the client nothing. A non-synchronizing literal (RFC 7888) that is refused has to be read and thrown away,
in pieces; one that is larger than `most` ends the connection instead (RFC 7888 §4).
Every wait for a literal has a deadline that grows with its size: a peer that sends a byte a second is let go.
"""

import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from imap.framing import LINE, Frame, Literal, TooLong, alone, announced, without_end
from imap.scanner import BadSyntax
from net.connection import Connection, TimedOut
from storage.errors import StoreError

Sink = Callable[[bytes], Awaitable[None]]

PIECE = 64 * 1024  # octets taken from the connection at once
DISCARD = 256 * 1024 * 1024  # octets of a refused message that are read to their end
PATIENCE = 60.0  # seconds for a literal, and more with its size
SLOWEST = 2048  # octets a second below which a peer is not sending in earnest


class Overlong(Exception):
    """A refused literal is too large to be read to its end: the connection has to be closed."""


class Refused(BadSyntax):
    """The command could not be taken in; it has been read to its end. `text_so_far` has its tag."""

    def __init__(self, text: str, text_so_far: bytes, too_big: bool = False) -> None:
        super().__init__(text)
        self.text_so_far = text_so_far
        self.too_big = too_big


class Incoming(NamedTuple):
    """A command. `message` is a literal that `streams` claimed: announced at the end of `text`, not yet read."""

    text: bytes
    message: Literal | None = None


async def command(
    conn: Connection,
    most: int,
    wait: float,
    streams: Callable[[bytes], bool],
    discarded: int,
    unasked: int | None = None,
    line: bytes | None = None,
) -> Incoming:
    """The next command, of at most `most` octets.

    `streams` says of the text up to a literal whether its command reads that itself; of a refused literal
    `discarded` octets are read; `unasked` is the most that may come without being asked for; `line` is the first
    line, if it was read. `LineTooLong`, `PeerGone`, `TimedOut` and `Draining` are the connection's; `Refused`
    and `Overlong` ours.
    """
    if line is None:
        line = await conn.readline(min(LINE, most), wait, command=True)
    if (text := alone(line, most)) is not None:
        return Incoming(text)
    frame = Frame(most)
    literals = 0
    while True:
        try:
            literal = frame.line(line)
        except BadSyntax as error:
            await discard(
                conn, error.literal if isinstance(error, TooLong) else announced(without_end(line)), most
            )
            raise Refused(error.text, frame.text, isinstance(error, TooLong)) from None
        if literal is None:
            return Incoming(frame.text)
        if unasked is not None and not literal.waits and literal.size > unasked:
            await discard(conn, literal, discarded)
            raise Refused(
                "a literal of that size has to wait to be asked for", frame.text, True
            )  # RFC 7888 §5
        # only a mailbox's name may be a literal in front of a message; looking again at each of fifty
        # thousand small ones would take quadratic time
        if literals <= 1 and streams(frame.text):
            return Incoming(frame.text, literal)
        if not frame.fits(literal):
            await discard(conn, literal, discarded)
            raise Refused("the literal is too big", frame.text, True)
        frame.literal(await octets(conn, literal))
        literals += 1
        line = await conn.readline(min(LINE, most), PATIENCE)


async def octets(conn: Connection, literal: Literal) -> bytes:
    """A literal that is known to be small."""
    pieces: list[bytes] = []

    async def keep(piece: bytes) -> None:
        pieces.append(piece)

    await stream(conn, literal, keep)
    return b"".join(pieces)


async def stream(conn: Connection, literal: Literal, sink: Sink) -> None:
    """Ask for a literal if the client waits, and hand its octets to `sink` piece by piece.

    Where `sink` fails with a `StoreError` the octets are still read to their end before that is raised.
    """
    if literal.waits:
        conn.write(b"+ OK\r\n")
    left = literal.size
    deadline = time.monotonic() + PATIENCE + left / SLOWEST
    failure: StoreError | None = None
    while left:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimedOut
        piece = await conn.read(min(PIECE, left), min(remaining, PATIENCE))
        left -= len(piece)
        if failure is None:
            try:
                await sink(piece)
            except StoreError as error:
                failure = error
    if failure is not None:
        raise failure


async def discard(conn: Connection, literal: Literal | None, most: int) -> None:
    """Read a refused command to its end and throw it away, `most` octets of a literal at a time."""
    while literal is not None and not literal.waits:
        if literal.size > most:
            raise Overlong
        await stream(conn, literal, _nowhere)
        literal = announced(without_end(await conn.readline(LINE, PATIENCE)))


async def _nowhere(_piece: bytes) -> None:
    return
