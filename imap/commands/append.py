"""APPEND, of one message or several (RFC 9051 §6.3.12, RFC 3502), and REPLACE (RFC 8508).

A message never lies in memory as a whole: its literals, and the parts of others that CATENATE names (RFC 4469), go
to the store's spool in pieces. What can be refused is refused before a literal is asked for; all messages of one
command are stored, or none. Octets are kept as they come: a literal8 (RFC 3516 §4.4) may hold NUL.
"""

import contextlib
from dataclasses import dataclass

from imap import catenate, flags, reader, sequence
from imap.append_grammar import Begin, Mark, Messages, Step, Url
from imap.commands.expunge import highest
from imap.framing import LINE, Literal, announced, without_end
from imap.mailbox_name import BadName
from imap.place import Place
from imap.replies import TRYCREATE, Bad, No, Reply, ok
from imap.scanner import BadSyntax, Scanner
from imap.sequence import SequenceSet, compact
from imap.session import Session
from storage.appending import Appended
from storage.errors import MailboxMissing, OverQuota, StoreError
from storage.quota import Limits
from storage.spool import Spool

MOST_MESSAGES = 100  # of one command; each has its own spool until all are there
# How a command may be refused while its message is still to come: it is read to its end, or would be a command.
REFUSED = (Bad, BadName, BadSyntax, No, StoreError)
SMALL = 256 * 1024  # octets up to which nothing is asked beforehand: it would cost more than the message
GRACE = 1.1  # the trash may pass the limit by a tenth; whether this is the trash is for the store to judge


@dataclass(frozen=True, slots=True)
class Append:
    mailbox: bytes
    steps: tuple[Step, ...]  # of the first line
    grammar: Messages
    replaced: SequenceSet | None = None


def awaits_message(wanted: Append) -> bool:
    """Whether the literal at the end of the arguments is a message's, and not the name of the mailbox."""
    return wanted.steps[-1] is Mark.OCTETS


def parse(scanner: Scanner) -> Append:
    """RFC 9051 §9 `append`, up to the first literal that the session has not read yet."""
    scanner.space()
    mailbox = scanner.astring()
    scanner.space()
    grammar = Messages()
    return Append(mailbox, grammar.line(scanner), grammar)


def parse_replace(scanner: Scanner) -> Append:
    """RFC 8508 §3.1: the message to be replaced, then as APPEND, but for one message alone."""
    scanner.space()
    replaced = sequence.sequence_set(scanner)
    scanner.space()
    mailbox = scanner.astring()
    scanner.space()
    grammar = Messages(single=True)
    return Append(mailbox, grammar.line(scanner), grammar, replaced)


async def run(session: Session, asked: "tuple[Append, Literal] | Append") -> Reply:
    wanted, literal = asked if isinstance(asked, tuple) else (asked, None)
    validity, uids, place = await _append(session, wanted, literal, Limits())
    view = session.view
    if view is not None and view.mailbox.is_at(place.account.address, place.name):
        await view.mailbox.refresh(others=False)  # EXISTS comes before the OK (RFC 9051 §6.3.12)
    return ok(b"Appended", _appenduid(session, validity, uids))


async def replace(session: Session, asked: "tuple[Append, Literal] | Append") -> Reply:
    return await _replace(session, asked, by_uid=False)


async def replace_uid(session: Session, asked: "tuple[Append, Literal] | Append") -> Reply:
    return await _replace(session, asked, by_uid=True)


async def _replace(session: Session, asked: "tuple[Append, Literal] | Append", by_uid: bool) -> Reply:
    """The new message is stored, then the old one goes: a crash in between leaves both (RFC 8508 §3.2)."""
    wanted, literal = asked if isinstance(asked, tuple) else (asked, None)
    assert wanted.replaced is not None
    try:
        mailbox = session.writable("te")  # RFC 8508 §4
        old = session.by_uid(wanted.replaced) if by_uid else session.by_number(wanted.replaced)
        if len(old) != 1:
            raise No(b"There is no one message to be replaced", b"NONEXISTENT")
        target = await session.place(wanted.mailbox)
    except (*REFUSED, sequence.OutOfRange):
        await reader.discard(session.conn, literal, session.most_discarded)
        raise
    freed = Limits(mailbox.rows[old[0]].size, 1) if old[0] in mailbox.rows else Limits()
    if session.selected.place.account.address != target.account.address:
        freed = Limits()
    validity, uids, _ = await _append(session, wanted, literal, freed)
    session.send(ok(b"The new one is stored", _appenduid(session, validity, uids)).line(b"*"))
    await mailbox.remove(old)
    await mailbox.refresh(others=False)
    return ok(b"Replaced", highest(session))


