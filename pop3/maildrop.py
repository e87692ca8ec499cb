"""The maildrop as one session sees it: a snapshot of the INBOX and the marks that DELE made. Memory only."""

from collections.abc import Iterable, Sequence

from pop3.replies import DELETED, NO_SUCH_MESSAGE, Refused


class Maildrop:
    """Messages are numbered from 1 in the order of their UIDs; numbers stand fast for the session (RFC 1939 §5)."""

    __slots__ = ("_sizes", "_uid_first", "_uids", "_uidvalidity", "deleted")

    def __init__(
        self, uidvalidity: int, uids: Sequence[int], sizes: Sequence[int], uid_first: bool = False
    ) -> None:
        self._uidvalidity = uidvalidity
        self._uid_first = uid_first
        self._uids = uids
        self._sizes = sizes
        self.deleted: set[int] = set()  # numbers

    @property
    def count(self) -> int:
        return len(self._uids) - len(self.deleted)

    @property
    def octets(self) -> int:
        return sum(self._sizes) - sum(self._sizes[number - 1] for number in self.deleted)

    def check(self, number: int) -> int:
        """The number, when it is that of a message not marked as deleted."""
        if not 1 <= number <= len(self._uids):
            raise Refused(NO_SUCH_MESSAGE)
        if number in self.deleted:
            raise Refused(DELETED)
        return number

    def numbers(self) -> Iterable[int]:
        """Those not marked as deleted."""
        everything = range(1, len(self._uids) + 1)
        return [number for number in everything if number not in self.deleted] if self.deleted else everything

    def uid(self, number: int) -> int:
        return self._uids[self.check(number) - 1]

    def size(self, number: int) -> int:
        return self._sizes[self.check(number) - 1]

    def unique_id(self, number: int) -> bytes:
        """The same for a message as long as it lives, in every session (RFC 1939 §7, UIDL)."""
        uid = self.uid(number)
        return b"%08x%08x" % ((uid, self._uidvalidity) if self._uid_first else (self._uidvalidity, uid))

    def scan_listing(self, number: int) -> bytes:
        return b"%d %d" % (number, self.size(number))

    def unique_id_listing(self, number: int) -> bytes:
        return b"%d %b" % (number, self.unique_id(number))

    def to_remove(self) -> list[int]:
        """The UIDs of the messages marked as deleted."""
        return [self._uids[number - 1] for number in sorted(self.deleted)]
