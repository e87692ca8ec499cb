"""The daemons as an operator knows them: a crash, a reload, a stop, a mailbox that fails and is mended."""

import imaplib
import json
import poplib
import signal
import smtplib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.daemons import HOST, ROOMS, Daemons, Login
from tests.clients.mail import SENDER, mail, send


def imap(daemons: Daemons, login: Login, context: ssl.SSLContext) -> imaplib.IMAP4:
    client = imaplib.IMAP4_SSL(HOST, daemons.port("imap", "implicit"), ssl_context=context, timeout=90)
    client.login(login.address, login.password)
    client.select("INBOX")
    return client


def submission(daemons: Daemons, login: Login) -> smtplib.SMTP:
    client = smtplib.SMTP(HOST, daemons.port("smtp", "plain"), timeout=90)
    client.login(login.address, login.password)
    return client


def test_a_crashed_process_comes_back_and_the_others_go_on(
    daemons: Daemons, login: Login, context: ssl.SSLContext
) -> None:
    imap(daemons, login, context)
    with smtplib.SMTP(HOST, daemons.demo.ports["mx"]) as sender:
        sender.ehlo()
        mark = daemons.mark()
        daemons.kill("imap")
        sender.sendmail(SENDER, login.address, mail("while imap is down"))
        daemons.wait("process.serving", since=mark, room="imap")
        sender.sendmail(SENDER, login.address, mail("it is back"))
    client = imap(daemons, login, context)
    assert client.search(None, "ALL") == ("OK", [b"1 2"])
    client.logout()


@pytest.mark.parametrize("room", ["smtp", "pop3", "relay"])
def test_each_process_comes_back(daemons: Daemons, login: Login, room: str) -> None:
    mark = daemons.mark()
    daemons.kill(room)
    daemons.wait("process.serving", since=mark, room=room)
    send(daemons, login, [mail("after the crash")])
    client = poplib.POP3(HOST, daemons.port("pop3", "plain"), timeout=90)
    client.user(login.address)
    client.pass_(login.password)
    assert client.stat()[0] == 1
    client.quit()


def test_a_reload_drops_no_connection(daemons: Daemons, login: Login, context: ssl.SSLContext) -> None:
    client = imap(daemons, login, context)
    mark = daemons.mark()
    daemons.process.send_signal(signal.SIGHUP)
    daemons.wait("config.reloaded", since=mark, times=len(ROOMS))
    assert client.noop()[0] == "OK"
    client.logout()


def queued(daemons: Daemons, recipient: Login) -> list[dict[str, object]]:
    listed = json.loads(daemons.run("queue", "list", "--json", "--recipient", recipient.address))
    return [each for message in listed for each in message["recipients"]]


def accepted_for_both(
    daemons: Daemons, sender: Login, good: Login, bad: Login, spoil: Callable[[], None]
) -> None:
    """A message whose second recipient gets into trouble between RCPT and DATA."""
    with submission(daemons, sender) as client:
        client.mail(sender.address)
        assert client.rcpt(good.address)[0] == client.rcpt(bad.address)[0] == 250
        spoil()
        assert client.data(mail("for both", sender=sender.address))[0] == 250


def test_a_full_mailbox_gets_its_mail_when_there_is_room(
    daemons: Daemons, accounts: Callable[..., Login]
) -> None:
    sender, good, full = accounts("s"), accounts("g"), accounts("f", "quota_messages: 1\n")
    mark = daemons.mark()
    accepted_for_both(daemons, sender, good, full, lambda: send(daemons, full, [mail("fills it")]))
    assert len(good.stored()) == 1 and len(full.stored()) == 1
    deferred = daemons.wait("queue.deferred", since=mark, to=full.address)
    assert str(deferred["status"]).startswith("4.2.2")
    (recipient,) = queued(daemons, full)
    assert (recipient["state"], recipient["status"]) == ("waiting", "4.2.2")

    daemons.account(full.local)
    assert daemons.run("queue", "retry", "--recipient", full.address) == "1 message due now\n"
    daemons.wait("queue.delivered", since=mark, to=full.address)
    assert b"Subject: for both\r\n" in full.stored()[1]
    assert queued(daemons, full) == []