def _appenduid(session: Session, validity: int, uids: list[int]) -> bytes:
    """RFC 4315 §3"""
    return b"" if b"UIDPLUS" in session.off else b"APPENDUID %d %b" % (validity, compact(uids))


async def _append(
    session: Session, wanted: Append, literal: Literal | None, freed: Limits
) -> tuple[int, list[int], Place]:
    """Take the messages in and store them; `freed` is what will be free again (RFC 8508 §3.4)."""
    async with contextlib.AsyncExitStack() as spools:
        intake = _Intake(session, spools, literal)
        try:
            place = await session.place(wanted.mailbox, "i")
            await intake.take(wanted, place)
        except REFUSED:
            await reader.discard(session.conn, intake.pending, session.most_discarded)
            raise
        try:
            validity, uids = await session.patiently(place.account.append(place.name, intake.found, freed))
        except MailboxMissing:
            raise No(TRYCREATE.text, TRYCREATE.code) from None
    return validity, uids, place


class _Intake:
    """The messages of one command while they come in."""

    def __init__(self, session: Session, spools: contextlib.AsyncExitStack, pending: Literal | None) -> None:
        self._session = session
        self._spools = spools
        self.pending = pending  # announced, and not read yet
        self.found: list[Appended] = []
        self._octets = 0  # of all messages
        self._size = 0  # of this one
        self._begun = Begin(frozenset(), None)
        self._spool: Spool | None = None

    async def take(self, wanted: Append, place: Place) -> None:
        steps = wanted.steps
        while True:
            tail = None
            for step in steps:
                match step:
                    case Begin():
                        self._begin(step)
                    case Url():
                        self._grow(await catenate.pour(self._session, step.text, self._open(0), self._room))
                    case Mark.END:
                        await self._end(place)
                    case Mark.OCTETS:
                        tail = await self._literal(place)
            if tail is None:
                return
            scanner = Scanner(tail)
            steps = wanted.grammar.line(scanner)
            if not steps or steps[-1] is not Mark.OCTETS:
                scanner.end()

    @property
    def _room(self) -> int:
        return self._session.settings.imap.max_append - self._size

    def _begin(self, begun: Begin) -> None:
        if len(self.found) >= MOST_MESSAGES:
            raise No(b"Too many messages in one command", b"LIMIT")
        if begun.utf8 and not self._session.manner.utf8:
            raise Bad(b"Enable UTF8=ACCEPT first")  # RFC 6855 §4
        if begun.catenate and b"CATENATE" in self._session.off:
            raise Bad(b"That is not offered here")
        if self.found and b"MULTIAPPEND" in self._session.off:
            raise Bad(b"One message is taken in one command")
        self._begun, self._size, self._spool = begun, 0, None

    def _open(self, expected: int) -> Spool:
        if self._spool is None:
            most = self._session.settings.imap.max_append if self._begun.catenate else expected
            self._spool = self._session.store.spool(most)
            self._spools.push_async_callback(self._spool.discard)
        return self._spool

    def _grow(self, octets: int) -> None:
        self._size += octets
        self._octets += octets

    async def _literal(self, place: Place) -> bytes:
        """Take the literal, and the line behind it. It is read to its end also where it can't be kept."""
        session, literal = self._session, self.pending
        assert literal is not None
        if literal.binary and not self._begun.utf8 and b"BINARY" in session.off:
            raise Bad(b"That is not offered here")
        if literal.size > self._room:
            raise No(b"The message is too big", b"TOOBIG")
        self._grow(literal.size)
        await self._admit(place)
        self.pending = None
        spool = self._open(literal.size)
        failure: StoreError | None = None
        await session.flush()
        try:
            await reader.stream(session.conn, literal, spool.write)
        except StoreError as error:
            failure = error
        tail = without_end(await session.conn.readline(LINE, reader.PATIENCE))
        self.pending = announced(tail)
        if failure is not None:
            raise failure
        return tail

    async def _admit(self, place: Place) -> None:
        """Refuse before the octets are sent what could not be kept. A small message is just tried."""
        if self._octets <= SMALL:
            return
        try:
            await place.account.status(place.name)
        except MailboxMissing:
            raise No(TRYCREATE.text, TRYCREATE.code) from None
        use = await place.account.quota()
        if use.bytes_limit is not None and use.bytes + self._octets > use.bytes_limit * GRACE:
            raise OverQuota

    async def _end(self, place: Place) -> None:
        session, begun = self._session, self._begun
        message = await self._open(0).finish()
        date = int(session.store.clock()) if begun.date is None else begun.date
        kept = frozenset(flags.permitted(begun.flags, place.rights))  # RFC 4314 §4
        self.found.append(Appended(message, kept, date))
