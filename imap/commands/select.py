"""SELECT, EXAMINE, CLOSE, UNSELECT: which mailbox the session looks at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imap import digest, flags
from imap.objectid import object_id
from imap.replies import Reply, ok
from imap.scanner import BadSyntax, Scanner
from imap.state import State
from imap.view import View

if TYPE_CHECKING:
    from imap.session import Session


@dataclass(frozen=True, slots=True)
class Select:
    mailbox: bytes
    condstore: bool  # RFC 7162 §3.1.8


def parse(scanner: Scanner) -> Select:
    scanner.space()
    mailbox = scanner.astring()
    condstore = False
    if not scanner.at_end():
        scanner.space()
        scanner.expect(b"(")
        while True:
            if scanner.keyword() != b"CONDSTORE":
                raise BadSyntax("no such parameter")
            condstore = True
            if scanner.take(b")"):
                break
            scanner.space()
    return Select(mailbox, condstore)


async def select(session: "Session", wanted: Select) -> Reply:
    await _open(session, wanted, True)
    return ok(b"SELECT completed", b"READ-WRITE")


async def examine(session: "Session", wanted: Select) -> Reply:
    await _open(session, wanted, False)
    return ok(b"EXAMINE completed", b"READ-ONLY")


async def _open(session: "Session", wanted: Select, writable: bool) -> None:
    name = session.name(wanted.mailbox)
    if session.view is not None:
        await session.leave_mailbox()  # also when the new one cannot be opened (RFC 9051 §6.3.2)
        session.send(b"* OK [CLOSED] The previous mailbox is closed\r\n")
    mailbox = await session.mine.open(name)
    view = session.view = await View.open(mailbox, writable)
    session.state = State.SELECTED
    session.condstore |= wanted.condstore
    lines = [
        b"* FLAGS (%b)\r\n" % flags.defined(view.keywords),
        view.permanent_flags(),
        b"* %d EXISTS\r\n* %d RECENT\r\n" % (len(view.uids), view.count_recent()),
    ]
    unseen = digest.of(mailbox).first_unseen
    if unseen:  # RFC 3501 §7.1
        lines.append(b"* OK [UNSEEN %d] First unseen\r\n" % view.number(unseen))
    lines += (
        b"* OK [UIDVALIDITY %d] UIDs are valid\r\n" % mailbox.uidvalidity,
        b"* OK [UIDNEXT %d] Next UID\r\n" % mailbox.uidnext,
        b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % view.modseq,
        b"* OK [MAILBOXID (%b)] Its identifier\r\n" % object_id(mailbox.mailboxid),  # RFC 8474 §4.2
    )
    session.send(b"".join(lines))


async def close(session: "Session", _: None) -> None:
    """Messages marked \\Deleted go, and nobody is told (RFC 9051 §6.4.1)."""
    view = session.selected
    if view.writable and digest.of(view.mailbox).deleted:
        await view.mailbox.expunge(None)
    await session.leave_mailbox()


async def unselect(session: "Session", _: None) -> None:
    await session.leave_mailbox()
