"""Which messages a search program finds.

Two steps. `narrow` looks at rows alone, and at what the index has answered (`Scope.answers`), and says which
messages surely match and which may: it runs in the event loop, touches no file, and answers most searches whole.
`confirm` reads the messages that are left, in a thread, some at a time: only the header where only the header is
asked for, each text at most once.

A key over a message that is not read yet is neither true nor false (open); NOT, OR and AND carry that through
(Kleene's logic), so that a row that decides the matter saves the reading. A key judges many messages together, by
columns of their rows: ten thousand take a millisecond. One that is read is judged alone.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import compress
from typing import NamedTuple

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
from storage.columns import Columns, Part
from storage.message import Message
from storage.mime import parts as mime
from storage.mime.head import LINKING, folded, links_of, read_date
from storage.mime.header import BLOCK, end_of_header, unfold, values
from storage.mime.text import fold, header_text, texts
from storage.selected import Mailbox

HEAD = 32 * 1024  # octets in which nearly every header block ends


@dataclass(frozen=True, slots=True)
class Scope:
    """The mailbox as one client sees it when the search begins."""

    uids: tuple[int, ...]
    rows: Columns
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


def narrow(program: Program, scope: Scope, uids: Sequence[int] | None = None) -> Narrowed:
    """Look at the rows, of `uids` or all. Raises `sequence.OutOfRange` for a number the client was not told of."""
    test = _Compiler(scope).compile(program.key)
    part = scope.rows.part(scope.uids if uids is None else uids)  # without those that are gone
    judged = test(part, None)
    return Narrowed(_in_order(part, judged.found), _in_order(part, judged.open))


def _in_order(part: Part, chosen: Set[int]) -> list[int]:
    return [uid for uid in part.uids if uid in chosen] if chosen else []


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
        part = scope.rows.part([uid])
        if not part:
            continue
        try:
            if message is None:
                missing.append(uid)
            elif test(part, _Reader(message)).found:
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


class Judged(NamedTuple):
    """Of some messages those that match, and those of which only their reading can tell."""

    found: Set[int]
    open: Set[int] = frozenset()


# With a reader there is one message, and nothing stays open.
Test = Callable[[Part, "_Reader | None"], Judged]


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
                compare = octets.__lt__ if larger else octets.__gt__
                return _by(lambda part: map(compare, part.sizes))
            case Dated():
                return _sent(key) if key.sent else _arrived(key)
            case Within(seconds, younger):
                edge = self._scope.now - seconds
                compare = edge.__le__ if younger else edge.__ge__
                return _by(lambda part: map(compare, part.dates))
            case Modified(modseq):
                return _by(lambda part: map(modseq.__le__, part.modseqs))
            case Identified(email):
                return _by(lambda part: [object_id(row.base) == email for row in part.rows()])
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
            return _all
        chosen = frozenset(pick(uids, spans))
        return _by(lambda part: map(chosen.__contains__, part.uids))

    def _flagged(self, name: str) -> Test:
        if name == "\\Recent":
            first = self._scope.first_recent
            return _by(lambda part: map(first.__le__, part.uids))
        known = [keyword for keyword in self._scope.keywords if keyword.upper() == name.upper()]
        letter = "".join(letters([*known[:1], name], self._scope.keywords))[:1]
        if not letter:
            return lambda part, _: Judged(frozenset())
        return _by(lambda part: part.flags(lambda flags: letter in flags))


def _all(part: Part, _: _Reader | None) -> Judged:
    return Judged(set(part.uids))


def _by(fits: Callable[[Part], Iterable[object]]) -> Test:
    """By what is known of each row; in C wherever that can be, for there may be a hundred thousand."""
    return lambda part, _: Judged(set(compress(part.uids, fits(part))))


def _reading(matches: Callable[[Part, _Reader], bool]) -> Test:
    def reading(part: Part, reader: _Reader | None) -> Judged:
        if reader is None:
            return Judged(frozenset(), set(part.uids))
        return Judged(set(part.uids) if matches(part, reader) else frozenset())

    return reading


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
    def answered(part: Part, reader: _Reader | None) -> Judged:
        found = answer.found.__and__(set(part.uids))
        if otherwise is None or not (unknown := part.among(answer.unknown - found)):
            return Judged(found)
        judged = otherwise(unknown, reader)
        return Judged(found | judged.found, judged.open)

    return answered


def _every(tests: list[Test]) -> Test:
    def every(part: Part, reader: _Reader | None) -> Judged:
        unread: Set[int] = frozenset()
        for test in tests:
            found, open_ = test(part, reader)
            unread |= open_
            left = found | open_
            if len(left) < len(part):
                part = part.among(left)
            if not part:
                break
        here = set(part.uids)
        return Judged(here - unread, here & unread)

    return every


def _either(first: Test, second: Test) -> Test:
    def either(part: Part, reader: _Reader | None) -> Judged:
        found, unread = first(part, reader)
        more = second(part.among(set(part.uids) - found) if found else part, reader)
        found |= more.found
        return Judged(found, (unread | more.open) - found)

    return either


def _not(test: Test) -> Test:
    def negated(part: Part, reader: _Reader | None) -> Judged:
        found, unread = test(part, reader)
        return Judged(set(part.uids) - found - unread, unread)

    return negated


def _arrived(key: Dated) -> Test:
    """By the wall clock of this machine, as FETCH shows INTERNALDATE."""
    first = -(2**63) if key.first is None else _midnight(key.first, 0)
    after = 2**63 if key.last is None else _midnight(key.last, 1)
    if key.saved:  # RFC 8514 §4.3: where nobody knows, INTERNALDATE stands for it
        return _by(
            lambda part: [
                first <= (row.date if (at := saved_at(row)) is None else at) < after for row in part.rows()
            ]
        )
    return _by(lambda part: [first <= date < after for date in part.dates])


def _midnight(day: Day, later: int) -> int:
    return int(time.mktime((day[0], day[1], day[2] + later, 0, 0, 0, 0, 0, -1)))


def _sent(key: Dated) -> Test:
    """A message without a Date that can be read was sent on no day."""
    first, last = sent_span(key)

    def sent(_: Part, reader: _Reader) -> bool:
        dates = reader.values(b"date")
        return bool(dates) and first <= read_date(unfold(dates[-1]))[0] <= last

    return _reading(sent)


def sent_span(key: Dated) -> tuple[int, int]:
    """Its first and last day as `storage.mime.head` writes them. No day is 0."""
    first, last = (number(day) if day else None for day in (key.first, key.last))
    return first or 1, last or NUMBER


def number(day: Day) -> int:
    return day[0] * 10_000 + day[1] * 100 + day[2]


def _threaded(thread: bytes) -> Test:
    def threaded(part: Part, reader: _Reader) -> bool:
        kept = {name: found for name in LINKING if (found := [*map(unfold, reader.values(name))])}
        return thread_id(links_of(kept), part.rows()[0].base) == thread

    return _reading(threaded)


def _header(key: Header) -> Test:
    return _reading(lambda _, reader: any(key.text in folded(unfold(raw)) for raw in reader.values(key.name)))


def _text(key: Text) -> Test:
    if not key.text:
        return _all  # every message holds the empty string
    return _reading(
        lambda _, reader: (key.with_header and reader.header_holds(key.text)) or reader.body_holds(key.text)
    )
