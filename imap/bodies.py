"""Octets of messages for FETCH, read in the store's threads, many messages in one hop; one that is small and in the
kernel's memory is read in the event loop (storage/at_hand.py).

A small message is read whole and cut. Of a large one at most a piece is in memory at a time: what is asked
for is found as a range of the file, and the session writes it piece by piece (`Large`). Where only fields of
the header are wanted, only the beginning of the file is read. What is asked for without its transfer encoding
(BINARY) is decoded piece by piece, and where it is large into a file that has no name.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from imap import sections
from imap.fetch_grammar import Body, Form
from storage.message import CHUNK, Message
from storage.mime import parts as mime
from storage.mime import transfer
from storage.mime.header import end_of_header
from storage.octets import Octets as MessageOctets

LARGE = 1024 * 1024  # octets above which a message is never in memory as a whole
MOST = 4 * LARGE  # octets of all answers about one message that are in memory, however often it is asked for
QUICK = 8  # things asked of one message up to which the event loop may answer
HEAD = 32 * 1024  # octets in which nearly every header block ends


class TooMuch(Exception):
    """More is asked of one message than there is memory for, and in parts that cannot be read from the file."""


class UnknownEncoding(Exception):
    """Something is asked for without a transfer encoding that nobody knows (RFC 3516 §4.3)."""


class _Source:
    """A message's file, opened once for all large ranges of it: one FETCH may ask for two hundred."""

    __slots__ = ("_open", "stream", "users")

    def __init__(self, opened: Callable[[], BinaryIO]) -> None:
        self._open = opened
        self.stream: BinaryIO | None = None
        self.users = 0

    def range(self, start: int, length: int) -> "Large":
        if self.stream is None:
            self.stream = self._open()
        self.users += 1
        return Large(self, start, length)

    def leave(self) -> None:
        self.users -= 1
        if not self.users:
            self.close()

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()


class Large:
    """A range of a message that is handed out in pieces. Its methods block: for threads."""

    __slots__ = ("_left", "_position", "_source", "head", "length")

    def __init__(self, source: _Source, start: int, length: int) -> None:
        self.head = b"{%d}\r\n" % length
        self._source = source
        self._position = start
        self._left = self.length = length

    def next(self) -> bytes:
        """The next piece; empty at the end. Raises EOFError where the file is shorter than it was."""
        if not self._left:
            return b""
        assert self._source.stream is not None
        self._source.stream.seek(self._position)
        piece = self._source.stream.read(min(CHUNK, self._left))
        if not piece:
            raise EOFError("a message became shorter while it was sent")
        self._left -= len(piece)
        self._position += len(piece)
        return piece

    def close(self) -> None:
        self._source.leave()


Octets = bytes | Large  # bytes are ready for the wire: a literal, or NIL


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read of each message."""

    bodies: tuple[Body, ...]
    head_only: bool  # nothing behind the header of the message itself is asked for
    parts: bool  # the tree of parts is needed

    @property
    def quick(self) -> bool:
        """Whether it is no more than copying: the tree of parts of a hostile message of 32 KiB takes 40 ms."""
        return not self.parts and len(self.bodies) <= QUICK

    def cost(self, size: int) -> int:
        """Octets that a message of this size makes us read."""
        return (min(size, HEAD) if self.head_only else size) * max(len(self.bodies), 1)


def plan(bodies: Sequence[Body]) -> Plan:
    return Plan(
        tuple(bodies),
        all(body.section.header_only for body in bodies),
        any(body.section.part or body.form is not Form.OCTETS for body in bodies),
    )


def read(plan: Plan, messages: Sequence[Message | None]) -> list[list[Octets] | None]:
    """What is asked for of each message, in order; None for a message that is gone. Blocks: for threads."""
    found: list[list[Octets] | None] = []
    for message in messages:
        try:
            found.append(None if message is None else _read(plan, message))
        except FileNotFoundError:
            found.append(None)
    return found


def _read(plan: Plan, message: Message) -> list[Octets]:
    if plan.head_only:
        head = message.head(HEAD)
        if len(head) < HEAD or end_of_header(head) >= 0:
            return cut(plan, head)
    if message.size <= LARGE and message.size * len(plan.bodies) <= MOST:
        return cut(plan, message.read())
    return _cut_large(plan, message)


def cut(plan: Plan, data: bytes) -> list[Octets]:
    """What is asked for of a message that is in memory."""
    tree = mime.parse(data) if plan.parts else None
    return [_answer(data, tree, body) for body in plan.bodies]


def _answer(data: MessageOctets, tree: mime.Part | None, body: Body) -> bytes:
    if body.form is Form.OCTETS or tree is None:
        return _literal(body, sections.extract(data, tree, body.section))
    part = sections.leaf(tree, body.section)
    if part is None:
        return b"0" if body.form is Form.SIZE else b"NIL"
    if body.form is Form.SIZE:
        return b"%d" % sum(map(len, _decoded(data, part)))
    answer = _literal(body, b"".join(_decoded(data, part)))
    return b"~" + answer if b"\0" in answer else answer  # RFC 9051 §4.3.1: only literal8 holds NUL


def _decoded(data: MessageOctets, part: mime.Part) -> Iterator[bytes]:
    if not transfer.known(part.encoding):
        raise UnknownEncoding
    return transfer.decoded(data, part)


def _literal(body: Body, octets: bytes | None) -> bytes:
    if octets is None:
        return b"NIL"
    if body.offset or body.length is not None:
        stop = None if body.length is None else body.offset + body.length
        octets = octets[body.offset : stop]
    return b"{%d}\r\n%b" % (len(octets), octets)


def _cut_large(plan: Plan, message: Message) -> list[Octets]:
    """Ranges of the file for what is large in a large message, octets for the rest."""
    answers: list[Octets] = []
    source = _Source(message.open)
    try:
        with message.octets() as data:
            tree = mime.parse(data)
            room = MOST
            for body in plan.bodies:
                answer = _cut_one(data, tree, body, source, room)
                room -= len(answer) if isinstance(answer, bytes) else 0
                if room < 0:
                    raise TooMuch
                answers.append(answer)
    except BaseException:
        for answer in answers:
            if isinstance(answer, Large):
                answer.close()
        source.close()
        raise
    return answers


def _cut_one(data: MessageOctets, tree: mime.Part, body: Body, source: _Source, room: int) -> Octets:
    if body.form is not Form.OCTETS:
        part = sections.leaf(tree, body.section)
        if part is None or body.form is Form.SIZE or part.size <= min(LARGE, room):
            return _answer(data, tree, body)
        return _decoded_large(data, part, body)
    span = sections.span(data, tree, body.section)
    if span is None:
        return _answer(data, tree, body)
    start, stop = _within(body, *span)
    if stop - start > min(LARGE, room):
        return source.range(start, stop - start)
    return b"{%d}\r\n%b" % (stop - start, data[start:stop])


def _within(body: Body, start: int, stop: int) -> tuple[int, int]:
    """The range that is asked for, of that from `start` to `stop`."""
    start = min(start + body.offset, stop)
    return start, stop if body.length is None else min(start + body.length, stop)


def _decoded_large(data: MessageOctets, part: mime.Part, body: Body) -> Large:
    """A part that is decoded into a file: how long it gets must be known before its first octet is sent."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the last range of it)
    try:
        nul = False
        for piece in _decoded(data, part):
            nul = nul or b"\0" in piece
            file.write(piece)
        start, stop = _within(body, 0, file.tell())
    except BaseException:
        file.close()
        raise
    large = _Source(lambda: file).range(start, stop - start)
    large.head = b"~" + large.head if nul else large.head
    return large
