"""What a submission server owes a message that starts its way here (RFC 6409 §8; RFC 5322 §3.6.1, §3.6.3).

A missing Date or Message-ID is added; Bcc is removed, folded lines and all, so that nobody learns of the
blind copies. Both are edits of whole header fields: all other bytes stay as the user's program wrote them.
"""

import re
import secrets
from email.utils import formatdate

from storage.message import Message
from storage.mime.header import Field, fields, unfold

_OURS = re.compile(
    rb"^(date|message-id|bcc)[ \t]*:", re.IGNORECASE | re.MULTILINE
)  # as in storage.mime.header


def complete(message: Message, head: bytes, hostname: str, now: float) -> Message:
    """The message as it leaves the author's hands. `head` is the header block of its source."""
    names = {name.lower() for name in _OURS.findall(head)}
    added = b""
    if b"date" not in names:
        added += f"Date: {formatdate(now, localtime=True)}\r\n".encode()
    if b"message-id" not in names:
        added += f"Message-ID: <{message_id(now)}@{hostname}>\r\n".encode()
    if added:
        # an edit of nothing at the very start, so that trace fields stay above it (RFC 5321 §4.4)
        message = message.replace(0, 0, added)
    if b"bcc" in names:
        for field in fields(head):
            if field.name == b"bcc":
                message = message.replace(field.start, field.end, b"")
    return message


def message_id(now: float) -> str:
    """The left side of a Message-ID that nobody else makes (RFC 5322 §3.6.4)."""
    return f"{int(now * 1000):x}.{secrets.token_hex(8)}"


def is_report(head: bytes) -> bool:
    """Is it a multipart/report: a receipt, or a notification (RFC 6522 §3)?"""
    kinds = [_value(head, field) for field in fields(head) if field.name == b"content-type"]
    return len(kinds) == 1 and kinds[0].lower().startswith(b"multipart/report")


def _value(head: bytes, field: Field) -> bytes:
    return unfold(head[field.value_start : field.end])
