"""The notification that tells a sender who did not get the mail, and why (RFC 3464 in the shape of RFC 6522).

Three parts: a text for people, Japanese and English side by side; the facts for programs; the header of the
original. Nobody is told of a mail that came with the null reverse-path (RFC 5321 §6.1), so no bounce answers
a bounce, nor of recipients whose NOTIFY says otherwise (RFC 3461 §4.1). Nothing of the original is decoded:
its header goes back as it came, in quoted-printable where it is not plain 7-bit text (RFC 6522 §4).
"""

import base64
import quopri
import re
import secrets
from collections.abc import Iterable, Sequence
from email.header import Header
from email.utils import formatdate

from storage.header import end_of_header, unfold, values
from storage.message import Message
from storage.queued import Envelope, Queued
from storage.status import INTERNAL, Status

HEADER_MOST = 64 * 1024  # octets of the original's header that go back
LINE_MOST = 998  # RFC 5322 §2.1.1
SUBJECT = "メールを配送できませんでした / Undelivered mail returned to sender"

# What a person reads for a status: by the whole code without its class, else by its subject (RFC 3463).
REASONS = {
    "1.1": ("宛先のメールアドレスは存在しません。", "There is no such address."),
    "1": ("宛先のメールアドレスに問題があります。", "There is a problem with the recipient's address."),
    "2.1": ("宛先は現在メールを受信していません。", "The recipient does not receive mail at present."),
    "2.2": ("宛先のメールボックスがいっぱいです。", "The recipient's mailbox is full."),
    "2": ("宛先のメールボックスに問題があります。", "There is a problem with the recipient's mailbox."),
    "3.4": ("メールのサイズが大きすぎます。", "The message is too big."),
    "3": (
        "宛先のメールサーバーに問題が発生しました。",
        "The recipient's mail server had a problem.",
    ),
    "4": (
        "宛先のメールサーバーに接続できませんでした。",
        "The recipient's mail server could not be reached.",
    ),
    "7": ("宛先でメールの受信が拒否されました。", "The message was refused by the recipient's side."),
    "": ("メールを配送できませんでした。", "The message could not be delivered."),
}

OPENING = (
    "これはメールサーバーからの自動通知です。お送りいただいた下記のメールを、以下の宛先に\r\n"
    "配送できませんでした。このメールの配送は、これ以上行われません。\r\n"
    "\r\n"
    "This is an automatic notice from the mail server. Your message could not be delivered to the\r\n"
    "recipients below. No further attempt will be made.\r\n"
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def to_be_told(envelope: Envelope, failed: Iterable[Queued]) -> tuple[Queued, ...]:
    """The failed recipients of whom the sender is to be told: none where there is no sender."""
    if not envelope.reverse_path:
        return ()
    return tuple(each for each in failed if not each.notify or "FAILURE" in each.notify.upper().split(","))


def original_header(message: Message) -> bytes:
    """The header block of the original without its empty line. Blocks on the disk."""
    head = message.head(HEADER_MOST)
    end = end_of_header(head)
    if end < 0:
        return head[: head.rfind(b"\n") + 1]
    return head[:end].removesuffix(b"\n").removesuffix(b"\r")


def failure(
    hostname: str, envelope: Envelope, recipients: Sequence[Queued], header: bytes, now: float
) -> Message:
    """The whole notification to `envelope.reverse_path` about recipients that failed."""
    boundary = f"=_{secrets.token_hex(12)}"
    wide = not all(each.address.isascii() for each in recipients)  # RFC 6533
    kind = "global-delivery-status" if wide else "delivery-status"
    facts = _facts(hostname, envelope, recipients)
    parts = (
        _part("text/plain; charset=utf-8", "base64", base64.encodebytes(_text(envelope, recipients, header))),
        _part(f"message/{kind}", "8bit" if wide else "7bit", facts.encode()),
        _headers_part(header),
    )
    fields = [
        f"Date: {formatdate(now, localtime=True)}",
        f"From: Mail Delivery System <MAILER-DAEMON@{hostname}>",
        f"To: {_clean(envelope.reverse_path)}",
        f"Subject: {Header(SUBJECT, 'utf-8', header_name='Subject').encode(linesep=chr(13) + chr(10))}",
        f"Message-ID: <{int(now * 1000):x}.{secrets.token_hex(8)}@{hostname}>",
        *_references(header),
        "Auto-Submitted: auto-replied",  # RFC 3834 §5
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind};\r\n\tboundary="{boundary}"',
    ]
    mark = f"--{boundary}".encode()
    body = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
    return Message.of("\r\n".join(fields).encode() + b"\r\n\r\n" + body)


