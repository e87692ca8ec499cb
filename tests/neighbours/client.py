"""A mail program of the test on a host of the stage."""

import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tests.clients.daemons import Login
from tests.neighbours.ours import Kwcmaild
from tests.neighbours.stage import Host

T = TypeVar("T")


class Client(smtplib.SMTP):
    """smtplib over a socket that was made on that host."""

    def __init__(self, host: Host, address: str, port: int = 25) -> None:
        self._stage_host = host
        super().__init__(address, port, local_hostname=f"client.{host.name}.test")

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._stage_host.connect(host, port)


def submit(
    server: Kwcmaild,
    login: Login,
    recipients: Sequence[str],
    message: bytes,
    options: Sequence[str] = ("BODY=8BITMIME",),
    rcpt_options: Sequence[str] = (),
) -> None:
    """Over the submission port with STARTTLS and a password, as an account does."""
    with Client(server.host, server.host.address, 587) as client:
        client._host = server.name  # the name that the certificate must have
        client.starttls(context=ssl.create_default_context(cafile=str(server.authority.certificate)))
        client.login(login.address, login.password)
        refused = client.sendmail(login.address, recipients, message, options, rcpt_options)
        assert not refused, refused


def letter(sender: str, to: str, subject: str, body: bytes = b"Hello\r\n") -> bytes:
    """A message in octets; no field is missing that a server might add."""
    head = (
        f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Mon, 05 Oct 2026 10:00:00 +0900\r\n"
        f"Message-ID: <{subject.replace(' ', '.')}@{sender.rpartition('@')[2]}>\r\n\r\n"
    )
    return head.encode() + body


def wait_for(look: Callable[[], T], what: str, patience: float = 60) -> T:
    """What `look` gives, as soon as that is something: for files that other programs write."""
    end = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < end, f"no {what} within {patience:.0f} s"
        time.sleep(0.02)
    return found


def wait_maildir(folder: Path, having: bytes, patience: float = 60) -> bytes:
    """The message with these octets in another server's Maildir, with LF as it has it."""

    def look() -> list[bytes]:
        paths = [path for place in ("new", "cur") for path in (folder / place).glob("*")]
        return [data for path in paths if having in (data := path.read_bytes())]

    return wait_for(look, f"{having!r} in {folder}", patience)[0]


def wait_mail(login: Login, patience: float = 60) -> bytes:
    """The newest message of this account."""
    return wait_for(lambda: login.stored(), f"mail for {login.address}", patience)[-1]
