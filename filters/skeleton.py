"""A check to copy: say here which mail it is about and what it must never do.

Copy this file, give the class its name, write what it looks for, add it in `filters/build.py` and its settings
as a class in `config/settings.py`. A method that has nothing to say returns PASS. What blocks (a file, a
library that waits) goes through a thread; what waits for a peer has a time-out. An exception that escapes is
a DEFER (see `filters.check`), so catch only what has a better answer.

This one refuses mail whose Subject is a given word, which serves its test and nobody else.
"""

from filters.mail import Mail, Recipient
from filters.verdict import PASS, Action, Verdict
from storage.mime.header import fields, unfold
from storage.status import Status

HEAD = 64 * 1024  # octets of the message that are looked at

REFUSED = Status("5.7.1", "not accepted")


class Skeleton:
    """Refuses one subject."""

    name = "skeleton"

    def __init__(self, word: bytes) -> None:
        self._word = word

    async def connect(self, mail: Mail) -> Verdict:
        return PASS

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        return PASS

    async def message(self, mail: Mail) -> Verdict:
        head = mail.head[:HEAD]
        for field in fields(head):
            if field.name == b"subject" and unfold(head[field.value_start : field.end]) == self._word:
                return Verdict(Action.REJECT, REFUSED, f"the subject is {self._word!r}")
        return PASS
