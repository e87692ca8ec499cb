"""Which messages a search program finds.

Two steps. `narrow` looks at rows alone and says which messages surely match and which may: it runs in the
event loop, touches no file, and answers most searches whole. `confirm` reads the messages that are left, in
a thread, some at a time: only the header where only the header is asked for, each text at most once.

A key over a message that is not read yet is neither true nor false (None); NOT, OR and AND carry that through
(Kleene's logic), so that a row that decides the matter saves the reading.

Texts are compared in the form of `storage.text.fold`: half and full width, upper and lower case alike.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from imap.flags import letters
from imap.objectid import object_id
from imap.scanner import NUMBER
from imap.search_grammar import (
    Dated,
    Day,
    Either,
    Every,
    Flagged,
    Header,
    Identified,
    Key,
    Messages,
    Modified,
    Not,
    Program,
    Size,
    Text,
    Within,
)
from imap.sequence import pick, total
from storage import mime
from storage.charset import decode_header
from storage.header import BLOCK, end_of_header, unfold, values
from storage.message import Message
from storage.rows import Row
from storage.text import fold, header_text, texts

HEAD = 32 * 1024  # octets in which nearly every header block ends

Verdict = bool | None


@dataclass(frozen=True, slots=True)
class Scope:
    """The mailbox as one client sees it when the search begins."""

    uids: tuple[int, ...]
    rows: Mapping[int, Row]
    keywords: tuple[str, ...]
    first_recent: int
    now: int  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the rows alone say: messages that match, and those that have to be read."""

    found: list[int]
    open: list[int]


def narrow(program: Program, scope: Scope) -> Narrowed:
    """Look at the rows. Raises `sequence.OutOfRange` for a message number the client was not told of."""
    test = _Compiler(scope).compile(program.key)
    rows = scope.rows
    found: list[int] = []
    unread: list[int] = []
    for uid in scope.uids:
        row = rows.get(uid)
        if row is None:
            continue  # gone, and the client is not told yet
        verdict = test(row, None)
        if verdict:
            found.append(uid)
        elif verdict is None:
            unread.append(uid)
    return Narrowed(found, unread)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Messages that match, and those that could not be read where they were said to be."""

    found: list[int]
    missing: list[int]


def confirm(program: Program, scope: Scope, messages: Iterable[tuple[int, Message | None]]) -> Confirmed:
    """Read these messages. Blocks on the disk: for threads."""
    test = _Compiler(scope).compile(program.key)
    found: list[int] = []
    missing: list[int] = []
    for uid, message in messages:
        row = scope.rows.get(uid)
        if row is None:
            continue
        try:
            if message is None:
                missing.append(uid)
            elif test(row, _Reader(message)):
                found.append(uid)
        except FileNotFoundError:
            missing.append(uid)
    return Confirmed(found, missing)


def search(program: Program, scope: Scope, read: Callable[[int], Message | None]) -> list[int]:
    """Both steps at once: the UIDs that match, ascending."""
    narrowed = narrow(program, scope)
    confirmed = confirm(program, scope, ((uid, read(uid)) for uid in narrowed.open))
    return sorted(narrowed.found + confirmed.found)


class _Reader:
    """What is read of one message, when it is asked for, and once."""

    __slots__ = ("_block", "_fields", "_header", "_message", "_pieces")

    def __init__(self, message: Message) -> None:
        self._message = message
        self._block: bytes | None = None
        self._fields: dict[bytes, list[bytes]] | None = None
        self._header: str | None = None
        self._pieces: list[str] | None = None

    def block(self) -> bytes:
        """The header block."""
        if self._block is None:
            block = self._message.head(HEAD)
            if len(block) == HEAD and end_of_header(block) < 0:
                block = self._message.head(BLOCK)
            end = end_of_header(block)
            self._block = block if end < 0 else block[:end]
        return self._block

    def values(self, name: bytes) -> list[bytes]:
        """The raw values of the fields of that name."""
        if self._fields is None:
            self._fields = {}
            for written, raw in values(self.block()):
                self._fields.setdefault(written.lower(), []).append(raw)
        return self._fields.get(name, [])

    def header_holds(self, text: str) -> bool:
        if self._header is None:
            block = self.block()
            self._header = fold(header_text(block, mime.Part(0, len(block))))
        return text in self._header

    def body_holds(self, text: str) -> bool:
        """Whether a readable piece of the body holds the text. Pieces are folded once, and kept."""
        if self._pieces is not None:
            return any(text in piece for piece in self._pieces)
        with self._message.octets() as data:
            self._pieces = [fold(piece) for piece in texts(data, mime.parse(data))]
        return any(text in piece for piece in self._pieces)


Test = Callable[[Row, "_Reader | None"], Verdict]


class _Compiler:
    """Makes one function of a program. Recursion is as deep as the grammar allows."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def compile(self, key: Key) -> Test:
        match key:
            case Every(keys):
                return _every([self.compile(one) for one in sorted(keys, key=_cost)])
            case Either(first, second):
                return _either(*(self.compile(one) for one in sorted((first, second), key=_cost)))
            case Not(inner):
                return _not(self.compile(inner))
            case Messages():
                return self._messages(key)
            case Flagged(name):
                return self._flagged(name)
            case Size(octets, larger):
                return (lambda row, _: row.size > octets) if larger else (lambda row, _: row.size < octets)
            case Dated():
                return _sent(key) if key.sent else _arrived(key)
            case Within(seconds, younger):
                edge = self._scope.now - seconds
                return (lambda row, _: row.date >= edge) if younger else (lambda row, _: row.date <= edge)
            case Modified(modseq):
                return lambda row, _: row.modseq >= modseq
            case Identified(email):
                return lambda row, _: object_id(row.base) == email
            case Header():
                return _header(key)
            case Text():
                return _text(key)

    def _messages(self, key: Messages) -> Test:
        uids = self._scope.uids
        spans = key.numbers.uids(uids) if key.by_uid else key.numbers.numbers(len(uids))
        if total(spans) == len(uids):
            return lambda row, _: True
        if len(spans) == 1:
            low, high = uids[spans[0][0]], uids[spans[0][1] - 1]
            return lambda row, _: low <= row.uid <= high
        chosen = frozenset(pick(uids, spans))
        return lambda row, _: row.uid in chosen

    def _flagged(self, name: str) -> Test:
        if name == "\\Recent":
            first = self._scope.first_recent
            return lambda row, _: row.uid >= first
        known = [keyword for keyword in self._scope.keywords if keyword.upper() == name.upper()]
        letter = "".join(letters([*known[:1], name], self._scope.keywords))[:1]
        if not letter:
            return lambda row, _: False
        return lambda row, _: letter in row.flags


