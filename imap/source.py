"""Which mailboxes a search is made in (RFC 7377 §2.2, with the filters of RFC 5465 §6), and their names found.

The grammar is pure. A name that leads nowhere, or where the client may not read, is passed over without a word.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from imap.mailbox_name import DELIMITER, BadName
from imap.place import Place
from imap.replies import No
from imap.scanner import BadSyntax, Scanner
from imap.session import Session
from storage.errors import StoreError

INBOX = "INBOX"
MOST_NAMES = 1000  # mailboxes named in one command

_NAMED = frozenset({b"MAILBOXES", b"SUBTREE", b"SUBTREE-ONE"})
_PLAIN = frozenset({b"SELECTED", b"INBOXES", b"PERSONAL", b"SUBSCRIBED"})


@dataclass(frozen=True, slots=True)
class Filter:
    """One of the filters, and the names that it has."""

    kind: bytes
    names: tuple[bytes, ...] = ()


SELECTED = Filter(b"SELECTED")


def sources(scanner: Scanner) -> tuple[Filter, ...]:
    """`(filter filter …)` (RFC 7377 §3 `source-mbox`)."""
    scanner.expect(b"(")
    found: list[Filter] = []
    while not found or not scanner.take(b")"):
        if found:
            scanner.space()
        kind = scanner.word()
        if kind in _NAMED:
            scanner.space()
            found.append(Filter(kind, _names(scanner)))
        elif kind in _PLAIN:
            found.append(Filter(kind))
        else:
            raise BadSyntax("no such filter of mailboxes")
        if sum(max(len(one.names), 1) for one in found) > MOST_NAMES:
            raise BadSyntax("too many mailboxes")
    return tuple(found)


def _names(scanner: Scanner) -> tuple[bytes, ...]:
    """RFC 5465 §8 `one-or-more-mailbox`."""
    if not scanner.take(b"("):
        return (scanner.astring(),)
    names = [scanner.astring()]
    while not scanner.take(b")"):
        scanner.space()
        names.append(scanner.astring())
    return tuple(names)


async def places(session: Session, filters: Iterable[Filter]) -> list[Place]:
    """The mailboxes of all filters but SELECTED, each once, in the order of their names."""
    known = {info.name for info in await session.mine.mailboxes() if info.selectable}
    wanted: set[str] = set()
    for one in filters:
        match one.kind:
            case b"INBOXES":
                wanted.add(INBOX)
            case b"PERSONAL":
                wanted |= known
            case b"SUBSCRIBED":
                wanted |= await session.mine.subscriptions()
            case b"MAILBOXES" | b"SUBTREE" | b"SUBTREE-ONE":
                wanted |= await _below(session, one, known)
    found = []
    for name in sorted(wanted, key=lambda name: (name != INBOX, name)):
        try:
            found.append(await session.place_of(name, "r"))
        except (No, StoreError):
            continue
    return [place for place in found if place.shown != place.name or place.name in known]


async def _below(session: Session, one: Filter, known: set[str]) -> set[str]:
    wanted: set[str] = set()
    for raw in one.names:
        try:
            name = session.name(raw)
        except BadName:
            continue
        if name.upper() == INBOX:
            name = INBOX
        wanted.add(name)
        if one.kind == b"MAILBOXES":
            continue
        below = [each for each in known if each.startswith(name + DELIMITER)]
        if one.kind == b"SUBTREE-ONE":
            below = [each for each in below if DELIMITER not in each[len(name) + 1 :]]
        wanted.update(below)
    return wanted
