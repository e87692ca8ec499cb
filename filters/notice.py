"""A notice from the server to people here: a whole message, from the postmaster of their domain.

It is delivered from the null reverse-path and says of itself that a program wrote it, so nothing answers it
(RFC 5321 §4.5.5, RFC 3834 §5).
"""

import base64
import secrets
from collections.abc import Sequence
from email.header import Header
from email.utils import formatdate

from storage.message import Message


def compose(
    hostname: str, domain: str, to: Sequence[str], cc: Sequence[str], subject: str, text: str, now: float
) -> Message:
    """`text` has lines that end with LF; it and the subject may be in any script."""
    fields = [
        f"Date: {formatdate(now, localtime=True)}",
        f"From: Mail System <postmaster@{domain}>",
        f"To: {', '.join(to)}",
        *([f"Cc: {', '.join(cc)}"] if cc else []),
        f"Subject: {Header(subject, 'utf-8', header_name='Subject').encode(linesep=chr(13) + chr(10))}",
        f"Message-ID: <{int(now * 1000):x}.{secrets.token_hex(8)}@{hostname}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
    ]
    body = base64.encodebytes(text.replace("\n", "\r\n").encode()).replace(b"\n", b"\r\n")
    return Message.of("\r\n".join(fields).encode() + b"\r\n\r\n" + body)
