"""FETCH and UID FETCH (RFC 9051 §6.4.5), with CHANGEDSINCE (RFC 7162 §3.1.4).

What rows and ready bytes answer is made of columns: one list for each item, then one template over all of them
together, some thousand messages at a time, without a wait for each message. Bodies are read in the store's
threads, many small ones in one hop; of a large one only pieces are ever in memory. Between pieces the client
has to take what was written.
"""

import logging
from collections.abc import Iterable, Sequence
from itertools import chain

from imap import bodies, dates, fetch_grammar, format, results, sequence, vanished
from imap.bodies import Octets
from imap.fetch_grammar import LAZY, Fetch
from imap.objectid import object_id, thread_id
from imap.replies import Bad, No, Reply
from imap.scanner import Scanner
from imap.sequence import Span, pick
from imap.session import Session
from imap.view import View
from net.connection import PeerGone
from net.log import event
from storage.columns import Columns, Part
from storage.rows import Row

PIECE = 2000  # messages answered from ready bytes in one step of the loop
AT_HAND = 2  # messages of a batch up to which they are read without a hop, if the kernel has them in memory
BATCH = 64  # messages read in one hop to a thread
BATCH_OCTETS = 1024 * 1024  # octets read in one hop to a thread
SUMMARY_OCTETS = 16 * 1024 * 1024  # octets of the messages whose summaries are in memory together
FLUSH = 64 * 1024  # octets that are written together

_log = logging.getLogger("imap")

_FORM = {
    b"UID": b" %d",
    b"RFC822.SIZE": b" %d",
    b"MODSEQ": b" (%d)",
    b"EMAILID": b" (%b)",
    b"THREADID": b" (%b)",
}
_SUMMARY = {b"ENVELOPE": "envelope", b"BODYSTRUCTURE": "bodystructure", b"BODY": "body"}
_PREVIEWS = frozenset({b"PREVIEW", LAZY})
_MADE = _PREVIEWS | _SUMMARY.keys() | {b"THREADID"}
_LABEL = {LAZY: b"PREVIEW"}

Summaries = dict[bytes, dict[int, bytes]]  # what is made of a message once: by item, then by UID


def parse(scanner: Scanner) -> Fetch:
    return fetch_grammar.parse(scanner)


async def run(session: Session, wanted: Fetch) -> Reply | None:
    view = session.selected
    if wanted.vanished:
        raise Bad(b"VANISHED belongs to UID FETCH")  # RFC 7162 §3.2.6
    spans = _page(view, wanted, view.spans(wanted.messages, by_uid=False))
    gone = await _fetch(session, wanted, spans, wanted.ready)
    if gone:
        raise No(b"Some of the messages are gone", b"EXPUNGEISSUED")  # RFC 2180 §4.1, RFC 5530 §3
    return None


async def run_uid(session: Session, wanted: Fetch) -> Reply | None:
    ready = wanted.ready
    if b"UID" not in ready and not session.manner.uidonly:  # RFC 9586 §3.3: UIDFETCH says it in front
        ready = (b"UID", *ready)
    view = session.selected
    if wanted.vanished and wanted.changed_since is not None:
        if not session.manner.qresync:
            raise Bad(b"Enable QRESYNC first")  # RFC 7162 §3.2.6
        gone = await view.mailbox.gone_since(wanted.changed_since)
        known = vanished.earlier(gone, view.uids, view.mailbox.uidnext, wanted.messages)
        if known:
            session.send(b"* VANISHED (EARLIER) %b\r\n" % known)
    await _fetch(session, wanted, _page(view, wanted, view.spans(wanted.messages, by_uid=True)), ready)
    return None


def _page(view: View, wanted: Fetch, spans: list[Span]) -> list[Span]:
    """Those of a page, where one is asked for: of what has changed, if that is asked for too (RFC 9394 §3.3)."""
    if wanted.partial is None:
        return spans
    part = view.mailbox.rows.part(pick(view.uids, spans))
    if wanted.changed_since is not None:
        part = part.after(wanted.changed_since)
    return sequence.of(results.page(part.uids, wanted.partial)).uids(view.uids)


async def of_new(session: Session, wanted: Fetch, uids: list[int]) -> None:
    """What a client wants to know of messages that have just come (RFC 5465 §5.1)."""
    view = session.selected
    ready = wanted.ready if b"UID" in wanted.ready or session.manner.uidonly else (b"UID", *wanted.ready)
    start = view.number(uids[0]) - 1
    await _fetch(session, wanted, [(start, start + len(uids))], ready)


