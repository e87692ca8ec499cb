"""The arguments of SEARCH (RFC 9051 §6.4.4, §9 `search`). Pure: bytes in, a frozen program out.

SORT, THREAD and ESEARCH read their keys and return options here too.

The program is a tree of keys. Texts in it are folded already (`storage.mime.text.fold`), dates are days of the
calendar; what depends on the mailbox or the clock is left to `imap.search`. The depth of the tree and the
number of its keys are bounded.
"""

import re
from calendar import monthrange
from dataclasses import dataclass, field

from imap import sequence
from imap.dates import MONTHS
from imap.scanner import BadSyntax, Scanner
from imap.sequence import SequenceSet
from storage.mime import charset as charsets
from storage.mime.text import fold

MOST_KEYS = 1000  # in one SEARCH

_DATE = re.compile(rb'"?([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})("?)')
_ENTRY_TYPES = (b"all", b"priv", b"shared")

Day = tuple[int, int, int]  # year, month, day


@dataclass(frozen=True, slots=True)
class Every:
    """All of `keys` hold; none is ALL."""

    keys: "tuple[Key, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    first: "Key"
    second: "Key"


@dataclass(frozen=True, slots=True)
class Not:
    key: "Key"


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages by number, or by UID."""

    numbers: SequenceSet
    by_uid: bool


@dataclass(frozen=True, slots=True)
class Flagged:
    """A system flag (`\\Seen`), a keyword, or `\\Recent` is set."""

    name: str


@dataclass(frozen=True, slots=True)
class Size:
    """The size is above (`larger`) or below `octets`."""

    octets: int
    larger: bool


@dataclass(frozen=True, slots=True)
class Dated:
    """The day of INTERNALDATE, of the Date field (`sent`) or of the saving lies in first..last; None is open."""

    first: Day | None
    last: Day | None
    sent: bool = False
    saved: bool = False  # RFC 8514 §4.3


@dataclass(frozen=True, slots=True)
class Within:
    """INTERNALDATE is at most (`younger`) or at least `seconds` ago (RFC 5032)."""

    seconds: int
    younger: bool


@dataclass(frozen=True, slots=True)
class Modified:
    """The mod-sequence is at least `modseq` (RFC 7162 §3.1.5)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class Identified:
    """EMAILID is this (RFC 8474 §5.4)."""

    email: bytes


@dataclass(frozen=True, slots=True)
class Threaded:
    """THREADID is this (RFC 8474 §5.4)."""

    thread: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """A header field of that name (lower case) holds `text`."""

    name: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """The body holds `text`; or the header or the body does."""

    text: str
    with_header: bool


Key = (
    Every
    | Either
    | Not
    | Messages
    | Flagged
    | Size
    | Dated
    | Within
    | Modified
    | Identified
    | Threaded
    | Header
    | Text
)


Partial = tuple[int, int]  # RFC 9394 §3.1: places from the first (1:100) or from the last (-1:-100)


@dataclass(frozen=True, slots=True)
class Program:
    """What to search for, and how to answer."""

    key: Key
    returns: frozenset[bytes] | None = (
        None  # RFC 4731: MIN MAX COUNT ALL; RFC 5182: SAVE; None: a plain answer
    )
    partial: Partial | None = None
    charset: str | None = None
    unknown_charset: bool = False  # to be answered NO [BADCHARSET]
    modseq: bool = False  # the answer carries the highest mod-sequence


@dataclass(slots=True)
class _Reading:
    """What is true for the whole command while its keys are read."""

    charset: str | None
    unknown: bool
    keys: int = 0
    modseq: bool = field(default=False)

    def text(self, octets: bytes) -> str:
        """A string of the client's in the form in which texts are compared."""
        return fold(charsets.decode_as_said(octets, self.charset))


def parse(scanner: Scanner) -> Program:
    """Read everything after SEARCH and its space."""
    returns, partial = return_options(scanner)
    charset: str | None = None
    if scanner.take_word(b"CHARSET"):
        scanner.space()
        charset = scanner.astring().decode("ascii", "replace")
        scanner.space()
    return program(scanner, charset, returns, partial)


