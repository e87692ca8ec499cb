"""SEARCH and UID SEARCH (RFC 9051 §6.4.4), with RETURN (RFC 4731, 5182, 9394) and MODSEQ (RFC 7162 §3.1.5)."""

import time

from imap import finding, results, search_grammar
from imap.replies import No, Reply
from imap.results import Wanted
from imap.scanner import Scanner
from imap.search import Scope
from imap.search_grammar import Program
from imap.session import Session


def parse(scanner: Scanner) -> Program:
    scanner.space()
    return search_grammar.parse(scanner)


async def run(session: Session, program: Program) -> Reply | None:
    results.answer(session, Wanted(program), await found(session, program))
    return None


async def run_uid(session: Session, program: Program) -> Reply | None:
    results.answer(session, Wanted(program, by_uid=True), await found(session, program))
    return None


async def found(session: Session, program: Program) -> list[int]:
    """The UIDs of the selected mailbox that match, ascending."""
    try:
        finding.check_charset(program)
        if program.modseq:
            session.begin_condstore()
        view = session.selected
        mailbox = view.mailbox
        scope = Scope(
            view.uids, mailbox.rows, mailbox.keywords, view.first_recent, int(time.time()), view.saved
        )
        work = finding.find(session.store, mailbox, program, scope, session.door.readers)
        return await session.patiently(work)
    except No:
        results.forget(session, program)
        raise
