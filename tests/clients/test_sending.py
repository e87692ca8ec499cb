"""Real programs send: swaks, curl, msmtp, neomutt and Python's smtplib, plain, by STARTTLS and by TLS."""

import smtplib
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.daemons import HOST, Daemons, Login, Tools, needs
from tests.clients.mail import ODD, SENDER, mail
from tests.clients.terminal import in_terminal

WAYS = ("plain", "starttls", "implicit")


def stored_once(login: Login) -> bytes:
    (message,) = login.stored()
    return message


@pytest.mark.parametrize("tls", [[], ["--tls"]], ids=["plain", "starttls"])
def test_swaks_from_the_world(daemons: Daemons, login: Login, tools: Tools, tls: list[str]) -> None:
    where = ["--server", HOST, "--port", str(daemons.demo.ports["mx"])]
    output = tools(
        "swaks", *where, *tls, *verified(daemons, tls), "--from", SENDER, "--to", login.address,
        "--header", "Subject: by swaks",
    )  # fmt: skip
    assert "250 2.0.0" in output
    message = stored_once(login)
    assert message.startswith(f"Return-Path: <{SENDER}>\r\nDelivered-To: {login.address}\r\n".encode())
    assert (b"with ESMTPS id" if tls else b"with ESMTP id") in message
    assert b"\r\nSubject: by swaks\r\n" in message