def program(
    scanner: Scanner,
    charset: str | None,
    returns: frozenset[bytes] | None = None,
    partial: Partial | None = None,
) -> Program:
    """Read search keys to the end of the command."""
    reading = _Reading(charset, charset is not None and not charsets.known(charset))
    keys = [_key(scanner, reading)]
    while not scanner.at_end():
        scanner.space()
        keys.append(_key(scanner, reading))
    return Program(_every(keys), returns, partial, charset, reading.unknown, reading.modseq)


def return_options(scanner: Scanner) -> tuple[frozenset[bytes] | None, Partial | None]:
    """`RETURN (…)` and the space behind it, if it comes next. No option means ALL (RFC 4731 §3.1)."""
    if not scanner.take_word(b"RETURN"):
        return None, None
    scanner.space()
    scanner.expect(b"(")
    found: list[bytes] = []
    partial: Partial | None = None
    while not scanner.take(b")"):
        if found or partial:
            scanner.space()
        option = scanner.word()
        if option == b"PARTIAL" and partial is None:
            scanner.space()
            partial = partial_range(scanner)
        elif option in _RETURNS:
            found.append(option)
        else:
            raise BadSyntax("no such return option, or twice the same")
        if len(found) > 10:
            raise BadSyntax("too many return options")
    scanner.space()
    if partial and b"ALL" in found:
        raise BadSyntax("PARTIAL and ALL exclude each other")  # RFC 9394 §3.1
    return frozenset(found if found or partial else [b"ALL"]), partial


def partial_range(scanner: Scanner) -> Partial:
    """RFC 9394 §4 `partial-range`: two places, both from the first or both from the last; the nearer one first."""
    places = []
    for mark in (b":", b""):
        sign = -1 if scanner.take(b"-") else 1
        places.append(sign * scanner.nz_number())
        scanner.expect(mark)
    first, last = places
    if (first > 0) != (last > 0):
        raise BadSyntax("both places of a range count from the same end")
    return (first, last) if abs(first) <= abs(last) else (last, first)


_RETURNS = frozenset({b"MIN", b"MAX", b"COUNT", b"ALL", b"SAVE"})


def _every(keys: list[Key]) -> Key:
    if len(keys) == 1:
        return keys[0]
    flat: list[Key] = []
    for key in keys:
        flat.extend(key.keys if isinstance(key, Every) else (key,))
    return Every(tuple(flat))


def _key(scanner: Scanner, reading: _Reading) -> Key:
    """One search-key."""
    reading.keys += 1
    if reading.keys > MOST_KEYS:
        raise BadSyntax("too many search keys")
    following = scanner.peek()
    if following == b"(":
        with scanner.nested():
            scanner.expect(b"(")
            keys = [_key(scanner, reading)]
            while not scanner.take(b")"):
                scanner.space()
                keys.append(_key(scanner, reading))
            return _every(keys)
    if following.isdigit() or following in (b"*", b"$"):
        return Messages(sequence.sequence_set(scanner), by_uid=False)
    name = scanner.word()
    simple = _SIMPLE.get(name)
    if simple is not None:
        return simple
    if name in (b"NOT", b"OR"):
        with scanner.nested():
            scanner.space()
            first = _key(scanner, reading)
            if name == b"NOT":
                return first.key if isinstance(first, Not) else Not(first)
            scanner.space()
            return Either(first, _key(scanner, reading))
    scanner.space()
    if name in _DATES:
        return _dated(name, _date(scanner))
    return _with_argument(name, scanner, reading)


