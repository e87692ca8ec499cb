"""Where a mail leaves the pipeline: into the queue and into mailboxes, so that an answer can be given for it.

The promise: what is answered with success is on the disk, and no failure after the first durable step makes
the sender repeat what went out. So what is for the queue is queued first, and the copies for mailboxes here
are stored then; those that fail when something has been done are queued with the Status of that attempt, to
be tried again or reported. A mail for mailboxes alone, all of which take it, makes no file in the queue; one
that none takes leaves nothing behind, and its sender still has it all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from filters import noted
from filters.mail import Mail, Recipient
from filters.post import Post, key, merged
from storage import status
from storage.delivery import Delivered
from storage.queue import Queue
from storage.queued import Addressee
from storage.status import Status, worst
from storage.store import Store

Copies = dict[tuple[str, str], Status]  # how each mailbox's copy of one post went


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
        for post in posts:
            if post.addressees:
                await self._add(mail, post, post.addressees, mail.hold_until)
        copies: dict[Post, Copies] = {}
        delivered: list[Delivered] = []
        for post in posts:
            if post.targets:
                message = post.of(mail.message)
                stored = await self._store.deliver(message, post.reverse_path, post.targets, mail.trace)
                copies[post.bare] = {key(copy.target): copy.status for copy in stored}
                delivered += stored
        outcomes = [_outcomes(each, copies) for each in routed]
        begun = [any(one.ok for one in found) for found in outcomes]
        if not each_alone:
            begun = [any(begun)] * len(begun)
        await self._keep([each for each, done in zip(routed, begun, strict=True) if done], mail, copies)
        answers = [
            status.DELIVERED if done else worst(found) for done, found in zip(begun, outcomes, strict=True)
        ]
        return Handed(answers, delivered)

    async def _keep(self, routed: Sequence[Routed], mail: Mail, copies: dict[Post, Copies]) -> None:
        """Queue what failed of recipients that are answered with success."""
        failed = [_failed(post, copies, each.recipient) for each in routed for post in each.posts]
        failed += [
            Post(mail.reverse_path, addressees=(_anew(each.recipient, each.refused),))
            for each in routed
            if each.refused is not None
        ]
        for post in merged(failed):
            if post.addressees:
                await self._add(mail, post, post.addressees)

    async def _add(
        self, mail: Mail, post: Post, addressees: Sequence[Addressee], due: int | None = None
    ) -> None:
        queue_id = await self._store.run(
            self._queue.add,
            post.of(mail.message),
            post.reverse_path,
            addressees,
            mail.trace,
            due=due,
            envid=mail.envid,
            ret=mail.ret,
        )
        noted.queued(self._store.traces, mail.trace, queue_id, addressees)


def _outcomes(routed: Routed, copies: dict[Post, Copies]) -> list[Status]:
    """How each part of a recipient went: its mailboxes, and what is in the queue."""
    if routed.refused is not None:
        return [routed.refused]
    stored = [copies[post.bare][key(target)] for post in routed.posts for target in post.targets]
    queued = [status.QUEUED for post in routed.posts for _ in post.addressees]
    return stored + queued or [status.DELIVERED]


def _failed(post: Post, copies: dict[Post, Copies], recipient: Recipient) -> Post:
    """The mailboxes of a post that did not take it, as recipients for the queue."""
    return replace(
        post.bare,
        reverse_path=post.reverse_path if post.failures is None else post.failures,
        addressees=tuple(
            Addressee(
                target.address,
                target.original,
                target.mailbox,
                recipient.notify,
                recipient.orcpt,
                status=answer,
            )
            for target in post.targets
            if not (answer := copies[post.bare][key(target)]).ok
        ),
    )


def _anew(recipient: Recipient, refused: Status) -> Addressee:
    """A recipient that could not be routed: the queue asks again."""
    return Addressee(str(recipient.address), notify=recipient.notify, orcpt=recipient.orcpt, status=refused)
