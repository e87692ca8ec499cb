"""APPEND: messages that a client puts into one of its mailboxes, all of them or none (RFC 9051 §6.3.12)."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.arriving import Arrival, Batch
from storage.errors import MailboxMissing
from storage.layout import folder_name, maildir_text
from storage.message import Message
from storage.quota import NO_LIMITS, Limits
from storage.rounds import Deposit, Keeper
from storage.written import Written


@dataclass(frozen=True, slots=True)
class Appended:
    """One message of an APPEND: its bytes, flags, and INTERNALDATE in seconds."""

    message: Message
    flags: frozenset[str]
    date: int


class Appending(Deposit):
    """The messages of one command."""

    def __init__(
        self, address: str, name: str, messages: Sequence[Appended], freed: Limits = NO_LIMITS
    ) -> None:
        super().__init__(*(appended.message for appended in messages))
        self._address = address
        self._name = name
        self._messages = messages
        self._freed = freed

    def write(self, store: Keeper) -> None:
        tmp = f"{maildir_text(store.settings.data, self._address)}/{folder_name(self._name)}/tmp"  # noqa: S108
        batch = Batch(self._name, [], store.limits(self._address).above(self._freed))
        self.batches.append((self._address, batch))
        for appended in self._messages:
            try:
                file = self._written(store, tmp, appended)
            except FileNotFoundError:
                raise MailboxMissing(self._name) from None
            self.files.append(file)
            batch.arrivals.append(Arrival(file, appended.flags, "appended"))

    def _written(self, store: Keeper, tmp: str, appended: Appended) -> Written:
        try:
            return Written(tmp, appended.message, appended.date, store.clock())
        except FileNotFoundError:
            with store.files(self._address) as files, files.reading():
                pass  # an account that was never used is made now
            return Written(tmp, appended.message, appended.date, store.clock())

    def outcome(self) -> tuple[int, list[int]]:
        """UIDVALIDITY and UIDs. Raises MailboxMissing, OverQuota, DiskFull, KeywordsFull."""
        batch = self.batches[0][1] if self.batches else Batch(self._name, [])
        if (error := self.error or batch.error) is not None:
            raise error
        return batch.uidvalidity, [arrival.uid for arrival in batch.arrivals]
