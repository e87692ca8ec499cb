"""GETMETADATA and SETMETADATA (RFC 5464): entries of a mailbox, or of the account where the name is empty.

For the whole server (`/shared/` with an empty name) there is only `/shared/admin`, which nobody can change here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from imap import format
from imap.place import Place
from imap.replies import No, Reply, ok
from imap.scanner import BadSyntax, Scanner
from imap.session import Session
from storage import annotations

MOST = 100  # entries in one command
LONGEST = 200  # octets of an entry's name
DEPTHS = {b"0": 0, b"1": 1, b"INFINITY": 100}
ADMIN = "/shared/admin"  # RFC 5464 §6.2.1

SIDES = ("/private", "/shared")

_OPTIONS = re.compile(rb"\((?:DEPTH|MAXSIZE) ", re.IGNORECASE)
_ENTRY = re.compile(r"/(?:private|shared)(?:/[^/*%\x00-\x1f\x7f-\U0010ffff]+)+")


@dataclass(frozen=True, slots=True)
class Get:
    mailbox: bytes
    entries: tuple[str, ...]
    depth: int = 0
    max_size: int | None = None


@dataclass(frozen=True, slots=True)
class Set:
    mailbox: bytes
    changes: tuple[tuple[str, bytes | None], ...]


def parse_get(scanner: Scanner) -> Get:
    """RFC 5464 §5: the options stand before the mailbox; in examples of §4.2 behind it, and clients send both."""
    scanner.space()
    depth, max_size = 0, None
    if scanner.peek() == b"(":
        depth, max_size = _options(scanner)
        scanner.space()
    mailbox = scanner.astring()
    scanner.space()
    if _OPTIONS.match(scanner.data, scanner.position):
        depth, max_size = _options(scanner)
        scanner.space()
    return Get(mailbox, entries(scanner, depth > 0), depth, max_size)


def _options(scanner: Scanner) -> tuple[int, int | None]:
    depth, max_size = 0, None
    scanner.expect(b"(")
    while True:
        name = scanner.keyword()
        scanner.space()
        if name == b"DEPTH":
            word = scanner.keyword()
            if word not in DEPTHS:
                raise BadSyntax("the depth is 0, 1 or infinity")
            depth = DEPTHS[word]
        elif name == b"MAXSIZE":
            max_size = scanner.number()
        else:
            raise BadSyntax("no such option")
        if scanner.take(b")"):
            return depth, max_size
        scanner.space()


def entries(scanner: Scanner, deep: bool = False) -> tuple[str, ...]:
    """One entry, or several in parentheses. `deep`: what is below them is meant too."""
    if not scanner.take(b"("):
        return (entry(scanner, deep),)
    found = [entry(scanner, deep)]
    while not scanner.take(b")"):
        scanner.space()
        found.append(entry(scanner, deep))
        if len(found) > MOST:
            raise BadSyntax("too many entries")
    return tuple(found)


def entry(scanner: Scanner, deep: bool = False) -> str:
    """RFC 5464 §3.1: names are ASCII, and in any case. With `deep` all of one side may be asked for."""
    raw = scanner.astring()
    name = raw.decode("ascii", "replace").lower()
    if len(raw) > LONGEST or not (_ENTRY.fullmatch(name) or (deep and name in SIDES)):
        raise BadSyntax("an entry begins with /private/ or /shared/, and has no * or %")
    return name


def parse_set(scanner: Scanner) -> Set:
    scanner.space()
    mailbox = scanner.astring()
    scanner.space()
    scanner.expect(b"(")
    changes: list[tuple[str, bytes | None]] = []
    while not changes or not scanner.take(b")"):
        if changes:
            scanner.space()
        name = entry(scanner)
        scanner.space()
        changes.append((name, scanner.nstring8()))
        if len(changes) > MOST:
            raise BadSyntax("too many entries")
    return Set(mailbox, tuple(changes))


async def get(session: Session, wanted: Get) -> Reply:
    place = await _place(session, wanted.mailbox)
    found = await _read(session, place)
    longest = 0
    items: list[tuple[str, bytes | None]] = []
    for name in wanted.entries:
        below = [one for one in sorted(found) if _within(one, name, wanted.depth)]
        for one in below or ([name] if not wanted.depth else []):
            value = found.get(one)
            if value is not None and wanted.max_size is not None and len(value) > wanted.max_size:
                longest = max(longest, len(value))
            else:
                items.append((one, value))
    if items:
        session.send(line(session, place.shown if place else "", items))
    return ok(b"GETMETADATA completed", b"METADATA LONGENTRIES %d" % longest if longest else b"")


async def told(session: Session, place: Place, names: Iterable[str]) -> None:
    """The METADATA response that LIST gives with a mailbox (RFC 9590 §2)."""
    found = await _read(session, place)
    session.send(line(session, place.shown, [(name, found.get(name)) for name in names]))


async def put(session: Session, wanted: Set) -> Reply | None:
    place = await _place(session, wanted.mailbox)
    shared = [name for name, _ in wanted.changes if name.startswith(annotations.SHARED)]
    if shared and place is None:
        raise No(b"What concerns the whole server is for its operator", b"NOPERM")
    if shared and place is not None:
        place.require("lw")  # RFC 5464 §3.3
    account = place.account if place is not None else session.mine
    try:
        await account.do(
            annotations.write,
            place.name if place is not None else None,
            await _writer(session, place),
            dict(wanted.changes),
        )
    except annotations.ValueTooLong:
        raise No(b"The value is too long", b"METADATA MAXSIZE %d" % annotations.VALUE_MOST) from None
    except annotations.TooManyEntries:
        raise No(b"There are too many entries", b"METADATA TOOMANY") from None
    return None


def line(session: Session, name: str, items: Iterable[tuple[str, bytes | None]]) -> bytes:
    listed = b" ".join(
        [b"%b %b" % (format.astring(one.encode("ascii")), _value(value)) for one, value in items]
    )
    return b"* METADATA %b (%b)\r\n" % (session.wire(name) if name else b'""', listed)


async def _place(session: Session, raw: bytes) -> Place | None:
    """None: the account as a whole."""
    if not raw:
        return None
    place = await session.place(raw)
    if not place.may("l") or not set(place.rights) & set("rswip"):  # RFC 5464 §3.3
        place.require("lr")
    return place


async def _writer(session: Session, place: Place | None) -> str:
    """Whose private entries these are. In others' mailboxes a name is not enough: a successor may get it."""
    address = session.address
    if place is None or place.account.address == address:
        return address
    return f"{address} {await session.store.run(session.store.sharing.mark, address)}"


async def _read(session: Session, place: Place | None) -> annotations.Entries:
    if place is not None:
        return await place.account.do(annotations.read, place.name, await _writer(session, place))
    found = await session.mine.do(annotations.read, None, session.address)
    domain = session.address.rpartition("@")[2]
    return {**found, ADMIN: f"mailto:postmaster@{domain}".encode()}


def _within(name: str, asked: str, depth: int) -> bool:
    if name == asked:
        return True
    return name.startswith(asked + "/") and name[len(asked) + 1 :].count("/") < depth


def _value(value: bytes | None) -> bytes:
    if value is not None and b"\0" in value:
        return b"~{%d}\r\n%b" % (len(value), value)
    return format.nstring(value)
