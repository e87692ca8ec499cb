"""Who gets an automatic reply, what it says, and that nobody answers it (RFC 3834)."""

import base64
import email
import email.policy
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.account import AccountFile, Autoreply
from filters.autoreply import PERIOD, in_force, remembered_as, reply, why_not
from filters.check import Checks
from filters.mail import Mail
from filters.verdict import Action, Verdict
from storage import admin_dkim
from storage.people.directory import AccountEntry
from storage.people.directory_cache import Stamp
from tests.house import Site
from tests.unit.filters.site import Place
from tests.unit.filters.test_pipeline import Says

HEAD = b"From: a@example.com\r\nTo: Taro <taro@example.test>\r\nSubject: hello\r\nMessage-ID: <1@x>\r\n"
BODY = b"\r\nhello\r\n"
FILE = AccountFile(aliases=("yamada",), send_as=("sales@example.test",), autoreply=Autoreply(enabled=True))
TARO = AccountEntry("taro@example.test", FILE, "current", Stamp(0, 0, 0, 0))


def asked(head: bytes, sender: str | None = "a@example.com") -> str | None:
    return why_not(Mail(sender or "", "192.0.2.1", "t", head=head + b"\r\n"), TARO, sender)


@pytest.mark.parametrize(
    "head",
    [
        HEAD,
        HEAD + b"Auto-Submitted: No; owner-token=af9\r\n",
        HEAD + b"Precedence: first-class\r\n",
        b"To: b@example.com, =?UTF-8?B?5aSq6YOO?= <TARO+x@Example.test>\r\n",
        b'To: b@example.com\r\nCc: "Yamada, Taro" <yamada@example.test>,\r\n c@example.com\r\n',
        b"Resent-To: sales@example.test\r\n",
        b"X-List-Of-Things: a\r\n" + HEAD,
        HEAD + b"Content-Type: multipart/mixed; boundary=multipart/report\r\n",
    ],
)
def test_a_person_who_writes_to_the_user_gets_one(head: bytes) -> None:
    assert asked(head) is None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"To: b@example.com\r\n",
        b"Bcc: taro@example.test\r\n",
        b"To: undisclosed-recipients:;\r\n",
        b"To: taro@example.test.evil.example\r\n",
        HEAD + b"Auto-Submitted: auto-replied\r\n",
        HEAD + b"AUTO-SUBMITTED:\r\n auto-generated; type=x\r\n",
        HEAD + b"Auto-Submitted: nonsense\r\n",
        HEAD + b"Auto-Submitted:\r\n",
        HEAD + b"Precedence: bulk\r\n",
        HEAD + b"precedence: List\r\n",
        HEAD + b"Precedence: junk\r\n",
        HEAD + b"X-Loop: taro@example.test\r\n",
        HEAD + b"Feedback-ID: 1:campaign:sender\r\n",
        HEAD + b"X-Auto-Response-Suppress: DR, OOF, AutoReply\r\n",
        HEAD + b"X-Auto-Response-Suppress: All\r\n",
        HEAD + b"List-Id: <sales.example.test>\r\n",
        b"List-Unsubscribe: <mailto:x@y>\r\n" + HEAD,
        HEAD + b"Content-Type: multipart/report; report-type=delivery-status\r\n",
    ],
)
def test_no_reply_for_what_was_not_written_to_the_user_by_a_person(head: bytes) -> None:
    assert asked(head) is not None


@pytest.mark.parametrize(
    "sender",
    [
        None,
        "",
        "nonsense",
        "owner-list@example.com",
        "list-request@example.com",
        "list-bounces+taro=example.test@example.com",
        "bounce-12@example.com",
        "MAILER-DAEMON@example.com",
        "postmaster@example.com",
        "no-reply@example.com",
        "NoReply+1@example.com",
        "do_not_reply@example.com",
        "taro@example.test",
        "Yamada+x@example.test",
    ],
)
def test_no_reply_to_programs_and_to_oneself(sender: str | None) -> None:
    assert asked(HEAD, sender) is not None