def test_a_maildir_that_cannot_be_written_gets_its_mail_when_it_can(
    daemons: Daemons, accounts: Callable[..., Login]
) -> None:
    sender, good, broken = accounts("s"), accounts("g"), accounts("b")
    send(daemons, broken, [mail("the first")])

    def spoil() -> None:
        for place in ("tmp", "cur", "new"):
            (broken.folder / place).rename(broken.folder / f"{place}.aside")
            (broken.folder / place).write_text("no folder\n")

    mark = daemons.mark()
    accepted_for_both(daemons, sender, good, broken, spoil)
    daemons.wait("queue.deferred", since=mark, to=broken.address)
    for place in ("tmp", "cur", "new"):
        (broken.folder / place).unlink()
        (broken.folder / f"{place}.aside").rename(broken.folder / place)
    daemons.run("queue", "retry", "--recipient", broken.address)
    daemons.wait("queue.delivered", since=mark, to=broken.address)
    assert len(broken.stored()) == 2 and len(good.stored()) == 1


def test_who_cannot_be_delivered_to_any_more_is_told_of_to_the_sender(
    daemons: Daemons, accounts: Callable[..., Login]
) -> None:
    sender, good, full = accounts("s"), accounts("g"), accounts("f", "quota_messages: 1\n")
    mark = daemons.mark()
    accepted_for_both(daemons, sender, good, full, lambda: send(daemons, full, [mail("fills it")]))
    daemons.wait("queue.deferred", since=mark, to=full.address)
    daemons.account(full.local, "suspended: true\n")
    daemons.run("queue", "retry", "--recipient", full.address)
    daemons.wait("queue.delivered", since=mark, to=sender.address)
    (notice,) = sender.stored()
    assert notice.startswith(b"Return-Path: <>\r\n")
    assert f"Final-Recipient: rfc822; {full.address}\r\n".encode() in notice
    assert b"\r\nStatus: 5.2.1\r\n" in notice and b"\r\nSubject: for both\r\n" in notice
    assert queued(daemons, full) == []


def test_a_stop_drains(tmp_path: Path) -> None:
    """SIGTERM: who is sending may end that message, who waits is told, and all processes end well."""
    daemons = Daemons(tmp_path / "server").start()
    try:
        login = daemons.account("taro")
        context = ssl.create_default_context(cafile=str(daemons.demo.ca))
        idle = imap(daemons, login, context)
        idle.send(b"x IDLE\r\n")
        assert idle.readline().startswith(b"+ ")
        waiting = smtplib.SMTP(HOST, daemons.demo.ports["mx"], timeout=90)
        sending = smtplib.SMTP(HOST, daemons.demo.ports["mx"], timeout=90)
        sending.ehlo()
        sending.mail(SENDER)
        sending.rcpt(login.address)
        assert sending.docmd("DATA")[0] == 354
        assert isinstance(sending.sock, socket.socket)
        sending.sock.sendall(b"Subject: half of it\r\n")
        daemons.process.terminate()
        assert waiting.getreply()[0] == 421
        assert idle.readline().startswith(b"* BYE")
        sending.sock.sendall(b"\r\nand the rest\r\n.\r\n")
        assert sending.getreply()[0] == 250
    finally:
        assert daemons.stop() == 0
    (stored,) = login.stored()
    assert stored.endswith(b"Subject: half of it\r\n\r\nand the rest\r\n")


def test_a_broken_account_file_loses_no_mail(daemons: Daemons, accounts: Callable[..., Login]) -> None:
    """Who was known stays known as before; who was not yet is a matter for later, never for a bounce."""
    known = accounts("k")
    send(daemons, known, [mail("before")])
    accounts("k", "quota: [\n")
    send(daemons, known, [mail("after")])
    assert len(known.stored()) == 2
    new = accounts("n", "quota: [\n")
    with smtplib.SMTP(HOST, daemons.demo.ports["mx"]) as client:
        client.ehlo()
        client.mail(SENDER)
        answer = client.rcpt(new.address)
    assert answer[0] == 451 and answer[1].startswith(b"4.3.5")
