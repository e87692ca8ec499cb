"""`[SPAM]` before the subject: one edit of one whole field. What stood there stays as it is, octet for octet.

The word is ASCII and set off by a space, so that encoded words behind it stay encoded words (RFC 2047 §5 (1)), in
ISO-2022-JP as in any other charset. A reply to a marked mail that is spam again is not marked twice.
"""

from storage.message import Edit
from storage.mime.header import fields

TAG = b"[SPAM]"
LINE = 900  # octets of a first line that may still grow (RFC 5322 §2.1.1 ends it at 998)


def tagged(head: bytes) -> tuple[bytes, tuple[Edit, ...]]:
    """What is put in front of a message, and what is replaced in it."""
    for field in fields(head):
        if field.name == b"subject":
            whole = head[field.start : field.end]
            name, value = whole[: field.value_start - field.start], whole[field.value_start - field.start :]
            if value.lstrip(b" \t\r\n").startswith(TAG):
                return b"", ()
            first = value.partition(b"\n")[0]
            gap = b"\r\n " if len(first) > LINE else b" "
            return b"", (Edit(field.start, field.end, name + b" " + TAG + gap + value.lstrip(b" \t")),)
    return b"Subject: " + TAG + b"\r\n", ()
