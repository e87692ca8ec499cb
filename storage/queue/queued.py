"""The values of the queue: what is put in, what a runner takes out and records, what people are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from storage.message import Message
from storage.status import Status


class State(StrEnum):
    """Where one recipient of a queued message stands."""

    WAITING = "waiting"  # due at some time, or leased to a runner until then
    HELD = "held"  # an operator stopped it
    DELIVERED = "delivered"  # done, once a sender who asked for it has been told
    FAILED = "failed"  # will not be tried again; done once the sender has been told


def wants(notify: str, what: str) -> bool:
    """Whether a sender is to be told of SUCCESS, FAILURE or DELAY; who did not say so is told of the last two
    (RFC 3461 §4.1)."""
    return what in notify.upper().split(",") if notify else what != "SUCCESS"


@dataclass(frozen=True, slots=True)
class Addressee:
    """One recipient as it is put into the queue.

    A temporary `status` is that of a first attempt, made before. A final one means that nothing is left to try:
    the sender is told what he asked to be told, and that is all."""

    address: str
    original: str = ""  # what the sender wrote, where routing made another address of it
    mailbox: str = "INBOX"
    notify: str = ""  # NOTIFY of RFC 3461 §4.1: NEVER, or some of SUCCESS,FAILURE,DELAY; empty when not given
    orcpt: str = ""  # ORCPT of RFC 3461 §4.2, `addr-type;xtext` as it came
    status: Status | None = None
    here: bool = False  # leased to whoever adds it, who delivers it now
    action: str = ""  # of a final success: what to call it where that is not `delivered` (RFC 3464 §2.3.3)
    reverse_path: str = (
        ""  # for this recipient, where it is not that of the message (lists: one for each member)
    )


@dataclass(frozen=True, slots=True)
class Parcel:
    """One of several messages that are put into the queue together."""

    message: Message
    reverse_path: str
    recipients: Sequence[Addressee]
    due: int | None = None  # time of day of the first attempt; now if not given
    envid: str = ""
    ret: str = ""
    smtputf8: bool = False
    require_tls: bool = False
    hold_until: int | None = None  # RFC 4865


@dataclass(frozen=True, slots=True)
class Addition:
    """Messages that come into the queue all or none, and who delivers those recipients that are `here`."""

    parcels: Sequence[Parcel]
    trace: str
    holder: str = ""

    def __post_init__(self) -> None:
        if not all(parcel.recipients for parcel in self.parcels):
            raise ValueError("a queued message has at least one recipient")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is true of a queued message as a whole."""

    queue_id: str
    reverse_path: str  # empty: a bounce or notice, which is never answered by another
    trace: str
    added: int  # seconds since 1970
    size: int
    envid: str = ""  # ENVID of RFC 3461 §4.4
    ret: str = ""  # RET of RFC 3461 §4.3: FULL or HDRS
    smtputf8: bool = False  # came with SMTPUTF8 (RFC 6531)
    require_tls: bool = False  # came with REQUIRETLS (RFC 8689)
    eightbit: bool = False  # has octets above 127
    since: int = 0  # queue time from which its attempts are counted (`storage.queue.time`)


@dataclass(frozen=True, slots=True)
class Queued:
    """One recipient of a queued message."""

    number: int  # its place among the message's recipients, from 0; never changes
    address: str
    original: str
    mailbox: str
    notify: str
    orcpt: str
    state: State
    due: int  # next attempt; while leased, the end of the lease
    holder: str  # who leased it; empty when nobody
    attempts: int
    last_attempt: int | None
    status: Status | None  # of the last attempt
    lane: str = ""  # what it shares connections with: a destination; empty before anybody looked
    remote: str = ""  # the host that answered the last attempt
    reply: str = ""  # what it said
    action: str = ""  # of one that is delivered: `relayed`, `expanded`; empty: `delivered`
    delayed: bool = False  # waiting, and the sender has been told, or is about to be
    reverse_path: str = ""  # its own, where it has one


@dataclass(frozen=True, slots=True)
class Work:
    """One message and those of its recipients that a runner has leased: recipients with one reverse-path."""

    envelope: Envelope
    recipients: tuple[Queued, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt for one recipient ended. A temporary status without `pause` is the last one: give up."""

    number: int
    status: Status
    pause: int | None = None  # seconds until the next attempt
    remote: str = ""
    reply: str = ""
    action: str = ""  # `relayed` where the next host does not tell the sender (RFC 3461 §5.2.2)
    told: bool = False  # the next host took that over: nothing is left to tell of a success
    delayed: bool = False  # the sender is to be told that it takes long


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a record left of a message."""

    queue_id: str
    done: bool  # nobody is left to serve or to tell of: its rows are gone
    untold: bool  # somebody is to be told
    file: bool = False  # it may have a file, which is to follow its rows


@dataclass(frozen=True, slots=True)
class Lane:
    """A destination for which something is due."""

    name: str
    due: int  # since when


@dataclass(frozen=True, slots=True)
class Notice:
    """What the sender is told of some recipients; itself a message, from the null reverse-path."""

    message: Message
    to: str
    smtputf8: bool = False
    require_tls: bool = False  # as the message that it is about (RFC 8689 §5)


@dataclass(frozen=True, slots=True)
class Listed:
    """A queued message as `queue list` and `queue show` print it."""

    envelope: Envelope
    recipients: tuple[Queued, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """Which queued messages an operator means; empty fields select nothing out."""

    queue_ids: tuple[str, ...] = ()
    sender: str = ""
    recipient: str = ""
    domain: str = ""
    state: State | None = None
    added_before: int | None = None
    most: int | None = None
    added_after: int | None = None


@dataclass(frozen=True, slots=True)
class LaneStats:
    """One destination in numbers."""

    name: str
    recipients: int  # waiting or held
    oldest: int  # when the oldest message was added
    next_due: int | None  # of those that wait
    last_error: Status | None  # of the latest attempt that failed
    remote: str  # the host that said so


@dataclass(frozen=True, slots=True)
class QueueStats:
    """The queue in numbers."""

    messages: int
    octets: int
    waiting: int
    leased: int
    held: int
    failed: int  # settled with nobody told yet
    oldest: int | None  # when the oldest message was added
    next_due: int | None
    lanes: tuple[LaneStats, ...]  # by destination, most recipients first
