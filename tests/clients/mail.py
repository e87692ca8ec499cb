"""Messages for the clients, and small ways to get them in by Python's own programs.

`ODD` are messages that a careless server changes: lines of dots, `From ` at the start of a line, octets that
are no ASCII, very long lines, an empty body, no line end at the end of the header's last line but CRLF.
"""

import hashlib
import smtplib
from collections.abc import Iterable, Sequence

from tests.clients.daemons import HOST, Daemons, Login

SENDER = "someone@elsewhere.example"


def mail(subject: str, body: bytes = b"Hello.\r\n", *fields: str, sender: str = SENDER) -> bytes:
    """A whole message with everything that a submission server would otherwise add."""
    head = [
        f"From: {sender}",
        "To: undisclosed-recipients:;",
        f"Subject: {subject}",
        "Date: Mon, 02 Feb 2026 10:00:00 +0900",
        f"Message-ID: <{hashlib.sha256(subject.encode() + body).hexdigest()[:20]}@elsewhere.example>",
        "MIME-Version: 1.0",
        *fields,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


ODD = {
    "dots": mail("dots", b".\r\n..\r\n...\r\n.x\r\nend\r\n"),
    "from": mail("from", b"From here\r\n>From there\r\n\r\nFrom \r\n"),
    "jis": mail(
        "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=",
        "日本語の本文です。\r\n".encode("iso-2022-jp"),
        "Content-Type: text/plain; charset=ISO-2022-JP",
        "Content-Transfer-Encoding: 7bit",
    ),
    "utf-8": mail(
        "utf-8",
        "日本語の本文です。\r\n".encode() * 40,
        "Content-Type: text/plain; charset=UTF-8",
        "Content-Transfer-Encoding: 8bit",
    ),
    "long": mail("long", b"x" * 900 + b"\r\n" + b"y" * 900 + b"\r\n"),
    "empty": mail("empty", b""),
    "attachment": mail(
        "attachment",
        b"--b\r\nContent-Type: text/plain\r\n\r\nsee attachment\r\n--b\r\n"
        b"Content-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b"QUJD" * 18
        + b"\r\n"
        + (b"QUJD" * 18 + b"\r\n") * 3000
        + b"--b--\r\n",
        'Content-Type: multipart/mixed; boundary="b"',
    ),
}


def send(daemons: Daemons, to: Login | Sequence[Login], messages: Iterable[bytes]) -> None:
    """From the world to accounts of ours, by port 25."""
    recipients = [to] if isinstance(to, Login) else to
    with smtplib.SMTP(HOST, daemons.demo.ports["mx"], timeout=90) as client:
        for message in messages:
            client.sendmail(SENDER, [each.address for each in recipients], message, ["BODY=8BITMIME"])


def seed(daemons: Daemons, to: Login) -> list[bytes]:
    """All odd messages into the inbox; what lies there then."""
    send(daemons, to, ODD.values())
    stored = to.stored()
    assert [each[-len(sent) :] for each, sent in zip(stored, ODD.values(), strict=True)] == list(ODD.values())
    return stored


def digests(messages: Iterable[bytes]) -> list[str]:
    """SHA-256 of each, sorted: what two stores are compared by."""
    return sorted(hashlib.sha256(message).hexdigest() for message in messages)


def lf(messages: Iterable[bytes]) -> list[bytes]:
    """As programs keep them that store Unix line ends."""
    return [message.replace(b"\r\n", b"\n") for message in messages]
