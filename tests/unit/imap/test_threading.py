"""Threads (RFC 5256 §3), step by step, and what no message may do to them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap.threading import DEPTH, Sent, ordered_subject, references, written


def sent(
    number: int, links: str = "-", topic: str = "", reply: bool = False, moment: int | None = None
) -> Sent:
    return Sent(number, number if moment is None else moment, topic, reply, tuple(links.split()))


def by_references(*messages: Sent) -> str:
    return written(references(messages)).decode()


@pytest.mark.parametrize(
    ("messages", "threads"),
    [
        ([], ""),
        ([sent(1)], "(1)"),
        ([sent(1, "a"), sent(2, "b a")], "(1 2)"),
        ([sent(1, "a"), sent(2, "b a"), sent(3, "c a")], "(1 (2)(3))"),
        ([sent(1, "a"), sent(2, "b a"), sent(3, "c a b"), sent(4, "d a")], "(1 (2 3)(4))"),
        # one that came before what it refers to
        ([sent(1, "b a"), sent(2, "a")], "(2 1)"),
        # a place between two messages is left out; on top it stays if several are below it
        ([sent(1, "a"), sent(2, "c a b")], "(1 2)"),
        ([sent(1, "b a"), sent(2, "c a")], "((1)(2))"),
        ([sent(1, "b a")], "(1)"),
        # its own References count for more than what others say (step 1 B)
        ([sent(1, "a"), sent(2, "x"), sent(3, "c a b"), sent(4, "b x")], "(1)(2 4 3)"),
        # the same identifier twice
        ([sent(1, "a"), sent(2, "a"), sent(3, "b a")], "(1 3)(2)"),
        # circles
        ([sent(1, "a a")], "(1)"),
        ([sent(1, "a b"), sent(2, "b a")], "(2 1)"),
        ([sent(1, "a b c"), sent(2, "c a")], "(2 1)"),
        # by date, not by number
        ([sent(1, "a", moment=9), sent(2, "b", moment=5)], "(2)(1)"),
        ([sent(1, "a"), sent(2, "b a", moment=9), sent(3, "c a", moment=5)], "(1 (3)(2))"),
        # by subject (step 5): a reply below what is none, two replies beside each other
        ([sent(1, "a", "x"), sent(2, "b", "x", True)], "(1 2)"),
        ([sent(1, "a", "x", True), sent(2, "b", "x")], "(2 1)"),
        ([sent(1, "a", "x", True), sent(2, "b", "x", True)], "((1)(2))"),
        ([sent(1, "a", "x"), sent(2, "b", "x")], "((1)(2))"),
        ([sent(1, "a", "x"), sent(2, "b", "x"), sent(3, "c", "x")], "((1)(2)(3))"),
        ([sent(1, "a", ""), sent(2, "b", "")], "(1)(2)"),
        ([sent(1, "a", "x"), sent(2, "c b", "x", True), sent(3, "d b", "x", True)], "((1)(2)(3))"),
        ([sent(1, "c b", "x", True), sent(2, "d b", "x", True), sent(3, "f e", "x", True), sent(4, "g e", "x")],
         "((1)(2)(3)(4))"),
    ],
)  # fmt: skip
def test_references(messages: list[Sent], threads: str) -> None:
    assert by_references(*messages) == threads


@pytest.mark.parametrize(
    ("messages", "threads"),
    [
        ([], ""),
        ([sent(1, topic="a"), sent(2, topic="b"), sent(3, topic="a")], "(1 3)(2)"),
        ([sent(1, topic="a"), sent(2, topic="a"), sent(3, topic="a")], "(1 (2)(3))"),
        (
            [sent(1, topic="a", moment=9), sent(2, topic="a", moment=5), sent(3, topic="b", moment=7)],
            "(2 1)(3)",
        ),
    ],
)
def test_ordered_subject(messages: list[Sent], threads: str) -> None:
    assert written(ordered_subject(messages)).decode() == threads


def test_a_very_long_thread_is_cut_and_not_slow() -> None:
    chain = [sent(n, f"m{n} m{n - 1}") for n in range(1, 5000)]
    found = by_references(*chain)
    assert sorted(map(int, re.findall(r"\d+", found))) == list(range(1, 5000))
    assert 10 <= found.count("(") <= 5000 // DEPTH + 10


IDENTS = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=4).map(" ".join) | st.just("-")
MESSAGES = st.lists(
    st.tuples(IDENTS, st.sampled_from(["", "x", "y"]), st.booleans(), st.integers(0, 5)), max_size=12
)


@given(MESSAGES)
def test_every_message_is_in_one_thread(drawn: list[tuple[str, str, bool, int]]) -> None:
    messages = [sent(n, *one) for n, one in enumerate(drawn, 1)]
    for threads in (references(messages), ordered_subject(messages)):
        text = written(threads).decode()
        assert sorted(map(int, re.findall(r"\d+", text))) == [one.number for one in messages]
        assert re.fullmatch(r"[()0-9 ]*", text) and text.count("(") == text.count(")")
        assert not re.search(r"\(\)|\( |  | \)|\)\d", text)
