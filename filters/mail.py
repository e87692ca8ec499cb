"""A mail on its way through the house: the message, its envelope, and how it came. Frozen: edits make a new one."""

from dataclasses import dataclass

from filters.verdict import AuthResult
from storage.address import Address
from storage.directory import AccountEntry
from storage.message import Message

EMPTY = Message.of(b"")


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient that was accepted: the address as the sender gave it, and what the directory has for it."""

    address: Address
    found: AccountEntry


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
    recipients: tuple[Recipient, ...] = ()
    message: Message = EMPTY
    head: bytes = b""  # the message's header block as it came, before any edit
    results: tuple[AuthResult, ...] = ()
