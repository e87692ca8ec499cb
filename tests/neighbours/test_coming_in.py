"""Postfix and Exim send to us over real DNS, and the programs that people send with."""

import re

import pytest

from tests.neighbours.client import Client, letter, wait_for, wait_maildir
from tests.neighbours.exim import Exim
from tests.neighbours.land import Land
from tests.neighbours.postfix import Postfix

ISO_2022_JP = "こんにちは、山田です。\r\n見積書をお送りします。\r\n".encode("iso-2022-jp")
JAPANESE = (
    b"From: sender@post.test\r\nTo: taro@alpha.test\r\nSubject: =?ISO-2022-JP?B?GyRCOCtAUT1xGyhC?=\r\n"
    b"Date: Mon, 05 Oct 2026 10:00:00 +0900\r\nMessage-ID: <jp@post.test>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=ISO-2022-JP\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + ISO_2022_JP
)


def neighbour(land: Land, name: str) -> Postfix | Exim:
    return {"postfix": land.postfix, "exim": land.exim}[name]


def hand_in(mta: Postfix | Exim, sender: str, to: str, message: bytes, **options: list[str]) -> None:
    """Give it to an MTA as a program on its machine would."""
    with Client(mta.host, mta.host.address) as client:
        client.ehlo()
        mail = [each for each in ("SMTPUTF8", "BODY=8BITMIME") if client.has_extn(each.partition("=")[0])]
        refused = client.sendmail(
            sender, [to], message, [*mail, *options.get("mail", [])], options.get("rcpt", [])
        )
        assert not refused


@pytest.mark.parametrize("name", ["postfix", "exim"])
def test_octets_stay(land: Land, name: str) -> None:
    login = land.alpha.account(f"octets-{name}")
    mark = land.alpha.log.mark()
    hand_in(neighbour(land, name), f"sender@{name}.test", login.address, JAPANESE)
    land.alpha.log.wait("mail.delivered", since=mark, account=login.address)
    (stored,) = login.stored()
    head, _, body = stored.partition(b"\r\n\r\n")
    assert body == ISO_2022_JP
    assert re.search(rb"with (UTF8SMTPS|ESMTPS) id", head)  # by STARTTLS
    assert head.startswith(f"Return-Path: <sender@{name}.test>\r\n".encode())


@pytest.mark.parametrize("name", ["postfix", "exim"])
def test_dane_of_ours_is_verified(land: Land, name: str) -> None:
    """beta.test publishes TLSA of its certificate."""
    login = land.beta.account(f"dane-{name}")
    mark = land.beta.log.mark()
    mta = neighbour(land, name)
    hand_in(mta, f"sender@{name}.test", login.address, letter(f"sender@{name}.test", login.address, "dane"))
    land.beta.log.wait("mail.delivered", since=mark, account=login.address)
    if isinstance(mta, Postfix):
        said = "Verified TLS connection established to mail.beta.test"
        wait_for(lambda: said in mta.log.read_text(), said)
    else:
        said = f"=> {login.address}"
        lines = wait_for(lambda: [each for each in mta.log.read_text().splitlines() if said in each], said)
        assert "CV=dane" in lines[0]


@pytest.mark.parametrize("name", ["postfix", "exim"])
def test_smtputf8(land: Land, name: str) -> None:
    login = land.alpha.account(f"utf8-{name}")
    mark = land.alpha.log.mark()
    sender = f"太郎@{'post' if name == 'postfix' else name}.test"
    message = letter(sender, login.address, "utf8", "件名も本文もUTF-8\r\n".encode())
    hand_in(neighbour(land, name), sender, login.address, message)
    land.alpha.log.wait("mail.delivered", since=mark, account=login.address)
    (stored,) = login.stored()
    assert stored.startswith(f"Return-Path: <{sender}>\r\n".encode())
    assert b"with UTF8SMTPS id" in stored


@pytest.mark.parametrize("name", ["postfix", "exim"])
@pytest.mark.parametrize("local", ["a..b", "a."])
def test_mobile_carrier_sender(land: Land, name: str, local: str) -> None:
    """Dots where RFC 5321 has none, as Japanese carriers gave them out."""
    login = land.alpha.account(f"carrier-{name}-{len(local)}")
    mark = land.alpha.log.mark()
    message = letter("someone@post.test", login.address, "dots")
    sender = f"{local}@carrier.test"
    with Client(neighbour(land, name).host, land.alpha.host.address) as client:
        assert not client.sendmail(sender, [login.address], message)
    land.alpha.log.wait("mail.delivered", since=mark, account=login.address)
    assert login.stored()[0].startswith(f"Return-Path: <{sender}>\r\n".encode())


def test_success_is_reported_to_postfix(land: Land) -> None:
    """NOTIFY=SUCCESS passes through Postfix to us, who answer (RFC 3461 §5.2.1)."""
    login = land.alpha.account("notified")
    message = letter("taro@post.test", login.address, "dsn")
    hand_in(land.postfix, "taro@post.test", login.address, message, mail=["RET=HDRS", "ENVID=abc"],
            rcpt=["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;{login.address}"])  # fmt: skip
    report = wait_maildir(land.postfix.folder_of("taro"), f"rfc822; {login.address}".encode())
    assert b"Action: delivered" in report and b"Original-Envelope-Id: abc" in report
    assert len(login.stored()) == 1


def test_unknown_recipient_goes_back(land: Land) -> None:
    """Refused at RCPT: Postfix writes to its own user."""
    message = letter("hanako@post.test", "nobody@alpha.test", "to nobody")
    hand_in(land.postfix, "hanako@post.test", "nobody@alpha.test", message)
    bounce = wait_maildir(land.postfix.folder_of("hanako"), b"nobody@alpha.test")
    assert b"550 5.1.1" in bounce
