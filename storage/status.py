"""What became of one recipient's copy, as an enhanced status code (RFC 3463) and a sentence.

A `Status` is spoken from delivery to bounce: storage returns it, filters merge it, `smtp` makes replies and
DSNs of it. The text is for the sender of the mail; the inside story belongs into the log.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """An enhanced status code (`2.1.5`) and a text without line ends."""

    code: str
    text: str = ""

    @property
    def ok(self) -> bool:
        return self.code[0] == "2"

    @property
    def temporary(self) -> bool:
        return self.code[0] == "4"

    @property
    def permanent(self) -> bool:
        return self.code[0] == "5"

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


def worst(statuses: "list[Status]") -> Status:
    """The gravest of some: permanent before temporary before success; the first one of that class."""
    return max(statuses, key=lambda status: status.code[0])


DELIVERED = Status("2.0.0", "delivered")
RECIPIENT_OK = Status("2.1.5", "recipient ok")
UNKNOWN_RECIPIENT = Status("5.1.1", "no such recipient here")
NOT_RECEIVING = Status("5.2.1", "this mailbox does not receive mail")
MAILBOX_FULL = Status("4.2.2", "mailbox is full")
TOO_BIG = Status("5.3.4", "message is too big")
DISK_FULL = Status("4.3.1", "not enough storage, try again later")
ACCOUNT_BROKEN = Status("4.3.5", "the configuration of this account cannot be read, try again later")
INTERNAL = Status("4.3.0", "internal error, try again later")
