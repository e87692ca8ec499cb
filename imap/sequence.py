"""Sequence sets (RFC 9051 §9 `sequence-set`): read, merged, and laid over what a client sees.

A set is kept as merged, ascending ranges, whatever the client wrote; its cost is bounded by the length of
the line that carried it and never by the numbers it covers: `1:4294967295` is one range. `*` is the largest
number in use, which is only known when the set is resolved.

Resolving gives *spans*: half-open ranges of positions in the ascending tuple of UIDs that the client was
told. Position + 1 is the message sequence number.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imap.scanner import NUMBER, BadSyntax, Scanner

DIGITS = 10  # of the largest number
STAR = 10**DIGITS  # "*" while the largest number is not known; more digits than an element may have

_SET = re.compile(rb"[0-9*:,]+")
_ELEMENT = re.compile(rb"(?:\*|[1-9][0-9]{0,9})(?::(?:\*|[1-9][0-9]{0,9}))?\Z")

Span = tuple[int, int]


class OutOfRange(Exception):
    """A message sequence number that this client has not been told of."""


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Ranges (low, high), both included, ascending and apart. `stars` are low ends of ranges up to `*`.

    `n:*` means both n..largest and largest..n (RFC 9051 §9), so such a range also holds the largest number
    where n is above it. `*` alone is kept as STAR:*.
    """

    ranges: tuple[tuple[int, int], ...]
    stars: tuple[int, ...] = ()  # at most one: the lowest n of all n:*
    saved: bool = (
        False  # `$`: what the last SEARCH saved (RFC 9051 §6.4.4.1); only the view knows what that is
    )

    def numbers(self, most: int) -> list[Span]:
        """Spans for a set of message sequence numbers over `most` messages.

        A number above `most` is the client's fault (RFC 9051 §9: seq-number); an empty mailbox answers
        `1:*` with nothing, as clients ask that without looking at EXISTS.
        """
        if self.ranges and self.ranges[-1][1] > most:
            raise OutOfRange
        spans = [(low - 1, high) for low, high in self.ranges]
        if self.stars and most:
            low = self.stars[0]
            if STAR > low > most:
                raise OutOfRange
            spans.append((min(low, most) - 1, most))
        return _merged(spans)

    def uids(self, known: Sequence[int]) -> list[Span]:
        """Spans for a set of UIDs over the ascending UIDs `known`. Numbers not in use mean nothing."""
        spans = []
        for low, high in self.ranges:
            start = bisect_left(known, low)
            stop = bisect_right(known, high, lo=start)
            if start < stop:
                spans.append((start, stop))
        if self.stars and known:
            start = min(bisect_left(known, self.stars[0]), len(known) - 1)
            spans.append((start, len(known)))
        return _merged(spans)

    def holds(self, number: int, largest: int) -> bool:
        """Whether `number` is in the set where `*` is `largest`."""
        at = bisect_right(self.ranges, (number, STAR)) - 1
        if at >= 0 and self.ranges[at][0] <= number <= self.ranges[at][1]:
            return True
        return bool(self.stars) and (min(self.stars[0], largest) <= number <= largest)


def sequence_set(scanner: Scanner) -> SequenceSet:
    """Read a sequence-set, or `$`."""
    if scanner.take(b"$"):
        return SAVED
    match = _SET.match(scanner.data, scanner.position)
    if match is None:
        raise BadSyntax("expected a sequence set")
    found = parse(match.group())
    scanner.position = match.end()
    return found


def parse(text: bytes) -> SequenceSet:
    """A sequence-set from its bytes."""
    ranges: list[tuple[int, int]] = []
    star = 0
    elements = text.split(b",")
    singles = [element for element in elements if element.isdigit()]
    if len(singles) < len(elements):
        for element in elements:
            if not element.isdigit():
                star = _range(element, ranges, star)
    if singles:
        if min(singles) < b"1" or max(map(len, singles)) > DIGITS:
            raise BadSyntax("bad sequence set")
        ranges += [(number, number) for number in map(int, singles)]
    found = _joined(ranges)
    if found and found[-1][1] > NUMBER:
        raise BadSyntax("number out of range in the sequence set")
    return SequenceSet(found, (star,) if star else ())


def _range(element: bytes, ranges: list[tuple[int, int]], star: int) -> int:
    """Take in one `seq-range` or `*`; the lowest n of all n:* so far."""
    if not _ELEMENT.match(element):
        raise BadSyntax("bad sequence set")
    first, _, last = element.partition(b":")
    if first == b"*" or last == b"*":
        other = last if first == b"*" else first
        low = STAR if other in (b"*", b"") else int(other)
        if NUMBER < low < STAR:
            raise BadSyntax("number out of range in the sequence set")
        return min(star or low, low)
    low, high = int(first), int(last)
    ranges.append((low, high) if low <= high else (high, low))
    return star


NOTHING = SequenceSet(())
SAVED = SequenceSet((), saved=True)


def of(numbers: Iterable[int]) -> SequenceSet:
    """The set of these numbers."""
    return SequenceSet(_joined([(number, number) for number in numbers]))


def compact(uids: Iterable[int]) -> bytes:
    """Numbers in their order as a set, runs as ranges: `1:3,7` (RFC 4315 §3: order is kept)."""
    pieces: list[str] = []
    low = high = -1
    for uid in uids:
        if uid == high + 1 and low >= 0:
            high = uid
            continue
        if low >= 0:
            pieces.append(str(low) if low == high else f"{low}:{high}")
        low = high = uid
    if low >= 0:
        pieces.append(str(low) if low == high else f"{low}:{high}")
    return ",".join(pieces).encode("ascii")


def total(spans: Iterable[Span]) -> int:
    """How many messages the spans cover."""
    return sum(stop - start for start, stop in spans)


def pick(known: Sequence[int], spans: Iterable[Span]) -> list[int]:
    """The UIDs that the spans cover, ascending."""
    found: list[int] = []
    for start, stop in spans:
        found.extend(known[start:stop])
    return found


def _joined(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Closed ranges, sorted and merged where they touch."""
    ranges.sort()
    merged: list[tuple[int, int]] = []
    for low, high in ranges:
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


def _merged(spans: list[Span]) -> list[Span]:
    """Half-open spans, sorted and merged where they touch."""
    if len(spans) < 2:
        return spans
    spans.sort()
    merged = [spans[0]]
    for start, stop in spans[1:]:
        last = merged[-1]
        if start <= last[1]:
            if stop > last[1]:
                merged[-1] = (last[0], stop)
        else:
            merged.append((start, stop))
    return merged
