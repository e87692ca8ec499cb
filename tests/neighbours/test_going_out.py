"""Ours sends: to ours, to Postfix, to Exim, to sinks in the town, over real DNS."""

import email
import email.policy
from collections.abc import Callable

import pytest

from tests.neighbours.client import letter, submit, wait_for, wait_mail, wait_maildir
from tests.neighbours.land import MANY, TWO, Land
from tests.neighbours.peers import Script, Server, Sink
from tests.neighbours.postfix import Postfix
from tests.neighbours.test_coming_in import ISO_2022_JP, JAPANESE, neighbour

Serve = Callable[[int, Script], Server]


def test_between_ours(land: Land) -> None:
    taro, hanako = land.alpha.account("between"), land.beta.account("between")
    submit(land.alpha, taro, [hanako.address], JAPANESE.replace(b"sender@post.test", taro.address.encode()))
    stored = wait_mail(hanako)
    head, _, body = stored.partition(b"\r\n\r\n")
    assert body == ISO_2022_JP
    assert head.startswith(f"Return-Path: <{taro.address}>\r\n".encode())
    assert b"from mail.alpha.test (" in head and b"with ESMTPS id" in head and b"with ESMTPSA id" in head
    answer = f"Thank you, {taro.address}"
    submit(land.beta, hanako, [taro.address], letter(hanako.address, taro.address, answer))
    assert answer.encode() in wait_mail(taro)


@pytest.mark.parametrize("name", ["postfix", "exim"])
@pytest.mark.parametrize("local", ["taro", "a..b"])
def test_to_a_neighbour(land: Land, name: str, local: str) -> None:
    sender = land.alpha.account(f"to-{name}-{len(local)}")
    mta = neighbour(land, name)
    address = f"{local}@{'post' if isinstance(mta, Postfix) else 'exim'}.test"
    mark = f"<{sender.local}@alpha.test>".encode()
    message = JAPANESE.replace(b"sender@post.test", sender.address.encode())
    submit(land.alpha, sender, [address], message.replace(b"<jp@post.test>", mark))
    stored = wait_maildir(mta.folder_of(local), mark)
    assert stored.endswith(ISO_2022_JP.replace(b"\r\n", b"\n"))
    assert b"TLS1.3" in stored or b"TLSv1.3" in stored


@pytest.mark.parametrize("name", ["postfix", "exim"])
def test_smtputf8_to_a_neighbour(land: Land, name: str) -> None:
    sender = land.alpha.account(f"utf8-to-{name}")
    mta = neighbour(land, name)
    address = f"太郎@{'post' if isinstance(mta, Postfix) else 'exim'}.test"
    message = letter(sender.address, address, "件名 " + sender.local)
    submit(land.alpha, sender, [address], message, ["SMTPUTF8", "BODY=8BITMIME"])
    assert wait_maildir(mta.folder_of("太郎"), sender.local.encode())


def test_smtputf8_to_one_that_cannot(land: Land, serve: Serve) -> None:
    """RFC 6531 §3.6: it goes back; it is never sent in another form."""
    sink = serve(50, Sink(offers=("8BITMIME",)))
    sender = land.alpha.account("utf8-refused")
    submit(
        land.alpha,
        sender,
        ["太郎@house50.test"],
        letter(sender.address, "太郎@house50.test", "x"),
        ["SMTPUTF8"],
    )
    line = land.alpha.relay_log.wait("queue.failed", to="太郎@house50.test")
    assert line["status"].startswith("5.6.7")
    assert wait_mail(sender).startswith(b"Return-Path: <>\r\n")
    assert not sink.received


@pytest.mark.parametrize(
    ("domain", "number"),
    [("nomx.test", 37), ("two.test", TWO[1]), ("both.test", 38), ("x.many.test", MANY), ("plain.test", 45)],
    ids=[
        "address instead of MX",
        "second MX",
        "IPv4 when IPv6 is closed",
        "wildcard",
        "TLSA that is not secure",
    ],
)
def test_ways(land: Land, serve: Serve, domain: str, number: int) -> None:
    sink = serve(number, Sink())
    sender = land.alpha.account(f"way-{number}")
    message = letter(sender.address, f"someone@{domain}", "by a way")
    submit(land.alpha, sender, [f"someone@{domain}"], message)
    received = sink.one()
    assert received.data.endswith(message)
    assert received.mail.startswith(f"MAIL FROM:<{sender.address}>")
    assert received.helo == "mail.alpha.test"


