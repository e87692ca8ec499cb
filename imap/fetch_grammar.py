"""The arguments of FETCH (RFC 9051 §6.4.5, §9 `fetch`; RFC 7162 §3.1.4). Pure: bytes in, frozen values out."""

from dataclasses import dataclass

from imap import sections, sequence
from imap.scanner import BadSyntax, Scanner
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
        b"EMAILID", b"THREADID",
    }
)  # fmt: skip
# RFC 3501 §6.4.5: other words for sections; only RFC822.HEADER leaves \\Seen alone.
RFC822 = {b"RFC822": b"]", b"RFC822.HEADER": b"HEADER]", b"RFC822.TEXT": b"TEXT]"}


@dataclass(frozen=True, slots=True)
class Body:
    """Octets of a message: `label` is how the answer names them, up to the string."""

    section: Section
    label: bytes
    peek: bool
    offset: int = 0
    length: int | None = None  # None: to the end


@dataclass(frozen=True, slots=True)
class Fetch:
    messages: SequenceSet
    ready: tuple[bytes, ...]
    bodies: tuple[Body, ...] = ()
    changed_since: int | None = None
    vanished: bool = False  # also what went since then (RFC 7162 §3.2.6)

    @property
    def marks_seen(self) -> bool:
        return any(not body.peek for body in self.bodies)


def parse(scanner: Scanner) -> Fetch:
    scanner.space()
    messages = sequence.sequence_set(scanner)
    scanner.space()
    ready, bodies = _items(scanner)
    changed_since: int | None = None
    vanished = False
    if not scanner.at_end():
        scanner.space()
        changed_since, vanished = _modifiers(scanner)
        if b"MODSEQ" not in ready:
            ready.append(b"MODSEQ")  # RFC 7162 §3.1.4.1: implied
    return Fetch(messages, tuple(ready), tuple(bodies), changed_since, vanished)


def _modifiers(scanner: Scanner) -> tuple[int, bool]:
    """`(CHANGEDSINCE n)`, with VANISHED in any order; VANISHED alone means nothing (RFC 7162 §3.2.6)."""
    since: int | None = None
    vanished = False
    scanner.expect(b"(")
    while True:
        word = scanner.keyword()
        if word == b"CHANGEDSINCE" and since is None:
            scanner.space()
            since = scanner.number64()
        elif word == b"VANISHED" and not vanished:
            vanished = True
        else:
            raise BadSyntax("no such modifier")
        if scanner.take(b")"):
            break
        scanner.space()
    if since is None:
        raise BadSyntax("VANISHED needs CHANGEDSINCE")
    return since, vanished


def _items(scanner: Scanner) -> tuple[list[bytes], list[Body]]:
    ready: list[bytes] = []
    bodies: list[Body] = []
    for name in MACROS:
        if scanner.take_word(name):
            return list(MACROS[name]), bodies
    if not scanner.take(b"("):
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
    elif name in RFC822:
        section = sections.parse_section(Scanner(b"[" + RFC822[name]))
        bodies.append(Body(section, name, name == b"RFC822.HEADER"))
    elif name in READY:
        if name not in ready:
            ready.append(name)
    else:
        raise BadSyntax("no such item to fetch")


def _body(scanner: Scanner, peek: bool) -> Body:
    start = scanner.position
    section = sections.parse_section(scanner)
    label = b"BODY" + scanner.data[start : scanner.position]
    if not scanner.take(b"<"):
        return Body(section, label, peek)
    offset = scanner.number64()
    scanner.expect(b".")
    length = scanner.nz_number(most=2**63 - 1)
    scanner.expect(b">")
    return Body(section, label + b"<%d>" % offset, peek, offset, length)
