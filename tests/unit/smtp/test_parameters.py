"""The parameters of MAIL and RCPT: what is kept, in which form, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp import parameters, replies
from smtp.replies import Malformed

TAKEN = [
    (parameters.MAIL, b"RET=full", {"ret": "FULL"}),
    (parameters.MAIL, b"ret=HDRS", {"ret": "HDRS"}),
    (parameters.MAIL, b"ENVID=QQ314159", {"envid": "QQ314159"}),
    (parameters.MAIL, b"ENVID=a+2Bb+20C+3D", {"envid": "a+2Bb+20C+3D"}),  # as it came
    (parameters.MAIL, b"ENVID=" + b"x" * 100, {"envid": "x" * 100}),
    (parameters.MAIL, b"REQUIRETLS", {"requiretls": True}),
    (parameters.MAIL, b"HOLDFOR=3600", {"holdfor": 3600}),
    (parameters.MAIL, b"HOLDUNTIL=2026-11-23T02:00:00Z", {"holduntil": 1795399200}),
    (parameters.MAIL, b"HOLDUNTIL=2026-11-23T11:00:00+09:00", {"holduntil": 1795399200}),
    (parameters.MAIL, b"holduntil=2026-11-23t02:00:00.5z", {"holduntil": 1795399200}),
    (parameters.MAIL, b"BODY=binarymime", {"body": "BINARYMIME"}),
    (parameters.RCPT, b"NOTIFY=never", {"notify": "NEVER"}),
    (parameters.RCPT, b"NOTIFY=Success,DELAY", {"notify": "SUCCESS,DELAY"}),
    (parameters.RCPT, b"NOTIFY=FAILURE ORCPT=rfc822;Bob@X", {"notify": "FAILURE", "orcpt": "rfc822;Bob@X"}),
    (parameters.RCPT, b"ORCPT=rfc822;a..b.+2B+40docomo.ne.jp", {"orcpt": "rfc822;a..b.+2B+40docomo.ne.jp"}),
    (parameters.RCPT, rb"ORCPT=utf-8;\x{592A}\x{90CE}@example.jp", {"orcpt": r"utf-8;\x{592A}\x{90CE}@example.jp"}),
    (parameters.RCPT, "ORCPT=UTF-8;太郎@example.jp".encode(), {"orcpt": "UTF-8;太郎@example.jp"}),
]  # fmt: skip


@pytest.mark.parametrize(("known", "words", "given_"), TAKEN)
def test_taken(known: parameters.Parameters, words: bytes, given_: dict[str, object]) -> None:
    assert parameters.parameters(words, known) == given_


REFUSED = [
    (parameters.MAIL, b"RET"),
    (parameters.MAIL, b"RET=SOME"),
    (parameters.MAIL, b"RET=FULL,HDRS"),
    (parameters.MAIL, b"ENVID"),
    (parameters.MAIL, b"ENVID=" + b"x" * 101),
    (parameters.MAIL, b"ENVID=a+b"),  # not xtext
    (parameters.MAIL, b"ENVID=a+2b"),  # hexadecimal in capitals only
    (parameters.MAIL, b"ENVID=a=b"),
    (parameters.MAIL, b"ENVID=a+0Db"),  # would end a line of a report
    (parameters.MAIL, "ENVID=é".encode()),
    (parameters.MAIL, b"REQUIRETLS=yes"),
    (parameters.MAIL, b"HOLDFOR"),
    (parameters.MAIL, b"HOLDFOR=0"),
    (parameters.MAIL, b"HOLDFOR=-5"),
    (parameters.MAIL, b"HOLDFOR=1h"),
    (parameters.MAIL, b"HOLDFOR=1234567890"),
    (parameters.MAIL, b"HOLDUNTIL=tomorrow"),
    (parameters.MAIL, b"HOLDUNTIL=2026-11-23"),
    (parameters.MAIL, b"HOLDUNTIL=2026-11-23T02:00:00"),  # of which zone?
    (parameters.MAIL, b"HOLDUNTIL=2026-13-23T02:00:00Z"),
    (parameters.MAIL, b"HOLDUNTIL=2026-11-23T25:00:00Z"),
    (parameters.MAIL, b"BODY=8BIT"),
    (parameters.RCPT, b"NOTIFY"),
    (parameters.RCPT, b"NOTIFY=MAYBE"),
    (parameters.RCPT, b"NOTIFY=NEVER,SUCCESS"),
    (parameters.RCPT, b"NOTIFY=SUCCESS,SUCCESS"),
    (parameters.RCPT, b"NOTIFY=SUCCESS,"),
    (parameters.RCPT, b"ORCPT"),
    (parameters.RCPT, b"ORCPT=taro@example.jp"),
    (parameters.RCPT, b"ORCPT=rfc822;"),
    (parameters.RCPT, b"ORCPT=;taro@example.jp"),
    (parameters.RCPT, b"ORCPT=rfc822;a+0Ab@example.jp"),
    (parameters.RCPT, b"ORCPT=rfc822;a+XXb"),
    (parameters.RCPT, b"ORCPT=rfc822;" + b"x" * 500),
    (parameters.RCPT, "ORCPT=rfc822;太郎@example.jp".encode()),
    (parameters.RCPT, "ORCPT=utf-8;太\u0085郎@example.jp".encode()),
]


@pytest.mark.parametrize(("known", "words"), REFUSED)
def test_refused(known: parameters.Parameters, words: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        parameters.parameters(words, known)
    assert refused.value.reply == replies.SYNTAX


def test_octets_that_are_not_utf8() -> None:
    with pytest.raises(Malformed) as refused:
        parameters.parameters(b"ORCPT=utf-8;\xff", parameters.RCPT)
    assert refused.value.reply == replies.BAD_UTF8


@given(st.sampled_from([parameters.MAIL, parameters.RCPT]), st.binary(max_size=80), st.data())
def test_what_is_kept_can_stand_in_a_report(
    known: parameters.Parameters, value: bytes, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(known))).encode()
    try:
        kept = parameters.parameters(name + b"=" + value, known)
    except Malformed:
        return
    for each in kept.values():
        assert not isinstance(each, str) or name == b"AUTH" or each.isprintable()


def test_xtext() -> None:
    assert parameters.unxtext(b"a+2Bb") == b"a+b"
    assert parameters.unxtext(b"a+2") is None
