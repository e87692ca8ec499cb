"""A client's side of SMTP and LMTP, reply by reply: what is asked, what is waited for, and what is made of it."""

import pytest

from smtp.relay import order
from smtp.relay.body import inspect
from smtp.relay.dialogue import (
    Dialogue,
    Offers,
    SessionOver,
    T,
    Transaction,
    authenticate,
    greeting,
    hello,
    starttls,
)
from smtp.relay.reply import Reply
from storage.message import Message
from storage.queue.queued import Envelope

MAIL = b"MAIL FROM:<a@example.test>\r\n"
TWO = [(1, b"RCPT TO:<b@example.com>\r\n"), (2, b"RCPT TO:<c@example.com>\r\n")]


def play(dialogue: Dialogue[T], *replies: str) -> tuple[T, bytes]:
    """Its result after these replies, all of which it must have waited for, and what it sent."""
    sent = next(dialogue).data
    for at, text in enumerate(replies):
        try:
            sent += dialogue.send(Reply(int(text[:3]), (text[4:],))).data
        except StopIteration as end:
            assert at == len(replies) - 1, "it waited for fewer replies"
            return end.value, sent
    raise AssertionError("it waits for another reply")


def test_lmtp_answers_those_alone_whom_it_took() -> None:
    """RFC 2033 §4.2: a reply too many is waited for until the message counts as one that may have arrived."""
    lmtp = Transaction(MAIL, TWO, pipelining=True, lmtp=True)
    play(lmtp.begin(), "250 ok", "550 5.1.1 no", "250 ok", "354 go")
    assert lmtp.accepted == [2]
    play(lmtp.end(), "250 2.0.0 stored")
    assert {number: reply.code for number, reply in lmtp.answers.items()} == {1: 550, 2: 250}


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_refused_sender_is_an_answer_to_all(pipelining: bool) -> None:
    smtp = Transaction(MAIL, TWO, pipelining)
    more = ("250 ok", "250 ok", "503 no") if pipelining else ()
    _, sent = play(smtp.begin(), "550 5.7.1 no", *more)
    assert {number: reply.code for number, reply in smtp.answers.items()} == {1: 550, 2: 550}
    assert not smtp.accepted and (b"DATA" in sent) is pipelining


def test_a_message_that_was_never_sent_is_not_taken() -> None:
    smtp = Transaction(MAIL, TWO, pipelining=True)
    with pytest.raises(SessionOver):
        play(smtp.begin(), "250 ok", "250 ok", "250 ok", "250 queued")


def test_nothing_but_354_invites() -> None:
    smtp = Transaction(MAIL, TWO, pipelining=True)
    play(smtp.begin(), "250 ok", "250 ok", "250 ok", "334 what")
    assert not smtp.invited
    assert all(reply.status().temporary for reply in smtp.answers.values())


def test_a_transaction_that_was_ended_needs_no_rset() -> None:
    smtp = Transaction(MAIL, TWO, pipelining=False)
    play(smtp.begin(), "250 ok", "250 ok", "250 ok", "354 go")
    assert smtp.unfinished
    play(smtp.end(), "250 ok")
    assert not smtp.unfinished


def test_sessions_that_do_not_begin() -> None:
    for refusal in ("554 5.7.1 not you", "421 busy", "250 ok"):
        with pytest.raises(SessionOver) as over:
            play(greeting(), refusal)
        assert over.value.status.temporary
    assert play(hello("x"), "500 what", "250 mx.example.com")[1] == b"EHLO x\r\nHELO x\r\n"
    with pytest.raises(SessionOver):
        play(hello("x", lmtp=True), "500 what")
    assert play(starttls(), "454 not now")[0] is False


def test_a_login_is_one_that_was_said_to_be() -> None:
    plain, login = Offers(auth=frozenset({"PLAIN"})), Offers(auth=frozenset({"LOGIN"}))
    play(authenticate(plain, "me", "secret"), "235 welcome")
    assert play(authenticate(login, "me", "secret"), "334 a", "334 b", "235 welcome")[1].count(b"\r\n") == 3
    for refusal in ("535 5.7.8 no", "454 4.7.0 later", "334 what more", "250 ok"):
        with pytest.raises(SessionOver) as over:
            play(authenticate(plain, "me", "secret"), refusal)
        assert over.value.status.temporary  # the operator has to mend it, and mail waits
    with pytest.raises(SessionOver):
        next(authenticate(Offers(auth=frozenset({"GSSAPI"})), "me", "secret"))


def mail(offers: Offers, *, text: bytes = b"Subject: x\r\n\r\nx\r\n", smtputf8: bool = False) -> object:
    envelope = Envelope("q1", "a@example.test", "t", 0, len(text), "E1", "HDRS", smtputf8)
    return order.mail(envelope, inspect(Message.of(text)), False, offers, eightbit_anyway=True)


def test_mail_says_what_the_host_has_offered() -> None:
    assert mail(Offers()) == MAIL
    assert mail(Offers(size=0)) == b"MAIL FROM:<a@example.test> SIZE=17\r\n"  # 0: no limit is known
    assert str(mail(Offers(size=16))) == "5.3.4 the next server takes at most 16 octets"
    assert mail(Offers(dsn=True)) == b"MAIL FROM:<a@example.test> RET=HDRS ENVID=E1\r\n"


def test_a_promise_of_tls_goes_to_those_alone_who_keep_it() -> None:
    envelope = Envelope("q1", "a@example.test", "t", 0, 1, require_tls=True)
    content = inspect(Message.of(b"\r\nx\r\n"))
    for offers, expected in (
        (Offers(), order.REQUIRE_TLS),
        (Offers(require_tls=True), MAIL.removesuffix(b"\r\n") + b" REQUIRETLS\r\n"),
    ):
        assert order.mail(envelope, content, False, offers, eightbit_anyway=True) == expected


@pytest.mark.parametrize("address", ["a\r\nDATA@example.test", "a\0@example.test", "あ\n@example.test"])
def test_no_address_ends_a_command(address: str) -> None:
    assert order.wire(address) is None


def test_recipients_that_are_all_refused_get_no_message() -> None:
    smtp = Transaction(MAIL, TWO, pipelining=False)
    _, sent = play(smtp.begin(), "250 ok", "550 5.1.1 no", "450 4.2.1 later")
    assert b"DATA" not in sent and {each.code for each in smtp.answers.values()} == {550, 450}
    ahead = Transaction(MAIL, TWO, pipelining=True)
    play(ahead.begin(), "250 ok", "550 5.1.1 no", "550 5.1.1 no", "354 go")
    assert ahead.invited and not ahead.accepted
    assert play(ahead.empty(), "554 no valid recipients")[1] == b".\r\n"


def test_a_header_in_utf8_needs_smtputf8_where_its_sender_asked_for_it() -> None:
    text = "Subject: 件名\r\n\r\nx\r\n".encode()
    assert mail(Offers(), text=text) == MAIL
    assert mail(Offers(), text=text, smtputf8=True) == order.UTF8
    assert mail(Offers(utf8=True), text=text, smtputf8=True) == MAIL.removesuffix(b"\r\n") + b" SMTPUTF8\r\n"
    assert mail(Offers(), smtputf8=True) == MAIL
