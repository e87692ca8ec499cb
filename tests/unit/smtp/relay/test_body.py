"""Dots, line ends, and what a message needs of a host; the same however it is cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp.relay.body import inspect, stuffed
from smtp.relay.order import wire
from storage.message import Message
from tests.unit.smtp.relay.conftest import TEXT

PIECES = st.lists(st.sampled_from([b".", b"\r\n", b"x", b"\r", b"\n", b"..", b"\xff", b"\r\n."]), max_size=12)


def plain(text: bytes) -> bytes:
    """What `stuffed` must come to, said simply (RFC 5321 §4.5.2)."""
    lines = text.split(b"\r\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


@given(PIECES.map(b"".join), st.lists(st.integers(0, 30), max_size=10))
def test_stuffed_however_it_is_cut(text: bytes, cuts: list[int]) -> None:
    at = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[start:end] for start, end in itertools.pairwise(at)]
    assert b"".join(stuffed(pieces)) == plain(text)


@pytest.mark.parametrize(
    ("text", "eightbit", "utf8", "optional"),
    [
        (TEXT, False, False, False),
        ("Subject: x\r\n\r\nあ\r\n".encode(), True, False, False),
        ("Subject: あ\r\n\r\nx\r\n".encode(), True, True, False),
        ("Subject: x\r\n\r\nあ\r\n".encode("iso2022_jp"), False, False, False),
        (b"tls-required: no\r\n\r\n", False, False, True),
        (b"TLS-Required: No way\r\n\r\n", False, False, False),
        (b"Subject: x\r\n\r\nTLS-Required: No\r\n", False, False, False),
        (b"", False, False, False),
    ],
)
@pytest.mark.parametrize("large", [False, True])
def test_what_it_needs(text: bytes, eightbit: bool, utf8: bool, optional: bool, large: bool) -> None:
    if large and b"\r\n\r\n" not in text:
        return
    message = Message.of(text + b"x" * 300_000 if large else text)
    content = inspect(message)
    assert (content.whole is None) is large
    assert (content.eightbit, content.utf8_header, content.tls_optional) == (eightbit, utf8, optional)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("a@example.com", b"a@example.com"),
        ("", b""),
        ("a..b.@docomo.ne.jp", b"a..b.@docomo.ne.jp"),
        ('"a b"@example.com', b'"a b"@example.com'),
        ("a@[192.0.2.1]", b"a@[192.0.2.1]"),
        ("a@例え.jp", b"a@xn--r8jz45g.jp"),
        ("あ@例え.jp", "あ@例え.jp".encode()),
        ("a@\u3002.jp", None),
        ("a\r\nRCPT TO:<b>@example.com", None),
        ("あ\n@example.com", None),
        ("あ\udcff@example.com", None),
    ],
)
def test_addresses_on_the_wire(address: str, expected: bytes | None) -> None:
    assert wire(address) == expected
