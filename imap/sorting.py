"""The order of SORT (RFC 5256 §3, RFC 5957 §3). Pure: rows and columns of heads in, UIDs out.

Texts are in the form in which they are compared (`storage.mime.text.fold`): cases, half and full width count alike,
as RFC 5256 §3 asks by naming `i;unicode-casemap`. What is equal stays in the order of the mailbox. Messages that
have vanished, and so have no head, are not in the result.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imap.scanner import BadSyntax, Scanner
from storage.columns import Columns

MOST_CRITERIA = 20

# Criterion: the column of `storage.mime.head.Head`; None: the row says it.
COLUMNS: dict[bytes, str | None] = {
    b"ARRIVAL": None,
    b"SIZE": None,
    b"DATE": "sent",
    b"SUBJECT": "topic",
    b"FROM": "by_author",
    b"TO": "by_receiver",
    b"CC": "by_cc",
    b"DISPLAYFROM": "shown_author",  # RFC 5957 §3
    b"DISPLAYTO": "shown_receiver",
}


@dataclass(frozen=True, slots=True)
class Criterion:
    name: bytes
    reverse: bool = False


def criteria(scanner: Scanner) -> tuple[Criterion, ...]:
    """`(REVERSE DATE SUBJECT)`: REVERSE is for the one behind it (RFC 5256 §5)."""
    scanner.expect(b"(")
    found: list[Criterion] = []
    while not found or not scanner.take(b")"):
        if found:
            scanner.space()
        reverse = scanner.take_word(b"REVERSE")
        if reverse:
            scanner.space()
        name = scanner.word()
        if name not in COLUMNS:
            raise BadSyntax("no such sort criterion")
        found.append(Criterion(name, reverse))
        if len(found) > MOST_CRITERIA:
            raise BadSyntax("too many sort criteria")
    return tuple(found)


def columns(wanted: Iterable[Criterion]) -> tuple[str, ...]:
    """The columns of heads that are needed."""
    return tuple({column: None for one in wanted if (column := COLUMNS[one.name]) is not None})


def order(
    wanted: Sequence[Criterion],
    uids: Sequence[int],
    rows: Columns,
    heads: Mapping[int, tuple[Any, ...]],
) -> list[int]:
    """`uids`, which ascend, in the order of the criteria; `heads` has the `columns` of these."""
    names = columns(wanted)
    sorted_uids = [uid for uid in uids if uid in rows and (uid in heads or not names)]
    for one in reversed(wanted):  # sorts that leave equals alone, the least criterion first
        sorted_uids.sort(key=_keys(one, sorted_uids, rows, heads, names).__getitem__, reverse=one.reverse)
    return sorted_uids


def _keys(
    one: Criterion,
    uids: Sequence[int],
    rows: Columns,
    heads: Mapping[int, tuple[Any, ...]],
    names: Sequence[str],
) -> dict[int, Any]:
    column = COLUMNS[one.name]
    if column is None:
        part = rows.part(sorted(uids))
        return dict(zip(part.uids, part.sizes if one.name == b"SIZE" else part.dates, strict=True))
    at = names.index(column)
    if column == "sent":
        part = rows.part(sorted(uids))
        return {uid: moment(heads[uid][at], date) for uid, date in zip(part.uids, part.dates, strict=True)}
    return {uid: heads[uid][at] for uid in uids}


def moment(sent: int | None, date: int) -> int:
    """RFC 5256 §2.2: the sent date; where none can be made out, INTERNALDATE."""
    return date if sent is None else sent
