"""The queue of mail to other servers: for operators."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from storage.admin_files import Missing, Refused
from storage.queue.queued import LaneStats, Listed, Queued, QueueStats, Select, State
from web.acts import queue
from web.api.operation import Answer, Call, Operation
from web.api.shapes import LARGEST, In, Out, Page, Part, Time, moment, moment_or_none
from web.person import Right

QueueId = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{1,64}$")]
Loose = Annotated[str, StringConstraints(max_length=320)]


class Recipient(Out):
    """One recipient of a queued message."""

    address: str
    state: State
    destination: str
    due: datetime
    attempts: int
    last_attempt: datetime | None
    status: str | None = Field(description="Of the last attempt (RFC 3463).")
    remote: str
    reply: str
    told_of_delay: bool

    @classmethod
    def of(cls, one: Queued) -> "Recipient":
        return cls(
            address=one.address,
            state=one.state,
            destination=one.lane,
            due=moment(one.due),
            attempts=one.attempts,
            last_attempt=moment_or_none(one.last_attempt),
            status=None if one.status is None else str(one.status),
            remote=one.remote,
            reply=one.reply,
            told_of_delay=one.delayed,
        )


class Message(Out):
    """A message in the queue."""

    id: str
    sender: str = Field(description="Reverse-path; empty for bounces and notices.")
    trace: str
    added: datetime
    size: int
    recipients: list[Recipient]

    @classmethod
    def of(cls, listed: Listed) -> "Message":
        return cls(**_head(listed))


class WholeMessage(Message):
    """A message in the queue, with its header."""

    header: str

    @classmethod
    def with_header(cls, listed: Listed, header: bytes) -> "WholeMessage":
        return cls(**_head(listed), header=header.decode("utf-8", "replace"))


def _head(listed: Listed) -> dict[str, Any]:
    envelope = listed.envelope
    return {
        "id": envelope.queue_id,
        "sender": envelope.reverse_path,
        "trace": envelope.trace,
        "added": moment(envelope.added),
        "size": envelope.size,
        "recipients": [Recipient.of(each) for each in listed.recipients],
    }


class Lane(Out):
    """A destination in numbers."""

    destination: str
    recipients: int
    oldest: datetime
    next_due: datetime | None
    last_error: str | None
    remote: str

    @classmethod
    def of(cls, lane: LaneStats) -> "Lane":
        return cls(
            destination=lane.name,
            recipients=lane.recipients,
            oldest=moment(lane.oldest),
            next_due=moment_or_none(lane.next_due),
            last_error=None if lane.last_error is None else str(lane.last_error),
            remote=lane.remote,
        )


class Stats(Out):
    """The queue in numbers."""

    messages: int
    octets: int
    waiting: int
    leased: int
    held: int
    failed: int
    oldest: datetime | None
    next_due: datetime | None
    destinations: list[Lane]

    @classmethod
    def of(cls, found: QueueStats) -> "Stats":
        return cls(
            messages=found.messages,
            octets=found.octets,
            waiting=found.waiting,
            leased=found.leased,
            held=found.held,
            failed=found.failed,
            oldest=moment_or_none(found.oldest),
            next_due=moment_or_none(found.next_due),
            destinations=[Lane.of(each) for each in found.lanes],
        )


class Filter(Part):
    """Which messages."""

    sender: Loose = Field(default="", description="Reverse-path; `<>` for bounces and notices.")
    recipient: Loose = Field(default="", description="With this recipient.")
    domain: Loose = Field(default="", description="With a recipient in this domain.")
    state: State | None = Field(default=None, description="With a recipient in this state.")
    before: Time | None = Field(default=None, description="Queued before then.")
    after: Time | None = Field(default=None, description="Queued since then.")

    def select(self) -> Select:
        return Select(
            sender=self.sender,
            recipient=self.recipient,
            domain=self.domain,
            state=self.state,
            added_before=_seconds(self.before),
            added_after=_seconds(self.after),
        )


class Act(In):
    """What is done, and to which messages: ids, or a filter, or all."""

    action: Literal["retry", "hold", "release", "delete"]
    ids: list[QueueId] = Field(default=[], max_length=1000)
    sender: Loose = ""
    recipient: Loose = ""
    domain: Loose = ""
    all: bool = Field(default=False, description="Every message: has to be said where nothing else is.")

    def select(self) -> Select:
        return Select(tuple(self.ids), self.sender, self.recipient, self.domain)


class Done(Out):
    """With how many messages it was done."""

    messages: int


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else max(0, min(LARGEST, int(at.timestamp())))


async def find(call: Call[None, Filter]) -> Answer:
    asked = call.query
    found = await queue.find(call.office, call.person, asked.select(), asked.offset, asked.limit)
    items = [Message.of(each) for each in found.messages]
    return Answer(Page[Message](items=items, total=found.total, limit=asked.limit, offset=asked.offset))


async def show(call: Call[None, None]) -> Answer:
    return Answer(WholeMessage.with_header(*await queue.show(call.office, call.person, call.path["id"])))


async def act(call: Call[Act, None]) -> Answer:
    body = call.body
    select = body.select()
    if (select == Select()) is not body.all:
        raise Refused("name the messages by ids or a filter, or say all, and not both")
    return Answer(Done(messages=await queue.act(call.office, call.person, body.action, select)))


async def delete(call: Call[None, None]) -> Answer:
    select = Select((call.path["id"],))
    if not await queue.act(call.office, call.person, "delete", select):
        raise Missing(f"there is no message {call.path['id']} in the queue")
    return Answer()


async def stats(call: Call[None, None]) -> Answer:
    return Answer(Stats.of(await queue.stats(call.office, call.person)))


OPERATIONS = (
    Operation(
        "GET", "/queue", "listQueue", Right.QUEUE_SEE, "What waits to be sent, the oldest first.",
        find, query=Filter, gives=Page[Message],
    ),
    Operation(
        "POST", "/queue/actions", "actOnQueue", Right.QUEUE_EDIT,
        "Try messages now, hold, release or delete them; senders are told nothing of a deletion.",
        act, body=Act, gives=Done,
    ),
    Operation("GET", "/queue/stats", "getQueueStats", Right.QUEUE_SEE, "The queue in numbers.", stats, gives=Stats),
    Operation(
        "GET", "/queue/messages/{id}", "getQueued", Right.QUEUE_SEE, "One message, with its header.",
        show, gives=WholeMessage,
    ),
    Operation(
        "DELETE", "/queue/messages/{id}", "deleteQueued", Right.QUEUE_EDIT, "Take a message out of the queue.",
        delete, status=204,
    ),
)  # fmt: skip
