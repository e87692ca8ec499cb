"""SORT and THREAD, by number and by UID (RFC 5256), with RETURN (RFC 5267 §3: ESORT).

Both find as SEARCH does. What they sort and thread by is kept beside the rows (`storage.mime.head`), so no message
is opened, and the work is done in a thread: a mailbox may be large.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imap import results, search_grammar, sorting, threading
from imap.commands.search import found
from imap.replies import Reply
from imap.results import Wanted
from imap.scanner import BadSyntax, Scanner
from imap.search_grammar import Program
from imap.session import Session
from imap.sorting import Criterion

ALGORITHMS: dict[bytes, Callable[[Sequence[threading.Sent]], list[threading.Node]]] = {
    b"ORDEREDSUBJECT": threading.ordered_subject,
    b"REFERENCES": threading.references,
}


@dataclass(frozen=True, slots=True)
class Sort:
    criteria: tuple[Criterion, ...]
    program: Program


@dataclass(frozen=True, slots=True)
class Thread:
    algorithm: bytes
    program: Program


def parse_sort(scanner: Scanner) -> Sort:
    """RFC 5256 §5: `SORT (criteria) charset keys`; the charset is not optional."""
    scanner.space()
    returns, partial = search_grammar.return_options(scanner)
    criteria = sorting.criteria(scanner)
    scanner.space()
    charset = scanner.astring().decode("ascii", "replace")
    scanner.space()
    return Sort(criteria, search_grammar.program(scanner, charset, returns, partial))


def parse_thread(scanner: Scanner) -> Thread:
    """RFC 5256 §5: `THREAD algorithm charset keys`."""
    scanner.space()
    algorithm = scanner.word()
    if algorithm not in ALGORITHMS:
        raise BadSyntax("no such algorithm")
    scanner.space()
    charset = scanner.astring().decode("ascii", "replace")
    scanner.space()
    return Thread(algorithm, search_grammar.program(scanner, charset))


async def sort(session: Session, wanted: Sort) -> Reply | None:
    results.answer(session, Wanted(wanted.program, b"SORT"), await _sorted(session, wanted))
    return None


async def sort_uid(session: Session, wanted: Sort) -> Reply | None:
    results.answer(session, Wanted(wanted.program, b"SORT", by_uid=True), await _sorted(session, wanted))
    return None


async def _sorted(session: Session, wanted: Sort) -> list[int]:
    uids = await found(session, wanted.program)
    mailbox = session.selected.mailbox
    columns = sorting.columns(wanted.criteria)
    heads = await mailbox.head_columns(uids, *columns) if columns else {}
    return await session.store.run(sorting.order, wanted.criteria, uids, mailbox.rows, heads)


async def thread(session: Session, wanted: Thread) -> Reply | None:
    numbers = session.selected.uids
    places = {uid: number for number, uid in enumerate(numbers, 1)}
    await _threads(session, wanted, places)
    return None


async def thread_uid(session: Session, wanted: Thread) -> Reply | None:
    await _threads(session, wanted, None)
    return None


async def _threads(session: Session, wanted: Thread, places: dict[int, int] | None) -> None:
    """`places` has the numbers of messages, where they are wanted and not UIDs."""
    uids = await found(session, wanted.program)
    mailbox = session.selected.mailbox
    heads = await mailbox.head_columns(uids, "sent", "topic", "reply", "links")
    rows = mailbox.rows

    def work() -> bytes:
        messages = []
        for uid in uids:
            if uid in heads and uid in rows:
                sent, topic, reply, links = heads[uid]
                moment = sorting.moment(sent, rows[uid].date)
                number = uid if places is None else places.get(uid, 0)
                messages.append(threading.Sent(number, moment, topic, bool(reply), tuple(links.split(" "))))
        return threading.written(ALGORITHMS[wanted.algorithm](messages))

    answer = await session.store.run(work)
    session.send(b"* THREAD%b\r\n" % (b" " + answer if answer else b""))
