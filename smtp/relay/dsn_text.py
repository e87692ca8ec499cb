"""What people read in a notice: Japanese and English side by side."""

import re
from collections.abc import Iterable, Sequence
from email.utils import formatdate

from storage.mime.header import unfold, values
from storage.queue.queued import Envelope, Queued
from storage.status import INTERNAL, Status

FAILED, DELAYED, DELIVERED, RELAYED, EXPANDED = "failed", "delayed", "delivered", "relayed", "expanded"
ACTIONS = (FAILED, DELAYED, DELIVERED, RELAYED, EXPANDED)  # RFC 3464 §2.3.3, the gravest first

SUBJECTS = {
    FAILED: "メールを配送できませんでした / Undelivered mail returned to sender",
    DELAYED: "メールの配送が遅れています / Delivery of your mail is delayed",
    DELIVERED: "メールを配送しました / Your mail was delivered",
    RELAYED: "メールを相手のサーバーへ渡しました / Your mail was handed on",
    EXPANDED: "メールをメーリングリストに配信しました / Your mail was distributed to a list",
}

OPENING = (
    "これはメールサーバーからの自動通知です。お送りいただいたメールについてお知らせします。\r\n"
    "This is an automatic notice from the mail server about a message that you sent.\r\n"
)

INTRODUCTIONS = {
    FAILED: (
        "以下の宛先に配送できませんでした。このメールの配送は、これ以上行われません。",
        "It could not be delivered to the recipients below. No further attempt will be made.",
    ),
    DELAYED: (
        "以下の宛先への配送が遅れています。再送の必要はありません。配送は{until}まで自動的に続けられます。",
        "It has not been delivered to the recipients below yet. You need not send it again: attempts go on"
        " until {until}.",
    ),
    DELIVERED: ("以下の宛先に配送されました。", "It was delivered to the recipients below."),
    RELAYED: (
        "以下の宛先のメールサーバーに渡されました。その先の配送については通知されないことがあります。",
        "It was handed to the mail server of the recipients below, which may send no notice of its own.",
    ),
    EXPANDED: (
        "以下のメーリングリストの各メンバーに配信されました。",
        "It was distributed to the members of the lists below.",
    ),
}

# What a person reads for a status: by the whole code without its class, else by its subject (RFC 3463).
REASONS = {
    "1.1": ("宛先のメールアドレスは存在しません。", "There is no such address."),
    "1.2": ("宛先のドメインは存在しません。", "There is no such domain."),
    "1.10": ("宛先のドメインはメールを受け付けていません。", "The domain takes no mail."),
    "1": ("宛先のメールアドレスに問題があります。", "There is a problem with the recipient's address."),
    "2.1": ("宛先は現在メールを受信していません。", "The recipient does not receive mail at present."),
    "2.2": ("宛先のメールボックスがいっぱいです。", "The recipient's mailbox is full."),
    "2": ("宛先のメールボックスに問題があります。", "There is a problem with the recipient's mailbox."),
    "3.4": ("メールのサイズが大きすぎます。", "The message is too big."),
    "3": ("宛先のメールサーバーに問題が発生しました。", "The recipient's mail server had a problem."),
    "4": (
        "宛先のメールサーバーに接続できませんでした。",
        "The recipient's mail server could not be reached.",
    ),
    "6": (
        "宛先のサーバーはこのメールの形式に対応していません。",
        "The server does not take this kind of message.",
    ),
    "7.10": ("安全な接続で送れませんでした。", "No secure connection could be made."),
    "7": ("宛先でメールの受信が拒否されました。", "The message was refused by the recipient's side."),
    "": ("メールを配送できませんでした。", "The message could not be delivered."),
}

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]+")


def clean(value: str) -> str:
    """Nothing of a peer makes a line of its own."""
    return _CONTROL.sub(" ", value).strip()


def reason(status: Status) -> tuple[str, str]:
    """What to tell people of a status, in Japanese and in English."""
    detail = status.code[2:]
    return REASONS.get(detail) or REASONS.get(detail.partition(".")[0]) or REASONS[""]


def text(
    envelope: Envelope, groups: Sequence[tuple[str, Sequence[Queued]]], header: bytes, until: float
) -> bytes:
    """The first part of a notice: recipients by what became of them, the gravest first."""
    lines = [OPENING]
    for action, recipients in groups:
        lines += [line.format(until=formatdate(until, localtime=True)) for line in INTRODUCTIONS[action]]
        lines.append("")
        for each in recipients:
            lines += _recipient(action, each)
        lines.append("")
    lines += [
        f"受付日時 / Accepted: {formatdate(envelope.added, localtime=True)}",
        f"受付番号 / Queue id: {envelope.queue_id}",
        *_original(header),
    ]
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")


def _recipient(action: str, each: Queued) -> Iterable[str]:
    status = each.status or INTERNAL
    yield f"<{clean(each.original or each.address)}>"
    if action in (FAILED, DELAYED):
        yield from (f"    {sentence}" for sentence in reason(status))
        said = clean(each.reply) or clean(str(status))
        yield f"    ({clean(each.remote)}: {said})" if each.remote else f"    ({said})"
    yield ""


def _original(header: bytes) -> Iterable[str]:
    given = {name.lower(): unfold(value) for name, value in values(header)}
    message_id = given.get(b"message-id", b"").decode("ascii", "replace")
    if message_id:
        yield f"Message-ID: {clean(message_id)}"
