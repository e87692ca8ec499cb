"""Replies out of bytes cut anywhere, and the status of each."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp.relay.reply import MOST, WORDS, BadReply, Replies, Reply


def parsed(*pieces: bytes) -> list[Reply]:
    replies, found = Replies(), []
    for piece in pieces:
        replies.feed(piece)
        while (reply := replies.next()) is not None:
            found.append(reply)
    return found


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"220 mx ESMTP\r\n", [Reply(220, ("mx ESMTP",))]),
        (b"250-mx\r\n250-SIZE 1\r\n250 DSN\r\n", [Reply(250, ("mx", "SIZE 1", "DSN"))]),
        (b"250\r\n", [Reply(250, ("",))]),
        (b"250 \r\n354 go\n", [Reply(250, ("",)), Reply(354, ("go",))]),
        (b"250-mx\n250 ok\n", [Reply(250, ("mx", "ok"))]),
        (b"250 ok", []),
    ],
)
def test_replies(data: bytes, expected: list[Reply]) -> None:
    assert parsed(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"hello\r\n",
        b"25\r\n",
        b"250_ok\r\n",
        b"099 no\r\n",
        b"600 no\r\n",
        b"250-ok\r\n550 no\r\n",
        b"2\xb2\xb20 no\r\n",
        b"\xff\xfe\r\n",
        b"250-" + b"x" * MOST,
        b"250-x\r\n" * MOST,
    ],
)
def test_what_is_no_reply(data: bytes) -> None:
    with pytest.raises(BadReply):
        parsed(data)


REPLY = st.builds(
    lambda code, lines: b"".join(
        b"%d%b%b\r\n" % (code, b" " if number == len(lines) - 1 else b"-", line)
        for number, line in enumerate(lines)
    ),
    st.integers(200, 599),
    st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), min_size=1, max_size=5),
)


@given(st.lists(REPLY, max_size=4).map(b"".join), st.lists(st.integers(0, 400), max_size=8))
def test_cut_anywhere_they_are_the_same(data: bytes, cuts: list[int]) -> None:
    at = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    pieces = [data[start:end] for start, end in itertools.pairwise(at)]
    assert parsed(*pieces) == parsed(data)


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_whatever_comes_is_replies_or_bad(pieces: list[bytes]) -> None:
    try:
        for reply in parsed(*pieces):
            assert reply.status().code[0] in "245" and len(str(reply)) <= WORDS
            assert reply.words.isprintable() and "\n" not in reply.words
    except BadReply as error:
        assert len(str(error)) < 500


@pytest.mark.parametrize(
    ("reply", "code", "text"),
    [
        (Reply(250, ("2.1.5 ok",)), "2.1.5", "ok"),
        (Reply(550, ("no such user",)), "5.0.0", "no such user"),
        (Reply(550, ("5.7.1 a", "5.7.1 b", "c")), "5.7.1", "a b c"),
        (Reply(450, ("5.1.1 of another class",)), "4.0.0", "of another class"),
        (Reply(550, ("5.7.1",)), "5.7.1", ""),
        (Reply(550, ("5.7.1234 x",)), "5.0.0", "5.7.1234 x"),
        (Reply(354, ("go",)), "4.5.0", "unexpected reply: 354 go"),
        (Reply(250, ("",)), "2.0.0", ""),
    ],
)
def test_status(reply: Reply, code: str, text: str) -> None:
    assert (reply.status().code, reply.status().text) == (code, text)
