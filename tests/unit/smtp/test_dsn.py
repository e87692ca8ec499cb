"""The notification of RFC 3464: three parts that people, programs and the original's author understand."""

import base64
import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest

from smtp.relay.dsn import action_of, original_header, report
from smtp.relay.dsn_text import REASONS, reason
from storage.message import Message
from storage.queue.queued import Envelope, Queued, State, wants
from storage.status import ACCOUNT_BROKEN, MAILBOX_FULL, UNKNOWN_RECIPIENT, Status

NOW = 1_700_003_600
ENVELOPE = Envelope("abc1", "me@example.test", "tr", 1_700_000_000, 123)
HEADER = b"From: me@example.test\r\nMessage-ID: <1@example.test>\r\nSubject: x\r\n"


def queued(address: str = "taro@example.test", **given: Any) -> Queued:
    values: dict[str, Any] = {
        "number": 0,
        "address": address,
        "original": "",
        "mailbox": "INBOX",
        "notify": "",
        "orcpt": "",
        "state": State.FAILED,
        "due": 0,
        "holder": "",
        "attempts": 3,
        "last_attempt": NOW,
        "status": MAILBOX_FULL,
    }
    return Queued(**{**values, **given})


def read(recipients: list[Queued], header: bytes = HEADER, envelope: Envelope = ENVELOPE) -> EmailMessage:
    original = Message.of(header + b"\r\nbody\r\n")
    data = report("mail.example.test", envelope, recipients, original, NOW, NOW + 1000).read()
    assert b"\n" not in data.replace(b"\r\n", b"") and max(map(len, data.split(b"\r\n"))) <= 998
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage) and not parsed.defects
    return parsed


def text_of(message: EmailMessage) -> str:
    (text, _, _) = message.iter_parts()
    content: str = text.get_content()
    return content


def facts_of(message: EmailMessage) -> list[Any]:
    (_, facts, _) = message.iter_parts()
    assert facts.get_content_type() == "message/delivery-status"
    payload = facts.get_payload()
    assert isinstance(payload, list)
    return payload


def test_the_whole_has_the_shape_of_rfc_6522() -> None:
    message = read([queued()])
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    assert message["To"] == "me@example.test"
    assert message["From"] == "Mail Delivery System <MAILER-DAEMON@mail.example.test>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == message["References"] == "<1@example.test>"
    assert message["Subject"].startswith("メールを配送できませんでした / Undelivered mail")


def test_facts_for_programs() -> None:
    envelope = Envelope("abc1", "me@example.test", "tr", 1_700_000_000, 1, envid="QQ314159")
    one = queued(orcpt="rfc822;Taro@Example.test")
    two = queued("hanako@example.test", original="info@example.test", status=UNKNOWN_RECIPIENT)
    whole, first, second = facts_of(read([one, two], envelope=envelope))
    assert whole["Reporting-MTA"] == "dns; mail.example.test"
    assert whole["Original-Envelope-Id"] == "QQ314159"
    assert first["Final-Recipient"] == "rfc822; taro@example.test"
    assert first["Original-Recipient"] == "rfc822;Taro@Example.test"
    assert (first["Action"], first["Status"]) == ("failed", "4.2.2")
    assert first["Diagnostic-Code"] == "x-kwcmaild; mailbox is full"
    assert first["Last-Attempt-Date"]
    assert second["Original-Recipient"] == "rfc822; info@example.test"
    assert second["Status"] == "5.1.1"


def test_people_read_both_languages_and_the_address_they_wrote() -> None:
    text = text_of(read([queued(original="info@example.test")]))
    assert "<info@example.test>" in text and "taro@example.test" not in text
    assert "宛先のメールボックスがいっぱいです。" in text
    assert "The recipient's mailbox is full." in text
    assert "abc1" in text and "<1@example.test>" in text


