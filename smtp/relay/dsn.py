"""The notice that tells a sender what became of his mail (RFC 3464 in the shape of RFC 6522).

Three parts: a text for people; the facts for programs; of the original its header, or all of it where it failed and
the sender asked for that (RET, RFC 3461 §4.3) and it is not too large. Nothing of the original is decoded: it goes
back as it came, its header in quoted-printable where it is not plain 7-bit text (RFC 6522 §4). Where an address or
the original's header has characters beyond ASCII the parts are those of RFC 6533, encoded so that every host can
take them.

Who is told of what is decided when an outcome is recorded; a notice itself has the null reverse-path and never
causes another (RFC 5321 §6.1).
"""

import base64
import quopri
import re
import secrets
from collections.abc import Sequence
from email.header import Header
from email.utils import formatdate

from smtp.relay.dsn_text import ACTIONS, DELAYED, DELIVERED, FAILED, SUBJECTS, clean, text
from storage.message import Message
from storage.mime.header import end_of_header, unfold, values
from storage.queue.queued import Envelope, Queued, State
from storage.status import INTERNAL

HEADER_MOST = 64 * 1024  # octets of the original's header that go back
WHOLE_MOST = 1024 * 1024  # octets of an original that goes back as a whole
LINE_MOST = 998  # RFC 5322 §2.1.1


def action_of(one: Queued) -> str:
    """What became of a recipient (RFC 3464 §2.3.3)."""
    if one.state is State.FAILED:
        return FAILED
    if one.state is State.DELIVERED:
        return one.action or DELIVERED
    return DELAYED


def report(
    hostname: str,
    envelope: Envelope,
    recipients: Sequence[Queued],
    original: Message | None,
    now: float,
    until: float = 0.0,
) -> Message:
    """The whole notice to `envelope.reverse_path`. `until`: when attempts end, for those that go on. `original` is
    None where its file is gone. Blocks on the disk."""
    header = b"" if original is None else original_header(original)
    by_action = [(action, [each for each in recipients if action_of(each) == action]) for action in ACTIONS]
    groups = [(action, found) for action, found in by_action if found]
    gravest = groups[0][0]
    wide = not all(each.address.isascii() and each.original.isascii() for each in recipients)
    kind = "global-delivery-status" if wide else "delivery-status"
    facts = _facts(hostname, envelope, recipients, until).encode("utf-8", "replace")
    parts = (
        _part("text/plain; charset=utf-8", "base64", text(envelope, groups, header, until)),
        _part(f"message/{kind}", "base64" if wide else "7bit", facts),
        _original_part(envelope, original, header, gravest == FAILED),
    )
    boundary = f"=_{secrets.token_hex(12)}"
    subject = Header(SUBJECTS[gravest], "utf-8", header_name="Subject").encode(linesep="\r\n")
    fields = [
        f"Date: {formatdate(now, localtime=True)}",
        f"From: Mail Delivery System <MAILER-DAEMON@{hostname}>",
        f"To: {clean(envelope.reverse_path)}",
        f"Subject: {subject}",
        f"Message-ID: <{int(now * 1000):x}.{secrets.token_hex(8)}@{hostname}>",
        *_references(header),
        "Auto-Submitted: auto-replied",  # RFC 3834 §5
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind};\r\n\tboundary="{boundary}"',
    ]
    mark = f"--{boundary}".encode()
    body = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
    return Message.of("\r\n".join(fields).encode("utf-8", "replace") + b"\r\n\r\n" + body)


def original_header(message: Message) -> bytes:
    """The header block of the original without its empty line. Blocks on the disk."""
    head = message.head(HEADER_MOST)
    end = end_of_header(head)
    if end < 0:
        return head[: head.rfind(b"\n") + 1]
    return head[:end].removesuffix(b"\n").removesuffix(b"\r")


def _facts(hostname: str, envelope: Envelope, recipients: Sequence[Queued], until: float) -> str:
    """The body of message/delivery-status: a block for the message, one for each recipient (RFC 3464 §2)."""
    blocks = [[f"Reporting-MTA: dns; {hostname}"]]
    if envelope.envid:
        blocks[0].append(f"Original-Envelope-Id: {clean(envelope.envid)}")
    blocks[0].append(f"Arrival-Date: {formatdate(envelope.added, localtime=True)}")
    blocks += [_facts_of(each, until) for each in recipients]
    return "\r\n".join("".join(f"{line}\r\n" for line in block) for block in blocks)


def _facts_of(each: Queued, until: float) -> list[str]:
    status, action = each.status or INTERNAL, action_of(each)
    lines = []
    if each.orcpt:
        lines.append(f"Original-Recipient: {clean(each.orcpt)}")
    elif each.original and each.original != each.address:
        lines.append(f"Original-Recipient: {_typed(each.original)}")
    lines += [
        f"Final-Recipient: {_typed(each.address)}",
        f"Action: {action}",
        f"Status: {clean(status.code)}",
    ]
    if each.remote:
        lines.append(f"Remote-MTA: dns; {clean(each.remote)}")
    if each.reply:
        lines.append(f"Diagnostic-Code: smtp; {_ascii(each.reply)}")
    elif status.text:
        lines.append(f"Diagnostic-Code: x-kwcmaild; {_ascii(status.text)}")
    if each.last_attempt is not None:
        lines.append(f"Last-Attempt-Date: {formatdate(each.last_attempt, localtime=True)}")
    if action == DELAYED and until:
        lines.append(f"Will-Retry-Until: {formatdate(until, localtime=True)}")  # RFC 3464 §2.3.9
    return lines


def _original_part(envelope: Envelope, original: Message | None, header: bytes, failed: bool) -> bytes:
    wide = envelope.smtputf8 and not header.isascii() and _is_utf8(header)
    full = envelope.ret.upper() == "FULL" and not envelope.require_tls  # RFC 8689 §5
    if failed and full and original is not None and original.size <= WHOLE_MOST:
        whole = original.read()
        if wide:
            return _part("message/global", "base64", whole)  # RFC 6532 §3.7: this kind may be encoded
        if not _unsafe_lines(whole):  # message/rfc822 goes as it is, or not at all (RFC 2046 §5.2.1)
            return _part("message/rfc822", "7bit" if whole.isascii() else "8bit", whole)
    if header.isascii() and not _unsafe_lines(header):
        return _part("text/rfc822-headers", "7bit", header)
    return _part("message/global-headers" if wide else "text/rfc822-headers", "quoted-printable", header)


def _unsafe_lines(octets: bytes) -> bool:
    lines = octets.split(b"\r\n")
    return any(len(line) > LINE_MOST or b"\r" in line or b"\n" in line or b"\0" in line for line in lines)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _part(kind: str, encoding: str, content: bytes) -> bytes:
    if encoding == "base64":
        content = base64.encodebytes(content).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        content = quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\r", b"=0D")
        content = content.replace(b"\n", b"\r\n")
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + content


def _references(header: bytes) -> list[str]:
    """In-Reply-To and References (RFC 5322 §3.6.4), that the notice stands beside the mail it is about."""
    for name, value in values(header):
        found = unfold(value).decode("ascii", "replace")
        if name.lower() == b"message-id" and re.fullmatch(r"<[!-~]{1,500}>", found):
            return [f"In-Reply-To: {found}", f"References: {found}"]
    return []


def _typed(address: str) -> str:
    """An address with its type: RFC 3464 §2.3.2, and for SMTPUTF8 RFC 6533 §3."""
    return f"{'rfc822' if address.isascii() else 'utf-8'}; {clean(address)}"


def _ascii(value: str) -> str:
    return clean(value).encode("ascii", "replace").decode()