@pytest.mark.parametrize("auth", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("way", WAYS)
def test_swaks_submits(
    daemons: Daemons, accounts: Callable[..., Login], tools: Tools, way: str, auth: str
) -> None:
    sender, login = accounts("s"), accounts()
    tls = {"plain": [], "starttls": ["--tls"], "implicit": ["--tlsc"]}[way]
    output = tools(
        "swaks", "--server", HOST, "--port", str(daemons.port("smtp", way)), *tls, *verified(daemons, tls),
        "--auth", auth, "--auth-user", sender.address, "--auth-password", sender.password,
        "--from", sender.address, "--to", login.address, "--header", "Subject: submitted",
    )  # fmt: skip
    assert "235 2.7.0" in output and "250 2.0.0" in output
    message = stored_once(login)
    assert (b"with ESMTPA id" if way == "plain" else b"with ESMTPSA id") in message


def verified(daemons: Daemons, tls: list[str]) -> list[str]:
    return ["--tls-verify", "--tls-ca-path", str(daemons.demo.ca)] if tls else []


@pytest.mark.parametrize("way", WAYS)
def test_curl(
    daemons: Daemons, accounts: Callable[..., Login], tools: Tools, way: str, tmp_path: Path
) -> None:
    sender, login = accounts("s"), accounts()
    sent = ODD["utf-8"].replace(SENDER.encode(), sender.address.encode())
    (tmp_path / "message").write_bytes(sent)
    scheme = "smtps" if way == "implicit" else "smtp"
    tools(
        "curl", "-sS", "--cacert", daemons.demo.ca, *(["--ssl-reqd"] if way == "starttls" else []),
        f"{scheme}://{HOST}:{daemons.port('smtp', way)}", "--user", f"{sender.address}:{sender.password}",
        "--mail-from", sender.address, "--mail-rcpt", login.address, "-T", "message",
    )  # fmt: skip
    assert stored_once(login).endswith(sent)


@pytest.mark.parametrize(
    ("way", "method"),
    [("plain", "plain"), ("starttls", "login"), ("starttls", "scram-sha-256"), ("implicit", "on")],
)
def test_msmtp(
    daemons: Daemons, accounts: Callable[..., Login], tools: Tools, way: str, method: str, tmp_path: Path
) -> None:
    sender, login = accounts("s"), accounts()
    tls = {"plain": "tls off", "starttls": "tls on\ntls_starttls on", "implicit": "tls on\ntls_starttls off"}
    trust = "" if way == "plain" else f"tls_trust_file {daemons.demo.ca}\n"
    config = tmp_path / "msmtprc"
    config.write_text(
        f"account default\nhost {HOST}\nport {daemons.port('smtp', way)}\n{tls[way]}\n{trust}"
        f"auth {method}\nuser {sender.address}\npassword {sender.password}\nfrom {sender.address}\n"
    )
    config.chmod(0o600)
    sent = mail("by msmtp", ODD["dots"].partition(b"\r\n\r\n")[2], sender=sender.address)
    tools("msmtp", "-C", config, login.address, input=sent.replace(b"\r\n", b"\n"))
    assert stored_once(login).endswith(sent)


@pytest.mark.parametrize("way", WAYS)
def test_smtplib_to_two_with_every_octet_kept(
    daemons: Daemons, accounts: Callable[..., Login], context: ssl.SSLContext, way: str
) -> None:
    sender, first, second = accounts("s"), accounts("a"), accounts("b")
    port = daemons.port("smtp", way)
    odd = [each.replace(SENDER.encode(), sender.address.encode()) for each in ODD.values()]
    plain = smtplib.SMTP_SSL(HOST, port, context=context) if way == "implicit" else smtplib.SMTP(HOST, port)
    with plain as client:
        if way == "starttls":
            client.starttls(context=context)
        client.login(sender.address, sender.password)
        for message in odd:
            to = [first.address, second.address]
            assert client.sendmail(sender.address, to, message, ["BODY=8BITMIME"]) == {}
    for login in (first, second):
        stored = login.stored()
        assert [each[-len(sent) :] for each, sent in zip(stored, odd, strict=True)] == odd
        assert all(b"Delivered-To" not in each and b"for <" not in each for each in stored)


def test_smtputf8_and_internationalised_sender(daemons: Daemons, login: Login) -> None:
    with smtplib.SMTP(HOST, daemons.demo.ports["mx"]) as client:
        client.sendmail("太郎@例え.test", [login.address], ODD["utf-8"], ["SMTPUTF8", "BODY=8BITMIME"])
    assert stored_once(login).startswith("Return-Path: <太郎@例え.test>\r\n".encode())


def test_neomutt_sends_and_files_a_copy(
    daemons: Daemons, accounts: Callable[..., Login], tmp_path: Path
) -> None:
    needs("neomutt")
    sender, login = accounts("s"), accounts()
    (tmp_path / "text").write_text("Hello from neomutt\n")
    user = sender.address.replace("@", "%40")
    rc = tmp_path / "rc"
    rc.write_text(
        f'set smtp_url="smtps://{user}@{HOST}:{daemons.port("smtp", "implicit")}"\n'
        f'set smtp_pass="{sender.password}"\nset imap_pass="{sender.password}"\n'
        f'set imap_user="{sender.address}"\nset ssl_ca_certificates_file="{daemons.demo.ca}"\n'
        f'set from="{sender.address}"\nset folder="imaps://{HOST}:{daemons.port("imap", "implicit")}/"\n'
        'set record="+Sent"\nset copy=yes\nset confirmcreate=no\nset confirmappend=no\nset wait_key=no\n'
        'set editor="true"\nset abort_unmodified=no\n'
    )
    command = ["neomutt", "-n", "-F", str(rc), "-s", "by neomutt", "-i", "text", "--", login.address]
    in_terminal(command, tmp_path, [(b"To: ", b"\r"), (b"Subject: ", b"\r"), (b"Mix: ", b"y")])
    assert b"Subject: by neomutt\r\n" in stored_once(login)
    (copy,) = sender.stored("Sent")
    assert copy.endswith(b"\r\n\r\nHello from neomutt\r\n")
    assert sender.files("Sent")[0].name.endswith("S")


@pytest.mark.parametrize(
    ("more", "code", "enhanced"),
    [
        ("receive: false\n", 550, b"5.2.1"),
        ("suspended: true\n", 550, b"5.2.1"),
        ("quota_messages: 1\n", 452, b"4.2.2"),
    ],
    ids=["not receiving", "suspended", "full"],
)
def test_who_takes_no_mail(
    daemons: Daemons, accounts: Callable[..., Login], more: str, code: int, enhanced: bytes
) -> None:
    login = accounts(more=more)
    with smtplib.SMTP(HOST, daemons.demo.ports["mx"]) as client:
        if "quota" in more:
            client.sendmail(SENDER, login.address, mail("fills it"))
        client.ehlo()
        client.mail(SENDER)
        answer = client.rcpt(login.address)
    assert answer[0] == code and answer[1].startswith(enhanced)


def test_never_a_relay(daemons: Daemons, login: Login) -> None:
    with smtplib.SMTP(HOST, daemons.demo.ports["mx"]) as client:
        client.ehlo()
        client.mail(SENDER)
        for address in ("x@elsewhere.example", "x%elsewhere.example@example.test", "nobody@example.test"):
            assert client.rcpt(address)[0] == 550
        assert client.rcpt(login.address)[0] == 250
    with smtplib.SMTP(HOST, daemons.port("smtp", "plain")) as client:
        client.ehlo()
        assert client.mail(login.address)[0] == 530


def test_only_from_own_addresses(daemons: Daemons, accounts: Callable[..., Login]) -> None:
    sender, other = accounts("s"), accounts("o")
    with smtplib.SMTP(HOST, daemons.port("smtp", "plain")) as client:
        client.login(sender.address, sender.password)
        assert client.mail(other.address)[0] == 550
        assert client.mail(sender.address)[0] == 250
        assert client.rcpt(other.address)[0] == 250
        code, said = client.data(f"From: {other.address}\r\nSubject: x\r\n\r\nx\r\n")
        assert code // 100 == 5 and said.startswith(b"5.7.1 ")
    assert not other.stored()
