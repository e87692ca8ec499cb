"""The rows of a mailbox in memory: a column for each of their values, and a `Row` only when one is asked for.

A hundred thousand rows as values of Python take a third of a second to make and 45 MB to keep; as columns they are
read from one piece of the index (storage/packed.py) in the time that copying takes, and take a quarter of the room.
What is asked of many rows (FETCH of flags, the first unseen) is answered from a column at the speed of C.

Invariants: rows ascend by UID. Rows are added at the end and altered in place; where any go, a new `Columns` takes
the place of this one, which stays as it was: the place of a row in it never changes. Only the event loop changes
one that is shared; threads may read meanwhile, for a row's UID is added last. A mailbox may be loaded for months
while mail passes through it: what is kept of rows that went (their bases, texts that no row has any more) stays
below what the rows take that are there.
"""

import json
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias, TypeVar

from storage.rows import Row, row_of

SHAPE = f"1 {sys.byteorder}"  # of what `packed` makes

# 32 bits: UIDs, and where a base begins; 64: MODSEQs, octets and times.
_KINDS = {
    "uids": "I",
    "modseqs": "Q",
    "borns": "Q",
    "sizes": "Q",
    "dates": "q",
    "saveds": "q",
    "_places": "B",
    "_starts": "I",
    "_lengths": "B",
}
_CUR, _LF = 1, 2  # bits of `_places`
SPARE_WORDS = 32  # texts that no row may have, beside as many as there are rows
SPARE_OCTETS = 1024  # of bases that went, beside as many as there are of others

Places = range | list[int]
Codes: TypeAlias = "bytearray | array[int]"
T = TypeVar("T")


class Words:
    """A column of texts of which few differ: each of them once, and its number for each row."""

    __slots__ = ("_numbers", "codes", "words")

    def __init__(self, words: Iterable[str] = (), codes: "Codes | None" = None) -> None:
        self.words = list(words)
        self.codes = bytearray() if codes is None else codes
        self._numbers = {word: number for number, word in enumerate(self.words)}

    def code(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self.words)
            self.words.append(word)
            if number > 255 and isinstance(self.codes, bytearray):
                self.codes = array("I", list(self.codes))
        return number

    def __getitem__(self, place: int) -> str:
        return self.words[self.codes[place]]

    @property
    def stale(self) -> bool:
        """Whether most of the texts are those of no row."""
        return len(self.words) > 2 * len(self.codes) + SPARE_WORDS

    def kept(self, runs: list[slice]) -> "Words":
        """Of these rows alone."""
        left = Words(self.words, self.codes[:0])
        _copy(self.codes, left.codes, runs)
        return left.in_use() if left.stale else left

    def in_use(self) -> "Words":
        """The same without the texts that no row has."""
        new = Words()
        codes = [(code, new.code(self.words[code])) for code in dict.fromkeys(self.codes)]
        new.codes.extend(map(dict(codes).__getitem__, self.codes))
        return new

    def first(self, fits: Callable[[str], bool]) -> int:
        """The place of the first row whose text fits; -1 where none does."""
        fitting = [number for number, word in enumerate(self.words) if fits(word)]
        if not isinstance(self.codes, bytearray):
            wanted = set(fitting)
            return next((place for place, code in enumerate(self.codes) if code in wanted), -1)
        found = -1
        for code in fitting:
            place = self.codes.find(code, 0, found if found >= 0 else None)
            found = place if place >= 0 else found
        return found


