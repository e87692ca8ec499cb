"""ESEARCH: a search in several mailboxes at once (RFC 7377). Each that holds something is answered by itself.

The mailbox that is selected is searched as its client knows it; the others as they are, one after the other, and
none of them stays loaded: an account may have hundreds.
"""

import time
from dataclasses import dataclass

from imap import finding, format, results, search, search_grammar, source
from imap.commands import search as selected
from imap.replies import Bad, Reply
from imap.scanner import Scanner
from imap.search import Scope
from imap.search_grammar import Messages, Program
from imap.session import Session
from imap.source import SELECTED, Filter
from storage.errors import MailboxMissing
from storage.selected import Mailbox


@dataclass(frozen=True, slots=True)
class ESearch:
    sources: tuple[Filter, ...]
    program: Program


def parse(scanner: Scanner) -> ESearch:
    """RFC 7377 §3: `ESEARCH [IN (…)] [RETURN (…)] [CHARSET …] keys`."""
    scanner.space()
    sources: tuple[Filter, ...] = (SELECTED,)
    if scanner.take_word(b"IN"):
        scanner.space()
        sources = source.sources(scanner)
        scanner.space()
    return ESearch(sources, search_grammar.parse(scanner))


async def run(session: Session, wanted: ESearch) -> Reply | None:
    here = SELECTED in wanted.sources
    if here and session.view is None:
        raise Bad(b"Select a mailbox first")  # RFC 7377 §2.2
    elsewhere = [one for one in wanted.sources if one != SELECTED]
    if elsewhere:
        _check(wanted.program)
    finding.check_charset(wanted.program)
    done: set[str] = set()
    if here:
        mailbox = session.selected.mailbox
        done.add(mailbox.mailboxid)
        found = await selected.found(session, wanted.program)
        returns = wanted.program.returns
        if returns is not None and b"SAVE" in returns:
            results.save(session, wanted.program, found)
        _answer(session, wanted.program, session.selected.place.shown, mailbox, found)
    for place in await source.places(session, elsewhere) if elsewhere else ():
        try:
            mailbox = await place.account.open(place.name)
        except MailboxMissing:
            continue
        try:
            if mailbox.mailboxid not in done:
                done.add(mailbox.mailboxid)
                scope = Scope.of(mailbox, time.time())
                found = await finding.find(
                    session.store, mailbox, wanted.program, scope, session.door.readers
                )
                _answer(session, wanted.program, place.shown, mailbox, found)
        finally:
            mailbox.release(keep=False)
        await session.flush()
    return None


def _check(program: Program) -> None:
    """What only the selected mailbox has: message numbers, and `$` (RFC 7377 §2.1)."""
    if program.returns is not None and b"SAVE" in program.returns:
        raise Bad(b"SAVE is for the selected mailbox alone")
    for key in search.parts(program.key):
        if isinstance(key, Messages) and (not key.by_uid or key.numbers.saved):
            raise Bad(b"Message numbers are those of the selected mailbox alone")


def _answer(session: Session, program: Program, name: str, mailbox: Mailbox, uids: list[int]) -> None:
    """RFC 7377 §2.1: nothing is said of a mailbox in which nothing was found. Messages are named by UID."""
    if not uids:
        return
    returns = frozenset({b"ALL"}) if program.returns is None else program.returns
    if not returns & results.SHOWN and program.partial is None:
        return
    items = results.esearch_items(returns, program.partial, uids)
    session.send(
        b'* ESEARCH (TAG "%b" MAILBOX %b UIDVALIDITY %d) UID%b%b\r\n'
        % (
            session.tag,
            format.mailbox(name, session.manner.utf8),
            mailbox.uidvalidity,
            items,
            results.modseq(program, uids, mailbox.rows),
        )
    )