@pytest.mark.parametrize(
    "sender", ["SRS0=HH=TT=x.example=a@relay.example", "prvs=1=a@x.example", "norea@x.example"]
)
def test_a_person_behind_a_mark_gets_one(sender: str) -> None:
    assert asked(HEAD, sender) is None


@given(st.binary(max_size=300))
def test_any_header_is_judged_without_a_fault(head: bytes) -> None:
    asked(head)
    asked(b"To: " + head)
    mail = Mail("a@example.com", "", "t", head=b"Subject: " + head + b"\r\nMessage-ID: " + head)
    made = reply("mx.example.test", mail, TARO, "a@example.com", 0).read()
    lines = made.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert all(line and b"\n" not in line and b"\r" not in line and line.isascii() for line in lines)


@pytest.mark.parametrize(
    ("reply_", "today", "sent"),
    [
        (Autoreply(), date(2026, 1, 1), False),
        (Autoreply(enabled=True), date(2026, 1, 1), True),
        (Autoreply.model_validate({"enabled": True, "from": date(2026, 1, 2)}), date(2026, 1, 1), False),
        (Autoreply.model_validate({"enabled": True, "from": date(2026, 1, 2)}), date(2026, 1, 2), True),
        (Autoreply(enabled=True, until=date(2026, 1, 2)), date(2026, 1, 2), True),
        (Autoreply(enabled=True, until=date(2026, 1, 2)), date(2026, 1, 3), False),
    ],
)
def test_dates(reply_: Autoreply, today: date, sent: bool) -> None:
    assert in_force(reply_, today) is sent


def made(head: bytes, own: Autoreply) -> EmailMessage:
    entry = replace(TARO, file=FILE.model_copy(update={"autoreply": own}))
    octets = reply(
        "mx.example.test", Mail("a@example.com", "", "t", head=head), entry, "a@example.com", 0
    ).read()
    return email.message_from_bytes(octets, policy=email.policy.default)  # type: ignore[return-value]


def test_what_it_says() -> None:
    subject = "会議の件（再送）".encode("iso-2022-jp")
    encoded = b"=?ISO-2022-JP?B?" + base64.b64encode(subject) + b"?="
    head = (
        b"To: Yamada@example.test\r\nSubject: "
        + encoded
        + b"\r\nMessage-ID: <2@x>\r\nReferences: <0@x>\r\n <1@x>\r\n"
    )
    message = made(head, Autoreply(enabled=True, text="本日は休みです。\nまた来週。"))
    assert message["From"] == "yamada@example.test"
    assert message["To"] == "a@example.com"
    assert message["Subject"] == "Re: 会議の件（再送）"
    assert message["In-Reply-To"] == "<2@x>"
    assert message["References"] == "<0@x> <1@x> <2@x>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message.get_content() == "本日は休みです。\r\nまた来週。"
    assert message.get_content_charset() == "utf-8"
    assert message["Content-Transfer-Encoding"] == "base64"
    assert not message.defects


def test_a_subject_of_its_own() -> None:
    message = made(HEAD, Autoreply(enabled=True, subject="休暇中です\r\nBcc: x@y", text="x"))
    assert message["Subject"] == "休暇中です Bcc: x@y"
    assert message["Bcc"] is None


def test_an_answer_is_not_answered_twice_over() -> None:
    assert (
        made(b"To: taro@example.test\r\nSubject: RE: hello\r\n", Autoreply(text="x"))["Subject"]
        == "RE: hello"
    )


def test_a_new_text_is_a_new_reply() -> None:
    other = replace(TARO, file=FILE.model_copy(update={"autoreply": Autoreply(enabled=True, text="new")}))
    assert remembered_as(TARO, "A@x.example") == remembered_as(TARO, "a@x.example")
    assert remembered_as(TARO, "prvs=123=a@x.example") == remembered_as(TARO, "a@x.example")
    assert remembered_as(TARO, "a@x.example") != remembered_as(other, "a@x.example")


