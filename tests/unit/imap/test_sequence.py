"""Sequence sets against a plain reading of RFC 9051 §9, and at sizes meant to hurt."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap import sequence
from imap.scanner import BadSyntax, Scanner
from imap.sequence import OutOfRange, compact, parse, pick


@pytest.mark.parametrize(
    ("text", "exists", "numbers"),
    [
        (b"1", 3, [1]),
        (b"1:3", 3, [1, 2, 3]),
        (b"3:1", 3, [1, 2, 3]),
        (b"*", 3, [3]),
        (b"2:*", 3, [2, 3]),
        (b"*:2", 3, [2, 3]),
        (b"*:*", 3, [3]),
        (b"1,3,2,1", 3, [1, 2, 3]),
        (b"1,*", 3, [1, 3]),
        (b"1:*", 0, []),
        (b"*", 0, []),
    ],
)
def test_numbers(text: bytes, exists: int, numbers: list[int]) -> None:
    assert pick(range(1, exists + 1), parse(text).numbers(exists)) == numbers


@pytest.mark.parametrize("text", [b"4", b"1:4", b"4:*", b"2,9", b"4294967295"])
def test_numbers_that_do_not_exist(text: bytes) -> None:
    with pytest.raises(OutOfRange):
        parse(text).numbers(3)


@pytest.mark.parametrize(
    ("text", "uids"),
    [
        (b"5", [5]),
        (b"1:4", []),
        (b"4:10", [5, 9]),
        (b"*", [20]),
        (b"100:*", [20]),
        (b"6:*", [9, 20]),
        (b"1:4294967295", [5, 9, 20]),
        (b"20,5,5:9", [5, 9, 20]),
        (b"7", []),
    ],
)
def test_uids(text: bytes, uids: list[int]) -> None:
    known = (5, 9, 20)
    assert pick(known, parse(text).uids(known)) == uids


@pytest.mark.parametrize(
    "text",
    [b"", b"0", b"0:1", b"1,", b",1", b"1:", b":1", b"1:2:3", b"a", b"1;2", b"4294967296", b"*:4294967296",
     b"01", b"**", b"1,,2", b"9" * 5000],
)  # fmt: skip
def test_what_is_no_set(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        sequence.sequence_set(Scanner(text + b" x"))
        parse(text)


elements = st.one_of(
    st.integers(min_value=1, max_value=40).map(str),
    st.just("*"),
    st.tuples(
        st.one_of(st.integers(1, 40).map(str), st.just("*")),
        st.one_of(st.integers(1, 40).map(str), st.just("*")),
    ).map(":".join),
)


def plainly(text: str, largest: int) -> set[int]:
    found: set[int] = set()
    for element in text.split(","):
        ends = [largest if end == "*" else int(end) for end in element.split(":")]
        found.update(range(min(ends), max(ends) + 1))
    return found


@given(st.lists(elements, min_size=1, max_size=8).map(",".join), st.sets(st.integers(1, 40), min_size=1))
def test_like_a_plain_reading(text: str, known: set[int]) -> None:
    uids = tuple(sorted(known))
    found = parse(text.encode())
    expected = plainly(text, uids[-1])
    assert pick(uids, found.uids(uids)) == [uid for uid in uids if uid in expected]
    assert all(found.holds(uid, uids[-1]) == (uid in expected) for uid in uids)
    try:
        numbers = pick(range(1, 41), found.numbers(40))
    except OutOfRange:
        pytest.fail("numbers up to 40 exist")
    assert set(numbers) == plainly(text, 40)


@given(st.lists(st.integers(1, 30), max_size=30))
def test_compact_keeps_order_and_reads_back(uids: list[int]) -> None:
    text = compact(uids)
    back = []
    for element in text.split(b",") if text else []:
        low, _, high = element.partition(b":")
        back += range(int(low), int(high or low) + 1)
    assert back == uids


@given(st.binary(max_size=30))
def test_garbage(text: bytes) -> None:
    try:
        sequence.sequence_set(Scanner(text))
    except BadSyntax:
        pass


def test_a_million_elements_are_merged() -> None:
    text = b",".join(b"%d" % number for number in range(1, 2_000_001, 2))
    started = time.process_time()
    found = parse(text)
    assert time.process_time() - started < 5
    assert len(found.ranges) == 1_000_000
    assert pick((3, 4, 5), found.uids((3, 4, 5))) == [3, 5]
    assert parse(b",".join([b"1:4294967295"] * 100_000)).ranges == ((1, 4294967295),)
