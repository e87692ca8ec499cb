"""EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9). The view tells the client what went."""

from typing import TYPE_CHECKING

from imap import sequence
from imap.scanner import Scanner
from imap.sequence import SequenceSet

if TYPE_CHECKING:
    from imap.session import Session


def parse_uid(scanner: Scanner) -> SequenceSet:
    scanner.space()
    return sequence.sequence_set(scanner)


async def run(session: "Session", _: None) -> None:
    await session.writable().expunge(None)


async def run_uid(session: "Session", wanted: SequenceSet) -> None:
    mailbox = session.writable()
    uids = session.selected.uids
    chosen = sequence.pick(uids, wanted.uids(uids))
    if chosen:
        await mailbox.expunge(chosen)
