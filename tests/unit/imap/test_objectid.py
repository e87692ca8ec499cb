"""Identifiers keep to RFC 8474 §7 whatever other programs call their files."""

import re

from hypothesis import given
from hypothesis import strategies as st

from imap.objectid import object_id


def test_our_own_names_stay_readable() -> None:
    assert object_id("1700000000.K0aZ1.mail") == b"1700000000_K0aZ1_mail"


@given(st.text(max_size=300))
def test_always_an_identifier_and_always_the_same(name: str) -> None:
    found = object_id(name)
    assert re.fullmatch(rb"[A-Za-z0-9_-]{1,255}", found)
    assert object_id(name) == found


def test_names_that_differ_in_odd_characters_differ() -> None:
    assert object_id("a,b") != object_id("a;b")
    assert object_id("\udc80") != object_id("\udc81")
