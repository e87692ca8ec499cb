"""Places where a small input could cost much: patterns, flags, literals, log lines, addresses in bulk."""

import io
import json
import logging
import time

import pytest

from imap import flags
from imap.framing import Frame
from imap.pattern import matcher
from imap.reader import command
from imap.table import TABLE
from net.log import JsonLines
from net.server import Guests


@pytest.mark.parametrize(
    "pattern", ["*a" * 100_000 + "b", "%a" * 100_000, "*" * 100_000 + "b", "*%" * 50_000]
)
def test_a_pattern_costs_by_the_names_and_not_by_its_length(pattern: str) -> None:
    began = time.thread_time()
    fits = matcher(pattern)
    for _ in range(1000):
        fits("a" * 255)
    assert time.thread_time() - began < 5


def test_combinations_of_flags_are_not_kept_for_ever() -> None:
    """26 keywords of 200 octets and five flags: two thousand million texts of five kilobytes."""
    keywords = tuple(f"{number:02}".ljust(200, "x") for number in range(26))
    texts = flags.texts(keywords)
    for number in range(10_000):
        letters = "".join(chr(97 + bit) for bit in range(26) if number >> bit & 1)
        assert texts[letters].count(b"xx ") + texts[letters].count(b"xx)") == len(letters)
    assert len(texts) <= flags.MOST_TEXTS


class _Line:
    """A connection on which everything has come already."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    def write(self, data: bytes) -> None:
        pass

    async def readline(self, limit: int, wait: float, *, command: bool = False) -> bytes:
        return self._stream.readline()

    async def read(self, limit: int, wait: float) -> bytes:
        return self._stream.read(limit)


async def test_many_small_literals_are_not_looked_through_again_for_each() -> None:
    looked: list[int] = []

    def counting(text: bytes) -> bool:
        looked.append(len(text))
        return TABLE.streams(text)

    hostile = b"a LOGIN " + b"{0+}\r\n" * 40_000 + b"x\r\n"
    incoming = await command(_Line(hostile), 256 * 1024, 5, counting, 0)  # type: ignore[arg-type]
    assert incoming.text.count(b"{0+}") == 40_000
    assert len(looked) <= 2


async def test_a_message_behind_a_literal_name_is_still_streamed() -> None:
    incoming = await command(
        _Line(b"a APPEND {5+}\r\nINBOX (\\Seen) {10+}\r\n"),
        256 * 1024,
        5,
        TABLE.streams,
        0,  # type: ignore[arg-type]
    )
    assert incoming.message is not None and incoming.message.size == 10


def test_a_frame_is_bounded_whatever_is_announced() -> None:
    frame = Frame(1000)
    literal = frame.line(b"a LOGIN {4294967296}\r\n")
    assert literal is not None and literal.waits and not frame.fits(literal)


def test_who_owns_an_ipv6_network_is_one_guest() -> None:
    guests = Guests(most=100, most_per_address=3)
    entered = [guests.enter(f"2001:db8:0:1::{number:x}") for number in range(10)]
    assert entered == [True] * 3 + [False] * 7
    assert guests.enter("2001:db8:0:2::1") and guests.enter("fe80::1%eth0")
    guests.leave("2001:db8:0:1::1")
    assert guests.enter("2001:db8:0:1:ffff::")
    assert guests.total == 5


def test_a_name_cannot_act_on_the_terminal_that_shows_the_log() -> None:
    record = logging.LogRecord("t", logging.INFO, "", 0, "login.refused", None, None)
    record.fields = {"login": "a\x9b31m\u202e\x7f\u2028\udc80 山田"}
    line = JsonLines().format(record)
    assert line.isprintable() and "山田" in line
    assert json.loads(line)["login"] == "a\x9b31m\u202e\x7f\u2028\udc80 山田"
