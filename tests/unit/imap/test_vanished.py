"""What is named as gone covers all that went, and nothing that is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap.sequence import parse
from imap.vanished import earlier, last_match, pairs

MOST = 30


@pytest.mark.parametrize(
    ("gone", "uids", "known", "kept", "named"),
    [
        ((1, 2, 7), (3,), None, 0, b"1:2,7"),
        ((1, 2, 7), (3, 7), None, 0, b"1:2"),  # came to light since: it is still in the client's view
        ((1, 2, 7), (3,), b"2:5", 0, b"2"),
        ((1, 2, 7), (3,), b"2:*", 0, b"2,7"),
        ((), (3,), None, 0, b""),
        (None, (3, 5), None, 0, b"1:2,4,6:9"),
        (None, (3, 5), b"4:7,9", 0, b"4,6:7,9"),
        (None, (3, 5), b"*", 0, b"9"),
        (None, (3, 5), None, 5, b"6:9"),
        (None, (), None, 0, b"1:9"),
        (None, (1, 2, 3, 4, 5, 6, 7, 8, 9), None, 0, b""),
    ],
)
def test_table(
    gone: tuple[int, ...] | None, uids: tuple[int, ...], known: bytes | None, kept: int, named: bytes
) -> None:
    assert earlier(gone, uids, 10, parse(known) if known else None, kept) == named


@given(
    st.sets(st.integers(1, MOST)),
    st.lists(st.tuples(st.integers(1, MOST + 9), st.integers(1, MOST + 9)), min_size=1, max_size=6),
)
def test_without_a_memory_all_that_is_not_there_is_named(
    here: set[int], asked: list[tuple[int, int]]
) -> None:
    known = parse(b",".join(b"%d:%d" % pair for pair in asked))
    wanted = {uid for uid in range(1, MOST + 1) if known.holds(uid, MOST)} - here
    named = earlier(None, tuple(sorted(here)), MOST + 1, known)
    assert (expand(named) if named else set()) == wanted


@given(st.lists(st.booleans(), min_size=1, max_size=MOST), st.data())
def test_pairs_spare_what_is_surely_there(kept: list[bool], data: st.DataObject) -> None:
    """A client that knew UIDs 1 to n, of which some went, sends some of its pairs."""
    here = tuple(uid for uid, stays in enumerate(kept, 1) if stays)
    sent = sorted(data.draw(st.sets(st.integers(1, len(kept)), min_size=1)))
    numbers = parse(b",".join(b"%d" % number for number in sent))
    match = last_match(here, numbers, numbers)
    named = earlier(None, here, len(kept) + 1, None, match)
    assert (expand(named) if named else set()) == set(range(1, len(kept) + 1)) - set(here)


def test_pairs_are_counted_without_being_made() -> None:
    assert pairs(parse(b"1:4000000000,7")) == 4_000_000_000


def expand(text: bytes) -> set[int]:
    return {uid for low, high in parse(text).ranges for uid in range(low, high + 1)}
