"""Where a mail leaves the pipeline: into the queue and into mailboxes, so that an answer can be given for it.

The promise: what is answered with success is on the disk, and no failure after the first durable step makes
the sender repeat what went out. So a mail that has anything for the queue is queued whole first, in one
transaction, whatever it has become; what is for mailboxes here is leased to us by it, stored then, and recorded,
so that a crash between leaves it to the queue. A mail for mailboxes alone, all of which take it, makes no file
in the queue; those that fail when others took it are queued with the Status of that attempt. One that nobody
takes leaves nothing behind, and its sender still has it all.
"""

import logging
import os
import secrets
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from filters import noted
from filters.mail import Mail, Recipient
from filters.post import Copy, Post, merged
from filters.sender_auth.signing import Signing
from storage import status
from storage.delivery import Delivered, Target
from storage.message import Message
from storage.queue.queue import Queue
from storage.queue.queued import Addition, Addressee, Outcome, Parcel
from storage.status import Status, worst
from storage.store import Store
from storage.together import Together

ADDING = 2  # bundles for the queue at a time: while one waits for the disk the other gathers its rows

_log = logging.getLogger("filters")


@dataclass(frozen=True, slots=True)
class Routed:
    """A recipient and what it becomes: posts (none: it is dealt with already), or a refusal."""

    recipient: Recipient
    posts: tuple[Post, ...] = ()
    refused: Status | None = None

    @property
    def queued(self) -> bool:
        return any(post.addressees for post in self.posts)


@dataclass(frozen=True, slots=True)
class Handed:
    """How it went for each recipient, in their order, and what was done in mailboxes."""

    statuses: list[Status]
    delivered: list[Delivered]


class Handover:
    """The last step of one process's pipeline."""

    def __init__(self, store: Store, queue: Queue, signing: Signing) -> None:
        self._store = store
        self._queue = queue
        self._signing = signing
        self._adding: Together[Addition, list[str]] = Together(
            store.hop, lambda additions: queue.add_together(additions), ADDING
        )
        self._holder = f"pipeline:{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"

    async def take(self, mail: Mail, routed: Sequence[Routed], *, each_alone: bool = False) -> Handed:
        """One answer for each recipient: with `each_alone` its own (RFC 2033 §4.2), else success for all as
        soon as one has it. Raises DiskFull and OSError as long as nothing was done."""
        if not each_alone:
            if any(each.queued for each in routed):
                return Handed([status.DELIVERED] * len(routed), await self._queue_first(mail, routed))
            return await self._store_first(mail, routed, False)
        by_queue = [each for each in routed if each.queued]
        delivered = await self._queue_first(mail, by_queue) if by_queue else []
        stored = await self._store_first(mail, [each for each in routed if not each.queued], True)
        answers = iter(stored.statuses)
        statuses = [status.DELIVERED if each.queued else next(answers) for each in routed]
        return Handed(statuses, delivered + stored.delivered)

    # ---- what is queued before anything is stored

    async def _queue_first(self, mail: Mail, routed: Sequence[Routed]) -> list[Delivered]:
        """All in the queue, durable; then what is for mailboxes here, which may fail and wait there."""
        posts = merged(post for each in routed for post in each.posts)
        texts = [await self._text(mail, post) for post in posts]
        whose = {
            post.copy(target): each.recipient
            for each in reversed(routed)
            for post in each.posts
            for target in post.targets
        }
        recipients = [
            (*post.addressees, *(_here(post, target, whose[post.copy(target)]) for target in post.targets))
            for post in posts
        ]
        parcels = [
            _parcel(mail, post, text, each) for post, text, each in zip(posts, texts, recipients, strict=True)
        ]
        refused = [_refused(each.recipient, each.refused) for each in routed if each.refused is not None]
        if refused:
            parcels.append(_parcel(mail, Post(mail.reverse_path), mail.message, refused))
        queue_ids = await self._add(Addition(parcels, mail.trace, self._holder))
        for queue_id, post in zip(queue_ids, posts, strict=False):
            noted.queued(self._store.traces, mail.trace, queue_id, post.addressees)
        delivered: list[Delivered] = []
        ended: list[tuple[str, list[Outcome]]] = []
        for queue_id, post, text in zip(queue_ids, posts, texts, strict=False):
            if post.targets:
                stored = await self._store.deliver(text, post.reverse_path, post.targets, mail.trace)
                delivered += stored
                ended.append((queue_id, self._ended(stored, len(post.addressees))))
        if ended:
            await self._record(ended, mail.trace)
        return delivered

    async def _add(self, addition: Addition) -> list[str]:
        """Into the queue, with what others put there at the same moment; what is large goes alone."""
        if all(isinstance(parcel.message.source, bytes) for parcel in addition.parcels):
            return await self._adding.take(addition)
        (queue_ids,) = await self._store.run(self._queue.add_together, [addition])
        return queue_ids

    def _ended(self, stored: Sequence[Delivered], first: int) -> list[Outcome]:
        pause = self._store.settings.queue.retry[0]
        return [
            Outcome(number, copy.status, pause if copy.status.temporary else None)
            for number, copy in enumerate(stored, first)
        ]

    async def _record(self, ended: list[tuple[str, list[Outcome]]], trace: str) -> None:
        """Write down what is in mailboxes. Where that fails the queue stores it once more: twice is not lost."""
        try:
            await self._store.run(self._queue.record_all, self._holder, ended)
        except Exception:
            _log.error("handover.not_recorded", exc_info=True, extra={"fields": {"trace": trace}})

    # ---- what is for mailboxes alone

    async def _store_first(self, mail: Mail, routed: Sequence[Routed], each_alone: bool) -> Handed:
        posts = merged(post for each in routed for post in each.posts)
        copies: dict[Copy, Status] = {}
        delivered: list[Delivered] = []
        for post in posts:
            text = await self._text(mail, post)
            stored = await self._store.deliver(text, post.reverse_path, post.targets, mail.trace)
            copies.update((post.copy(each.target), each.status) for each in stored)
            delivered += stored
        outcomes = [_outcomes(each, copies) for each in routed]
        begun = [any(one.ok for one in found) for found in outcomes]
        if not each_alone:
            begun = [any(begun)] * len(begun)
        await self._keep(mail, [each for each, done in zip(routed, begun, strict=True) if done], copies)
        answers = [
            status.DELIVERED if done else worst(found) for done, found in zip(begun, outcomes, strict=True)
        ]
        return Handed(answers, delivered)

    async def _keep(self, mail: Mail, routed: Sequence[Routed], copies: Mapping[Copy, Status]) -> None:
        """Queue what failed of recipients that are answered with success."""
        if all(one.ok for one in copies.values()) and all(each.refused is None for each in routed):
            return  # nearly every mail
        failed = [_failed(post, copies, each.recipient) for each in routed for post in each.posts]
        failed += [
            Post(mail.reverse_path, addressees=(_refused(each.recipient, each.refused),))
            for each in routed
            if each.refused is not None
        ]
        posts = merged(failed)
        if not posts:
            return
        parcels = [_parcel(mail, post, await self._text(mail, post), post.addressees) for post in posts]
        queue_ids = await self._add(Addition(parcels, mail.trace))
        for queue_id, post in zip(queue_ids, posts, strict=True):
            noted.queued(self._store.traces, mail.trace, queue_id, post.addressees)

    # ---- the text

    async def signed(self, message: Message) -> Message:
        """Mail of the server's own, as its author's domain sends it."""
        return await self._store.run(self._signing.sign, message)

    async def _text(self, mail: Mail, post: Post) -> Message:
        """The message as the copies of a post read. Every copy that leaves the pipeline passes here: what is
        sent on under our name is sealed (RFC 8617), and signed where its header was changed."""
        message = post.of(mail.message)
        if not post.passed_on_by:
            return message
        return await self._store.run(self._pass_on, mail, post, message)

    def _pass_on(self, mail: Mail, post: Post, message: Message) -> Message:
        domain = post.passed_on_by
        if mail.results:
            message = self._signing.seal(message, domain, self._store.settings.hostname, mail.results)
        return self._signing.sign(message, domain) if post.edits or post.verp is not None else message