async def _fetch(session: Session, wanted: Fetch, spans: list[Span], ready: tuple[bytes, ...]) -> bool:
    """Answer for the spans; whether some of their messages are gone."""
    view = session.selected
    if b"MODSEQ" in ready:
        session.begin_condstore()
    uids = pick(view.uids, spans)
    numbers: Sequence[int] = list(chain.from_iterable(range(start + 1, stop + 1) for start, stop in spans))
    gone = False
    for at in range(0, len(uids), PIECE):
        part = view.mailbox.rows.part(uids[at : at + PIECE])
        piece = numbers[at : at + PIECE]
        if len(part) < len(piece):
            gone = True
        if wanted.changed_since is not None:
            part = part.after(wanted.changed_since)
        if len(part) < len(piece):
            piece = [view.number(uid) for uid in part.uids]
        if wanted.bodies:
            gone |= await _with_bodies(session, wanted, ready, part.rows())
        else:
            await _ready_lines(session, ready, piece, part)
        await session.flush(FLUSH)
    return gone


async def _ready_lines(
    session: Session, ready: tuple[bytes, ...], numbers: Sequence[int], part: Part
) -> None:
    """One line for each message."""
    made = [item for item in ready if item in _MADE]
    if not made:
        _send_lines(session, ready, numbers, part, {})
        return
    at = 0
    sizes = part.sizes
    while at < len(part):
        stop = _affordable(sizes, at)
        some, named, at = part.cut(at, stop), numbers[at:stop], stop
        summaries = await _summaries(session, made, some.uids)
        if len(here := min(summaries.values(), key=len)) < len(some):
            some = some.among(here)
            named = [session.selected.number(uid) for uid in some.uids]
        _send_lines(session, ready, named, some, summaries)
        if at < len(part):
            await session.flush(FLUSH)


async def _summaries(session: Session, made: Sequence[bytes], uids: Sequence[int]) -> Summaries:
    mailbox = session.selected.mailbox
    ready = [item for item in made if item in _SUMMARY]
    found: Summaries = {}
    if ready:
        columns = await mailbox.summaries(uids, *(_SUMMARY[item] for item in ready))
        found.update(zip(ready, columns, strict=True))
    if b"THREADID" in made:
        heads, rows = await mailbox.head_columns(uids, "links"), mailbox.rows
        found[b"THREADID"] = {
            uid: thread_id(heads[uid][0], rows[uid].base) for uid in uids if uid in heads and uid in rows
        }
    for item in _PREVIEWS.intersection(made):
        previews = await mailbox.previews(uids, make=item != LAZY)
        if item == LAZY:  # RFC 8970 §3.1: what would have to be made is NIL
            found[item] = {uid: format.nstring(_octets(previews.get(uid))) for uid in uids}
        else:
            found[item] = {uid: format.string(text.encode()) for uid, text in previews.items()}
    return found


