"""An echo: tells the user and the administrators that a mailbox is filling up, at 80, 95 and 100 %.

80 and 95 are told when a delivery crosses them, 100 when mail was turned away. Each is told once a day at
most, however often mail is deleted and comes again. A notice is delivered as any mail, from the null
reverse-path, and never causes another notice (RFC 5321 §4.5.5 and common sense).
"""

from collections.abc import Sequence

from config.units import GIB, MIB
from filters.notice import compose
from storage.message import Message

LEVELS = (95, 80)  # percent, the higher first
FULL = 100
PERIOD = 86_400  # seconds in which a level is told once

TEXT = """\
メールボックス {address} の使用量が容量の {percent} % に達しました。
    使用量 {used} / 容量 {limit}
{japanese}

The mailbox {address} has reached {percent} % of its capacity.
    Used {used} of {limit}
{english}
"""
FILLING = (
    "不要なメールを削除してください。容量を超えると、新しいメールを受信できません。",
    "Please delete mail that is no longer needed. When the mailbox is full, new mail is not accepted.",
)
REFUSED = (
    "空き容量が足りないため、受信できなかったメールがあります。不要なメールを削除してください。",
    "Mail could not be accepted for want of room. Please delete mail that is no longer needed.",
)


def crossed(before: int, after: int, limit: int | None) -> int | None:
    """The level that the use has reached by going from `before` to `after`, if it has reached one."""
    if not limit:
        return None
    for percent in LEVELS:
        if before * 100 < limit * percent <= after * 100:
            return percent
    return None


def notice(
    hostname: str,
    address: str,
    administrators: Sequence[str],
    percent: int,
    used: int,
    limit: int,
    now: float,
) -> Message:
    """The notice to the user, with a copy to the administrators."""
    japanese, english = REFUSED if percent == FULL else FILLING
    text = TEXT.format(
        address=address,
        percent=percent,
        used=_size(used),
        limit=_size(limit),
        japanese=japanese,
        english=english,
    )
    subject = f"メールボックスの使用量 {percent} % / Mailbox {percent} % full: {address}"
    return compose(hostname, address.rpartition("@")[2], [address], administrators, subject, text, now)


def _size(octets: int) -> str:
    return f"{octets / GIB:.2f} GB" if octets >= GIB else f"{octets / MIB:.1f} MB"
