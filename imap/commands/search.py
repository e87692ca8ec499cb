"""SEARCH and UID SEARCH (RFC 9051 §6.4.4), with RETURN (RFC 4731) and MODSEQ (RFC 7162 §3.1.5)."""

import time
from typing import TYPE_CHECKING

from imap import search, search_grammar, sequence
from imap.replies import No, Reply
from imap.scanner import Scanner
from imap.search import Scope
from imap.search_grammar import Program

if TYPE_CHECKING:
    from imap.session import Session

BATCH = 100  # messages read in one hop to a thread: others get their turn in between

CHARSETS = b"US-ASCII UTF-8 ISO-2022-JP SHIFT_JIS EUC-JP"  # a hint; any that is known may be used


def parse(scanner: Scanner) -> Program:
    scanner.space()
    return search_grammar.parse(scanner)


async def run(session: "Session", wanted: Program) -> Reply | None:
    _answer(session, wanted, await _find(session, wanted), by_uid=False)
    return None


async def run_uid(session: "Session", wanted: Program) -> Reply | None:
    _answer(session, wanted, await _find(session, wanted), by_uid=True)
    return None


async def _find(session: "Session", wanted: Program) -> list[int]:
    """The UIDs that match, ascending."""
    if wanted.unknown_charset:
        raise No(b"The charset is not known", b"BADCHARSET (%b)" % CHARSETS)
    if wanted.modseq:
        session.begin_condstore()
    view = session.selected
    mailbox = view.mailbox
    scope = Scope(view.uids, mailbox.rows, mailbox.keywords, view.first_recent, int(time.time()))
    narrowed = search.narrow(wanted, scope)
    if not narrowed.open:
        return narrowed.found
    found, missing = await _read(session, wanted, scope, narrowed.open)
    if missing:  # their mailbox may have been renamed in this moment
        await mailbox.refresh()
        again, _ = await _read(session, wanted, scope, missing)
        found += again
    return sorted(narrowed.found + found)


async def _read(
    session: "Session", wanted: Program, scope: Scope, uids: list[int]
) -> tuple[list[int], list[int]]:
    """Those of the messages that match, and those that were not found."""
    found: list[int] = []
    missing: list[int] = []
    for at in range(0, len(uids), BATCH):
        batch = uids[at : at + BATCH]
        messages = await session.selected.mailbox.messages(batch)
        pairs = list(zip(batch, messages, strict=True))
        confirmed = await session.store.run(search.confirm, wanted, scope, pairs)
        found += confirmed.found
        missing += confirmed.missing
    return found, missing


def _answer(session: "Session", wanted: Program, uids: list[int], by_uid: bool) -> None:
    """SEARCH (RFC 3501 §7.2.5), or ESEARCH where results were chosen (RFC 4731 §3.1)."""
    view = session.selected
    numbers = uids if by_uid else [number for uid in uids if (number := view.number(uid))]
    modseq = b""
    if wanted.modseq and uids:
        rows = view.mailbox.rows
        shown = uids
        if wanted.returns is not None and wanted.returns <= {b"MIN", b"MAX"}:  # RFC 4731 §3.2
            shown = [uids[at] for name, at in ((b"MIN", 0), (b"MAX", -1)) if name in wanted.returns]
        highest = max((rows[uid].modseq for uid in shown if uid in rows), default=0)
        modseq = b" MODSEQ %d" % highest if highest else b""
    if wanted.returns is None:
        listed = b"".join([b" %d" % number for number in numbers])
        session.send(b"* SEARCH%b%b\r\n" % (listed, b" (%b)" % modseq[1:] if modseq else b""))
        return
    items = b""
    if numbers:  # RFC 4731 §3.1: without a match only COUNT is answered
        if b"MIN" in wanted.returns:
            items += b" MIN %d" % numbers[0]
        if b"MAX" in wanted.returns:
            items += b" MAX %d" % numbers[-1]
        if b"ALL" in wanted.returns:
            items += b" ALL " + sequence.compact(numbers)
    if b"COUNT" in wanted.returns:
        items += b" COUNT %d" % len(numbers)
    session.send(b'* ESEARCH (TAG "%b")%b%b%b\r\n' % (session.tag, b" UID" if by_uid else b"", items, modseq))