def _parcel(mail: Mail, post: Post, text: Message, recipients: Iterable[Addressee]) -> Parcel:
    return Parcel(
        text,
        post.reverse_path,
        tuple(recipients),
        envid="" if post.anew else mail.envid,
        ret="" if post.anew else mail.ret,
        smtputf8=mail.smtputf8,
        require_tls=mail.require_tls,
        hold_until=mail.hold_until,
    )


def _outcomes(routed: Routed, copies: Mapping[Copy, Status]) -> list[Status]:
    """How each part of a recipient went."""
    if routed.refused is not None:
        return [routed.refused]
    stored = [copies[post.copy(target)] for post in routed.posts for target in post.targets]
    return stored or [status.DELIVERED]


def _failed(post: Post, copies: Mapping[Copy, Status], recipient: Recipient) -> Post:
    """The mailboxes of a post that did not take it, as recipients for the queue."""
    return replace(
        post.bare,
        addressees=tuple(
            _addressee(post, target, recipient, status=answer)
            for target in post.targets
            if not (answer := copies[post.copy(target)]).ok
        ),
    )


def _here(post: Post, target: Target, recipient: Recipient) -> Addressee:
    """A mailbox that is about to be stored into by us."""
    return replace(_addressee(post, target, recipient), here=True)


def _addressee(
    post: Post, target: Target, recipient: Recipient, *, status: Status | None = None
) -> Addressee:
    """A mailbox as a recipient of the queue; who is told when it fails may be another than who sent it."""
    told = post.verp.of(target.original) if post.verp is not None else post.failures or ""
    return Addressee(
        target.address,
        target.original,
        target.mailbox,
        "" if post.anew else recipient.notify,
        "" if post.anew else recipient.orcpt,
        status,
        reverse_path=told,
    )


def _refused(recipient: Recipient, refused: Status) -> Addressee:
    """A recipient that could not be routed: asked again where that may help, else reported."""
    return Addressee(str(recipient.address), notify=recipient.notify, orcpt=recipient.orcpt, status=refused)
