"""The queue in the operator's hands: look, try now, hold, release, delete.

Nobody else is let in: a queued message is of one domain and for another, and both may be strangers to an
administrator; what became of a mail of theirs administrators see in its trace.
"""

from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from storage.admin_files import Missing
from storage.queue.admin import QueueAdmin
from storage.queue.queued import Listed, QueueStats, Select
from web.office import Office
from web.person import Person, Right, allow

HEADER_MOST = 64 * 1024  # octets of a message's header that are shown

What = Literal["retry", "hold", "release", "delete"]


@dataclass(frozen=True, slots=True)
class Listing:
    """A part of the queue, the oldest first, and how many messages there are in all."""

    messages: list[Listed]
    total: int


async def find(office: Office, person: Person, select: Select, offset: int, most: int) -> Listing:
    """The messages meant."""
    allow(person, Right.QUEUE_SEE)
    return await office.run(_find, office, select, offset, most)


async def show(office: Office, person: Person, queue_id: str) -> tuple[Listed, bytes]:
    """One message, and its header."""
    allow(person, Right.QUEUE_SEE)
    return await office.run(_show, office, queue_id)


async def stats(office: Office, person: Person, most: int = 20) -> QueueStats:
    """The queue in numbers."""
    allow(person, Right.QUEUE_SEE)
    return await office.run(QueueAdmin(office.queue).stats, most)


async def act(office: Office, person: Person, what: What, select: Select) -> int:
    """Do something to the messages meant; with how many it was done."""
    allow(person, Right.QUEUE_EDIT)
    admin = QueueAdmin(office.queue)
    acts = {"retry": admin.retry, "hold": admin.hold, "release": admin.release, "delete": admin.delete}
    done = await office.run(acts[what], select)
    await office.audit(person, Right.QUEUE_EDIT, details=f"{what} {_said(select)}: {done}")
    return done


def _find(office: Office, select: Select, offset: int, most: int) -> Listing:
    admin = QueueAdmin(office.queue)
    found = admin.list(replace(select, most=offset + most))
    return Listing(list(islice(found, offset, None)), admin.count(select))


def _show(office: Office, queue_id: str) -> tuple[Listed, bytes]:
    listed = QueueAdmin(office.queue).show(queue_id)
    if listed is None:
        raise Missing(f"there is no message {queue_id} in the queue")
    return listed, office.queue.header(queue_id, HEADER_MOST)


def _said(select: Select) -> str:
    """Which messages were meant, for the audit log."""
    names = ("sender", "recipient", "domain", "state", "added_before", "added_after")
    said = [f"{name}={value}" for name in names if (value := getattr(select, name))]
    return " ".join([*select.queue_ids[:20], *said]) or "all"
