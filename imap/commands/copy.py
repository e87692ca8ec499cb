"""COPY and MOVE, by number and by UID (RFC 9051 §6.4.7, §6.4.8)."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from imap import sequence
from imap.commands.expunge import highest
from imap.replies import TRYCREATE, No, Reply, ok
from imap.scanner import Scanner
from imap.sequence import SequenceSet
from storage.errors import MailboxMissing
from storage.rows import Copied
from storage.selected import Mailbox

if TYPE_CHECKING:
    from imap.session import Session

Wanted = tuple[SequenceSet, bytes]
Transfer = Callable[[list[int], str], Awaitable[Copied]]


def parse(scanner: Scanner) -> Wanted:
    scanner.space()
    chosen = sequence.sequence_set(scanner)
    scanner.space()
    return chosen, scanner.astring()


async def copy(session: "Session", wanted: Wanted) -> Reply:
    return await _copy(session, wanted, session.by_number(wanted[0]))


async def copy_uid(session: "Session", wanted: Wanted) -> Reply:
    return await _copy(session, wanted, session.by_uid(wanted[0]))


async def move(session: "Session", wanted: Wanted) -> Reply:
    return await _move(session, wanted, session.by_number(wanted[0]))


async def move_uid(session: "Session", wanted: Wanted) -> Reply:
    return await _move(session, wanted, session.by_uid(wanted[0]))


async def _copy(session: "Session", wanted: Wanted, uids: list[int]) -> Reply:
    mailbox = session.selected.mailbox
    copied = await _transfer(session, wanted, uids, mailbox, mailbox.copy)
    if copied is None:
        return ok(b"There was nothing to copy")
    return ok(b"Copied", copyuid(copied))


async def _move(session: "Session", wanted: Wanted, uids: list[int]) -> Reply:
    """COPYUID comes before the EXPUNGEs, which the view sends (RFC 6851 §4.3)."""
    mailbox = session.writable()
    moved = await _transfer(session, wanted, uids, mailbox, mailbox.move)
    if moved is None:
        return ok(b"There was nothing to move")
    session.send(ok(b"Moved", copyuid(moved)).line(b"*"))
    return ok(b"Done", highest(session))


async def _transfer(
    session: "Session", wanted: Wanted, uids: list[int], mailbox: Mailbox, transfer: Transfer
) -> Copied | None:
    to = session.name(wanted[1])
    if not uids:
        return None
    try:
        copied = await transfer(uids, to)
    except MailboxMissing:
        if mailbox.gone:
            raise
        raise No(TRYCREATE.text, TRYCREATE.code) from None
    return copied if copied.pairs else None


def copyuid(copied: Copied) -> bytes:
    """RFC 4315 §3: both sets in the same order."""
    sources = sequence.compact(source for source, _ in copied.pairs)
    targets = sequence.compact(target for _, target in copied.pairs)
    return b"COPYUID %d %b %b" % (copied.uidvalidity, sources, targets)
