"""How messages begin."""

import pytest
from hypothesis import given

from storage.mime.opening import LETTERS, opening
from storage.mime.parts import parse
from tests.unit.storage.mime.test_parts import HOSTILE


def begins(message: str | bytes) -> str:
    data = message.encode() if isinstance(message, str) else message
    data = data.replace(b"\n", b"\r\n")
    return opening(data, parse(data))


UTF8 = "Content-Type: text/plain; charset=utf-8\n\n"
MIXED = "Content-Type: multipart/{}; boundary=b\n\n"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("", ""),
        ("Subject: x\n\n", ""),
        (UTF8 + "  one \n\n two\tthree ", "one two three"),
        (UTF8 + "> old\n> older\nnew", "new"),
        (UTF8 + "> only what is old", "> only what is old"),
        (UTF8 + "お世話に\nなっております。", "お世話になっております。"),
        (UTF8 + "a\u200bb\u00a0c", "a b c"),
        (
            MIXED.format("alternative") + "--b\nContent-Type: text/html\n\n<p>H</p>\n--b\n\nplain\n--b--",
            "plain",
        ),
        (
            MIXED.format("alternative") + "--b\n\n \n--b\nContent-Type: text/html\n\n<p>H&amp;M</p>\n--b--",
            "H&M",
        ),
        (MIXED.format("mixed") + "--b\nContent-Disposition: attachment\n\nfile\n--b\n\ntext\n--b--", "text"),
        (MIXED.format("mixed") + "--b\nContent-Type: message/rfc822\n\nSubject: y\n\ninner\n--b--", "inner"),
        ("Content-Type: image/png\n\nx", ""),
        ("Content-Type: text/calendar\n\nBEGIN:VCALENDAR", ""),
        ("Content-Type: text/html\n\n<style>a{}</style><script>b</script><td>c</td><td>d</td>", "c d"),
    ],
)
def test_opening(message: str, text: str) -> None:
    assert begins(message) == text


def test_it_is_short() -> None:
    assert len(begins(UTF8 + "長い" * 10_000)) == LETTERS


@given(HOSTILE)
def test_any_message_begins_somehow(data: bytes) -> None:
    assert len(opening(data, parse(data))) <= LETTERS