@pytest.mark.parametrize(
    ("status", "key"),
    [
        (UNKNOWN_RECIPIENT, "1.1"),
        (Status("5.1.6"), "1"),
        (MAILBOX_FULL, "2.2"),
        (Status("5.2.1"), "2.1"),
        (ACCOUNT_BROKEN, "3"),
        (Status("5.3.4"), "3.4"),
        (Status("4.4.1"), "4"),
        (Status("5.0.0"), ""),
    ],
)
def test_reasons(status: Status, key: str) -> None:
    assert reason(status) == REASONS[key]


@pytest.mark.parametrize(
    "header",
    [
        HEADER + "X: 日本".encode("iso-2022-jp") + b"\r\n",
        HEADER + "X: 日本\r\n".encode(),
        HEADER + b"X: " + b"a" * 5000 + b"\r\n",
        HEADER + b"X: a\rb\0c\r\n",
        b"",
    ],
)
def test_the_header_of_the_original_goes_back_as_it_came(header: bytes) -> None:
    message = read([queued()], header)
    (_, _, part) = message.iter_parts()
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content.replace(b"\n", b"\r\n").replace(b"\r\r\n", b"\r\n").rstrip() == header.rstrip()


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (b"A: b\r\n\r\nbody\r\n", b"A: b\r\n"),
        (b"\r\nbody", b""),
        (b"A: b\r\nC: d\r\n", b"A: b\r\nC: d\r\n"),
        (b"A: " + b"x" * 70_000, b""),
    ],
)
def test_the_header_ends_at_the_empty_line_and_is_bounded(data: bytes, header: bytes) -> None:
    assert original_header(Message.of(data)) == header


def test_an_internationalised_recipient_needs_rfc_6533() -> None:
    message = read([queued("太郎@example.test")])
    assert message.get_param("report-type") == "global-delivery-status"
    (_, facts, _) = message.iter_parts()
    assert facts.get_content_type() == "message/global-delivery-status"
    data = report("h", ENVELOPE, [queued("太郎@example.test")], Message.of(HEADER), NOW).read()
    assert data.isascii()  # any host takes it
    assert "Final-Recipient: utf-8; 太郎@example.test\r\n" in _global_facts(data)


def test_nothing_of_a_peer_makes_a_line_of_its_own() -> None:
    evil = "x\r\nBcc: all@example.test"
    recipient = queued(original=evil, orcpt=evil, status=Status("5.1.1", evil))
    message = read([recipient], HEADER.replace(b"<1@", b"<1 \n@"))
    assert message["Bcc"] is None and message["In-Reply-To"] is None
    assert all(block["Bcc"] is None for block in facts_of(message))


def _global_facts(data: bytes) -> str:
    """The part is encoded; the parser of the standard library does not decode this kind."""
    part = data.split(b"message/global-delivery-status\r\n", 1)[1].split(b"\r\n\r\n", 1)[1]
    return base64.b64decode(part.split(b"--", 1)[0]).decode()


DELAYED = {"state": State.WAITING, "delayed": True}


@pytest.mark.parametrize(
    ("given", "action", "subject"),
    [
        ({}, "failed", "配送できませんでした"),
        (DELAYED, "delayed", "遅れています"),
        ({"state": State.HELD, "delayed": True}, "delayed", "遅れています"),
        ({"state": State.DELIVERED}, "delivered", "Your mail was delivered"),
        ({"state": State.DELIVERED, "action": "relayed"}, "relayed", "handed on"),
        ({"state": State.DELIVERED, "action": "expanded"}, "expanded", "distributed"),
    ],
)
def test_each_kind_of_notice(given: dict[str, Any], action: str, subject: str) -> None:
    one = queued(**given)
    assert action_of(one) == action
    message = read([one])
    assert subject in message["Subject"]
    facts = facts_of(message)[1]
    assert facts["Action"] == action
    assert (facts["Will-Retry-Until"] is not None) is (action == "delayed")


def test_one_notice_says_all_and_is_named_after_the_worst() -> None:
    late, failed = queued("late@example.test", **DELAYED), queued("no@example.test", number=1)
    message = read([late, failed])
    assert "配送できませんでした" in message["Subject"]
    text = text_of(message)
    assert text.index("<no@example.test>") < text.index("<late@example.test>")
    assert [block["Action"] for block in facts_of(message)[1:]] == ["delayed", "failed"]


