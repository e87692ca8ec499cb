"""EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9). The view tells the client what went."""

from imap import sequence
from imap.replies import Reply, ok
from imap.scanner import Scanner
from imap.sequence import SequenceSet
from imap.session import Session


def parse_uid(scanner: Scanner) -> SequenceSet:
    scanner.space()
    return sequence.sequence_set(scanner)


async def run(session: Session, _: None) -> Reply:
    return ok(b"EXPUNGE completed", await _expunge(session, None))


async def run_uid(session: Session, wanted: SequenceSet) -> Reply:
    session.writable("e")
    view = session.selected
    chosen = sequence.pick(view.uids, view.spans(wanted, by_uid=True))
    return ok(b"UID EXPUNGE completed", await _expunge(session, chosen) if chosen else b"")


async def _expunge(session: Session, uids: list[int] | None) -> bytes:
    return highest(session) if await session.patiently(session.writable("e").expunge(uids)) else b""


def highest(session: Session) -> bytes:
    """HIGHESTMODSEQ for a tagged OK after messages went (RFC 7162 §3.2.7); the client is told everything first."""
    if not session.manner.qresync or session.view is None:
        return b""
    session.tell_updates(True, True)
    return b"HIGHESTMODSEQ %d" % session.view.modseq
