"""Where a mail leaves the pipeline: into the queue and into mailboxes, so that an answer can be given for it.

The promise: what is answered with success is on the disk, and no failure after the first durable step makes
the sender repeat what went out. So what is for the queue is queued first, and the copies for mailboxes here
are stored then; those that fail when something has been done are queued with the Status of that attempt, to
be tried again or reported. A mail for mailboxes alone, all of which take it, makes no file in the queue; one
that none takes leaves nothing behind, and its sender still has it all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from filters import noted
from filters.mail import Mail, Recipient
from filters.post import Copy, Post, merged
from storage import status
from storage.delivery import Delivered
from storage.message import Message
from storage.queue import Queue
from storage.queued import Addressee, Parcel
from storage.status import Status, worst
from storage.store import Store


@dataclass(frozen=True, slots=True)
class Routed:
    """A recipient and what it becomes: posts (none: it is dealt with already), or a refusal."""

    recipient: Recipient
    posts: tuple[Post, ...] = ()
    refused: Status | None = None


@dataclass(frozen=True, slots=True)
class Handed:
    """How it went for each recipient, in their order, and what was done in mailboxes."""

    statuses: list[Status]
    delivered: list[Delivered]


class Handover:
    """The last step of one process's pipeline."""

    def __init__(self, store: Store, queue: Queue) -> None:
        self._store = store
        self._queue = queue

    async def take(self, mail: Mail, routed: Sequence[Routed], *, each_alone: bool = False) -> Handed:
        """One answer for each recipient: with `each_alone` its own (RFC 2033 §4.2), else success for all as
        soon as one has it. Raises DiskFull and OSError as long as nothing was done."""
        posts = merged(post for each in routed for post in each.posts)
        await self._add([post for post in posts if post.addressees], mail, mail.hold_until)
        copies: dict[Copy, Status] = {}
        delivered: list[Delivered] = []
        for post in posts:
            if post.targets:
                stored = await self._store.deliver(
                    self._text(mail, post), post.reverse_path, post.targets, mail.trace
                )
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
        failed = []
        for each in routed:
            if each.refused is not None:
                again = Addressee(
                    str(each.recipient.address),
                    notify=each.recipient.notify,
                    orcpt=each.recipient.orcpt,
                    status=each.refused,
                )
                failed.append(Post(mail.reverse_path, addressees=(again,)))
            failed += [_failed(post, copies, each.recipient) for post in each.posts]
        await self._add(merged(failed), mail)

    async def _add(self, posts: Iterable[Post], mail: Mail, due: int | None = None) -> None:
        """All of them or, where the disk is full, none: a sender who must repeat repeats nothing that went out."""
        parcels = [
            Parcel(
                self._text(mail, post),
                post.reverse_path,
                post.addressees,
                due,
                envid="" if post.anew else mail.envid,
                ret="" if post.anew else mail.ret,
                smtputf8=mail.smtputf8,
                require_tls=mail.require_tls,
            )
            for post in posts
        ]
        if parcels:
            queue_ids = await self._store.run(self._queue.add_all, parcels, mail.trace)
            for queue_id, parcel in zip(queue_ids, parcels, strict=True):
                noted.queued(self._store.traces, mail.trace, queue_id, parcel.recipients)

    def _text(self, mail: Mail, post: Post) -> Message:
        """The message as the copies of a post read. Every copy that leaves the pipeline passes here."""
        return post.of(mail.message)


def _outcomes(routed: Routed, copies: Mapping[Copy, Status]) -> list[Status]:
    """How each part of a recipient went: its mailboxes, and what is in the queue."""
    if routed.refused is not None:
        return [routed.refused]
    stored = [copies[post.copy(target)] for post in routed.posts for target in post.targets]
    queued = [status.QUEUED for post in routed.posts for _ in post.addressees]
    return stored + queued or [status.DELIVERED]


def _failed(post: Post, copies: Mapping[Copy, Status], recipient: Recipient) -> Post:
    """The mailboxes of a post that did not take it, as recipients for the queue."""
    notify, orcpt = ("", "") if post.anew else (recipient.notify, recipient.orcpt)
    return replace(
        post.bare,
        reverse_path=post.reverse_path if post.failures is None else post.failures,
        addressees=tuple(
            Addressee(target.address, target.original, target.mailbox, notify, orcpt, status=answer)
            for target in post.targets
            if not (answer := copies[post.copy(target)]).ok
        ),
    )
