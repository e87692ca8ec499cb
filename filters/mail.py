"""A mail on its way through the house: the message, its envelope, and how it came. Frozen: edits make a new one."""

from dataclasses import dataclass, field
from typing import Literal

from filters.verdict import AuthResult, Verdict
from storage.message import Message
from storage.people.address import Address
from storage.people.directory import ALWAYS_SOMEBODY, AccountEntry, ForwardEntry, ListEntry

EMPTY = Message.of(b"")


@dataclass(frozen=True, slots=True)
class Outside:
    """An address on another server: the next host says whether anybody is there."""

    address: str


@dataclass(frozen=True, slots=True)
class Returned:
    """An address that was given out as the reverse-path of what this account has sent on (`filters.srs`): what
    comes to it is a bounce, and stays here."""

    account: AccountEntry


@dataclass(frozen=True, slots=True)
class ListErrand:
    """One of a list's addresses besides its name (`filters.lists.addresses`)."""

    entry: ListEntry
    kind: Literal["owner", "request", "bounces", "confirm"]
    detail: str  # of `bounces` the member, of `confirm` the decision


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient that was accepted: the address as the sender gave it, and what there is at it."""

    address: Address
    found: AccountEntry | ForwardEntry | ListEntry | ListErrand | Outside | Returned
    notify: str = ""  # NOTIFY of RFC 3461 §4.1: NEVER, or some of SUCCESS,FAILURE,DELAY; empty when not given
    orcpt: str = ""  # ORCPT of RFC 3461 §4.2, `addr-type;xtext` as it came


def reaches_somebody(recipient: Recipient) -> bool:
    """Postmaster and abuse: no list and no grey may stand in their way (RFC 5321 §4.5.1)."""
    return recipient.address.folded.local.partition("+")[0] in ALWAYS_SOMEBODY


@dataclass(frozen=True, slots=True)
class Mail:
    """What is known of a mail so far. At MAIL and RCPT there is no message yet."""

    reverse_path: str  # empty: `<>`
    peer: str  # IP address of the client
    trace: str
    helo: str = ""
    tls: str | None = None  # version, such as TLSv1.3
    authenticated: str | None = None  # canonical address of the account that submits
    smtputf8: bool = False
    dry: bool = False  # somebody asks what would be: nothing is counted or remembered of it
    trusted: bool = False  # handed over by a mail server of ours, which has judged it (LMTP)
    eightbit: bool = False  # BODY=8BITMIME (RFC 6152)
    require_tls: bool = False  # RFC 8689
    hold_until: int | None = None  # seconds since 1970 before which it does not leave (RFC 4865)
    ret: str = ""  # RET of RFC 3461 §4.3: FULL or HDRS
    envid: str = ""  # ENVID of RFC 3461 §4.4, as it came
    recipients: tuple[Recipient, ...] = ()
    message: Message = EMPTY
    head: bytes = b""  # the message's header block as it came, before any edit
    results: tuple[AuthResult, ...] = ()
    judged: Verdict | None = None  # what the judges think, for the advisers
    times: dict[str, float] = field(
        default_factory=dict, compare=False
    )  # seconds of each check, as they are done
