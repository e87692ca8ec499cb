"""What goes between runner and courier: a message for the recipients of one destination, and how it went."""

from dataclasses import dataclass

from storage.message import Message
from storage.queue.queued import Envelope, Queued
from storage.status import Status

UNREAD = Message.of(b"")  # in the queue, where it is read when it is the letter's turn


@dataclass(frozen=True, slots=True)
class Letter:
    """One message and those of its recipients that one destination takes."""

    envelope: Envelope
    message: Message  # or `UNREAD`, until it is taken from its lane
    recipients: tuple[Queued, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """How it went for one recipient."""

    number: int  # Queued.number
    status: Status  # of class 4: it may be tried again; the text has the other's words, cleaned
    remote: str = ""  # name of the host that answered; empty when nobody did
    address: str = ""  # its IP address
    reply: str = ""  # its reply, line ends as blanks, bounded
    tls: str | None = None  # version and cipher; None: in the clear
    dsn: bool = False  # the host offered DSN and has taken over the wishes of NOTIFY (RFC 3461 §4.1)


class Unreachable(Exception):
    """Nobody could be spoken to, and no letter was tried. The status says whether trying again may help."""

    def __init__(self, status: Status) -> None:
        super().__init__(str(status))
        self.status = status
