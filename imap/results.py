"""What is found, as it is answered: SEARCH and SORT responses, ESEARCH (RFC 4731, 5267, 9394), and `$` (RFC 5182).

What was found comes in the order in which it is answered: ascending for SEARCH, as sorted for SORT.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from imap import sequence
from imap.search_grammar import Partial, Program
from imap.session import Session
from storage.columns import Columns

FEW = 50  # messages whose numbers are looked up one by one
SHOWN = frozenset({b"MIN", b"MAX", b"ALL", b"COUNT"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """How one command is to be answered."""

    program: Program
    name: bytes = b"SEARCH"  # of the response where no options were given
    by_uid: bool = False


def answer(session: Session, wanted: Wanted, uids: Sequence[int]) -> None:
    """Send what was found in the selected mailbox, and keep it where `$` was asked for."""
    program, view = wanted.program, session.selected
    returns = program.returns
    if returns is None and session.manner.rev2 and wanted.name == b"SEARCH":
        returns = frozenset({b"ALL"})  # RFC 9051 §6.4.4: no SEARCH response any more
    if returns is None:
        numbers = uids if wanted.by_uid else _numbers(view.uids, uids)
        highest = modseq(program, uids, view.mailbox.rows)
        listed = b"".join([b" %d" % number for number in numbers])
        session.send(b"* %b%b%b\r\n" % (wanted.name, listed, b" (%b)" % highest[1:] if highest else b""))
        return
    chosen = _chosen(returns, program.partial, uids)
    if b"SAVE" in returns:
        save(session, program, uids)
    if not returns & SHOWN and program.partial is None:
        return  # RFC 5182 §2.1: SAVE alone is not answered
    numbers = uids if wanted.by_uid else _numbers(view.uids, uids)
    kind = b" UID" if wanted.by_uid else b""
    items = esearch_items(returns, program.partial, numbers)
    highest = modseq(program, chosen, view.mailbox.rows)
    session.send(b'* ESEARCH (TAG "%b")%b%b%b\r\n' % (session.tag, kind, items, highest))


def save(session: Session, program: Program, uids: Sequence[int]) -> None:
    """Keep what `$` stands for from now on (RFC 5182 §2.1)."""
    if program.returns is not None:
        session.selected.saved = sequence.of(_chosen(program.returns, program.partial, uids))


def forget(session: Session, program: Program) -> None:
    """RFC 5182 §2.1: a search that was to be saved and failed leaves nothing saved."""
    if program.returns and b"SAVE" in program.returns:
        session.selected.saved = sequence.NOTHING


def esearch_items(returns: frozenset[bytes], partial: Partial | None, numbers: Sequence[int]) -> bytes:
    """The return data of ESEARCH. Without a match only COUNT and PARTIAL are answered (RFC 4731 §3.1)."""
    items = b""
    if numbers:
        if b"MIN" in returns:
            items += b" MIN %d" % numbers[0]
        if b"MAX" in returns:
            items += b" MAX %d" % numbers[-1]
        if b"ALL" in returns:
            items += b" ALL " + sequence.compact(numbers)
    if b"COUNT" in returns:
        items += b" COUNT %d" % len(numbers)
    if partial is not None:
        shown = sequence.compact(page(numbers, partial)) or b"NIL"
        items += b" PARTIAL (%d:%d %b)" % (*partial, shown)
    return items


def page(found: Sequence[int], partial: Partial) -> Sequence[int]:
    """Those at the places of `partial`, in their order (RFC 9394 §3.1)."""
    first, last = partial
    if first > 0:
        return found[first - 1 : last]
    return found[max(len(found) + last, 0) : max(len(found) + first + 1, 0)]


def _chosen(returns: frozenset[bytes], partial: Partial | None, uids: Sequence[int]) -> Sequence[int]:
    """What the options name: all but where only the ends or a page are asked for (RFC 5182 §2.4, RFC 9394 §3.1)."""
    if returns & {b"ALL", b"COUNT"} or not (partial or returns & {b"MIN", b"MAX"}):
        return uids
    chosen = set(page(uids, partial)) if partial else set()
    if uids:
        chosen.update(uids[at] for name, at in ((b"MIN", 0), (b"MAX", -1)) if name in returns)
    return sorted(chosen)


def modseq(program: Program, uids: Sequence[int], rows: Columns) -> bytes:
    """The highest MODSEQ of what is answered, where it was searched for (RFC 7162 §3.1.5, RFC 4731 §3.2)."""
    if not program.modseq:
        return b""
    highest = max(rows.part(sorted(uids)).modseqs, default=0)
    return b" MODSEQ %d" % highest if highest else b""


def _numbers(known: Sequence[int], uids: Sequence[int]) -> list[int]:
    """Message sequence numbers, in the same order."""
    if len(uids) > FEW:
        places = {uid: number for number, uid in enumerate(known, 1)}
        return [places[uid] for uid in uids if uid in places]
    found = [(bisect_left(known, uid), uid) for uid in uids]
    return [at + 1 for at, uid in found if at < len(known) and known[at] == uid]
