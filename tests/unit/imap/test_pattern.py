"""LIST patterns: as RFC 9051 §6.3.9 says, and in bounded time."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap.pattern import matcher

NAMES = ["INBOX", "Work", "Work/2024", "Work/2024/Jan", "Workshop", "a*b", ""]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("*", NAMES),
        ("%", ["INBOX", "Work", "Workshop", "a*b", ""]),
        ("Work*", ["Work", "Work/2024", "Work/2024/Jan", "Workshop"]),
        ("Work%", ["Work", "Workshop"]),
        ("Work/%", ["Work/2024"]),
        ("Work/*", ["Work/2024", "Work/2024/Jan"]),
        ("%/%", ["Work/2024"]),
        ("%/%/%", ["Work/2024/Jan"]),
        ("*/Jan", ["Work/2024/Jan"]),
        ("W%/2024*", ["Work/2024", "Work/2024/Jan"]),
        ("*%", NAMES),
        ("inbox", ["INBOX"]),
        ("InB*", ["INBOX"]),
        ("work", []),
        ("", [""]),
    ],
)
def test_patterns(pattern: str, fits: list[str]) -> None:
    match = matcher(pattern)
    assert [name for name in NAMES if match(name)] == fits


@pytest.mark.parametrize("pattern", ["INBOX/%", "inbox/%", "Inbox/*", "%/Old", "inbox/old*"])
def test_below_the_inbox(pattern: str) -> None:
    """What CREATE and SELECT take in any case LIST takes too; deeper levels have their case."""
    assert matcher(pattern)("INBOX/Old") is (pattern != "inbox/old*")


@given(st.text("ab/*%", max_size=8), st.text("ab/", max_size=10))
def test_like_a_regular_expression(pattern: str, name: str) -> None:
    regex = "".join({"*": ".*", "%": "[^/]*"}.get(char, re.escape(char)) for char in pattern)
    assert matcher(pattern)(name) == bool(re.fullmatch(regex, name))


def test_a_pattern_meant_to_hurt() -> None:
    match = matcher("*a" * 2000 + "b")
    started = time.process_time()
    assert not match("a" * 255)
    assert time.process_time() - started < 1
