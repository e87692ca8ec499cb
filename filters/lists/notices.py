"""What a list tells its owner and its authors, in Japanese and English."""

from dataclasses import dataclass

from filters.lists.addresses import of
from filters.notice import notice
from storage.message import Message
from storage.mime.charset import decode_header
from storage.mime.parts import parse
from storage.mime.text import texts
from storage.state.held_posts import KEPT, HeldPost

PREVIEW = 2_000  # characters of the post that are shown
LOOKED_AT = 256 * 1024  # octets of it that are read for that

HELD = """\
メーリングリスト {list} に、承認を待っている投稿があります。

    差出人 / From:    {author}
    件名 / Subject:   {subject}
    サイズ / Size:    {size} bytes

承認する場合は、このメールにそのまま返信してください（本文は不要です）。
却下する場合は、次のアドレスにメールを送ってください。
    {no}
{link_ja}{days} 日以内に承認されない投稿は破棄されます。

A post to the list waits for your decision. To let it go, answer this mail (no text is needed). To refuse it,
write to the address above. {link_en}A post that nobody has decided about in {days} days is thrown away.
{more}
--------
{text}
"""

LINK_JA = """\
次のページで内容を確認し、承認または却下することもできます。
    {url}
"""
LINK_EN = "Or look at it and decide on the page above. "

MORE = """
承認待ちの投稿が多いため、この先 1 時間ほど個別の通知を止めます。一覧は管理画面で確認できます。
Many posts are waiting: no more notices for about an hour. The panel shows them all, and so does
kwcmaild list show {list}
"""

REFUSED = """\
メーリングリスト {list} への次の投稿は、管理者により承認されませんでした。

    件名 / Subject:   {subject}

Your post to the list was not accepted by its owner. Questions reach the owner at {owner}.
"""

PAUSED = """\
メーリングリスト {list} の次のメンバー宛のメールが {days} 日にわたって戻ってきたため、配信を停止しました。

    {member}
    {reason}

アドレスを確認し、配信を再開する場合は管理者にご連絡ください。
(kwcmaild list resume {list} {member})

Mail to this member has come back on {days} different days; the member gets no more posts until somebody resumes it.
"""


@dataclass(frozen=True, slots=True)
class ListNotices:
    """The notices of one list."""

    hostname: str
    list: str
    owner: str

    def held(
        self, post: HeldPost, token: str, message: Message, now: float, *, url: str = "", last: bool = False
    ) -> Message:
        """To the owner: an answer to it lets the post go, and at `url` it can be seen and decided about. The `last`
        one says that more may wait unsaid."""
        yes, no = (of(self.list, "confirm", f"{word}-{token}") for word in ("ok", "no"))
        text = HELD.format(
            list=self.list,
            author=post.author,
            subject=post.subject,
            size=message.size,
            no=no,
            link_ja=LINK_JA.format(url=url) if url else "",
            link_en=LINK_EN if url else "",
            days=KEPT // 86_400,
            more=MORE.format(list=self.list) if last else "",
            text=_preview(message),
        )
        subject = f"[{self._name}] 投稿の承認 / Post to approve: {post.subject}"
        return self._to(self.owner, subject, text, now, (f"Reply-To: <{yes}>",))

    def refused(self, post: HeldPost, now: float) -> Message:
        """To the author of a post that the owner did not want."""
        text = REFUSED.format(list=self.list, subject=post.subject, owner=of(self.list, "owner"))
        subject = f"[{self._name}] 投稿は承認されませんでした / Post not accepted: {post.subject}"
        return self._to(post.reverse_path, subject, text, now)

    def paused(self, member: str, days: int, reason: str, now: float) -> Message:
        """To the owner: a member's address is dead."""
        text = PAUSED.format(list=self.list, member=member, days=days, reason=reason)
        subject = f"[{self._name}] 配信停止 / Member paused: {member}"
        return self._to(self.owner, subject, text, now)

    @property
    def _name(self) -> str:
        return self.list.partition("@")[0]

    def _to(self, to: str, subject: str, text: str, now: float, fields: tuple[str, ...] = ()) -> Message:
        return notice(
            self.hostname,
            now,
            sender=f"{self._name} <{of(self.list, 'owner')}>",
            to=to,
            subject=subject,
            text=text,
            kind="auto-generated",
            fields=fields,
        )


def shown(raw: bytes) -> str:
    """A header value as one line for people."""
    return " ".join(decode_header(raw).split())[:200]


def _preview(message: Message) -> str:
    """The beginning of what a person would read in it. Blocks on the disk."""
    data = message.head(LOOKED_AT)
    text = ""
    for piece in texts(data, parse(data), most=LOOKED_AT):
        text += piece + "\n"
        if len(text) > PREVIEW:
            return text[:PREVIEW] + "…"
    return text
