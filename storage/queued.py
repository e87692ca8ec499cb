"""The values of the queue: what is put in, what a runner takes out and records, what people are shown."""

from dataclasses import dataclass
from enum import StrEnum

from storage.message import Message
from storage.status import Status


class State(StrEnum):
    """Where one recipient of a queued message stands."""

    WAITING = "waiting"  # due at some time, or leased to a runner until then
    HELD = "held"  # an operator stopped it
    DELIVERED = "delivered"  # done
    FAILED = "failed"  # will not be tried again; done once the sender has been told


@dataclass(frozen=True, slots=True)
class Addressee:
    """One recipient as it is put into the queue."""

    address: str
    original: str = ""  # what the sender wrote, where routing made another address of it
    mailbox: str = "INBOX"
    notify: str = ""  # NOTIFY of RFC 3461 §4.1: NEVER, or some of SUCCESS,FAILURE,DELAY; empty when not given
    orcpt: str = ""  # ORCPT of RFC 3461 §4.2, `addr-type;xtext` as it came
    status: Status | None = None  # how the first attempt ended, made before the message was queued


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


@dataclass(frozen=True, slots=True)
class Work:
    """One message and those of its recipients that a runner has leased."""

    envelope: Envelope
    recipients: tuple[Queued, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt for one recipient ended. A temporary status without `due` is the last one: give up."""

    number: int
    status: Status
    due: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What the sender is told of failed recipients; itself a message, from the null reverse-path."""

    message: Message
    to: str


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
    domains: tuple[tuple[str, int], ...]  # open recipients by domain, most first