def _with_argument(name: bytes, scanner: Scanner, reading: _Reading) -> Key:
    """The keys that take a string, a number, a flag or a set."""
    if name in (b"FROM", b"TO", b"CC", b"BCC", b"SUBJECT"):
        return Header(name.lower(), reading.text(scanner.astring()))
    if name in (b"BODY", b"TEXT"):
        return Text(reading.text(scanner.astring()), name == b"TEXT")
    if name == b"HEADER":
        field_name = scanner.astring().lower()
        scanner.space()
        return Header(field_name, reading.text(scanner.astring()))
    if name in (b"LARGER", b"SMALLER"):
        return Size(scanner.number64(), name == b"LARGER")
    if name in (b"OLDER", b"YOUNGER"):
        return Within(scanner.nz_number(), name == b"YOUNGER")
    if name in (b"KEYWORD", b"UNKEYWORD"):
        keyword = Flagged(scanner.atom().decode("ascii"))
        return keyword if name == b"KEYWORD" else Not(keyword)
    if name in (b"EMAILID", b"THREADID"):
        identifier = scanner.atom()
        return Identified(identifier) if name == b"EMAILID" else Threaded(identifier)
    if name == b"UID":
        return Messages(sequence.sequence_set(scanner), by_uid=True)
    if name == b"MODSEQ":
        reading.modseq = True
        if scanner.peek() == b'"':  # RFC 7162 §3.1.5: which flag; one mod-sequence stands for all here
            scanner.string()
            scanner.space()
            if scanner.atom().lower() not in _ENTRY_TYPES:
                raise BadSyntax("no such type of entry")
            scanner.space()
        return Modified(scanner.number64())
    raise BadSyntax("no such search key")


def _date(scanner: Scanner) -> Day:
    """A date, with or without quotes."""
    match = _DATE.match(scanner.data, scanner.position)
    if match is None or bool(match[4]) != (match.group()[:1] == b'"'):
        raise BadSyntax("expected a date such as 1-Feb-2024")
    month = _MONTHS.get(match[2].upper(), 0)
    day, year = int(match[1]), int(match[3])
    if not month or not 1 <= year <= 9998 or not 1 <= day <= monthrange(year, month)[1]:
        raise BadSyntax("no such date")
    scanner.position = match.end()
    return year, month, day


def _dated(name: bytes, day: Day) -> Key:
    sent = name.startswith(b"SENT")
    if name.startswith(b"SAVED"):
        return _dated_saved(name, day)
    if name.endswith(b"ON"):
        return Dated(day, day, sent)
    if name.endswith(b"SINCE"):
        return Dated(day, None, sent)
    return Not(Dated(day, None)) if not sent else Dated(None, _day_before(day), sent=True)


def _dated_saved(name: bytes, day: Day) -> Key:
    if name.endswith(b"ON"):
        return Dated(day, day, saved=True)
    return Dated(day, None, saved=True) if name.endswith(b"SINCE") else Not(Dated(day, None, saved=True))


def _day_before(day: Day) -> Day:
    year, month, number = day
    if number > 1:
        return year, month, number - 1
    if month > 1:
        return year, month - 1, monthrange(year, month - 1)[1]
    return year - 1, 12, 31


_MONTHS = {name.upper(): number for number, name in enumerate(MONTHS, 1)}
_DATES = frozenset(
    {
        b"BEFORE", b"ON", b"SINCE", b"SENTBEFORE", b"SENTON", b"SENTSINCE",
        b"SAVEDBEFORE", b"SAVEDON", b"SAVEDSINCE",
    }
)  # fmt: skip
_RECENT = Flagged("\\Recent")
_SIMPLE: dict[bytes, Key] = {
    b"ALL": Every(()),
    b"SAVEDATESUPPORTED": Every(()),  # RFC 8514 §4.3
    b"ANSWERED": Flagged("\\Answered"),
    b"DELETED": Flagged("\\Deleted"),
    b"DRAFT": Flagged("\\Draft"),
    b"FLAGGED": Flagged("\\Flagged"),
    b"SEEN": Flagged("\\Seen"),
    b"UNANSWERED": Not(Flagged("\\Answered")),
    b"UNDELETED": Not(Flagged("\\Deleted")),
    b"UNDRAFT": Not(Flagged("\\Draft")),
    b"UNFLAGGED": Not(Flagged("\\Flagged")),
    b"UNSEEN": Not(Flagged("\\Seen")),
    b"RECENT": _RECENT,
    b"OLD": Not(_RECENT),
    b"NEW": Every((_RECENT, Not(Flagged("\\Seen")))),
}
