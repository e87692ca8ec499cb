"""An echo: the automatic reply of a user who is away (RFC 3834).

It goes to the reverse-path of a mail that a person wrote to this user, once in seven days for each sender, with
the null reverse-path, so that nothing answers it. What was not written to the user by name (lists, bulk mail,
blind copies), what a program wrote (`Auto-Submitted`, notices, bounces), and what came from an address that
speaks for a program is not answered: of two repliers each has the last word at once. The message itself stays
in the mailbox.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import date

from config.account import Autoreply
from filters.head import first, message_ids, named, values
from filters.mail import Mail
from filters.notice import notice
from storage.message import Message
from storage.mime.charset import decode_header
from storage.people.address import AddressError, parse
from storage.people.directory import AccountEntry

KIND = "autoreply"
PERIOD = 7 * 86_400  # seconds in which a sender gets one reply
MOST_REFERENCES = 20

NAMES = (b"to", b"cc", b"resent-to", b"resent-cc", b"apparently-to")

# RFC 3834 §2, RFC 5230 §4.6, and what programs call themselves today
_PROGRAM = re.compile(
    r"owner-.*|.*-(?:owner|request|bounces?(?:[-_.+=].*)?)|mailer-daemon|postmaster|listserv|majordomo|"
    r"(?:no|do[-_.]?not)[-_.]?reply(?:[-_.+].*)?|bounces?(?:[-_.+=].*)?|root|daemon|nobody",
    re.IGNORECASE,
)
_BULK = frozenset((b"bulk", b"list", b"junk", b"auto_reply"))
_SUPPRESSED = frozenset((b"all", b"oof", b"autoreply"))
_BATV = re.compile(r"prvs=[^=@]+=")  # a mark that changes each day, before a sender's name
_REPLY = re.compile(r"(?:re|aw|sv|antw|回复|返信)\s*(?:\[\d+\])?\s*[:：]", re.IGNORECASE)


def in_force(reply: Autoreply, today: date) -> bool:
    """Is it switched on, and today within its dates (both included)?"""
    return (
        reply.enabled
        and (reply.from_ is None or reply.from_ <= today)
        and (reply.until is None or today <= reply.until)
    )


def why_not(mail: Mail, entry: AccountEntry, sender: str | None) -> str | None:
    """Why a mail gets no reply, for the log; None where it gets one. `sender` is whom it would go to."""
    if not sender:
        return "nobody to reply to"
    try:
        address = parse(sender)
    except AddressError:
        return "nobody to reply to"
    if _PROGRAM.fullmatch(address.local):
        return "the sender is a program"
    if entry.may_send_as(sender):
        return "the sender is the user"
    head = mail.head
    if any(each.split(b";")[0].strip().lower() != b"no" for each in values(head, b"auto-submitted")):
        return "it was sent by a program"
    if any(each.strip().lower() in _BULK for each in values(head, b"precedence")):
        return "bulk mail"
    if any(_SUPPRESSED & _words(each) for each in values(head, b"x-auto-response-suppress")):
        return "its sender wants no reply"
    if b"\nlist-" in b"\n" + head.lower() or first(head, b"x-loop") or first(head, b"feedback-id"):
        return "it came by a list"
    if (
        first(head, b"content-type")
        .lower()
        .lstrip()
        .startswith((b"multipart/report", b"message/delivery-status"))
    ):
        return "it is a report"
    if written_to(head, entry) is None:
        return "it was not written to the user by name"
    return None


def written_to(head: bytes, entry: AccountEntry) -> str | None:
    """The user's address in To or Cc."""
    return next((address for address in named(head, NAMES) if entry.may_send_as(address)), None)


def remembered_as(entry: AccountEntry, sender: str) -> str:
    """What is remembered of a reply: a new text is a new reply (RFC 5230 §4.2)."""
    reply = entry.file.autoreply
    text = f"{reply.subject}\0{reply.text}\0{reply.from_}\0{reply.until}"
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{entry.address} {digest} {_BATV.sub('', sender.lower(), count=1)}"


def reply(hostname: str, mail: Mail, entry: AccountEntry, sender: str, now: float) -> Message:
    """The reply, from the address that was written to."""
    own = entry.file.autoreply
    return notice(
        hostname,
        now,
        sender=written_to(mail.head, entry) or entry.address,
        to=sender,
        subject=own.subject or _answered(first(mail.head, b"subject")),
        text=own.text,
        kind="auto-replied",
        about=_thread(mail.head),
    )


def _answered(subject: bytes) -> str:
    text = decode_header(subject).strip()
    return text if _REPLY.match(text) else f"Re: {text}".strip()


def _thread(head: bytes) -> Sequence[bytes]:
    """RFC 5322 §3.6.4: what the message refers to, and the message."""
    own = message_ids(first(head, b"message-id"))[:1]
    if not own:
        return ()
    return message_ids(first(head, b"references"))[-MOST_REFERENCES:] + own


def _words(value: bytes) -> set[bytes]:
    return {word.strip().lower() for word in value.split(b",")}
