"""COPY and MOVE, by number and by UID (RFC 9051 §6.4.7, §6.4.8)."""

from imap import flags, sequence
from imap.commands.expunge import highest
from imap.place import Place
from imap.replies import TRYCREATE, No, Reply, ok
from imap.scanner import Scanner
from imap.sequence import SequenceSet
from imap.session import Session
from storage import across
from storage.errors import MailboxMissing
from storage.rows import Copied
from storage.selected import Mailbox

Wanted = tuple[SequenceSet, bytes]


def parse(scanner: Scanner) -> Wanted:
    scanner.space()
    chosen = sequence.sequence_set(scanner)
    scanner.space()
    return chosen, scanner.astring()


async def copy(session: Session, wanted: Wanted) -> Reply:
    return await _copy(session, wanted, session.by_number(wanted[0]))


async def copy_uid(session: Session, wanted: Wanted) -> Reply:
    return await _copy(session, wanted, session.by_uid(wanted[0]))


async def move(session: Session, wanted: Wanted) -> Reply:
    return await _move(session, wanted, session.by_number(wanted[0]))


async def move_uid(session: Session, wanted: Wanted) -> Reply:
    return await _move(session, wanted, session.by_uid(wanted[0]))


async def _copy(session: Session, wanted: Wanted, uids: list[int]) -> Reply:
    copied = await _transfer(session, wanted, uids, moving=False)
    if copied is None:
        return ok(b"There was nothing to copy")
    return ok(b"Copied", _copyuid(session, copied))


async def _move(session: Session, wanted: Wanted, uids: list[int]) -> Reply:
    """COPYUID comes before the EXPUNGEs, which the view sends (RFC 6851 §4.3)."""
    session.writable("te")  # RFC 6851 §4.1
    moved = await _transfer(session, wanted, uids, moving=True)
    if moved is None:
        return ok(b"There was nothing to move")
    session.send(ok(b"Moved", _copyuid(session, moved)).line(b"*"))
    return ok(b"Done", highest(session))


async def _transfer(session: Session, wanted: Wanted, uids: list[int], moving: bool) -> Copied | None:
    """Within one account files get further names; into another account they are written again."""
    mailbox = session.selected.mailbox
    place = await session.place(wanted[1], "i")  # RFC 4314 §4
    if not uids:
        return None
    try:
        if place.account.address == session.selected.place.account.address and place.may("swt"):
            transfer = mailbox.move if moving else mailbox.copy
            copied = await session.patiently(transfer(uids, place.name))
        else:
            across_to = across.move if moving else across.copy
            work = across_to(mailbox, uids, place.account, place.name, _flags(mailbox, uids, place))
            copied = await session.patiently(work)
    except MailboxMissing:
        if mailbox.gone:
            raise
        raise No(TRYCREATE.text, TRYCREATE.code) from None
    return copied if copied.pairs else None


def _flags(mailbox: Mailbox, uids: list[int], place: Place) -> list[frozenset[str]]:
    """What the messages keep of their flags in a mailbox of somebody else (RFC 4314 §4)."""
    kept: list[frozenset[str]] = []
    for uid in uids:
        row = mailbox.rows.get(uid)
        names = flags.names(row.flags, mailbox.keywords) if row is not None else frozenset()
        kept.append(frozenset(flags.permitted(names, place.rights)))
    return kept


def _copyuid(session: Session, copied: Copied) -> bytes:
    """RFC 4315 §3: both sets in the same order."""
    if b"UIDPLUS" in session.off:
        return b""
    sources = sequence.compact(source for source, _ in copied.pairs)
    targets = sequence.compact(target for _, target in copied.pairs)
    return b"COPYUID %d %b %b" % (copied.uidvalidity, sources, targets)
