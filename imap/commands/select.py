"""SELECT, EXAMINE, CLOSE, UNSELECT: which mailbox the session looks at."""

from dataclasses import dataclass

from imap import digest, flags, sequence, vanished
from imap.commands import listing
from imap.objectid import object_id
from imap.replies import Bad, Reply, ok
from imap.scanner import BadSyntax, Scanner
from imap.sequence import SequenceSet
from imap.session import Session
from imap.state import State
from imap.view import View
from storage.layout import canonical_name

MOST_PAIRS = 10_000  # of numbers and UIDs that a client sends; a few dozen are usual
PIECE = 2000  # messages told in one step of the loop
FLUSH = 64 * 1024  # octets that are written together


@dataclass(frozen=True, slots=True)
class Since:
    """What a client that was here before knows (RFC 7162 §3.2.5)."""

    uidvalidity: int
    modseq: int
    known: SequenceSet | None = None
    numbers: SequenceSet | None = None  # some of its message numbers,
    uids: SequenceSet | None = None  # and the UIDs that had them


@dataclass(frozen=True, slots=True)
class Select:
    mailbox: bytes
    condstore: bool  # RFC 7162 §3.1.8
    since: Since | None = None


def parse(scanner: Scanner) -> Select:
    scanner.space()
    mailbox = scanner.astring()
    condstore = False
    since: Since | None = None
    if not scanner.at_end():
        scanner.space()
        scanner.expect(b"(")
        while True:
            word = scanner.keyword()
            if word == b"CONDSTORE":
                condstore = True
            elif word == b"QRESYNC" and since is None:
                scanner.space()
                since = _since(scanner)
            else:
                raise BadSyntax("no such parameter")
            if scanner.take(b")"):
                break
            scanner.space()
    return Select(mailbox, condstore, since)


def _since(scanner: Scanner) -> Since:
    """`(uidvalidity modseq [known-uids] [(numbers uids)])` (RFC 7162 §3.2.5, §7)."""
    scanner.expect(b"(")
    uidvalidity = scanner.nz_number()
    scanner.space()
    modseq = scanner.number64()
    known = numbers = uids = None
    if scanner.take(b" ") and scanner.peek() != b"(":
        known = _plain_set(scanner)
        scanner.take(b" ")
    if scanner.take(b"("):
        numbers = _plain_set(scanner)
        scanner.space()
        uids = _plain_set(scanner)
        scanner.expect(b")")
        if vanished.pairs(numbers) != vanished.pairs(uids) or vanished.pairs(uids) > MOST_PAIRS:
            raise BadSyntax("as many UIDs as numbers are needed, and not too many")
    scanner.expect(b")")
    return Since(uidvalidity, modseq, known, numbers, uids)


def _plain_set(scanner: Scanner) -> SequenceSet:
    found = sequence.sequence_set(scanner)
    if found.stars:
        raise BadSyntax("no * is allowed here")  # RFC 7162 §3.2.5
    return found


CHANGES = frozenset("swteip")  # RFC 4314 §5.1.1: without one of these rights a mailbox is read-only


async def select(session: Session, wanted: Select) -> Reply:
    view = await _open(session, wanted, True)
    return ok(b"SELECT completed", b"READ-WRITE" if view.writable else b"READ-ONLY")


async def examine(session: Session, wanted: Select) -> Reply:
    await _open(session, wanted, False)
    return ok(b"EXAMINE completed", b"READ-ONLY")


async def _open(session: Session, wanted: Select, writable: bool) -> View:
    manner = session.manner
    if wanted.since is not None:
        if not manner.qresync:
            raise Bad(b"Enable QRESYNC first")  # RFC 7162 §3.2.5
        if manner.uidonly and wanted.since.numbers is not None:
            raise Bad(b"Messages are named by UID here", b"UIDREQUIRED")  # RFC 9586 §3.4
    name = session.name(wanted.mailbox)
    if session.view is not None:
        await session.leave_mailbox()  # also when the new one cannot be opened (RFC 9051 §6.3.2)
        session.send(b"* OK [CLOSED] The previous mailbox is closed\r\n")
    place = await session.place_of(name, "r")
    mailbox = await place.account.open(place.name)
    view = await View.open(mailbox, writable and not CHANGES.isdisjoint(place.rights), place)
    session.view = view
    session.state = State.SELECTED
    if wanted.condstore:
        session.begin_condstore(told=True)
    lines = [b"* FLAGS (%b)\r\n" % flags.defined(view.keywords), view.permanent_flags(), view.exists(manner)]
    unseen = digest.of(mailbox).first_unseen
    if (
        unseen and not manner.rev2 and not manner.uidonly
    ):  # RFC 3501 §7.1; it is a number, and no more in RFC 9051
        lines.append(b"* OK [UNSEEN %d] First unseen\r\n" % view.number(unseen))
    lines += (
        b"* OK [UIDVALIDITY %d] UIDs are valid\r\n" % mailbox.uidvalidity,
        b"* OK [UIDNEXT %d] Next UID\r\n" % mailbox.uidnext,
    )
    if b"CONDSTORE" not in session.off:
        lines.append(b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % view.modseq)
    if b"OBJECTID" not in session.off:  # RFC 8474 §4.2
        lines.append(b"* OK [MAILBOXID (%b)] Its identifier\r\n" % object_id(mailbox.mailboxid))
    session.send(b"".join(lines))
    if manner.rev2:  # RFC 9051 §6.3.2: a LIST response says how the name is spelled
        session.send(listing.named(session, canonical_name(place.shown), wanted.mailbox))
    if wanted.since is not None and wanted.since.uidvalidity == mailbox.uidvalidity:
        await _bring_up(session, view, wanted.since)
    return view


async def _bring_up(session: Session, view: View, since: Since) -> None:
    """What went and what changed since the client was here (RFC 7162 §3.2.5.1)."""
    kept = 0
    if since.numbers is not None and since.uids is not None:
        kept = vanished.last_match(view.uids, since.numbers, since.uids)
    gone = await view.mailbox.gone_since(since.modseq)
    named = vanished.earlier(gone, view.uids, view.mailbox.uidnext, since.known, kept)
    if named:
        session.send(b"* VANISHED (EARLIER) %b\r\n" % named)
    rows = view.mailbox.rows
    changed = [rows[uid] for uid in view.uids if uid in rows and since.modseq < rows[uid].modseq]
    if since.known is not None:
        largest = view.mailbox.uidnext - 1
        changed = [row for row in changed if since.known.holds(row.uid, largest)]
    for at in range(0, len(changed), PIECE):
        session.send(b"".join(view.fetched(changed[at : at + PIECE], session.manner, True)))
        await session.flush(FLUSH)


async def close(session: Session, _: None) -> Reply | None:
    """Messages marked \\Deleted go, and nobody is told (RFC 9051 §6.4.1)."""
    view = session.selected
    code = b""
    if view.writable and view.place.may("e") and digest.of(view.mailbox).deleted:
        gone = await view.mailbox.expunge(None)
        if gone and session.manner.qresync and view.knows_all_but(gone):
            code = b"HIGHESTMODSEQ %d" % view.mailbox.modseq  # RFC 7162 §3.2.8
    await session.leave_mailbox()
    return ok(b"CLOSE completed", code)


async def unselect(session: Session, _: None) -> None:
    await session.leave_mailbox()
