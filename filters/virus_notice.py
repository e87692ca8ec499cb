"""What people are told of a virus: the recipient of a mail that was dropped, the sender of one that was refused.

Who, subject, when, what was found; Japanese and English. The subject of the mail is quoted as people read it,
and nothing of its body is.
"""

from datetime import datetime

from filters.mail import Mail
from filters.notice import compose
from storage.message import Message
from storage.mime.charset import decode_header
from storage.mime.header import fields, unfold

RECEIVED = """\
{address} 宛のメールからウイルスが検出されたため、メールを削除しました。
    差出人 {sender}
    件名   {subject}
    受信日時 {when}
    検出名 {found}
差出人には通知していません。

A virus was found in a mail to {address}, and the mail was deleted.
    From    {sender}
    Subject {subject}
    When    {when}
    Found   {found}
Its sender has not been told.
"""
SENT = """\
{address} から送信されたメールにウイルスが検出されたため、送信せずに削除しました。
    宛先   {recipients}
    件名   {subject}
    送信日時 {when}
    検出名 {found}
お使いの端末のウイルスチェックを行ってください。

A virus was found in a mail sent by {address}. The mail was not sent, and is deleted.
    To      {recipients}
    Subject {subject}
    When    {when}
    Found   {found}
Please check your device for viruses.
"""
MOST_NAMED = 20  # recipients that a notice names


def to_recipient(hostname: str, mail: Mail, address: str, to: str, found: str, now: float) -> Message:
    """`to` is who looks after the address, where it is nobody's mailbox."""
    text = RECEIVED.format(address=address, sender=mail.reverse_path or "<>", **_facts(mail, found, now))
    return compose(
        hostname,
        address.rpartition("@")[2],
        [to],
        [],
        "ウイルスを検出しました / Virus found in a mail to you",
        text,
        now,
    )


def to_sender(hostname: str, mail: Mail, address: str, found: str, now: float) -> Message:
    named = [str(each.address) for each in mail.recipients[:MOST_NAMED]]
    more = ["…"] if len(mail.recipients) > MOST_NAMED else []
    text = SENT.format(address=address, recipients=", ".join(named + more), **_facts(mail, found, now))
    return compose(
        hostname,
        address.rpartition("@")[2],
        [address],
        [],
        "ウイルスを検出しました / Virus found in a mail of yours",
        text,
        now,
    )


def _facts(mail: Mail, found: str, now: float) -> dict[str, str]:
    subject = next(
        (
            unfold(mail.head[each.value_start : each.end])
            for each in fields(mail.head)
            if each.name == b"subject"
        ),
        b"",
    )
    when = datetime.fromtimestamp(now).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
    return {"subject": decode_header(subject)[:200] or "-", "when": when, "found": found}
