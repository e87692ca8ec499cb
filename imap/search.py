"""Which messages a search program finds.

Two steps. `narrow` looks at rows alone, and at what the index has answered (`Scope.answers`), and says which
messages surely match and which may: it runs in the event loop, touches no file, and answers most searches whole.
`confirm` reads the messages that are left, in a thread, some at a time: only the header where only the header is
asked for, each text at most once.

A key over a message that is not read yet is neither true nor false (None); NOT, OR and AND carry that through
(Kleene's logic), so that a row that decides the matter saves the reading.

Texts are compared in the form of `storage.mime.text.fold`: half and full width, upper and lower case alike.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from imap.dates import saved_at
from imap.flags import letters
from imap.objectid import object_id, thread_id
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
    Threaded,
    Within,
)
from imap.sequence import NOTHING, SequenceSet, pick, total
from storage.message import Message
from storage.mime import parts as mime
from storage.mime.head import LINKING, folded, links_of, read_date
from storage.mime.header import BLOCK, end_of_header, unfold, values
from storage.mime.text import fold, header_text, texts
from storage.rows import Row
from storage.selected import Mailbox

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
    saved: SequenceSet = NOTHING  # UIDs: what `$` stands for
    answers: "Mapping[Key, Answer]" = field(default_factory=dict)

    @classmethod
    def of(cls, mailbox: Mailbox, now: float) -> "Scope":
        """A mailbox that nobody has selected: as it is (RFC 7377)."""
        return cls(mailbox.uids, mailbox.rows, mailbox.keywords, mailbox.uidnext, int(now))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the index says to a key: UIDs for which it is true, and those for which only their messages can say."""

    found: Set[int]
    unknown: Set[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the rows alone say: messages that match, and those that have to be read."""

    found: list[int]
    open: list[int]


def narrow(program: Program, scope: Scope, uids: Iterable[int] | None = None) -> Narrowed:
    """Look at the rows, of `uids` or all. Raises `sequence.OutOfRange` for a number the client was not told of."""
    test = _Compiler(scope).compile(program.key)
    rows = scope.rows
    found: list[int] = []
    unread: list[int] = []
    for uid in scope.uids if uids is None else uids:
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
            self._header = fold(header_text(block, mime.parse(block)))
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
        if (answer := self._scope.answers.get(key)) is not None:
            return _answered(answer, self._plain(key) if answer.unknown else None)
        return self._plain(key)

    def _plain(self, key: Key) -> Test:
        match key:
            case Every(keys):
                return _every([self.compile(one) for one in sorted(keys, key=cost)])
            case Either(first, second):
                return _either(*(self.compile(one) for one in sorted((first, second), key=cost)))
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
            case Threaded(thread):
                return _threaded(thread)
            case Header():
                return _header(key)
            case Text():
                return _text(key)

    def _messages(self, key: Messages) -> Test:
        uids = self._scope.uids
        if key.numbers.saved:
            spans = self._scope.saved.uids(uids)
        else:
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


def parts(key: Key) -> Iterator[Key]:
    """The keys of a program that are no logic."""
    work = [key]
    while work:
        match one := work.pop():
            case Every(keys):
                work += keys
            case Either(first, second):
                work += (first, second)
            case Not(inner):
                work.append(inner)
            case _:
                yield one


def cost(key: Key) -> int:
    """What a key needs: 0 a row, 1 the header, 2 the whole message."""
    return max(map(_cost, parts(key)), default=0)


def _cost(key: Key) -> int:
    match key:
        case Text():
            return 2
        case Header() | Threaded():
            return 1
        case Dated():
            return 1 if key.sent else 0
    return 0


def _answered(answer: Answer, otherwise: Test | None) -> Test:
    found, unknown = answer.found, answer.unknown
    if otherwise is None:
        return lambda row, _: row.uid in found
    return lambda row, reader: row.uid in found or (row.uid in unknown and otherwise(row, reader))


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
    if key.saved:  # RFC 8514 §4.3: where nobody knows, INTERNALDATE stands for it
        return lambda row, _: first <= (row.date if (at := saved_at(row)) is None else at) < after
    return lambda row, _: first <= row.date < after


def _midnight(day: Day, later: int) -> int:
    return int(time.mktime((day[0], day[1], day[2] + later, 0, 0, 0, 0, 0, -1)))


def _sent(key: Dated) -> Test:
    """A message without a Date that can be read was sent on no day."""
    first, last = sent_span(key)

    def sent(row: Row, reader: _Reader | None) -> Verdict:
        if reader is None:
            return None
        dates = reader.values(b"date")
        return bool(dates) and first <= read_date(unfold(dates[-1]))[0] <= last

    return sent


def sent_span(key: Dated) -> tuple[int, int]:
    """Its first and last day as `storage.mime.head` writes them. No day is 0."""
    first, last = (number(day) if day else None for day in (key.first, key.last))
    return first or 1, last or NUMBER


def number(day: Day) -> int:
    return day[0] * 10_000 + day[1] * 100 + day[2]


def _threaded(thread: bytes) -> Test:
    def threaded(row: Row, reader: _Reader | None) -> Verdict:
        if reader is None:
            return None
        kept = {name: found for name in LINKING if (found := [*map(unfold, reader.values(name))])}
        return thread_id(links_of(kept), row.base) == thread

    return threaded


def _header(key: Header) -> Test:
    def header(row: Row, reader: _Reader | None) -> Verdict:
        if reader is None:
            return None
        return any(key.text in folded(unfold(raw)) for raw in reader.values(key.name))

    return header


def _text(key: Text) -> Test:
    def text(row: Row, reader: _Reader | None) -> Verdict:
        if not key.text:
            return True  # every message holds the empty string
        if reader is None:
            return None
        return (key.with_header and reader.header_holds(key.text)) or reader.body_holds(key.text)

    return text
