"""What is compared of a header: base subjects, moments of Date, links between messages, folded fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.mime.charset import decode_header
from storage.mime.head import FIELD, LINKS, Head, base_subject, folded, read_date
from storage.mime.summary import summarise
from storage.mime.text import fold


def head(*lines: bytes) -> Head:
    return summarise(b"\r\n".join((*lines, b"", b"body"))).head


@pytest.mark.parametrize(
    ("subject", "base", "reply"),
    [
        ("a", "a", False),
        ("re: a", "a", True),
        ("re : a", "a", True),
        ("re:a", "a", True),
        ("fw: a", "a", True),
        ("fwd: a", "a", True),
        ("re[2]: a", "a", True),
        ("re [x] : a", "a", True),
        ("re: re: fwd: a", "a", True),
        ("a (fwd)", "a", True),
        ("a (fwd) (fwd)", "a", True),
        ("[list] a", "a", False),
        ("[list] re: [list] a", "a", True),
        ("re: [one] [two] re: a", "a", True),
        ("[fwd: a]", "a", True),
        ("[fwd: re: [x] a (fwd)]", "a", True),
        ("[only]", "[only]", False),
        ("[a] [b]", "[b]", False),
        ("re: [b]", "[b]", True),
        ("re:", "", True),
        ("", "", False),
        ("[unclosed a", "[unclosed a", False),
        ("regarding a", "regarding a", False),
        ("返信: a", "返信: a", False),  # RFC 5256 §2.1 knows no other language
        ("aw: a", "aw: a", False),
        ("請求書の件", "請求書の件", False),
        ("re: [営業部:00123] 請求書の件", "請求書の件", True),
    ],
)
def test_base_subject(subject: str, base: str, reply: bool) -> None:
    assert base_subject(subject) == (base, reply)


@given(st.text(alphabet="[]ab refwd:()", max_size=40))
def test_a_base_subject_is_its_own(subject: str) -> None:
    base = base_subject(fold(subject))[0]
    assert base_subject(base) == (base, False)


def test_base_subject_of_full_width_letters() -> None:
    assert head("Subject: Ｒｅ：請求書".encode()).topic == "請求書"


@pytest.mark.parametrize(
    ("value", "day", "sent"),
    [
        (b"Mon, 7 Feb 1994 21:52:25 -0800", 19940207, 760_686_745),
        (b"Tue, 8 Feb 1994 05:52:25 GMT", 19940208, 760_686_745),
        (b"8 Feb 94 14:52:25 JST", 19940208, 760_686_745),
        (b"8 Feb 1994 05:52", 19940208, 760_686_720),
        (b"8 Feb 1994", 19940208, 760_665_600),
        (b"8 Feb 1994 25:61:00 +0900", 19940208, 760_633_200),
        (b"Thu, 1 Jan 1970 09:00:00 +0900 (JST)", 19700101, 0),
        (b"31 Feb 2024 00:00:00 +0000", 20240231, None),
        (b"2024-01-01", 0, None),
        (b"1 Foo 2024", 0, None),
        (b"", 0, None),
    ],
)
def test_dates(value: bytes, day: int, sent: int | None) -> None:
    assert read_date(value) == (day, sent)


def test_fields_are_read_as_meant_and_folded() -> None:
    found = head(
        b"From: =?ISO-2022-JP?B?GyRCOzNFREJATzobKEI=?= <Taro@Example.JP>",
        b'To: "Hanako S." <hanako@example.jp>, b@c',
        b"Cc: group: x@y;",
        b"Subject: Re: =?utf-8?q?=EF=BD=B6=EF=BE=9E?= ABC",
        b"Message-ID: <M1@Example>",
    )
    assert found.author == "山田太郎 <taro@example.jp>"
    assert found.subject == "re: ガ abc" and found.topic == "ガ abc" and found.reply
    assert (found.by_author, found.by_receiver, found.by_cc) == ("taro", "hanako", "group")
    assert (found.shown_author, found.shown_receiver) == ("山田太郎", "hanako s.")
    assert found.ident == "<m1@example>" and found.bcc is None and found.whole
    assert head(b"To: only@address.jp").shown_receiver == "only@address.jp"


def test_what_is_not_there_and_what_is_empty() -> None:
    assert head(b"X: y").subject is None
    assert head(b"Subject:").subject == ""
    assert head(b"Subject: one", b"Subject: two").subject == "one\ntwo"


def test_long_fields_are_cut_and_said_to_be() -> None:
    found = head(b"To: " + b"a@b, " * FIELD)
    assert not found.whole and found.receiver is not None and len(found.receiver) == FIELD


@pytest.mark.parametrize(
    ("lines", "links"),
    [
        ([b"Message-ID: <a@b>"], "a@b"),
        ([b"Subject: x"], "-"),
        ([b"Message-ID: no"], "-"),
        ([b"Message-ID: <a@b>", b"References: <c@d> junk <e@f>"], "a@b c@d e@f"),
        ([b"Message-ID: <a@b>", b"In-Reply-To: <c@d> <e@f>"], "a@b c@d"),
        ([b"Message-ID: <a@b>", b"References: nonsense", b"In-Reply-To: Your mail <c@d>"], "a@b c@d"),
        ([b'Message-ID: <"a"@b>', b"References: < c@d >"], "a@b c@d"),
    ],
)
def test_links(lines: list[bytes], links: str) -> None:
    assert head(*lines).links == links


def test_of_very_many_references_the_first_and_the_last_are_kept() -> None:
    found = head(b"References: " + b" ".join(b"<%d@x>" % number for number in range(1000))).links.split()
    assert len(found) == LINKS + 1
    assert found[1] == "0@x" and found[-1] == "999@x"


@given(st.binary(max_size=60))
def test_the_short_way_is_the_long_one(value: bytes) -> None:
    assert folded(value) == fold(decode_header(value))
