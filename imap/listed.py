"""Answers to LIST that are still true.

A mail program asks for all mailboxes whenever it connects, and hardly ever has one come or gone. A thousand names
are put together, matched and written in some milliseconds; the answer is kept with what it was made of. The store
hands out the same values as long as nothing has changed (storage/remembered.py), so it holds while they are those.
"""

from collections import OrderedDict
from collections.abc import Hashable, Set

from storage.rows import MailboxInfo

MOST = 1024 * 1024  # octets of all answers that are kept
LARGE = 128 * 1024  # octets of one that is not

Key = tuple[str, Hashable, bool]  # account, what is asked, whether names are UTF-8
Made = tuple[list[MailboxInfo], Set[str]]  # of these mailboxes and subscriptions


class Listed:
    """Of all accounts of a process; the one not asked for longest goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[Made, bytes]] = OrderedDict()
        self._octets = 0

    def find(self, key: Key, made: Made) -> bytes | None:
        kept = self._kept.get(key)
        if kept is None or kept[0][0] is not made[0] or kept[0][1] is not made[1]:
            return None
        self._kept.move_to_end(key)
        return kept[1]

    def keep(self, key: Key, made: Made, answer: bytes) -> None:
        if len(answer) > LARGE:
            return
        old = self._kept.pop(key, None)
        self._kept[key] = made, answer
        self._octets += len(answer) - (0 if old is None else len(old[1]))
        while self._octets > MOST:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._octets -= len(dropped)
