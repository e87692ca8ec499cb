"""Deletions of mail that go on while their page shows how far they are: the last one of each account."""

import asyncio
from dataclasses import dataclass, field

KEPT = 50  # that have ended, and whose outcome can still be shown


@dataclass(slots=True)
class Deletion:
    """One that goes on, or how it ended."""

    of: int
    done: int = 0
    ended: bool = False
    failed: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Deletions:
    """By account. For the event loop."""

    by_account: dict[str, Deletion] = field(default_factory=dict)

    def begin(self, address: str, deletion: Deletion) -> None:
        self.by_account.pop(address, None)
        self.by_account[address] = deletion
        for past in [key for key, each in self.by_account.items() if each.ended][:-KEPT]:
            del self.by_account[past]

    def last(self, address: str) -> Deletion | None:
        return self.by_account.get(address)
