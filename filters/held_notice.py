"""Tells the administrators, once, that an account's sending is held: what happened, and what they can do."""

import time
from collections.abc import Sequence

from filters.notice import compose
from storage.message import Message

TEXT = """\
{address} からのメール送信を停止しました。
    理由     送信数の上限({words})を急に超えました。
    日時     {when}
    接続元   {peer}
    保留     送信待ちのメール {held} 通
パスワードが盗まれた可能性があります。利用者に確認し、パスワードを変更してください。
受信と閲覧は引き続き可能です。送信は、管理者が解除するまで再開されません。

Sending from {address} is held.
    Reason   It suddenly passed its limit ({words}).
    Time     {when}
    Client   {peer}
    Held     {held} messages that were waiting in the queue
Its password may have been stolen: ask its owner, and change the password.
It still receives and reads mail. It sends again when an administrator lets it:

    kwcmaild trace {address} --since 1d       (what it has sent)
    kwcmaild queue delete --sender {address}  (if that was not its owner)
    kwcmaild account unhold {address}         (it may send again, and the held mail goes)
"""


def notice(
    hostname: str, address: str, administrators: Sequence[str], words: str, peer: str, held: int, now: float
) -> Message:
    when = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(now))
    text = TEXT.format(address=address, words=words, when=when, peer=peer, held=held)
    subject = f"メール送信を停止しました / Sending is held: {address}"
    return compose(hostname, address.rpartition("@")[2], administrators, (), subject, text, now)