@pytest.mark.parametrize(
    ("domain", "code"),
    [("nomail.test", b"5.1.10"), ("nobody.test", b"5.1.2")],
    ids=["null MX", "no such domain"],
)
def test_goes_back(land: Land, domain: str, code: bytes) -> None:
    sender = land.alpha.account(f"back-{domain.partition('.')[0]}")
    submit(land.alpha, sender, [f"x@{domain}"], letter(sender.address, f"x@{domain}", "comes back"))
    bounce = wait_mail(sender)
    assert bounce.startswith(b"Return-Path: <>\r\n")
    assert b"Content-Type: multipart/report; report-type=delivery-status" in bounce
    assert b"Status: " + code in bounce and f"Final-Recipient: rfc822; x@{domain}".encode() in bounce
    assert b"Subject: comes back" in bounce
    body = email.message_from_bytes(bounce, policy=email.policy.default).get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "could not be delivered" in text and "配送できませんでした" in text, text


@pytest.mark.parametrize("domain", ["lame.test", "bogus.test", "closed.test"])
def test_waits(land: Land, domain: str) -> None:
    """SERVFAIL, a signature that is not right, nobody at the address: tried again, and again."""
    sender = land.alpha.account(f"waits-{domain.partition('.')[0]}")
    address = f"x@{domain}"
    mark = land.alpha.relay_log.mark()
    submit(land.alpha, sender, [address], letter(sender.address, address, "waits"))
    line = land.alpha.relay_log.wait("queue.deferred", since=mark, to=address)
    assert line["status"].startswith("4.4.")
    assert not sender.stored()
    land.alpha.run("queue", "delete", "--domain", domain)


def test_greylisted(land: Land, serve: Serve) -> None:
    script = Sink(rcpt=lambda _, times: "250 2.1.5 ok" if times > 2 else "451 4.7.1 come back later")
    sink = serve(51, script)
    sender = land.alpha.account("greylisted")
    submit(land.alpha, sender, ["x@house51.test"], letter(sender.address, "x@house51.test", "again"))
    sink.one()
    assert script.times == {"x@house51.test": 3}


def test_one_of_several_refused(land: Land, serve: Serve) -> None:
    def rcpt(address: str, _: int) -> str:
        return "550 5.1.1 nobody here" if address.startswith("nobody") else "250 2.1.5 ok"

    sink = serve(52, Sink(rcpt=rcpt))
    sender = land.alpha.account("several")
    to = [f"{local}@house52.test" for local in ("a", "b", "nobody", "c")]
    submit(land.alpha, sender, to, letter(sender.address, to[0], "several"))
    bounce = wait_mail(sender)
    assert bounce.count(b"Final-Recipient:") == 1 and b"rfc822; nobody@house52.test" in bounce
    assert b"550 5.1.1 nobody here" in bounce
    assert len(sink.one().rcpts) == 3
    assert len(sender.stored()) == 1


def test_parameters_reach_the_next_host(land: Land, serve: Serve) -> None:
    sink = serve(53, Sink())
    sender = land.alpha.account("parameters")
    submit(
        land.alpha, sender, ["x@house53.test"], letter(sender.address, "x@house53.test", "parameters"),
        ["RET=HDRS", "ENVID=QQ+2B314159", "BODY=8BITMIME"], ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;y@z.test"],
    )  # fmt: skip
    received = sink.one()
    assert "RET=HDRS" in received.mail and "ENVID=QQ+2B314159" in received.mail
    assert "NOTIFY=SUCCESS,FAILURE" in received.rcpts[0] and "ORCPT=rfc822;y@z.test" in received.rcpts[0]


def test_thousand_recipients_of_three_hundred_domains(land: Land, serve: Serve) -> None:
    sink = serve(MANY, Sink())
    sender = land.alpha.account("thousand")
    to = [f"r{number}@d{number % 300}.many.test" for number in range(1000)]
    submit(land.alpha, sender, to, letter(sender.address, to[0], "to a thousand"))
    files = len(land.alpha.files_in_queue())
    sink.wait(lambda sink: sum(len(each.rcpts) for each in sink.received) >= 1000, 60)
    assert files <= 1
    asked = [rcpt.partition("<")[2].partition(">")[0] for each in sink.received for rcpt in each.rcpts]
    assert sorted(asked) == sorted(to)
    wait_for(lambda: not land.alpha.files_in_queue(), "the end of the file in the queue")
