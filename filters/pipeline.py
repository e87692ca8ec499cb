"""The way of a mail through the house: checks, routers, delivery, echoes.

`receive` is for what comes from the world, `submit` for what our own accounts send, `deliver` for what the
queue tries again. Each answers with a `Status` only when the mail is on the disk, so a door may say 250 on the
strength of it (`filters.handover`): if anything was stored or queued, what failed is in the queue, fsynced,
for another attempt or for the notice to the sender; if nothing was, the sender still has it all.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from config.settings import Settings
from filters import noted
from filters.check import Checks, Opinion
from filters.echoes import Echoes
from filters.handover import Handover, Routed
from filters.lists.lists import Lists
from filters.mail import Mail, Outside, Recipient
from filters.originate import complete, is_report
from filters.post import Post
from filters.routes import Refused, Routes
from filters.sender_auth.results import field, forged
from filters.sender_auth.signing import Signing
from filters.spam.score import forged as forged_scores
from filters.verdict import Action, Verdict, refusal
from net.resolver import Resolver
from storage import status
from storage.delivery import Target
from storage.errors import Broken
from storage.message import Message
from storage.mime.header import end_of_header
from storage.people.address import Address, AddressError, parse
from storage.people.directory import AccountEntry
from storage.queue.queue import Queue
from storage.queue.queued import Addressee
from storage.status import Status, worst
from storage.store import Store

SENDER_OK = Status("2.1.0", "sender ok")
NOT_YOURS = Status("5.7.1", "this sender address does not belong to your account")
MAY_NOT_SEND = Status("5.7.1", "this account may not send mail")
MOST_HEADER = 256 * 1024  # octets of a queued message's header that are looked at
ELSEWHERE = Status("4.4.0", "this address is on another server")
NOT_A_REPORT = Status("5.7.1", "only receipts and notifications may have an empty sender address")

NO_CHECKS = Checks()

_log = logging.getLogger("filters")


class Closes(Protocol):
    """What holds something open."""

    def close(self) -> None: ...


class Pipeline:
    """One for each process. `settings` is replaced when the configuration is read again."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        queue: Queue,
        incoming: Checks,
        outgoing: Checks,
        signing: Signing,
        clock: Callable[[], float] = time.time,
        resolver: Resolver | None = None,
        opened: Sequence[Closes] = (),  # for this pipeline alone, which closes it
    ) -> None:
        self.settings = settings
        self._opened = opened
        self._store = store
        self._handover = Handover(store, queue, signing)
        self._incoming = incoming
        self._outgoing = outgoing
        self._signing = signing
        self._clock = clock
        self._lists = Lists(store, self._handover, resolver, self._send, clock)
        self._routes = Routes(store, self._lists, clock)
        self._echoes = Echoes(store, self._routes, self._handover, clock)

    def close(self) -> None:
        """Let go of what was opened for it; anything else is closed by whoever made it."""
        self._echoes.close()
        self._lists.close()
        for each in self._opened:
            each.close()

    async def _send(self, message: Message, to: str, trace: str) -> None:
        """Mail of the server's own."""
        await self._echoes.send(message, to, trace)

    # ---- the envelope

    async def sender(self, mail: Mail) -> Status:
        """MAIL: may this peer, or this account, send from here with this sender?"""
        if mail.authenticated is not None:
            entry = self._store.directory.known_account(parse(mail.authenticated))
            if entry is None:
                entry = await self._store.run(self._store.directory.account, mail.authenticated)
            answer = _may_send(entry, mail.reverse_path)
            if not answer.ok:
                return answer
        verdict = await self._checks(mail).connect(mail)
        return refusal(verdict) or SENDER_OK

    async def recipient(self, mail: Mail, address: Address, size: int | None) -> Recipient | Status:
        """RCPT: the recipient, or why not. Raises Broken."""
        submitted = mail.authenticated is not None
        found: Recipient | Refused | None = self._routes.find_known(address, size or 0, submitted)
        if found is None:
            found = await self._store.run(self._routes.find, address, size or 0, submitted)
        if isinstance(found, Refused):
            if found.status == status.MAILBOX_FULL:
                await self._echoes.mailbox_full(found.account, mail.trace)
            return found.status
        verdict = await self._checks(mail).recipient(mail, found)
        return refusal(verdict) or found

    async def way(self, address: Address, size: int, submitted: bool) -> Recipient | Status:
        """Where mail for an address would go, or why not; nothing comes of it. Raises Broken."""
        found = await self._store.run(self._routes.find, address, size, submitted)
        return found.status if isinstance(found, Refused) else found

    async def opinions(self, mail: Mail) -> list[Opinion]:
        """What each check says of a message; nothing comes of it."""
        return await self._checks(mail).each(replace(mail, dry=True))

    # ---- the message

    async def receive(self, mail: Mail) -> Status:
        """What came from the world: one answer for all recipients."""
        return worst(await self._take(mail))

    async def receive_each(self, mail: Mail) -> list[Status]:
        """What came over LMTP: an answer for each recipient, in their order (RFC 2033 §4.2)."""
        return await self._take(mail, each_alone=True)

    async def submit(self, mail: Mail) -> Status:
        """What one of our accounts sends, over SMTP or from webmail."""
        if not mail.reverse_path and not is_report(mail.head):
            noted.answered(self._store.traces, mail, [NOT_A_REPORT], self._clock())
            return NOT_A_REPORT
        message = complete(mail.message, mail.head, self.settings.hostname, self._clock())
        return worst(await self._take(mail if message is mail.message else replace(mail, message=message)))

    async def deliver(
        self, message: Message, reverse_path: str, recipients: Sequence[Addressee], trace: str
    ) -> list[Status]:
        """Another attempt from the queue: for local recipients, without checks; one Status for each.

        Those with an `original` were routed before and only have to be stored; the others are new here."""
        head = await self._store.run(_header, message)
        mail = Mail(reverse_path, "", trace, message=message, head=head)
        routed = [await self._again(mail, each) for each in recipients]
        handed = await self._handover.take(mail, routed, each_alone=True)
        await self._echoes.after(mail, routed, handed)
        return handed.statuses

    async def decide(self, token: str, *, let_go: bool, by: str) -> bool:
        """A post that waits at a list: let it go, or refuse it; False where it waits no more. Raises Broken."""
        entry = await self._store.run(self._lists.moderated, token)
        srs = await self._store.run(lambda: self._routes.srs)
        return entry is not None and await self._lists.decide(entry, token, let_go, srs, by)

    async def _again(self, mail: Mail, addressee: Addressee) -> Routed:
        nobody = Recipient(Address(addressee.address, ""), Outside(addressee.address))
        try:
            found = await self._store.run(self._routes.find, parse(addressee.address), 0, True)
        except AddressError:
            return Routed(nobody, refused=status.UNKNOWN_RECIPIENT)
        except Broken:
            return Routed(nobody, refused=status.ACCOUNT_BROKEN)
        if isinstance(found, Refused):
            return Routed(nobody, refused=found.status)
        if isinstance(found.found, Outside):
            return Routed(found, refused=ELSEWHERE)
        if isinstance(found.found, AccountEntry) and addressee.original:
            target = Target(found.found.address, addressee.mailbox, addressee.original)
            return Routed(found, (Post(mail.reverse_path, targets=(target,)),))
        return await self._routes.route(mail, found, False)

    async def _take(self, mail: Mail, *, each_alone: bool = False) -> list[Status]:
        """An answer for each recipient, which its trace has too."""
        began = self._clock()
        try:
            statuses = await self._settle(mail, each_alone)
        except Exception as error:
            noted.failed(self._store.traces, mail, error)
            raise
        noted.answered(self._store.traces, mail, statuses, began)
        return statuses

    async def _settle(self, mail: Mail, each_alone: bool) -> list[Status]:
        """Judge, route, hand over."""
        verdict = await self._checks(mail).message(mail)
        if verdict.virus:
            noted.found(self._store.traces, mail, "virus")
            await self._echoes.virus(mail, verdict.virus)
        if (answer := refusal(verdict)) is not None:
            return [answer] * len(mail.recipients)
        if verdict.action is Action.DISCARD:
            return [status.DELIVERED] * len(mail.recipients)
        message = await self._marked(mail, verdict)
        if message is not mail.message or verdict.results:
            mail = replace(mail, message=message, results=mail.results + verdict.results)
        spam = verdict.action is Action.QUARANTINE
        if spam:
            noted.found(self._store.traces, mail, "spam")
        routed = [await self._routes.route(mail, each, spam) for each in mail.recipients]
        handed = await self._handover.take(mail, routed, each_alone=each_alone)
        await self._echoes.after(mail, routed, handed, spam=spam)
        return handed.statuses

    async def _marked(self, mail: Mail, verdict: Verdict) -> Message:
        """The message with what was found written in front, and what others say in our name dropped; one of
        our own leaves signed."""
        message = mail.message
        if mail.authenticated is not None:
            if verdict.fields:
                message = message.prepend(*verdict.fields)
            domain = mail.authenticated.rpartition("@")[2]
            if self._signing.has_none(mail.head, domain, self._store.directory.known_domain):
                return message
            return await self._store.run(self._signing.sign, message, domain)
        for each in (*forged(mail.head, self.settings.hostname), *forged_scores(mail.head)):
            message = message.replace(each.start, each.end, b"")
        results = (field(self.settings.hostname, verdict.results),) if verdict.results else ()
        return message.prepend(*results, *verdict.fields) if results or verdict.fields else message

    def _checks(self, mail: Mail) -> Checks:
        if mail.trusted:
            return NO_CHECKS
        return self._outgoing if mail.authenticated is not None else self._incoming


def _header(message: Message) -> bytes:
    start = message.head(MOST_HEADER)
    end = end_of_header(start)
    return start if end < 0 else start[:end]


def _may_send(entry: AccountEntry | None, reverse_path: str) -> Status:
    """Only as itself (RFC 6409 §6.1). The empty reverse-path is let pass here, for a receipt must have it
    (RFC 8098 §3) and mail programs send those by submission; `submit` looks whether it is one."""
    if entry is None or entry.file.suspended:
        return MAY_NOT_SEND
    if not reverse_path or _belongs(reverse_path, entry):
        return SENDER_OK
    return NOT_YOURS


def _belongs(reverse_path: str, entry: AccountEntry) -> bool:
    """An address of the account's, with or without a subaddress."""
    address = parse(reverse_path).folded
    parts = address.without_detail()
    own = entry.own_addresses
    return str(address) in own or (parts is not None and str(parts[0]) in own)