def _octets(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _affordable(sizes: Sequence[int], at: int) -> int:
    """How far summaries may be in memory together: one is not larger than a few times its message."""
    if sum(sizes[at:]) <= SUMMARY_OCTETS:
        return len(sizes)
    octets = 0
    for place in range(at, len(sizes)):
        octets += sizes[place]
        if octets > SUMMARY_OCTETS:
            return place + 1
    return len(sizes)


def _send_lines(
    session: Session,
    ready: tuple[bytes, ...],
    numbers: Sequence[int],
    part: Part,
    summaries: Summaries,
) -> None:
    """All lines through one template."""
    labels, columns = _columns(session, ready, part, summaries)
    template = b"* %d FETCH (" + b" ".join(labels) + b")\r\n"
    if session.manner.uidonly:
        template, numbers = template.replace(b"FETCH", b"UIDFETCH", 1), part.uids
    session.send(template * len(part) % tuple(chain.from_iterable(zip(numbers, *columns, strict=True))))


def _columns(
    session: Session, ready: tuple[bytes, ...], part: Part, summaries: Summaries
) -> tuple[list[bytes], list[Iterable[object]]]:
    """For each item its part of the template, and its values."""
    labels: list[bytes] = []
    columns: list[Iterable[object]] = []
    for item in ready:
        labels.append(_LABEL.get(item, item) + _FORM.get(item, b" %b"))
        columns.append(_column(session, item, part, summaries))
    return labels, columns


def _column(session: Session, item: bytes, part: Part, summaries: Summaries) -> Iterable[object]:
    """Maps, and no loops of our own: ten thousand messages are to take milliseconds."""
    match item:
        case b"UID":
            return part.uids
        case b"FLAGS":
            return session.selected.flags(part, session.manner)
        case b"RFC822.SIZE":
            return part.sizes
        case b"MODSEQ":
            return part.modseqs
        case b"INTERNALDATE":
            return map(dates.internal_date, part.dates)
        case b"EMAILID":
            return [object_id(row.base) for row in part.rows()]
        case b"SAVEDATE":  # RFC 8514 §4.1
            return map(dates.save_date, part.rows())
        case _:
            return map(summaries[item].__getitem__, part.uids)


async def _with_bodies(session: Session, wanted: Fetch, ready: tuple[bytes, ...], rows: list[Row]) -> bool:
    """Answer for messages of which octets are wanted; whether some are gone."""
    seen = await _mark_seen(session, rows) if wanted.marks_seen else frozenset()
    plan = bodies.plan(wanted.bodies)
    gone = False
    at = 0
    while at < len(rows):
        batch = _batch(rows[at : at + BATCH], plan)
        at += len(batch)
        uids = [row.uid for row in batch]
        made = [item for item in ready if item in _MADE]
        summaries = await _summaries(session, made, uids) if made else {}
        for row, answers in zip(batch, await _read(session, plan, uids), strict=True):
            if answers is None or any(row.uid not in column for column in summaries.values()):
                gone = True
                continue
            items = ready
            if row.uid in seen:  # RFC 9051 §6.4.5: what the FETCH itself has changed
                more = (b"FLAGS", b"MODSEQ") if session.condstore else (b"FLAGS",)
                items = (*ready, *(item for item in more if item not in ready))
            await _one(session, wanted, items, row, summaries, answers)
    return gone


async def _read(session: Session, plan: bodies.Plan, uids: list[int]) -> list[list[Octets] | None]:
    """What the plan asks for of each message."""
    try:
        return await _read_again(session, plan, uids)
    except bodies.TooMuch:
        raise No(b"That is too much of one message at once", b"LIMIT") from None
    except bodies.UnknownEncoding:
        raise No(b"The transfer encoding of a part is not known", b"UNKNOWN-CTE") from None  # RFC 3516 §4.3


async def _read_again(session: Session, plan: bodies.Plan, uids: list[int]) -> list[list[Octets] | None]:
    """A message that is not found is looked for again: its mailbox may have been renamed in this moment."""
    mailbox = session.selected.mailbox
    if len(uids) <= AT_HAND and plan.quick:
        ready = [mailbox.at_hand(uid) for uid in uids]
        if None not in ready:
            return [bodies.cut(plan, data) for data in ready if data is not None]
    found = await session.store.run(bodies.read, plan, await mailbox.messages(uids))
    missing = [at for at, answers in enumerate(found) if answers is None]
    if missing:
        await mailbox.refresh()
        messages = await mailbox.messages([uids[at] for at in missing])
        for at, answers in zip(missing, await session.store.run(bodies.read, plan, messages), strict=True):
            found[at] = answers
    return found


async def _one(
    session: Session,
    wanted: Fetch,
    ready: tuple[bytes, ...],
    row: Row,
    summaries: Summaries,
    answers: list[Octets],
) -> None:
    """One response with octets; large ones are written in pieces."""
    head = _items(session, ready, row, summaries) if ready else b""
    if session.manner.uidonly:
        session.send(b"* %d UIDFETCH (%b" % (row.uid, head))
    else:
        session.send(b"* %d FETCH (%b" % (session.selected.number(row.uid), head))
    gap = b" " if head else b""
    for body, answer in zip(wanted.bodies, answers, strict=True):
        session.send(gap + body.label + b" ")
        gap = b" "
        if isinstance(answer, bodies.Large):
            session.send(answer.head)
            await session.flush()
            await _pour(session, answer)
        else:
            session.send(answer)
    session.send(b")\r\n")
    await session.flush(FLUSH)


def _items(session: Session, ready: tuple[bytes, ...], row: Row, summaries: Summaries) -> bytes:
    """What is answered of one message without its octets."""
    part = session.selected.mailbox.rows.part([row.uid])
    if not part:  # gone meanwhile
        part = Columns.of([row]).all()
    labels, columns = _columns(session, ready, part, summaries)
    return b" ".join(labels) % tuple(next(iter(column)) for column in columns)


async def _pour(session: Session, large: bodies.Large) -> None:
    """Write an announced literal piece by piece. Where that fails only the end of the connection is left."""
    try:
        while piece := await session.store.run(large.next):
            session.conn.write(piece)
            await session.conn.drain()
    except (EOFError, OSError) as error:
        event(_log, "imap.cut", logging.ERROR, trace=session.conn.trace, why=str(error))
        session.conn.abort()
        raise PeerGone from None
    finally:
        await session.store.run(large.close)


def _batch(rows: list[Row], plan: bodies.Plan) -> list[Row]:
    """As many of the messages as one hop should read."""
    octets = 0
    for count, row in enumerate(rows, 1):
        octets += plan.cost(row.size)
        if octets >= BATCH_OCTETS:
            return rows[:count]
    return rows


async def _mark_seen(session: Session, rows: list[Row]) -> frozenset[int]:
    """Set \\Seen where it is missing, in one go (RFC 9051 §6.4.5); the UIDs that have it now."""
    view = session.selected
    unseen = [row.uid for row in rows if "S" not in row.flags]
    if not unseen or not view.writable or not view.place.may("s"):
        return frozenset()
    stored = await view.mailbox.store(unseen, "add", frozenset({"\\Seen"}))
    now = view.mailbox.rows
    view.told((uid, now[uid].modseq) for uid in stored.changed if uid in now)
    return frozenset(stored.changed)
