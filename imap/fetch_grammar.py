"""The arguments of FETCH (RFC 9051 §6.4.5, §9 `fetch`; RFC 7162 §3.1.4). Pure: bytes in, frozen values out."""

from dataclasses import dataclass
from enum import Enum

from imap import sections, sequence
from imap.scanner import BadSyntax, Scanner
from imap.search_grammar import Partial, partial_range
from imap.sections import Section
from imap.sequence import SequenceSet

MOST_ITEMS = 200  # of one FETCH

MACROS = {
    b"ALL": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE"),
    b"FAST": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE"),
    b"FULL": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY"),
}
# Answered from rows and ready bytes, without a look at the message.
READY = frozenset(
    {
        b"UID", b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY", b"BODYSTRUCTURE", b"MODSEQ",
        b"EMAILID", b"THREADID", b"SAVEDATE", b"PREVIEW",
    }
)  # fmt: skip
# RFC 3501 §6.4.5: other words for sections; only RFC822.HEADER leaves \\Seen alone.
RFC822 = {b"RFC822": b"]", b"RFC822.HEADER": b"HEADER]", b"RFC822.TEXT": b"TEXT]"}


LAZY = b"PREVIEW (LAZY)"  # RFC 8970 §3.1: only if it is made already


class Form(Enum):
    """What is answered of a section."""

    OCTETS = 1  # as they stand
    DECODED = 2  # without the transfer encoding (RFC 9051 §6.4.5 BINARY, RFC 3516 §4)
    SIZE = 3  # how many octets that would be


@dataclass(frozen=True, slots=True)
class Body:
    """Octets of a message: `label` is how the answer names them, up to the string."""

    section: Section
    label: bytes
    peek: bool
    offset: int = 0
    length: int | None = None  # None: to the end
    form: Form = Form.OCTETS


@dataclass(frozen=True, slots=True)
class Fetch:
    messages: SequenceSet
    ready: tuple[bytes, ...]
    bodies: tuple[Body, ...] = ()
    changed_since: int | None = None
    vanished: bool = False  # also what went since then (RFC 7162 §3.2.6)
    partial: Partial | None = None  # RFC 9394 §3.3

    @property
    def marks_seen(self) -> bool:
        return any(not body.peek for body in self.bodies)


def parse(scanner: Scanner) -> Fetch:
    scanner.space()
    messages = sequence.sequence_set(scanner)
    scanner.space()
    ready, bodies = items(scanner)
    if scanner.at_end():
        return Fetch(messages, tuple(ready), tuple(bodies))
    scanner.space()
    found = _modifiers(scanner)
    if found.changed_since is not None and b"MODSEQ" not in ready:
        ready.append(b"MODSEQ")  # RFC 7162 §3.1.4.1: implied
    return Fetch(messages, tuple(ready), tuple(bodies), found.changed_since, found.vanished, found.partial)


@dataclass(slots=True)
class _Modifiers:
    changed_since: int | None = None
    vanished: bool = False
    partial: Partial | None = None


def _modifiers(scanner: Scanner) -> _Modifiers:
    """CHANGEDSINCE, VANISHED, which belongs to it (RFC 7162 §3.2.6), and PARTIAL (RFC 9394 §3.3), in any order."""
    found = _Modifiers()
    scanner.expect(b"(")
    while True:
        word = scanner.keyword()
        if word == b"CHANGEDSINCE" and found.changed_since is None:
            scanner.space()
            found.changed_since = scanner.number64()
        elif word == b"VANISHED" and not found.vanished:
            found.vanished = True
        elif word == b"PARTIAL" and found.partial is None:
            scanner.space()
            found.partial = partial_range(scanner)
        else:
            raise BadSyntax("no such modifier")
        if scanner.take(b")"):
            break
        scanner.space()
    if found.vanished and found.changed_since is None:
        raise BadSyntax("VANISHED needs CHANGEDSINCE")
    return found


def items(scanner: Scanner) -> tuple[list[bytes], list[Body]]:
    """One item, a macro, or items in parentheses."""
    ready: list[bytes] = []
    bodies: list[Body] = []
    if not scanner.take(b"("):
        for name in MACROS:
            if scanner.take_word(name):
                return list(MACROS[name]), bodies
        _item(scanner, ready, bodies)
        return ready, bodies
    count = 0
    while count == 0 or not scanner.take(b")"):
        if count:
            scanner.space()
        _item(scanner, ready, bodies)
        count += 1
        if count > MOST_ITEMS:
            raise BadSyntax("too many items")
    return ready, bodies


def _item(scanner: Scanner, ready: list[bytes], bodies: list[Body]) -> None:
    name = scanner.word()
    if name in (b"BODY", b"BODY.PEEK") and scanner.peek() == b"[":
        bodies.append(_body(scanner, name == b"BODY.PEEK"))
    elif name in (b"BINARY", b"BINARY.PEEK", b"BINARY.SIZE"):
        bodies.append(_binary(scanner, name))
    elif name == b"PREVIEW":
        _preview(scanner, ready)
    elif name in RFC822:
        section = sections.parse_section(Scanner(b"[" + RFC822[name]))
        bodies.append(Body(section, name, name == b"RFC822.HEADER"))
    elif name in READY:
        if name not in ready:
            ready.append(name)
    else:
        raise BadSyntax("no such item to fetch")


def _preview(scanner: Scanner, ready: list[bytes]) -> None:
    """RFC 8970 §6: `PREVIEW`, or with a modifier behind it."""
    item = LAZY if scanner.take(b" (LAZY)") else b"PREVIEW"
    if item not in ready:
        ready.append(item)


def _binary(scanner: Scanner, name: bytes) -> Body:
    """RFC 9051 §9: `BINARY[2]<0.100>`, `BINARY.PEEK`, and `BINARY.SIZE[2]`, which has no range and sets no flag."""
    start = scanner.position
    section = sections.parse_section(scanner)
    if section.text:
        raise BadSyntax("BINARY takes part numbers alone")
    brackets = scanner.data[start : scanner.position]
    if name == b"BINARY.SIZE":
        return Body(section, name + brackets, True, form=Form.SIZE)
    label, offset, length = b"BINARY" + brackets, 0, None
    if scanner.peek() == b"<":
        offset, length = _range(scanner)
        label += b"<%d>" % offset
    return Body(section, label, name == b"BINARY.PEEK", offset, length, Form.DECODED)


def _body(scanner: Scanner, peek: bool) -> Body:
    start = scanner.position
    section = sections.parse_section(scanner)
    label = b"BODY" + scanner.data[start : scanner.position]
    if scanner.peek() != b"<":
        return Body(section, label, peek)
    offset, length = _range(scanner)
    return Body(section, label + b"<%d>" % offset, peek, offset, length)


def _range(scanner: Scanner) -> tuple[int, int]:
    """`<offset.length>` (RFC 9051 §9 `partial`)."""
    scanner.expect(b"<")
    offset = scanner.number64()
    scanner.expect(b".")
    length = scanner.nz_number(most=2**63 - 1)
    scanner.expect(b">")
    return offset, length
