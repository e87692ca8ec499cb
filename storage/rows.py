"""The values that the store hands to the doors: rows of a mailbox, what changed, what was done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from storage.mime.head import Head


class Row(NamedTuple):
    """One message of a mailbox. A NamedTuple: ten thousand are made at a SELECT."""

    uid: int
    base: str  # <time>.<unique>.<host>: EMAILID; kept by COPY and MOVE
    flags: str  # Maildir letters, sorted: DFRST and a-z for the mailbox's keywords
    modseq: int
    size: int  # octets with CRLF line ends: RFC822.SIZE
    date: int  # INTERNALDATE, seconds since 1970
    born: int  # the modseq at which it came
    came: str  # how it came: delivered, appended, found, `copied from` or `moved from` a MAILBOXID
    cur: bool  # lies in cur/ (else in new/)
    lf: bool  # the file has LF line ends (another program wrote it); served as CRLF
    saved: int = 0  # when it was copied or moved here, seconds since 1970; 0: its base says when it came


# A row of its columns, without a call in Python for each: a hundred thousand are read at once.
row_of: Callable[[Sequence[Any]], Row] = partial(tuple.__new__, Row)


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened in a mailbox after a given modseq."""

    arrived: tuple[int, ...]
    changed: tuple[int, ...]
    gone: tuple[int, ...]
    modseq: int


@dataclass(frozen=True, slots=True)
class Stored:
    """Result of a change of flags: those changed, and those refused by UNCHANGEDSINCE."""

    changed: tuple[int, ...]
    refused: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """Result of COPY or MOVE: the target's UIDVALIDITY and pairs of (source uid, target uid)."""

    uidvalidity: int
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class MailboxInfo:
    """One mailbox of an account as LIST needs it. `selectable` is false for a bare parent of others."""

    name: str
    special_use: str | None = None
    mailboxid: str = ""
    uidvalidity: int = 0
    selectable: bool = True


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """The numbers of STATUS."""

    messages: int
    unseen: int
    deleted: int
    recent: int
    uidnext: int
    uidvalidity: int
    modseq: int
    size: int
    mailboxid: str


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """Use and limit of an account; a limit of None is none."""

    bytes: int
    bytes_limit: int | None
    messages: int
    messages_limit: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """ENVELOPE, BODYSTRUCTURE and BODY of a message as ready bytes (RFC 9051 §7.5.2); what is compared of it."""

    envelope: bytes
    bodystructure: bytes
    body: bytes
    head: Head
