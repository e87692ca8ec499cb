"""STATUS (RFC 9051 §6.3.11): numbers of a mailbox without selecting it."""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import compress
from operator import attrgetter
from typing import NamedTuple

from imap import format
from imap import place as places
from imap.objectid import object_id
from imap.place import Place
from imap.scanner import BadSyntax, Scanner
from imap.session import Session
from storage.rows import MailboxStatus

NUMBERS = {
    b"MESSAGES": "messages",
    b"RECENT": "recent",  # RFC 3501 §6.3.10
    b"UIDNEXT": "uidnext",
    b"UIDVALIDITY": "uidvalidity",
    b"UNSEEN": "unseen",
    b"DELETED": "deleted",  # RFC 9208 §4.1.4
    b"SIZE": "size",  # RFC 8438
    b"HIGHESTMODSEQ": "modseq",  # RFC 7162 §3.1.7
}
# What is no number of the store's: RFC 8474 §4.3, RFC 9208 §4.1.4 (summed up here), RFC 7889 §3
MAILBOXID, DELETED_STORAGE, APPENDLIMIT = b"MAILBOXID", b"DELETED-STORAGE", b"APPENDLIMIT"
_NAMES = frozenset({*NUMBERS, MAILBOXID, DELETED_STORAGE, APPENDLIMIT})
_LIST = re.compile(rb"\([A-Za-z -]{1,200}\)")


class Status(NamedTuple):
    mailbox: bytes
    items: tuple[bytes, ...]


def parse(scanner: Scanner) -> Status:
    scanner.space()
    mailbox = scanner.astring()
    scanner.space()
    return Status(mailbox, items(scanner))


def items(scanner: Scanner) -> tuple[bytes, ...]:
    """A parenthesised list of status items. Clients ask for the same few again and again."""
    match = _LIST.match(scanner.data, scanner.position)
    if match is None:
        return _items(scanner)
    found = _read(match.group())
    scanner.position = match.end()
    return found


@lru_cache(maxsize=256)
def _read(text: bytes) -> tuple[bytes, ...]:
    return _items(Scanner(text))


def _items(scanner: Scanner) -> tuple[bytes, ...]:
    scanner.expect(b"(")
    found: list[bytes] = []
    while not scanner.take(b")"):
        if found:
            scanner.space()
        name = scanner.keyword()
        if name not in _NAMES:
            raise BadSyntax("no such status item")
        if name not in found:
            found.append(name)
    if not found:
        raise BadSyntax("expected a status item")
    return tuple(found)


async def run(session: Session, wanted: Status) -> None:
    await tell(session, session.name(wanted.mailbox), wanted.items)


async def tell(session: Session, name: str, names: tuple[bytes, ...]) -> None:
    """Send one STATUS response. Raises MailboxMissing, or No without the right to read (RFC 4314 §4)."""
    numbers = _numbers(names)
    if numbers is not None and not places.is_others(name):
        known = session.mine.known_status(name)
        if known is not None:
            if b"HIGHESTMODSEQ" in names:
                session.begin_condstore()
            session.send(b"* STATUS %b (%b)\r\n" % (_wire(name, session.manner.utf8), numbers(known)))
            return
    place = await session.place_of(name, "r")
    if b"HIGHESTMODSEQ" in names:
        session.begin_condstore()
    status = await place.account.status(place.name)
    values: list[bytes] = []
    for item in names:
        if item == APPENDLIMIT:
            value = b"%d" % session.settings.imap.max_append
        elif item == DELETED_STORAGE:
            value = b"%d" % (await _deleted_octets(place) if status.deleted else 0)
        elif item == MAILBOXID:
            value = b"(%b)" % object_id(status.mailboxid)
        else:
            value = b"%d" % getattr(status, NUMBERS[item])
        values.append(item + b" " + value)
    session.send(b"* STATUS %b (%b)\r\n" % (session.wire(name), b" ".join(values)))


@lru_cache(maxsize=4096)
def _wire(name: str, utf8: bool) -> bytes:
    """The name of a mailbox that there is."""
    return format.mailbox(name, utf8)


@lru_cache(maxsize=256)
def _numbers(names: tuple[bytes, ...]) -> Callable[[MailboxStatus], bytes] | None:
    """What writes these items, where all are numbers of the store's."""
    if not all(name in NUMBERS for name in names):
        return None
    form = b" ".join(name + b" %d" for name in names)
    values = attrgetter(*(NUMBERS[name] for name in names))
    return lambda status: form % values(status)


async def _deleted_octets(place: Place) -> int:
    mailbox = await place.account.open(place.name)
    try:
        every = mailbox.rows.all()
        return sum(compress(every.sizes, every.flags(lambda letters: "T" in letters)))
    finally:
        mailbox.release()
