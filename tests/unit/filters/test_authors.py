"""Whose name is on it: one reading of From and Sender, or none."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.account import AccountFile
from filters.authors import MOST, Unclear, mailboxes, wrong
from storage.people.directory import AccountEntry
from storage.people.directory_cache import Stamp

FILE = AccountFile(aliases=("t.yamada",), send_as=("Sales@example.net",))
TARO = AccountEntry("taro@example.test", FILE, "current", Stamp(0, 0, 0, 0))

ONE = {
    b"taro@example.test": "taro@example.test",
    b"<taro@example.test>": "taro@example.test",
    b" Taro Yamada <taro@example.test> ": "taro@example.test",
    b'"Yamada, Taro" <taro@example.test>': "taro@example.test",
    b'"evil@example.com" <taro@example.test>': "taro@example.test",
    b"=?utf-8?q?evil=40example.com?= <taro@example.test>": "taro@example.test",
    b"taro@example.test (evil@example.com)": "taro@example.test",
    b"(a (nested) \\) one) Taro (x) <taro@example.test> (y)": "taro@example.test",
    b"John Q. Public [Sales] <taro@example.test>": "taro@example.test",
    "山田太郎 <taro@example.test>".encode(): "taro@example.test",
    b"\x8eR\x93c <taro@example.test>": "taro@example.test",  # Shift_JIS without any encoding
    b"a..b.@docomo.ne.jp": "a..b.@docomo.ne.jp",
    b'"a b"@example.test': '"a b"@example.test',
    b"x@[192.0.2.1]": "x@[192.0.2.1]",
    b"< taro@example.test >": "taro@example.test",
}
UNCLEAR = [
    b"",
    b"   ",
    b"Taro",
    b"taro@example.test <evil@example.com>",
    b"evil@example.com <taro@example.test>",
    b"Taro <taro@example.test> <evil@example.com>",
    b"Taro <taro@example.test> evil@example.com",
    b"taro@example.test evil@example.com",
    b"taro@example.test;evil@example.com",
    b"<@evil.example:taro@example.test>",
    b"<taro@example.test",
    b"taro@example.test>",
    b"<taro(x)@example.test>",
    b"<taro @example.test>",
    b"us: taro@example.test;",
    b"us: taro@example.test, evil@example.com;",
    b"undisclosed:;",
    b'"taro@example.test',
    b"(taro@example.test",
    b"taro@example.test,",
    b", taro@example.test",
    b"taro@",
    b"@example.test",
    b"taro",
    b"<>",
    b"taro@@example.test",
    b"taro@example..test",
    b"\x1b$B;3ED\x1b(B <taro@example.test>",  # ISO-2022-JP without any encoding has brackets of its own
    b"taro\x00@example.test",
    b"taro@example.test\x7f",
    b"\xff@example.test",
    b",".join([b"a@example.test"] * (MOST + 1)),
]


@pytest.mark.parametrize("value", ONE, ids=repr)
def test_one_address(value: bytes) -> None:
    assert mailboxes(value) == [ONE[value]]


@pytest.mark.parametrize("value", UNCLEAR, ids=repr)
def test_not_understood(value: bytes) -> None:
    with pytest.raises(Unclear):
        mailboxes(value)


def test_several() -> None:
    assert mailboxes(b'a@example.test, "b, c" <d@example.test> (x) ,e@example.test') == [
        "a@example.test",
        "d@example.test",
        "e@example.test",
    ]


@pytest.mark.parametrize(
    "head",
    [
        b"From: taro@example.test\r\n\r\n",
        b"from : Taro\r\n\t<TARO@Example.TEST>\r\n\r\n",
        b"From: t.yamada@example.test\r\n\r\n",
        b"From: taro+shop@example.test\r\n\r\n",
        b"From: sales@example.net\r\nSender: taro@example.test\r\n\r\n",
        b"From: taro@example.test\r\nSender: T.Yamada@example.test\r\n\r\n",
    ],
    ids=repr,
)
def test_its_own(head: bytes) -> None:
    assert wrong(head, TARO) is None


@pytest.mark.parametrize(
    ("head", "code", "words"),
    [
        (b"Subject: x\r\n\r\n", "5.6.0", "no From"),
        (b"", "5.6.0", "no From"),
        (b"From: hanako@example.test\r\n\r\n", "5.7.1", "hanako@example.test in From does not belong"),
        (b"From: taro@example.com\r\n\r\n", "5.7.1", "does not belong"),
        (b"From: taro@example.test, hanako@example.test\r\n\r\n", "5.7.1", "more than one address"),
        (b"From: taro@example.test\r\nFrom: hanako@example.test\r\n\r\n", "5.6.0", "more than one From"),
        (b"From: hanako@example.test\r\nfrom: taro@example.test\r\n\r\n", "5.6.0", "more than one From"),
        (b"From: taro@example.test\r\nSender: hanako@example.test\r\n\r\n", "5.7.1", "in Sender"),
        (b"From: taro@example.test\r\nSender:\r\n\r\n", "5.6.0", "Sender field"),
        (b"From: taro@example.test\r\n\t<evil@example.com>\r\n\r\n", "5.6.0", "From field"),
        (b"From: us:taro@example.test;\r\n\r\n", "5.6.0", "group"),
    ],
)
def test_not_its_own(head: bytes, code: str, words: str) -> None:
    answer = wrong(head, TARO)
    assert answer is not None
    assert answer.code == code
    assert words in answer.text
    assert answer.text.isascii() and answer.text.isprintable()


@given(st.binary(max_size=200))
def test_any_octets_are_understood_or_not(value: bytes) -> None:
    try:
        found = mailboxes(value)
    except Unclear as error:
        assert str(error)
    else:
        assert all("@" in address for address in found)


pieces = st.sampled_from(
    [
        b"taro@example.test",
        b"evil@example.com",
        b"<",
        b">",
        b'"',
        b"(",
        b")",
        b",",
        b":",
        b";",
        b"\\",
        b" ",
        b"x",
        b"@",
    ]
)


@given(st.lists(pieces, max_size=12).map(b"".join))
def test_whoever_else_is_named_outside_of_quotes_and_comments_is_found(value: bytes) -> None:
    """What another program could take for the author is in the list, or the field is refused."""
    try:
        found = mailboxes(value)
    except Unclear:
        return
    plain, depth, quoted, position = b"", 0, False, 0
    while position < len(value):
        letter = value[position : position + 1]
        if letter == b"\\" and (quoted or depth):
            position += 1
        elif letter == b'"' and not depth:
            quoted = not quoted
        elif letter == b"(" and not quoted:
            depth += 1
        elif letter == b")" and not quoted:
            depth -= 1
        elif not quoted and not depth:
            plain += letter
        position += 1
    assert (b"evil@example.com" in plain) == any("evil@example.com" in address for address in found)


def test_long_nonsense_takes_linear_time() -> None:
    for value in (b"(" * 100_000, b'"\\' * 100_000, b"a " * 100_000, b"<" * 100_000, b"a@b.c," * 100_000):
        with pytest.raises(Unclear):
            mailboxes(value)


def test_an_account_without_grants_is_itself_alone() -> None:
    plain = replace(TARO, file=AccountFile())
    assert wrong(b"From: taro@example.test\r\n\r\n", plain) is None
    assert wrong(b"From: t.yamada@example.test\r\n\r\n", plain) is not None
