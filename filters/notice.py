"""Mail that the server writes itself: notices and replies, in UTF-8, which every mail program of today reads.

Each says that no person wrote it (RFC 3834 §5), and goes out with the null reverse-path, so nothing comes back.
"""

import base64
import re
import secrets
from collections.abc import Iterable, Sequence
from email.header import Header
from email.utils import formatdate
from typing import Literal

from storage.message import Message

LONGEST_SUBJECT = 250  # characters

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


def compose(
    hostname: str, domain: str, to: Sequence[str], cc: Sequence[str], subject: str, text: str, now: float
) -> Message:
    """A notice to people here, from the postmaster of their domain."""
    return notice(
        hostname,
        now,
        sender=f"Mail System <postmaster@{domain}>",
        to=", ".join(to),
        cc=cc,
        subject=subject,
        text=text,
        kind="auto-generated",
    )


def notice(
    hostname: str,
    now: float,
    *,
    sender: str,
    to: str,
    subject: str,
    text: str,
    kind: Literal["auto-generated", "auto-replied"],
    cc: Iterable[str] = (),
    about: Iterable[bytes] = (),
    fields: Iterable[str] = (),
) -> Message:
    """The message. `about` are the Message-IDs that it answers, the last one that of the message itself."""
    copies = ", ".join(cc)
    references = [each.decode("ascii") for each in about]
    lines = [
        f"Date: {formatdate(now, localtime=True)}",
        f"From: {sender}",
        f"To: {to}",
        *([f"Cc: {copies}"] if copies else []),
        subject_field(subject),
        f"Message-ID: <{int(now * 1000):x}.{secrets.token_hex(8)}@{hostname}>",
        *([f"In-Reply-To: {references[-1]}"] if references else []),
        *(["References: " + "\r\n ".join(references)] if references else []),
        f"Auto-Submitted: {kind}",
        "X-Auto-Response-Suppress: All",  # Exchange and Outlook answer by their own rules
        *fields,
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
    ]
    octets = text.replace("\r\n", "\n").replace("\n", "\r\n").encode(errors="replace")
    body = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    return Message.of("\r\n".join(lines).encode(errors="replace") + b"\r\n\r\n" + body)


def subject_field(text: str) -> str:
    """A Subject of plain text, in encoded words where it needs them (RFC 2047)."""
    text = _CONTROL.sub(" ", text)[:LONGEST_SUBJECT].encode(errors="replace").decode()
    charset = "us-ascii" if text.isascii() else "utf-8"
    encoded = Header(text, charset, header_name="Subject").encode(linesep="\r\n")
    return f"Subject: {encoded}"
