"""What a list changes in a header: whole fields, readable to people and programs, and nothing else."""

import base64
import email
import email.policy
from email.header import decode_header as stdlib_decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.list import ListFile
from filters.lists.fields import changes
from filters.post import Post
from storage.message import Message
from storage.mime.charset import decode_header
from storage.mime.header import fields, unfold
from storage.people.directory import ListEntry

BODY = b'\r\n\x1b$B$"\x1b(B body =\r\n'


def entry(**more: object) -> ListEntry:
    file = ListFile.model_validate({"owner": "taro@example.test", **more})
    return ListEntry("sales@example.test", file, "current")


def posted(head: bytes, number: int | None = 123, *, rewrite_from: bool = False, **more: object) -> bytes:
    changed = changes(entry(**more), head + b"\r\n", number, rewrite_from=rewrite_from)
    return Post("x", changed.prefix, changed.edits).of(Message.of(head + BODY)).read()


def values(message: bytes, name: bytes) -> list[bytes]:
    return [message[each.value_start : each.end] for each in fields(message) if each.name == name]


def word(text: str, charset: str, encoding: str = "B") -> bytes:
    return f"=?{charset}?{encoding}?{base64.b64encode(text.encode(charset)).decode()}?=".encode()


JAPANESE = word("会議のお知らせ", "iso-2022-jp")


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        (b" hello", "[sales:00123] hello"),
        (b"hello", "[sales:00123] hello"),
        (b"", "[sales:00123]"),
        (b" [sales:00122] hello", "[sales:00123] hello"),
        (b" Re: [sales:00122] hello", "[sales:00123] Re: hello"),
        (b" Re: [SALES:00122] Re: [sales:7] hello", "[sales:00123] Re: Re: hello"),
        (b" [other:00122] hello", "[sales:00123] [other:00122] hello"),
        (b" " + JAPANESE, "[sales:00123] 会議のお知らせ"),
        (b" Re: " + JAPANESE, "[sales:00123] Re: 会議のお知らせ"),
        (b" Re: [sales:00122]\r\n " + JAPANESE, "[sales:00123] Re: 会議のお知らせ"),
        (b" " + word("Re: [sales:00122] 会議", "iso-2022-jp"), "[sales:00123] Re: 会議"),
        (b" " + word("Re: [sales:00122] 会議 ①", "utf-8"), "[sales:00123] Re: 会議 ①"),
        (b"\r\n " + JAPANESE + b"\r\n\t" + JAPANESE, "[sales:00123] 会議のお知らせ会議のお知らせ"),
        (b" " + "生の件名".encode("shift_jis"), "[sales:00123] 生の件名"),
        (b" " + b"x" * 200, "[sales:00123] " + "x" * 200),
    ],
)
def test_subject(subject: bytes, shown: str) -> None:
    (value,) = values(posted(b"Subject:" + subject + b"\r\nFrom: a@b.example\r\n"), b"subject")
    assert decode_header(unfold(value)) == shown


def test_the_rest_of_a_subject_keeps_its_octets() -> None:
    (value,) = values(posted(b"SUBJECT : " + JAPANESE + b"\r\n " + JAPANESE + b"\r\n"), b"subject")
    assert value == b" [sales:00123] " + JAPANESE + b"\r\n " + JAPANESE + b"\r\n"
    assert all(len(line) <= 76 for line in value.split(b"\r\n"))
    assert stdlib_decode(unfold(value).decode())  # others read it too


def test_no_subject_gets_one() -> None:
    assert values(posted(b"From: a@b.example\r\n"), b"subject") == [b" [sales:00123]\r\n"]


@pytest.mark.parametrize(
    ("prefix", "shown"),
    [("[営業:{number}]", "[営業:00123] "), ("(営業)", "(営業) "), ("{name} ", "sales "), ("", "")],
)
def test_prefixes(prefix: str, shown: str) -> None:
    for rest in (b"hello", JAPANESE):
        message = posted(b"Subject: " + rest + b"\r\n", prefix=prefix)
        (value,) = values(message, b"subject")
        assert decode_header(unfold(value)) == shown + decode_header(rest)
        again = posted(b"Subject:" + value.rstrip() + b"\r\n", 124, prefix=prefix)
        (second,) = values(again, b"subject")
        assert decode_header(unfold(second)) == shown.replace("123", "124") + decode_header(rest)


@pytest.mark.parametrize("prefix", ["[{nam}]", "{", "a\nb", "x" * 61, "{number:05d}"])
def test_prefixes_that_are_none(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        entry(prefix=prefix)


def test_what_would_have_everybody_answer_is_dropped() -> None:
    head = (
        b"Return-Receipt-To: a@b.example\r\nFrom: a@b.example\r\nDisposition-Notification-To:\r\n a@b.example\r\n"
        b"List-Id: other\r\nLIST-Unsubscribe: <x>\r\nPrecedence: bulk\r\nReply-To: c@d.example\r\nX-Keep: 1\r\n"
    )
    message = posted(head)
    assert message.endswith(b"From: a@b.example\r\nX-Keep: 1\r\n" + BODY)
    assert values(message, b"list-id") == [b" <sales.example.test>\r\n"]
    assert values(message, b"reply-to") == [b" <sales@example.test>\r\n"]
    assert values(posted(head, reply_to="author"), b"reply-to") == [b" c@d.example\r\n"]


def test_from_is_rewritten_where_dmarc_would_break() -> None:
    head = b"From: =?UTF-8?B?5bGx55Sw?= <a@b.example>\r\nSubject: x\r\nDKIM-Signature: v=1\r\n"
    message = email.message_from_bytes(posted(head, rewrite_from=True), policy=email.policy.default)
    assert message["From"] == "山田 via sales <sales@example.test>"
    assert message["Reply-To"] == "<sales@example.test>" or message["Reply-To"] == "sales@example.test"
    assert "a@b.example" in message["X-Original-From"]
    to_author = email.message_from_bytes(
        posted(head, rewrite_from=True, reply_to="author"), policy=email.policy.default
    )
    assert "a@b.example" in to_author["Reply-To"]
    assert values(posted(head), b"from") == [b" =?UTF-8?B?5bGx55Sw?= <a@b.example>\r\n"]


@pytest.mark.parametrize(
    "name",
    [
        b"=?utf-8?q?a=0D=0ABcc:_x@y?=",
        b'"a\\"b, c"',
        b"=?utf-8?q?=22_<evil@x>,?=",
        b"x" * 5000,
        b"\xff\xfe",
        b"",
    ],
)
def test_a_name_brings_no_field_with_it(name: bytes) -> None:
    message = posted(b"From: " + name + b" <a@b.example>\r\nSubject: x\r\n", rewrite_from=True)
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert parsed["Bcc"] is None
    assert [each.addr_spec for each in parsed["From"].addresses] == ["sales@example.test"]


@given(st.binary(max_size=120), st.booleans(), st.sampled_from(["[{name}:{number}]", "[営業:{number}]", ""]))
def test_any_header_stays_a_header(junk: bytes, rewrite_from: bool, prefix: str) -> None:
    for head in (b"Subject:" + junk + b"\r\n", b"From:" + junk + b"\r\n", junk):
        block = head.partition(b"\r\n\r\n")[0].removesuffix(b"\r\n") + b"\r\n"
        message = posted(block, rewrite_from=rewrite_from, prefix=prefix)
        assert message.endswith(BODY)
        assert values(message, b"list-id") == [b" <sales.example.test>\r\n"]
        assert b"\r\nDelivered-To: sales@example.test\r\n" in b"\r\n" + message