def test_what_another_host_said_is_passed_on() -> None:
    one = queued(remote="mx.example.org", reply="550 5.1.1 <x>: nobody ここ", status=UNKNOWN_RECIPIENT)
    message = read([one])
    facts = facts_of(message)[1]
    assert facts["Remote-MTA"] == "dns; mx.example.org"
    assert facts["Diagnostic-Code"] == "smtp; 550 5.1.1 <x>: nobody ??"
    assert "(mx.example.org: 550 5.1.1 <x>: nobody ここ)" in text_of(message)


@pytest.mark.parametrize(
    ("ret", "recipient", "body", "kind"),
    [
        ("FULL", {}, b"body\r\n", "message/rfc822"),
        ("FULL", {}, "日本".encode("iso-2022-jp") + b"\r\n", "message/rfc822"),
        ("FULL", {}, "日本\r\n".encode(), "message/rfc822"),
        ("full", {}, b"body\r\n", "message/rfc822"),
        ("HDRS", {}, b"body\r\n", "text/rfc822-headers"),
        ("", {}, b"body\r\n", "text/rfc822-headers"),
        ("FULL", DELAYED, b"body\r\n", "text/rfc822-headers"),
        ("FULL", {}, b"x" * 2000, "text/rfc822-headers"),
        ("FULL", {}, b"x\r\n" * 400_000, "text/rfc822-headers"),
    ],
)
def test_what_goes_back_of_the_original(ret: str, recipient: dict[str, Any], body: bytes, kind: str) -> None:
    envelope = Envelope("q", "me@example.test", "t", 0, 1, ret=ret)
    original = Message.of(HEADER + b"\r\n" + body)
    data = report("h", envelope, [queued(**recipient)], original, NOW).read()
    (*_, part) = email.message_from_bytes(data, policy=email.policy.default).iter_parts()  # type: ignore[attr-defined]
    assert part.get_content_type() == kind
    assert (body in data) is (kind == "message/rfc822")
    if kind == "message/rfc822":
        assert part["Content-Transfer-Encoding"] == ("7bit" if body.isascii() else "8bit")


def test_what_had_to_go_under_tls_does_not_come_back_whole() -> None:
    """RFC 8689 §5: nobody knows what the notice goes through."""
    envelope = Envelope("q", "me@example.test", "t", 0, 1, ret="FULL", require_tls=True)
    original = Message.of(HEADER + b"\r\n" + b"the body\r\n")
    assert b"the body" not in report("h", envelope, [queued()], original, NOW).read()


def test_an_original_in_utf_8_goes_back_encoded() -> None:
    header = HEADER + "Subject: 日本\r\n".encode()
    envelope = Envelope("q", "me@x.test", "t", 0, 1, ret="FULL", smtputf8=True)
    whole = report("h", envelope, [queued()], Message.of(header), NOW).read()
    assert b"message/global\r\nContent-Transfer-Encoding: base64" in whole and whole.isascii()
    part = report("h", replace(envelope, ret="HDRS"), [queued()], Message.of(header), NOW).read()
    assert b"message/global-headers\r\nContent-Transfer-Encoding: quoted-printable" in part


def test_an_original_that_is_gone_leaves_a_notice_all_the_same() -> None:
    data = report("h", ENVELOPE, [queued()], None, NOW).read()
    assert b"Action: failed" in data and b"In-Reply-To" not in data


@pytest.mark.parametrize(
    ("notify", "success", "failure", "delay"),
    [
        ("", False, True, True),
        ("NEVER", False, False, False),
        ("SUCCESS,DELAY", True, False, True),
        ("success,failure", True, True, False),
    ],
)
def test_who_wants_to_be_told(notify: str, success: bool, failure: bool, delay: bool) -> None:
    assert [wants(notify, what) for what in ("SUCCESS", "FAILURE", "DELAY")] == [success, failure, delay]
