"""APPEND, of one message or several (RFC 9051 §6.3.12, RFC 3502).

A message never lies in memory as a whole: its literal goes to the store's spool in pieces. What can be refused
is refused before the literal is asked for; all messages of one command are stored, or none.
"""

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imap import dates, flags, reader
from imap.framing import LINE, Literal, announced, without_end
from imap.mailbox_name import BadName
from imap.place import Place
from imap.replies import TRYCREATE, No, Reply, ok
from imap.scanner import BadSyntax, Scanner
from imap.sequence import compact
from storage.appending import Appended
from storage.errors import MailboxMissing, OverQuota, StoreError
from storage.message import Message

if TYPE_CHECKING:
    from imap.session import Session

MOST_MESSAGES = 100  # of one command; each has its own spool until all are there
SMALL = 256 * 1024  # octets up to which nothing is asked beforehand: it would cost more than the message
GRACE = 1.1  # the trash may pass the limit by a tenth; whether this is the trash is for the store to judge


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before a message."""

    flags: frozenset[str]
    date: int | None


@dataclass(frozen=True, slots=True)
class Append:
    mailbox: bytes
    first: Head


def awaits_message(scanner: Scanner) -> bool:
    """Whether the literal at the end of the arguments is a message, and not the name of the mailbox."""
    parse(scanner)
    return True


def parse(scanner: Scanner) -> Append:
    """RFC 9051 §9 `append`, up to the literal that the session has not read yet."""
    scanner.space()
    mailbox = scanner.astring()
    scanner.space()
    return Append(mailbox, head(scanner))


def head(scanner: Scanner) -> Head:
    """Flags and date before a message, up to its literal."""
    names: frozenset[str] = frozenset()
    date: int | None = None
    if scanner.peek() == b"(":
        names = flags.flag_list(scanner)
        scanner.space()
    if scanner.peek() == b'"':
        date = dates.date_time(scanner)
        scanner.space()
    scanner.literal_to_come()
    return Head(names, date)


async def run(session: "Session", asked: tuple[Append, Literal]) -> Reply:
    wanted, literal = asked
    before: Head | None = wanted.first
    found: list[Appended] = []
    octets = 0
    async with contextlib.AsyncExitStack() as spools:
        pending: Literal | None = literal
        try:
            place = await session.place(wanted.mailbox, "i")
            while before is not None and pending is not None:
                octets += pending.size
                await _admit(session, place, pending, octets, len(found))
                literal, pending = pending, None
                message, tail = await _take(session, literal, spools)
                pending = announced(tail)
                date = int(session.store.clock()) if before.date is None else before.date
                kept = frozenset(flags.permitted(before.flags, place.rights))  # RFC 4314 §4
                found.append(Appended(message, kept, date))
                before = _next_head(tail)
        except (BadName, BadSyntax, No, StoreError):
            await reader.discard(session.conn, pending, session.most_discarded)
            raise
        try:
            uidvalidity, uids = await place.account.append(place.name, found)
        except MailboxMissing:
            raise No(TRYCREATE.text, TRYCREATE.code) from None
    view = session.view
    if view is not None and view.mailbox.is_at(place.account.address, place.name):
        await view.mailbox.refresh(others=False)  # EXISTS comes before the OK (RFC 9051 §6.3.12)
    return ok(b"Appended", b"APPENDUID %d %b" % (uidvalidity, compact(uids)))


async def _admit(session: "Session", place: Place, literal: Literal, octets: int, before: int) -> None:
    """Refuse before the octets are sent what could not be kept. A small message is just tried."""
    if literal.size > session.settings.imap.max_append:
        raise No(b"The message is too big", b"TOOBIG")
    if before >= MOST_MESSAGES:
        raise No(b"Too many messages in one command", b"LIMIT")
    if octets <= SMALL:
        return
    try:
        await place.account.status(place.name)
    except MailboxMissing:
        raise No(TRYCREATE.text, TRYCREATE.code) from None
    use = await place.account.quota()
    if use.bytes_limit is not None and use.bytes + octets > use.bytes_limit * GRACE:
        raise OverQuota


async def _take(
    session: "Session", literal: Literal, spools: contextlib.AsyncExitStack
) -> tuple[Message, bytes]:
    """The message, and the line behind it. The literal is read to its end also where it can't be kept."""
    spool = session.store.spool(literal.size)
    spools.push_async_callback(spool.discard)
    failure: StoreError | None = None
    await session.flush()
    try:
        await reader.stream(session.conn, literal, spool.write)
    except StoreError as error:
        failure = error
    tail = without_end(await session.conn.readline(LINE, reader.PATIENCE))
    if failure is not None:
        await reader.discard(session.conn, announced(tail), session.most_discarded)
        raise failure
    return await spool.finish(), tail


def _next_head(tail: bytes) -> Head | None:
    """What a line behind a message says of the next one; None where it was the last."""
    if not tail:
        return None
    scanner = Scanner(tail)
    scanner.space()
    return head(scanner)
