"""A message that came as BODY=BINARYMIME (RFC 3030 §3), made into one that consists of lines.

Such a message may hold parts whose octets stand as they are, bare CR, LF and NUL among them. IMAP and POP3 cannot
show them (RFC 9051 §4.3.1), and hardly any next host takes them; so each binary part is written in base64 as it
comes in, which is what RFC 3030 §3 asks of whoever passes such a message to one who cannot take it. What is text
although it says `binary` stays as it is, octet for octet, and is called `8bit`. A message without any such part,
as most programs send that announce BINARYMIME, is not touched at all.

This is the one place where a body changes. A signature over a part that had to be written anew no longer fits, so
RFC 6376 §5.3 tells signers not to sign such messages. Whatever is wrong besides (a bare LF in a header, octets
in a part that does not say `binary`) makes a fault of `smtp.data.Lines`, as in any other message.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

from smtp.data import Lines
from storage.message import Message
from storage.mime import parts as mime
from storage.mime.header import fields
from storage.mime.parts import Part
from storage.octets import Octets

LINE = 57  # octets that make a base64 line of 76 characters (RFC 2045 §6.8)
PIECE = LINE * 1024
LONGEST_TEXT = 998  # octets of a line, without its end, that 8bit may have (RFC 2045 §2.8)


class Binary(Lines):
    """Watches binary octets go by: nothing is wrong with any."""

    def __init__(self) -> None:
        super().__init__(0)

    def see(self, piece: bytes) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Change:
    """Octets `start`..`end` read otherwise: as `text`, or in base64."""

    start: int
    end: int
    text: bytes | None


def lines(message: Message) -> Iterator[bytes]:
    """The message as lines, in pieces. Blocks on the disk: for threads."""
    with message.octets() as data:
        at = 0
        for change in sorted(_changes(data), key=lambda change: change.start):
            yield from _pieces(data, at, change.start)
            if change.text is not None:
                yield change.text
            else:
                yield from _base64(data, change.start, change.end)
            at = change.end
        yield from _pieces(data, at, len(data))


def _changes(data: Octets) -> Iterator[_Change]:
    for part in _parts(mime.parse(data)):
        if part.encoding.lower() != b"binary":
            continue
        whole = part.multipart or part.message is not None  # its parts are looked at one by one
        text = whole or _is_text(data, part.body_start, part.body_end)
        for each in fields(data, part.header_start, part.body_start):
            if each.name == b"content-transfer-encoding":
                label = b"8bit" if text else b"base64"
                yield _Change(each.start, each.end, b"Content-Transfer-Encoding: " + label + b"\r\n")
        if not text:
            yield _Change(part.body_start, part.body_end, None)


def _parts(root: Part) -> Iterator[Part]:
    todo = [root]
    while todo:
        part = todo.pop()
        yield part
        todo += part.children
        if part.message is not None:
            todo.append(part.message)


def _is_text(data: Octets, start: int, end: int) -> bool:
    """Whether it is lines that 8bit may have (RFC 2045 §2.8)."""
    watch = Lines(LONGEST_TEXT + 2)
    for piece in _pieces(data, start, end):
        watch.see(piece)
        if watch.fault is not None or b"\0" in piece:
            return False
    watch.end()
    return watch.fault is None


def _pieces(data: Octets, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, PIECE):
        yield data[at : min(at + PIECE, end)]


def _base64(data: Octets, start: int, end: int) -> Iterator[bytes]:
    """Lines of 76 characters; the last one has a line end where nothing follows that brings one."""
    for at in range(start, end, PIECE):
        piece = data[at : min(at + PIECE, end)]
        text = base64.b64encode(piece)
        cut = [text[begin : begin + 76] for begin in range(0, len(text), 76)]
        more = at + PIECE < end or end == len(data)
        yield b"\r\n".join(cut) + (b"\r\n" if more else b"")
