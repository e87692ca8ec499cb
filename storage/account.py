"""One account, seen from the event loop: its mailboxes, its subscriptions, its quota.

What is asked again and again is answered from memory where it is known there (`storage/remembered.py`); the rest is
one hop to a thread each, with the account's files open for its time (`storage/account_files.py`).
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from storage import tree
from storage.account_files import AccountFiles
from storage.appending import Appended
from storage.errors import MailboxExists, neutral
from storage.layout import INBOX, account_dir, canonical_name
from storage.look import index_written, status_of
from storage.quota import NO_LIMITS, Limits, used_now
from storage.rows import MailboxInfo, MailboxStatus, QuotaUse
from storage.selected import Mailbox

if TYPE_CHECKING:
    from storage.store import Store

P = ParamSpec("P")
T = TypeVar("T")


class Account:
    """Cheap to make; holds nothing."""

    __slots__ = ("address", "store")

    def __init__(self, store: "Store", address: str) -> None:
        self.store = store
        self.address = address

    async def do(self, fn: Callable[Concatenate[AccountFiles, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`fn(files, …)` in a store thread."""

        def work() -> T:
            with self.store.files(self.address) as files:
                try:
                    return fn(files, *args, **kwargs)
                except (OSError, sqlite3.OperationalError) as error:
                    raise neutral(error) from error

        return await self.store.run(work)

    def index_written(self) -> tuple[int, int, int] | None:
        """Changes when the index is written, by whatever process; None where it may change without that. Opening it
        and closing it change nothing. Two `stat`s."""
        return index_written(str(account_dir(self.store.settings.data, self.address) / "index.sqlite"))

    async def ensure(self) -> None:
        """The account's folder and special mailboxes exist when this returns."""
        await self.do(_ensure)

    async def mailboxes(self) -> list[MailboxInfo]:
        """INBOX first, then by name; bare parents of others are there, not selectable."""
        known = self.store.remembered(self.address)
        found = known.listing() if known is not None else None
        return await self.do(_listing) if found is None else found

    async def create(self, name: str, special_use: str | None = None) -> None:
        """Raises NameRefused, MailboxExists, TooManyMailboxes, DiskFull."""
        await self.do(tree.create, canonical_name(name), special_use)
        self.changed(canonical_name(name))

    async def delete(self, name: str) -> None:
        """Raises MailboxProtected, MailboxMissing, MailboxHasChildren."""
        name = canonical_name(name)
        await self.do(tree.delete, name)
        self.changed(name)

    async def rename(self, old: str, new: str) -> None:
        """RENAME of INBOX moves its messages (RFC 9051 §6.3.6). Raises as `create` and `delete` do."""
        old, new = canonical_name(old), canonical_name(new)
        if new == INBOX:
            raise MailboxExists(new)
        if old == INBOX:
            await self.create(new)
            inbox = await self.open(INBOX)
            try:
                await inbox.move(inbox.uids, new)
            finally:
                inbox.release()
            return
        await self.do(tree.rename, old, new)
        self.changed(old)

    async def subscriptions(self) -> frozenset[str]:
        known = self.store.remembered(self.address)
        found = known.subscriptions() if known is not None else None
        return await self.do(_subscriptions) if found is None else found

    async def subscribe(self, name: str) -> None:
        await self.do(tree.subscribe, canonical_name(name), True)
        self.changed(canonical_name(name))

    async def unsubscribe(self, name: str) -> None:
        await self.do(tree.subscribe, canonical_name(name), False)
        self.changed(canonical_name(name))

    async def status(self, name: str) -> MailboxStatus:
        """Raises MailboxMissing."""
        found = self.known_status(name)
        return await self.do(status_of, canonical_name(name)) if found is None else found

    def known_status(self, name: str) -> MailboxStatus | None:
        """The same without waiting, where it is known; three `stat`s."""
        known = self.store.remembered(self.address)
        return known.status(canonical_name(name)) if known is not None else None

    async def quota(self) -> QuotaUse:
        limits = await self.limits()
        used = await self.do(_used)
        return QuotaUse(used[0], limits.bytes, used[1], limits.messages)

    async def limits(self) -> Limits:
        return await self.store.run(self.store.limits, self.address)

    async def open(self, name: str) -> Mailbox:
        """The loaded mailbox, shared by the sessions of this process; `release` it. Raises MailboxMissing."""
        return await self.store.mailbox(self, canonical_name(name))

    async def append(
        self, name: str, messages: Sequence[Appended], freed: Limits = NO_LIMITS
    ) -> tuple[int, list[int]]:
        """Into a mailbox that need not be open: UIDVALIDITY and UIDs. `freed` is about to go from the account.

        Raises MailboxMissing, OverQuota, …"""
        return await self.store.append(self.address, canonical_name(name), messages, freed)

    def publish(self, name: str, modseq: int) -> None:
        self.store.publish(self.address, name, modseq)

    def changed(self, name: str) -> None:
        self.publish(name, 0)


def _ensure(files: AccountFiles) -> None:
    with files.reading():
        pass


def _listing(files: AccountFiles) -> list[MailboxInfo]:
    _ensure(files)
    return tree.listing(files)


def _subscriptions(files: AccountFiles) -> frozenset[str]:
    _ensure(files)
    return tree.subscriptions(files)


def _used(files: AccountFiles) -> tuple[int, int]:
    with files.reading() as db:
        return used_now(db)
