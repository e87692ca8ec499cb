"""Mailing lists in the pipeline: what becomes of a mail to a list, or to one of the list's own addresses."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import astuple

from dns.exception import DNSException

from config.public import post_url
from filters import noted
from filters.handover import Handover, Routed
from filters.head import first
from filters.lists import bounces
from filters.lists.addresses import Verp, of, read
from filters.lists.expand import Expansion, members_of
from filters.lists.fields import changes
from filters.lists.notices import ListNotices, shown
from filters.lists.rights import Fate, authors_of, judge
from filters.mail import ListErrand, Mail, Recipient
from filters.post import Post
from filters.sender_auth import dmarc
from filters.srs import Srs
from filters.verdict import AuthResult
from net.resolver import DnsFailure, Resolver
from storage.message import Message
from storage.mime.header import end_of_header
from storage.people.address import Address
from storage.people.directory import Directory, ListEntry
from storage.queue.queued import Addressee
from storage.state import list_number
from storage.state.held_posts import HeldPost, HeldPosts
from storage.state.list_bounces import ListBounces
from storage.status import TOO_BIG, Status
from storage.store import Store

MOST_HEADER = 256 * 1024
NOTICES = (
    20  # that an owner gets of waiting posts in an hour, so that nobody fills his mailbox through the list
)
HOUR = 3600
DECIDED = Status("5.1.1", "this post waits no more")
BY_HAND = Status("5.7.1", "an automatic reply decides nothing")

Send = Callable[[Message, str, str], Awaitable[None]]

_log = logging.getLogger("filters")


class Lists:
    """The lists of one process's pipeline. `send` sends mail of the server's own."""

    def __init__(
        self,
        store: Store,
        handover: Handover,
        resolver: Resolver | None,
        send: Send,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._handover = handover
        self._resolver = resolver
        self._send = send
        self._clock = clock
        self._state = store.settings.data / "state"
        self._bounces = ListBounces(self._state)
        self._held = HeldPosts(store.settings.data)

    def close(self) -> None:
        self._bounces.close()

    # ---- at RCPT

    def errand(self, address: Address, key: bytes) -> ListErrand | None:
        """What an address means that is nobody's name, if it belongs to a list. For a thread. Raises Broken."""
        wanted = read(address)
        if wanted is None:
            return None
        entry = self._directory.lookup(wanted.list)
        if not isinstance(entry, ListEntry) or entry.address != wanted.list:
            return None
        if wanted.errand == "confirm":
            word, _, token = wanted.detail.partition("-")
            post = self._held.find(token) if word in ("ok", "no") else None
            return (
                ListErrand(entry, "confirm", wanted.detail) if post and post.list == entry.address else None
            )
        if wanted.errand == "bounces" and wanted.detail:
            member = Verp(entry.address, key).whose(wanted.detail, members_of(entry))
            return ListErrand(entry, "bounces", member) if member is not None else None
        return ListErrand(entry, wanted.errand, wanted.detail)

    # ---- a post

    async def post(self, mail: Mail, recipient: Recipient, entry: ListEntry, srs: Srs, spam: bool) -> Routed:
        """What a mail to a list becomes."""
        local = await self._store.run(self._local_domains, mail)
        fate = judge(mail, entry, spam=spam, local=local)
        if isinstance(fate, Status):
            return Routed(recipient, refused=fate)
        if fate is Fate.HOLD:
            await self._hold(mail, entry)
            return Routed(recipient)
        return Routed(recipient, await self._expanded(mail, recipient, entry, srs))

    async def _expanded(
        self, mail: Mail, recipient: Recipient, entry: ListEntry, srs: Srs
    ) -> tuple[Post, ...]:
        rewrite_from = await self._dmarc_breaks(mail, entry)
        posts = await self._store.run(self._copies, mail, recipient, entry, srs, rewrite_from)
        detail = {
            "list": entry.address,
            "members": str(sum(len(post.targets) + len(post.addressees) for post in posts)),
        }
        self._store.traces.note(mail.trace, "expanded", recipient=str(recipient.address), detail=detail)
        return posts

    def _copies(
        self, mail: Mail, recipient: Recipient, entry: ListEntry, srs: Srs, rewrite_from: bool
    ) -> tuple[Post, ...]:
        counts = "{number}" in entry.file.prefix
        number = list_number.take(self._state, entry.address) if counts else None
        changed = changes(entry, mail.head, number, rewrite_from=rewrite_from)
        verp = Verp(entry.address, srs.key)
        way = Expansion(self._directory, srs, verp, entry, mail, recipient, changed, self._clock())
        return way.posts(self._bounces.paused(entry.address))

    def _local_domains(self, mail: Mail) -> list[str]:
        domains = {address.rpartition("@")[2] for address in authors_of(mail)}
        return [domain for domain in domains if self._directory.is_local(domain)]

    async def _dmarc_breaks(self, mail: Mail, entry: ListEntry) -> bool:
        """Would the copies fail DMARC as they are? They come under our domain (SPF), and signed by us."""
        domain = authors_of(mail)[0].rpartition("@")[2]
        if domain == entry.address.rpartition("@")[2]:
            return False
        contract = await self._store.run(self._directory.domain, domain)
        if (contract is not None and contract.dkim_selectors) or self._resolver is None:
            return False
        try:
            for name in dmarc.steps(domain):
                record = await dmarc.look_up(self._resolver, name)
                if record is not None:
                    policy = record.policy if name == domain else record.subdomain_policy
                    return policy != "none"
        except (DnsFailure, DNSException):
            return True  # rewritten it arrives in any case
        return False

    # ---- moderation

    async def _hold(self, mail: Mail, entry: ListEntry) -> None:
        now = self._clock()
        held = HeldPost(
            entry.address,
            mail.reverse_path,
            ", ".join(authors_of(mail)) or mail.reverse_path,
            shown(first(mail.head, b"subject")),
            mail.trace,
            now,
            mail.smtputf8,
            tuple(astuple(each) for each in mail.results),
        )
        token = await self._store.run(self._held.hold, mail.message, held)
        detail = {"list": entry.address, "waits for": entry.file.owner}
        self._store.traces.note(mail.trace, "held", recipient=entry.address, detail=detail)
        told = self._store.rates.add("held-notice", entry.address, HOUR).total
        if told > NOTICES:
            return  # it waits all the same; the last notice said how to see it
        last = told == NOTICES
        url = post_url(self._store.settings, token)
        notice = await self._store.run(
            lambda: self._notices(entry).held(held, token, mail.message, now, url=url, last=last)
        )
        await self._send(notice, entry.file.owner, mail.trace)

    async def confirm(self, mail: Mail, recipient: Recipient, errand: ListErrand, srs: Srs) -> Routed:
        """The owner's decision, whoever's hand it is in: the token is the right."""
        if first(mail.head, b"auto-submitted").split(b";")[0].strip().lower() not in (b"", b"no"):
            return Routed(recipient, refused=BY_HAND)
        word, _, token = errand.detail.partition("-")
        if not await self.decide(errand.entry, token, word == "ok", srs):
            return Routed(recipient, refused=DECIDED)
        return Routed(recipient)

    def moderated(self, token: str) -> ListEntry | None:
        """The list at which a post waits. For a thread. Raises Broken."""
        post = self._held.find(token)
        found = self._directory.lookup(post.list) if post else None
        return found if isinstance(found, ListEntry) else None

    async def decide(
        self, entry: ListEntry, token: str, let_go: bool, srs: Srs, by: str = "the owner"
    ) -> bool:
        """Let a post go, or tell its author that it was not wanted; False where it waits no more."""
        claim = await self._store.run(self._held.claim, token)
        if claim is None:
            return False
        try:
            if let_go:
                await self._let_go(claim.post, claim.message, entry, srs)
            else:
                notice = self._notices(entry).refused(claim.post, self._clock())
                await self._send(notice, claim.post.reverse_path, claim.post.trace)
        except BaseException:
            await self._store.run(claim.release)
            raise
        await self._store.run(claim.done)
        detail = {"decided": f"{'let go' if let_go else 'refused'} by {by}"}
        self._store.traces.note(claim.post.trace, "held", recipient=entry.address, detail=detail)
        return True

    async def _let_go(self, held: HeldPost, message: Message, entry: ListEntry, srs: Srs) -> None:
        start = await self._store.run(message.head, MOST_HEADER)
        end = end_of_header(start)
        mail = Mail(
            held.reverse_path,
            "",
            held.trace,
            smtputf8=held.smtputf8,
            message=message,
            head=start if end < 0 else start[:end],
            results=tuple(_result(*each) for each in held.results),
        )
        recipient = Recipient(Address(*entry.address.rsplit("@", 1)), entry)
        posts = await self._expanded(mail, recipient, entry, srs)
        handed = await self._handover.take(mail, [Routed(recipient, posts)])
        for copy in handed.delivered:
            noted.delivered(self._store.traces, copy, mail.trace)

    # ---- the list's other addresses

    def to_owner(self, mail: Mail, recipient: Recipient, errand: ListErrand) -> Routed:
        """Mail to `-owner` and `-request`, through the queue, which knows the way to every kind of address."""
        entry = errand.entry
        mark = f"Delivered-To: {of(entry.address, errand.kind)}\r\n".encode(errors="surrogateescape")
        if mark.strip().lower() in mail.head.lower():
            return Routed(recipient, refused=Status("5.4.6", "mail forwarding loop"))
        if mail.message.size > entry.file.max_message:
            return Routed(recipient, refused=TOO_BIG)
        reverse_path = of(entry.address, "bounces") if mail.reverse_path else ""
        addressee = Addressee(entry.file.owner, notify="FAILURE" if reverse_path else "NEVER")
        return Routed(recipient, (Post(reverse_path, mark, addressees=(addressee,), anew=True),))

    async def bounced(self, mail: Mail, recipient: Recipient, errand: ListErrand) -> Routed:
        """A copy has come back: counted, and kept nowhere."""
        entry, member = errand.entry, errand.detail
        start = await self._store.run(mail.message.head, bounces.MOST_LOOKED_AT)
        fields = {"trace": mail.trace, "list": entry.address, "member": member}
        if not member or not bounces.failed(mail, start):
            _log.info("list.bounce_ignored", extra={"fields": fields})
            return Routed(recipient)
        now, why = self._clock(), bounces.reason(start)
        most = self._store.settings.service.list_bounce_days
        paused = await self._store.run(self._bounces.count, entry.address, member, why, now, most)
        _log.warning("list.member_paused" if paused else "list.bounced", extra={"fields": fields})
        detail = {"list": entry.address, "bounce": why}
        self._store.traces.note(mail.trace, "failed", recipient=member, detail=detail)
        if paused:
            notice = self._notices(entry).paused(member, most, why, now)
            await self._send(notice, entry.file.owner, mail.trace)
        return Routed(recipient)

    def _notices(self, entry: ListEntry) -> ListNotices:
        return ListNotices(self._store.settings.hostname, entry.address, entry.file.owner)

    @property
    def _directory(self) -> Directory:
        return self._store.directory


def _result(method: str, result: str, properties: Iterable[tuple[str, str]], comment: str) -> AuthResult:
    """As it was kept with the post."""
    return AuthResult(method, result, tuple((name, value) for name, value in properties), comment)
