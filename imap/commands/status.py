"""STATUS (RFC 9051 §6.3.11): numbers of a mailbox without selecting it."""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from imap.objectid import object_id
from imap.place import Place
from imap.scanner import BadSyntax, Scanner
from storage.rows import MailboxStatus

if TYPE_CHECKING:
    from imap.session import Session

ITEMS: dict[bytes, Callable[[MailboxStatus], bytes]] = {
    b"MESSAGES": lambda status: b"%d" % status.messages,
    b"RECENT": lambda status: b"%d" % status.recent,  # RFC 3501 §6.3.10
    b"UIDNEXT": lambda status: b"%d" % status.uidnext,
    b"UIDVALIDITY": lambda status: b"%d" % status.uidvalidity,
    b"UNSEEN": lambda status: b"%d" % status.unseen,
    b"DELETED": lambda status: b"%d" % status.deleted,  # RFC 9208 §4.1.4
    b"SIZE": lambda status: b"%d" % status.size,  # RFC 8438
    b"MAILBOXID": lambda status: b"(%b)" % object_id(status.mailboxid),  # RFC 8474 §4.3
    b"HIGHESTMODSEQ": lambda status: b"%d" % status.modseq,  # RFC 7162 §3.1.7
}
DELETED_STORAGE = b"DELETED-STORAGE"  # RFC 9208 §4.1.4: not in the status of the store, summed up here
APPENDLIMIT = b"APPENDLIMIT"  # RFC 7889 §3
_NAMES = frozenset({*ITEMS, DELETED_STORAGE, APPENDLIMIT})
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


async def run(session: "Session", wanted: Status) -> None:
    raw, names = wanted
    await tell(session, session.name(raw), names)


async def tell(session: "Session", name: str, names: tuple[bytes, ...]) -> None:
    """Send one STATUS response. Raises MailboxMissing, or No without the right to read (RFC 4314 §4)."""
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
        else:
            value = ITEMS[item](status)
        values.append(item + b" " + value)
    session.send(b"* STATUS %b (%b)\r\n" % (session.wire(name), b" ".join(values)))


async def _deleted_octets(place: Place) -> int:
    mailbox = await place.account.open(place.name)
    try:
        every = mailbox.rows.all()
        return sum(compress(every.sizes, every.flags(lambda letters: "T" in letters)))
    finally:
        mailbox.release()