class Columns(Mapping[int, Row]):
    """Rows by UID."""

    __slots__ = (*_KINDS, "_bases", "_came", "_went", "flags")

    uids: "array[int]"
    modseqs: "array[int]"
    borns: "array[int]"
    sizes: "array[int]"
    dates: "array[int]"
    saveds: "array[int]"
    _places: "array[int]"
    _starts: "array[int]"
    _lengths: "array[int]"

    def __init__(self) -> None:
        for name, kind in _KINDS.items():
            setattr(self, name, array(kind))
        self.flags = Words()
        self._came = Words()
        self._bases = bytearray()
        self._went = 0  # octets of `_bases` that are of no row any more

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> "Columns":
        """Of rows, or of what the index has of them, ascending by UID."""
        made = cls()
        values = list(zip(*rows, strict=True))
        if not values:
            return made
        uids, bases, flags, modseqs, sizes, dates, borns, came, cur, lf, saveds = values
        coded = [base.encode() for base in bases]
        lengths = list(map(len, coded))
        made._bases += b"".join(coded)
        made._lengths.extend(lengths)
        made._starts.extend(accumulate(lengths[:-1], initial=0))
        made._places.extend([(_CUR if c else 0) | (_LF if f else 0) for c, f in zip(cur, lf, strict=True)])
        for column, found in (
            (made.modseqs, modseqs),
            (made.sizes, sizes),
            (made.dates, dates),
            (made.borns, borns),
            (made.saveds, saveds),
        ):
            column.extend(found)
        for words, texts in ((made.flags, flags), (made._came, came)):
            known = {text: words.code(text) for text in dict.fromkeys(texts)}
            words.codes.extend(map(known.__getitem__, texts))
        made.uids.extend(uids)
        return made

    # One row.

    def place(self, uid: int) -> int:
        """Where the row of a UID stands; -1 where there is none."""
        uids = self.uids
        at = bisect_left(uids, uid)
        return at if at < len(uids) and uids[at] == uid else -1

    def row(self, place: int) -> Row:
        start, bits = self._starts[place], self._places[place]
        return Row(
            self.uids[place],
            self._bases[start : start + self._lengths[place]].decode(),
            self.flags[place],
            self.modseqs[place],
            self.sizes[place],
            self.dates[place],
            self.borns[place],
            self._came[place],
            bool(bits & _CUR),
            bool(bits & _LF),
            self.saveds[place],
        )

    def __getitem__(self, uid: int) -> Row:
        place = self.place(uid)
        if place < 0:
            raise KeyError(uid)
        return self.row(place)

    def get(self, uid: int, default: Any = None) -> Any:
        place = self.place(uid)
        return default if place < 0 else self.row(place)

    def __contains__(self, uid: object) -> bool:
        return isinstance(uid, int) and self.place(uid) >= 0

    def __len__(self) -> int:
        return len(self.uids)

    def __iter__(self) -> Iterator[int]:
        return iter(self.uids)

    # Many.

    def part(self, uids: Sequence[int]) -> "Part":
        """The rows of those that are here. `uids` ascend."""
        if not uids:
            return Part(self, range(0))
        start = self.place(uids[0])
        stop = start + len(uids)
        if start >= 0 and stop <= len(self.uids) and self.uids[stop - 1] == uids[-1]:
            return Part(self, range(start, stop))
        return Part(self, [place for place in map(self.place, uids) if place >= 0])

    def all(self) -> "Part":
        return Part(self, range(len(self.uids)))

    # Changes.

    def taking(self, rows: Sequence[Row], gone: Iterable[int]) -> "Taken":
        """Move on to what a look brought: these rows as they are now, ascending, and without those that are gone.

        Rows of UIDs that were passed over make a new `Columns`, too."""
        if not self.uids:  # it may be the one that all empty mailboxes share
            return Taken(Columns.of(rows) if rows else self, [row.uid for row in rows], [], [])
        went = [uid for uid in gone if self.place(uid) >= 0]
        if went:
            return self.without(went).taking(rows, ())._replace(gone=went)
        last = self.uids[-1]
        late = [row for row in rows if row.uid < last and self.place(row.uid) < 0]
        if late:
            old = {row.uid: row for row in self.all().rows()} | {row.uid: row for row in late}
            taken = Columns.of([old[uid] for uid in sorted(old)]).taking(rows, ())
            return taken._replace(came=sorted([row.uid for row in late] + taken.came))
        came, altered = [], []
        for row in rows:
            place = self.place(row.uid)
            if place < 0:
                self.add(row)
                came.append(row.uid)
            elif self.alter(place, row):
                altered.append(row.uid)
        if self.flags.stale:
            self.flags = self.flags.in_use()
        return Taken(self, came, altered, [])

    def becoming(self, other: "Columns") -> "Taken":
        """Move on to other rows of the same mailbox."""
        mine, theirs = set(self.uids), set(other.uids)
        altered = [uid for uid in other.uids if uid in mine and self[uid] != other[uid]]
        return Taken(other, sorted(theirs - mine), altered, sorted(mine - theirs))

    def alter(self, place: int, row: Row) -> bool:
        """Take in what may change of a row; whether anything did."""
        code, bits = self.flags.code(row.flags), (_CUR if row.cur else 0) | (_LF if row.lf else 0)
        known = (self.flags.codes[place], self.modseqs[place], self._places[place])
        if known == (code, row.modseq, bits):
            return False
        self.flags.codes[place], self.modseqs[place], self._places[place] = code, row.modseq, bits
        return True

    def add(self, row: Row) -> None:
        """One whose UID is above all others."""
        base = row.base.encode()
        self._starts.append(len(self._bases))
        self._lengths.append(len(base))
        self._bases += base
        self._places.append((_CUR if row.cur else 0) | (_LF if row.lf else 0))
        self.modseqs.append(row.modseq)
        self.sizes.append(row.size)
        self.dates.append(row.date)
        self.borns.append(row.born)
        self.saveds.append(row.saved)
        for words, text in ((self.flags, row.flags), (self._came, row.came)):
            code = words.code(text)  # first: it may make the column wider
            words.codes.append(code)
        self.uids.append(row.uid)

    def without(self, gone: Iterable[int]) -> "Columns":
        """All rows but these."""
        runs: list[slice] = []
        start, went = 0, self._went
        for place in sorted(place for place in map(self.place, gone) if place >= 0):
            if start < place:
                runs.append(slice(start, place))
            start = place + 1
            went += self._lengths[place]
        runs.append(slice(start, None))
        left = Columns()
        for name in _KINDS:
            _copy(getattr(self, name), getattr(left, name), runs)
        left.flags, left._came = self.flags.kept(runs), self._came.kept(runs)
        if went > len(self._bases) // 2 + SPARE_OCTETS:
            left._starts, left._bases = left._close_up(self._bases)
        else:
            left._bases, left._went = self._bases[:], went
        return left

    def _close_up(self, bases: bytearray) -> "tuple[array[int], bytearray]":
        """Where the bases of these rows begin, and those bases alone."""
        starts, lengths = self._starts, self._lengths
        joined = bytearray().join([bases[s : s + n] for s, n in zip(starts, lengths, strict=True)])
        return array("I", list(accumulate(lengths[:-1], initial=0))[: len(starts)]), joined

    # As one piece.

    def packed(self) -> bytes:
        """All of it, for `unpacked`."""
        bases, starts = self._bases, self._starts
        if self._went:
            starts, bases = self._close_up(bases)
        words = [[one.words, isinstance(one.codes, bytearray)] for one in (self.flags, self._came)]
        head = json.dumps([SHAPE, len(self), len(bases), words]).encode()
        columns = [starts if name == "_starts" else getattr(self, name) for name in _KINDS]
        return b"".join(
            [len(head).to_bytes(4, "big"), head, *columns, self.flags.codes, self._came.codes, bases]
        )

    @classmethod
    def unpacked(cls, read: Callable[[int], bytes]) -> "Columns | None":
        """What was packed, read piece by piece; None: by another version, or there is less than it says."""
        try:
            shape, count, octets, words = json.loads(read(int.from_bytes(read(4), "big")))
            return cls._read(read, count, octets, words) if shape == SHAPE else None
        except ValueError:
            return None

    @classmethod
    def _read(cls, read: Callable[[int], bytes], count: int, octets: int, words: Any) -> "Columns":
        made = cls()
        made.flags, made._came = (
            Words(texts, bytearray() if narrow else array("I")) for texts, narrow in words
        )
        for column in (*(getattr(made, name) for name in _KINDS), made.flags.codes, made._came.codes):
            if isinstance(column, bytearray):
                column += read(count)
            else:
                column.frombytes(read(count * column.itemsize))
            if len(column) != count:
                raise ValueError("cut off")
        made._bases += read(octets)
        if len(made._bases) != octets:
            raise ValueError("cut off")
        return made