def _text(envelope: Envelope, recipients: Sequence[Queued], header: bytes) -> bytes:
    lines = [OPENING]
    for each in recipients:
        status = each.status or INTERNAL
        japanese, english = reason(status)
        lines += [f"<{_clean(each.original or each.address)}>"]
        lines += [f"    {japanese}", f"    {english}", f"    ({_clean(str(status))})", ""]
    given = {name.lower(): unfold(value) for name, value in values(header)}
    lines += [
        f"受付日時 / Accepted: {formatdate(envelope.added, localtime=True)}",
        f"受付番号 / Queue id: {envelope.queue_id}",
    ]
    message_id = given.get(b"message-id", b"").decode("ascii", "replace")
    if message_id:
        lines.append(f"Message-ID: {_clean(message_id)}")
    return ("\r\n".join(lines) + "\r\n").encode()


def reason(status: Status) -> tuple[str, str]:
    """What to tell people of a status, in Japanese and in English."""
    detail = status.code[2:]
    subject = detail.partition(".")[0]
    return REASONS.get(detail) or REASONS.get(subject) or REASONS[""]


def _facts(hostname: str, envelope: Envelope, recipients: Sequence[Queued]) -> str:
    """The body of message/delivery-status: a block for the message, one for each recipient (RFC 3464 §2)."""
    blocks = [[f"Reporting-MTA: dns; {hostname}"]]
    if envelope.envid:
        blocks[0].append(f"Original-Envelope-Id: {_clean(envelope.envid)}")
    blocks[0].append(f"Arrival-Date: {formatdate(envelope.added, localtime=True)}")
    for each in recipients:
        status = each.status or INTERNAL
        block = []
        if each.orcpt:
            block.append(f"Original-Recipient: {_clean(each.orcpt)}")
        elif each.original and each.original != each.address:
            block.append(f"Original-Recipient: {_typed(each.original)}")
        block += [
            f"Final-Recipient: {_typed(each.address)}",
            "Action: failed",
            f"Status: {_clean(status.code)}",
            f"Diagnostic-Code: x-kwcmaild; {_clean(status.text) or 'no further detail'}",
        ]
        if each.last_attempt is not None:
            block.append(f"Last-Attempt-Date: {formatdate(each.last_attempt, localtime=True)}")
        blocks.append(block)
    return "\r\n".join("\r\n".join(block) + "\r\n" for block in blocks)


def _headers_part(header: bytes) -> bytes:
    plain = header.isascii() and not _unsafe_lines(header)
    if plain:
        return _part("text/rfc822-headers", "7bit", header)
    encoded = quopri.encodestring(header.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return _part("text/rfc822-headers", "quoted-printable", encoded)


def _unsafe_lines(header: bytes) -> bool:
    lines = header.split(b"\r\n")
    return any(len(line) > LINE_MOST or b"\r" in line or b"\n" in line or b"\0" in line for line in lines)


def _part(kind: str, encoding: str, content: bytes) -> bytes:
    content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + content


def _references(header: bytes) -> list[str]:
    """In-Reply-To and References (RFC 5322 §3.6.4), that the notice stands beside the mail it is about."""
    for name, value in values(header):
        text = unfold(value).decode("ascii", "replace")
        if name.lower() == b"message-id" and re.fullmatch(r"<[!-~]{1,500}>", text):
            return [f"In-Reply-To: {text}", f"References: {text}"]
    return []


def _typed(address: str) -> str:
    """An address with its type: RFC 3464 §2.3.2, and for SMTPUTF8 RFC 6533 §3."""
    return f"{'rfc822' if address.isascii() else 'utf-8'}; {_clean(address)}"


def _clean(value: str) -> str:
    return _CONTROL.sub(" ", value).strip()
