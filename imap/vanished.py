r"""VANISHED (EARLIER): which messages went since a client was here last (RFC 7162 §3.2.5, §3.2.6, §3.2.10). Pure.

The store remembers expunged UIDs for 90 days. Where the client's mod-sequence is older than that, or than a crash
or a lost index, nobody knows what it knew: then every UID that it may know and that does not exist is named, which
RFC 7162 §3.2.5.1 allows. The client can shorten that list by saying which numbers some of its UIDs had: up to the
last pair that still fits, nothing has gone.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from imap.sequence import STAR, SequenceSet, compact

Range = tuple[int, int]  # both ends included


def earlier(
    gone: Sequence[int] | None, uids: Sequence[int], uidnext: int, known: SequenceSet | None, kept: int = 0
) -> bytes:
    """The set to name after VANISHED (EARLIER); empty where nothing went.

    `gone`: what the store remembers, None where it cannot; `uids`: what the client is told now; `known`: what it
    asks about, None for everything; `kept`: up to this UID nothing went.
    """
    if gone is not None:
        here = set(uids)
        return compact(uid for uid in sorted(gone) if uid not in here and _asked(known, uid, uidnext))
    missing = _without(uids, kept + 1, uidnext - 1)
    if known is not None:
        missing = _common(missing, _ranges(known, uidnext))
    return b",".join([b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in missing])


def last_match(uids: Sequence[int], numbers: SequenceSet, theirs: SequenceSet) -> int:
    """The highest UID of the client's pairs (RFC 7162 §3.2.5.2) that has the number it had; 0 where none has.

    Below it nothing went: as many messages as then are there, and UIDs are never given out again.
    """
    found = 0
    for number, uid in zip(_each(numbers), _each(theirs), strict=True):
        if number <= len(uids) and uids[number - 1] == uid:
            found = uid
    return found


def pairs(numbers: SequenceSet) -> int:
    """How many numbers a set without `*` names."""
    return sum(high - low + 1 for low, high in numbers.ranges)


def _asked(known: SequenceSet | None, uid: int, uidnext: int) -> bool:
    return known is None or known.holds(uid, uidnext - 1)


def _each(numbers: SequenceSet) -> Iterator[int]:
    for low, high in numbers.ranges:
        yield from range(low, high + 1)


def _ranges(known: SequenceSet, uidnext: int) -> list[Range]:
    ranges = list(known.ranges)
    if known.stars:
        low = known.stars[0]
        ranges.append((uidnext - 1 if low == STAR else min(low, uidnext - 1), uidnext - 1))
    return sorted(ranges)


def _without(uids: Sequence[int], low: int, high: int) -> list[Range]:
    """The numbers from `low` to `high` that are not in use."""
    missing: list[Range] = []
    for uid in uids[bisect_left(uids, low) :]:
        if uid > high:
            break
        if uid > low:
            missing.append((low, uid - 1))
        low = uid + 1
    if low <= high:
        missing.append((low, high))
    return missing


def _common(ones: list[Range], others: Iterable[Range]) -> list[Range]:
    """What lies in both; both ascend."""
    found: list[Range] = []
    at = 0
    for low, high in others:
        while at < len(ones) and ones[at][1] < low:
            at += 1
        place = at
        while place < len(ones) and ones[place][0] <= high:
            found.append((max(low, ones[place][0]), min(high, ones[place][1])))
            place += 1
    return found