def _copy(column: Any, into: Any, runs: list[slice]) -> None:
    for run in runs:
        into += column[run]


EMPTY = Columns()  # stands for all mailboxes with nothing in them, of which there are many


class Taken(NamedTuple):
    """The rows after a look, and what it brought."""

    columns: Columns
    came: list[int]
    altered: list[int]
    gone: list[int]


class Part:
    """Some rows of a mailbox, ascending by UID, column by column."""

    __slots__ = ("_columns", "_places")

    def __init__(self, columns: Columns, places: Places) -> None:
        self._columns = columns
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @property
    def mailbox(self) -> Columns:
        """All rows that there are."""
        return self._columns

    def _of(self, column: "Codes") -> Sequence[int]:
        if isinstance(self._places, range):
            return column[self._places.start : self._places.stop]
        return [column[place] for place in self._places]

    @property
    def uids(self) -> Sequence[int]:
        return self._of(self._columns.uids)

    @property
    def modseqs(self) -> Sequence[int]:
        return self._of(self._columns.modseqs)

    @property
    def sizes(self) -> Sequence[int]:
        return self._of(self._columns.sizes)

    @property
    def dates(self) -> Sequence[int]:
        return self._of(self._columns.dates)

    def flags(self, told: Callable[[str], T]) -> Iterator[T]:
        """What `told` makes of each row's letters."""
        words = self._columns.flags
        codes = self._of(words.codes)
        texts = {code: told(words.words[code]) for code in set(codes)}
        return map(texts.__getitem__, codes)

    def rows(self) -> list[Row]:
        of, columns = self._of, self._columns
        bases = columns._bases
        starts, lengths, bits = of(columns._starts), of(columns._lengths), of(columns._places)
        values = zip(
            of(columns.uids),
            [bases[start : start + length].decode() for start, length in zip(starts, lengths, strict=True)],
            self.flags(str),
            of(columns.modseqs),
            of(columns.sizes),
            of(columns.dates),
            of(columns.borns),
            [columns._came.words[code] for code in of(columns._came.codes)],
            [bool(one & _CUR) for one in bits],
            [bool(one & _LF) for one in bits],
            of(columns.saveds),
            strict=True,
        )
        return list(map(row_of, values))

    def after(self, modseq: int) -> "Part":
        """Those that changed after that."""
        changed = [place for place, at in zip(self._places, self.modseqs, strict=True) if at > modseq]
        return Part(self._columns, changed)

    def among(self, uids: Container[int]) -> "Part":
        here = [place for place, uid in zip(self._places, self.uids, strict=True) if uid in uids]
        return Part(self._columns, here)

    def cut(self, start: int, stop: int) -> "Part":
        """Those from one place among these up to another."""
        return Part(self._columns, self._places[start:stop])
