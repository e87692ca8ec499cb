"""Sections of a message: `BODY[1.2.HEADER.FIELDS (DATE FROM)]` (RFC 9051 §6.4.5, §9 `section`). Pure.

Part numbers follow RFC 9051 §6.4.5.1: the parts of a multipart are numbered from 1; a message that is no
multipart has one part, 1, its body; below the number of a message/rfc822 part stand the parts of the message
in it. Every section but a choice of header fields is one range of the message's octets, so that a large one
can be written from the file. What does not exist is None, NIL on the wire.
"""

import re
from dataclasses import dataclass

from imap.scanner import BadSyntax, Scanner
from storage.mime.header import end_of_header, fields
from storage.mime.parts import Part
from storage.octets import Octets

MOST_LEVELS = 110  # numbers in one section; the tree of parts is not deeper
MOST_FIELDS = 200  # field names in one section

_NUMBERS = re.compile(rb"[1-9][0-9]{0,5}(?:\.[1-9][0-9]{0,5})*(?=[\].])")
_EMPTY_LINE = re.compile(rb"(?<![^\n])\r?\n\Z")  # what ends a header block


@dataclass(frozen=True, slots=True)
class Section:
    """What is between the brackets: part numbers and a text (empty for a whole part or message)."""

    part: tuple[int, ...] = ()
    text: bytes = b""  # HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, MIME
    fields: frozenset[bytes] = frozenset()  # names in lower case

    @property
    def header_only(self) -> bool:
        """Nothing behind the header of the message itself is needed."""
        return not self.part and self.text.startswith(b"HEADER")


def parse_section(scanner: Scanner) -> Section:
    """Read a section with its brackets."""
    scanner.expect(b"[")
    part: tuple[int, ...] = ()
    match = _NUMBERS.match(scanner.data, scanner.position)
    if match is not None:
        numbers = match.group().split(b".")
        if len(numbers) > MOST_LEVELS:
            raise BadSyntax("too many levels in the section")
        part = tuple(map(int, numbers))
        scanner.position = match.end()
        if scanner.take(b"]"):
            return Section(part)
        scanner.expect(b".")
    elif scanner.take(b"]"):
        return Section()
    for text in (b"HEADER.FIELDS.NOT", b"HEADER.FIELDS"):
        if scanner.take(text):
            scanner.space()
            names = _names(scanner)
            scanner.expect(b"]")
            return Section(part, text, names)
    for text in (b"HEADER", b"TEXT", b"MIME"):
        if (part or text != b"MIME") and scanner.take(text):
            scanner.expect(b"]")
            return Section(part, text)
    raise BadSyntax("no such section")


def span(data: Octets, tree: Part | None, section: Section) -> tuple[int, int] | None:
    """The range of octets of a section; None if there is no such part or the section is not one range.

    `tree` may be None where the section names no part.
    """
    if section.fields or section.text.startswith(b"HEADER.FIELDS"):
        return None
    if not section.part:
        return _of_message(data, section.text)
    if tree is None:
        raise ValueError("a section with part numbers needs the tree of parts")
    part = _find(tree, section.part)
    if part is None:
        return None
    if not section.text:
        return part.body_start, part.body_end
    if section.text == b"MIME":
        return part.header_start, part.body_start
    message = part.message
    if message is None:
        return None
    if section.text == b"HEADER":
        return message.header_start, message.body_start
    return message.body_start, message.body_end


def extract(data: Octets, tree: Part | None, section: Section) -> bytes | None:
    """The octets of a section; None if there is no such part."""
    if not section.text.startswith(b"HEADER.FIELDS"):
        place = span(data, tree, section)
        return None if place is None else data[place[0] : place[1]]
    header = span(data, tree, Section(section.part, b"HEADER"))
    if header is None:
        return None
    return _choice(data, header, section)


def leaf(tree: Part, section: Section) -> Part | None:
    """The part of which BINARY is asked: its body is that of no parts (RFC 9051 §6.4.5). Without a number it is the
    message as a whole, which has no transfer encoding; so have multiparts and messages."""
    part = Part(0, 0, tree.body_end) if not section.part else _find(tree, section.part)
    if part is not None and (part.multipart or part.message is not None):
        part = Part(part.header_start, part.body_start, part.body_end)
    return part


def _find(tree: Part, numbers: tuple[int, ...]) -> Part | None:
    """The part of these numbers. A message that is no multipart is its own part 1."""
    node, is_message = tree, True
    for number in numbers:
        if node.multipart:
            if number > max(len(node.children), 1):
                return None
            # where there is no part BODYSTRUCTURE has to show one all the same
            end = node.body_end
            node = node.children[number - 1] if node.children else Part(end, end, end)
        elif not is_message or number != 1:
            return None
        found = node
        is_message = found.message is not None
        if found.message is not None:
            node = found.message
    return found


def _of_message(data: Octets, text: bytes) -> tuple[int, int]:
    """A section of the message as a whole."""
    if not text:
        return 0, len(data)
    close = end_of_header(data)
    if close < 0:
        close = len(data)
    return (0, close) if text == b"HEADER" else (close, len(data))


def _choice(data: Octets, header: tuple[int, int], section: Section) -> bytes:
    """Header fields by name, or all but those, as they stand, and the empty line if the header has one."""
    start, stop = header
    block = data[start:stop]
    empty = _EMPTY_LINE.search(block, max(len(block) - 2, 0))
    close = b"" if empty is None else b"\r\n"
    chosen = [field for field in fields(block) if field.name in section.fields]
    if section.text == b"HEADER.FIELDS":
        text = b"".join([block[field.start : field.end] for field in chosen])
    else:
        rest = len(block) if empty is None else empty.start()
        stops = [*(field.start for field in chosen), rest]
        starts = [0, *(field.end for field in chosen)]
        text = b"".join([block[a:b] for a, b in zip(starts, stops, strict=True)])
    if text and not text.endswith(b"\n"):
        text += b"\r\n"
    return text + close


def _names(scanner: Scanner) -> frozenset[bytes]:
    """A header-list: field names in parentheses."""
    scanner.expect(b"(")
    names = [scanner.astring().lower()]
    while not scanner.take(b")"):
        scanner.space()
        names.append(scanner.astring().lower())
        if len(names) > MOST_FIELDS:
            raise BadSyntax("too many field names")
    return frozenset(names)
