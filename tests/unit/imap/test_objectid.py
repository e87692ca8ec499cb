"""Identifiers keep to RFC 8474 §7 whatever other programs call their files."""

import re

from hypothesis import given
from hypothesis import strategies as st

from imap.objectid import object_id, thread_id
from storage.mime.head import links_of


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


@given(st.text(min_size=1, max_size=300).filter(lambda text: not text.isspace()), st.text(max_size=50))
def test_a_thread_has_always_an_identifier(links: str, base: str) -> None:
    assert re.fullmatch(rb"T[0-9a-f]{24}", thread_id(links, base))


def test_a_thread_is_named_after_its_first_message() -> None:
    """What is in a thread knows it by its own header, whichever of them comes first, or at all."""
    first = thread_of(message_id=b"<a@x>")
    assert thread_of(message_id=b"<b@x>", in_reply_to=b"<a@x>") == first
    assert thread_of(message_id=b"<c@x>", in_reply_to=b"<b@x>", references=b"<a@x> <b@x>") == first
    assert thread_of(message_id=b"<d@x>", references=b"\r\n <a@x>\r\n <b@x> <c@x>") == first
    assert thread_of(references=b"<a@x>") == first
    assert thread_of(message_id=b"<z@x>") != first


def test_messages_without_an_identifier_are_threads_of_their_own() -> None:
    assert thread_of(base="1.KW1.h") != thread_of(base="1.KW2.h")
    assert thread_of(base="1.KW1.h") == thread_of(base="1.KW1.h"), "a copy"


def thread_of(base: str = "1.KW0.h", **fields: bytes) -> bytes:
    kept = {name.replace("_", "-").encode(): [value] for name, value in fields.items()}
    return thread_id(links_of(kept), base)