AWAY = "autoreply: {enabled: true, text: 'back soon'}\n"


@pytest.fixture
async def place(site: Site) -> AsyncIterator[Place]:
    place = await Place.open(site)
    yield place
    await place.close()


async def test_once_in_a_period_and_the_message_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.house.site.write_account("taro", AWAY)
    now = [1_700_000_000.0]
    monkeypatch.setattr(place.pipeline._echoes, "_clock", lambda: now[0])
    for _ in range(2):
        assert (await place.send("taro@example.test", source=HEAD + BODY)).ok
    assert await place.count("taro") == [2]
    (sent,) = place.queued()
    assert (sent.to, sent.reverse_path) == ("a@example.com", "")
    assert b"\r\nIn-Reply-To: <1@x>\r\n" in sent.text
    now[0] += PERIOD + 1
    await place.send("taro@example.test", source=HEAD + BODY)
    assert len(place.queued()) == 1


async def test_a_reply_is_signed_by_the_users_domain(place: Place) -> None:
    place.house.site.write_account("taro", AWAY)
    admin_dkim.add_keys(place.house.store.directory, "example.test", "k")
    assert (await place.send("taro@example.test", source=HEAD + BODY)).ok
    (sent,) = place.queued()
    assert sent.text.count(b"DKIM-Signature: ") == 2  # RSA and Ed25519
    assert sent.text.count(b"d=example.test;") == 2


async def test_two_who_are_away_do_not_talk_to_each_other(place: Place) -> None:
    place.house.site.write_account("taro", AWAY)
    place.house.site.write_account("hanako", AWAY)
    source = HEAD.replace(b"a@example.com", b"hanako@example.test") + BODY
    assert (
        await place.send(
            "taro@example.test", source=source, sender="hanako@example.test", login="hanako@example.test"
        )
    ).ok
    assert await place.count("taro", "hanako") == [1, 1]
    (answer,) = await place.inbox("hanako")
    assert answer.startswith(b"Return-Path: <>\r\nDelivered-To: hanako@example.test\r\n")
    assert place.queued() == []


async def test_the_reply_to_a_sent_on_mail_goes_to_its_first_sender(place: Place) -> None:
    place.house.site.write_account("taro", AWAY)
    reverse_path = place.pipeline._routes.srs.rewrite("a@example.com", "hanako@example.test", 1_700_000_000)
    place.pipeline._echoes._clock = lambda: 1_700_000_000.0
    await place.send("taro@example.test", source=HEAD + BODY, sender=reverse_path)
    assert [each.to for each in place.queued()] == ["a@example.com"]


async def test_what_the_queue_stores_is_answered_once(place: Place) -> None:
    place.house.site.write_account("taro", AWAY)
    mail = await place.mail("taro@example.test", source=HEAD + BODY, notify="SUCCESS")
    assert isinstance(mail, Mail)
    await place.pipeline.receive(replace(mail, hold_until=1))
    held = place.queued()
    assert [each.to for each in held] == ["taro@example.test"]
    await place.pipeline.receive(mail)
    stored = [each for each in place.queued() if each.to == "taro@example.test"]
    for attempt in (held, stored):
        assert all(answer.ok for answer in await place.attempt(attempt))
    assert await place.count("taro") == [2]
    assert place.queued() == []


async def test_bounces_and_spam_get_none(place: Place) -> None:
    place.house.site.write_account("taro", AWAY)
    await place.send("taro@example.test", source=HEAD + BODY, sender="")
    place.pipeline._incoming = Checks(judges=(Says(Verdict(Action.QUARANTINE)),))
    await place.send("taro@example.test", source=HEAD + BODY)
    assert await place.count("taro") == [2]
    assert place.queued() == []


async def test_a_reply_that_fails_is_nobodys_trouble(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.house.site.write_account("taro", AWAY)

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(place.queue), "add_together", full)
    assert (await place.send("taro@example.test", source=HEAD + BODY)).ok
    assert await place.count("taro") == [1]