def _cost(key: Key) -> int:
    """What a key needs: 0 a row, 1 the header, 2 the whole message."""
    match key:
        case Every(keys):
            return max(map(_cost, keys), default=0)
        case Either(first, second):
            return max(_cost(first), _cost(second))
        case Not(inner):
            return _cost(inner)
        case Text():
            return 2
        case Header():
            return 1
        case Dated():
            return 1 if key.sent else 0
    return 0


def _every(tests: list[Test]) -> Test:
    def every(row: Row, reader: _Reader | None) -> Verdict:
        verdict: Verdict = True
        for test in tests:
            one = test(row, reader)
            if one is False:
                return False
            if one is None:
                verdict = None
        return verdict

    return every


def _either(first: Test, second: Test) -> Test:
    def either(row: Row, reader: _Reader | None) -> Verdict:
        one = first(row, reader)
        if one:
            return True
        other = second(row, reader)
        return True if other else None if one is None or other is None else False

    return either


def _not(test: Test) -> Test:
    def negated(row: Row, reader: _Reader | None) -> Verdict:
        verdict = test(row, reader)
        return None if verdict is None else not verdict

    return negated


def _arrived(key: Dated) -> Test:
    """By the wall clock of this machine, as FETCH shows INTERNALDATE."""
    first = -(2**63) if key.first is None else _midnight(key.first, 0)
    after = 2**63 if key.last is None else _midnight(key.last, 1)
    return lambda row, _: first <= row.date < after


def _midnight(day: Day, later: int) -> int:
    return int(time.mktime((day[0], day[1], day[2] + later, 0, 0, 0, 0, 0, -1)))


_SENT = re.compile(rb"(?:^|[\s,])([0-9]{1,2})[ \t-]+([A-Za-z]{3})[A-Za-z]*[ \t-]+([0-9]{2,4})\b")
_MONTHS = b"JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"


def sent_day(value: bytes) -> Day | None:
    """The day that a Date field names, whatever its zone (RFC 9051 §6.4.4; years by RFC 5322 §4.3)."""
    match = _SENT.search(value[:200])
    if match is None:
        return None
    month = _MONTHS.find(match[2].upper())
    year = int(match[3])
    if len(match[3]) < 4:
        year += 2000 if len(match[3]) == 2 and year < 50 else 1900
    return (year, month // 3 + 1, int(match[1])) if month >= 0 and month % 3 == 0 else None


def _sent(key: Dated) -> Test:
    """A message without a Date that can be read was sent on no day."""
    first = key.first or (0, 0, 0)
    last = key.last or (NUMBER, 0, 0)

    def sent(row: Row, reader: _Reader | None) -> Verdict:
        if reader is None:
            return None
        dates = reader.values(b"date")
        day = sent_day(unfold(dates[-1])) if dates else None
        return day is not None and first <= day <= last

    return sent


def _header(key: Header) -> Test:
    def header(row: Row, reader: _Reader | None) -> Verdict:
        if reader is None:
            return None
        return any(key.text in fold(decode_header(unfold(raw))) for raw in reader.values(key.name))

    return header


def _text(key: Text) -> Test:
    def text(row: Row, reader: _Reader | None) -> Verdict:
        if not key.text:
            return True  # every message holds the empty string
        if reader is None:
            return None
        return (key.with_header and reader.header_holds(key.text)) or reader.body_holds(key.text)

    return text
