"""A mailbox as it is loaded in a process: one for all sessions that have it selected.

What the sessions read (`uids`, `rows`, `changes_since`) is memory, belongs to the event loop and never waits.
`rows` are columns (storage/columns.py), and a `Row` is made when one is asked for.
What changes the mailbox goes through a thread to `storage.mailbox`; then this state moves on, and those who
watch are called. Another process's changes are learnt by a hint, or by looking; the index's MODSEQ says what is
new. `uids` is a tuple that is replaced, never changed: a session keeps it as its view.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence, Set
from typing import TYPE_CHECKING, Any, TypeVar

from storage import at_hand, heads, packed, reconcile, summaries
from storage import mailbox as changes
from storage.account_files import AccountFiles
from storage.appending import Appended
from storage.columns import EMPTY, Columns, Part
from storage.errors import MailboxMissing, StoreError
from storage.folder import KEYWORDS_MOST, Folder
from storage.history import History
from storage.layout import canonical_name
from storage.look import Loaded, gone_since, look, work_and_look
from storage.mailbox import Work
from storage.message import Message
from storage.remembered import Stamp
from storage.rows import Changes, Copied, Stored
from storage.search.find import Finder, Found, Said

if TYPE_CHECKING:
    from storage.account import Account

T = TypeVar("T")
log = logging.getLogger("kwcmaild.storage")

HEADS_MADE = 200  # heads that are made in one hop to a thread
NONE: Set[int] = frozenset()  # one for all mailboxes
AT_HAND = 32 * 1024  # octets of a message up to which the event loop may copy it


class Mailbox:
    """The state that sessions share. Made by `Account.open`, let go with `release`."""

    __slots__ = (
        "__weakref__", "_account", "_cut", "_finder", "_folder", "_headless", "_history", "_look", "_looks",
        "_loose", "_rows", "_stamp", "_watchers", "_written", "gone", "sessions", "uids",
    )  # fmt: skip

    def __init__(self, account: "Account", loaded: Loaded) -> None:
        self._account = account
        self._folder = loaded.folder
        self._rows = loaded.columns or EMPTY
        self._loose = loaded.loose
        self.uids: tuple[int, ...] = tuple(self._rows.uids)
        self.gone = False
        self.sessions = 0
        self._watchers: list[Callable[[], None]] = []
        self._history = History(loaded.folder.modseq)
        self._written: tuple[int, int, int] | None = None  # the index as `behind` saw it
        self._stamp: Stamp | None = None  # the index's log before the last look
        self._look = asyncio.Lock()
        self._looks = 0
        self._finder: Finder | None = None  # as long as nobody searches
        self._headless: set[int] | None = (
            None  # UIDs of which no head is known to be kept; None: nobody asked
        )
        self._cut: Set[int] = NONE  # UIDs whose heads do not hold all of their fields

    # What sessions read: memory only.

    @property
    def name(self) -> str:
        return self._folder.name

    def is_at(self, address: str, name: str) -> bool:
        """Whether this is that account's mailbox of that name."""
        return self._account.address == address and self._folder.name == canonical_name(name)

    @property
    def mailboxid(self) -> str:
        return self._folder.mailboxid

    @property
    def uidvalidity(self) -> int:
        return self._folder.uidvalidity

    async def uid_first(self) -> bool:
        """Whether POP3's unique ids go on as Dovecot made them (storage/dovecot.py)."""
        description = await self._account.store.run(self._folder.description)
        return description.uid_first

    @property
    def uidnext(self) -> int:
        return self._folder.uidnext

    @property
    def modseq(self) -> int:
        """HIGHESTMODSEQ of the loaded state."""
        return self._folder.modseq

    @property
    def keywords(self) -> tuple[str, ...]:
        return self._folder.keywords

    @property
    def keywords_full(self) -> bool:
        return len(self._folder.keywords) >= KEYWORDS_MOST

    @property
    def special_use(self) -> str | None:
        return self._folder.special_use

    @property
    def first_recent(self) -> int:
        """The first UID that no read-write session had been shown at the last look."""
        return self._folder.recent

    @property
    def rows(self) -> Columns:
        return self._rows

    def changes_since(self, modseq: int, known: Sequence[int] = ()) -> Changes:
        """What happened after `modseq`; the only way to learn it. UIDs ascend.

        `known`: the UIDs that the asker knew then. Where that time is not remembered the rows tell what came and
        what changed, and what is not among them is gone."""
        return self._history.since(modseq, self.modseq, self._rows, known)

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """`callback` runs in the loop after the state moved on; returns what ends that, as `unwatch` does."""
        self._watchers.append(callback)
        return lambda: self.unwatch(callback)

    def unwatch(self, callback: Callable[[], None]) -> None:
        if callback in self._watchers:
            self._watchers.remove(callback)

    def release(self, *, keep: bool = True) -> None:
        """A session lets go. The state is dropped some time after the last one did, or (not `keep`) at once."""
        self.sessions -= 1
        if self.sessions == 0:
            if keep:
                self._account.store.drop_later(self)
            else:
                self._account.store.drop(self)

    # What looks at the disk, or changes it.

    async def refresh(self, *, others: bool = True) -> None:
        """Move on to what the index says. `others`: also take in what other programs did to the files."""
        if self._still(others):
            return
        started = self._looks
        async with self._look:
            if self._looks > started + 1 or (self._looks > started and not others):
                return  # a look began after this call did
            self._looks += 1
            known = self._account.store.remembered(self._account.address)
            stamp = None if known is None else known.stamp()
            self._apply(await self._account.do(look, self.mailboxid, self.modseq, self._folder.floor, others))
            self._stamp = stamp

    def _still(self, others: bool) -> bool:
        """Whether nobody can have changed anything since the last look: some `stat`s, and no thread."""
        known = self._account.store.remembered(self._account.address)
        if known is None or self._stamp is None or known.stamp() != self._stamp or self.gone:
            return False
        return not others or (bool(self._folder.looked) and not self.disturbed())

    async def append(self, messages: Sequence[Appended]) -> list[int]:
        """All or none; returns their UIDs. Raises OverQuota, DiskFull, KeywordsFull."""
        uids = (await self._account.append(self.name, messages))[1]
        await self.refresh(others=False)
        return uids

    async def store(
        self,
        uids: Sequence[int],
        op: str,
        flags: frozenset[str],
        unchanged_since: int | None = None,
        fixed: frozenset[str] = frozenset(),
    ) -> Stored:
        """`op` is set, add or remove. One MODSEQ for all that change; set leaves the letters in `fixed` alone.

        Raises KeywordsFull."""
        stored = await self._alter(changes.storing, uids, op, flags, unchanged_since, fixed)
        if stored.changed:
            self._account.store.sync_soon(self._folder.path)
        return stored

    async def copy(self, uids: Sequence[int], to: str) -> Copied:
        """All or none. Raises MailboxMissing, OverQuota, DiskFull."""
        limits = await self._account.limits()
        copied = await self._alter(changes.copying, uids, to, limits)
        self._account.changed(to)
        return copied

    async def move(self, uids: Sequence[int], to: str) -> Copied:
        """Raises MailboxMissing, DiskFull."""
        moved = await self._alter(changes.moving, uids, to)
        self._account.changed(to)
        return moved

    async def expunge(self, uids: Sequence[int] | None = None) -> list[int]:
        """Those flagged \\Deleted, of `uids` or of all, go for good."""
        return await self._alter(changes.expunging, uids)

    async def remove(self, uids: Sequence[int]) -> list[int]:
        """These go for good, whatever their flags."""
        return await self._alter(_removing, uids)

    async def claim_recent(self) -> int:
        """The first UID that is \\Recent for this session, and for no other one after it."""
        return await self._account.do(changes.claim_recent, self.name)

    async def gone_since(self, modseq: int) -> tuple[int, ...] | None:
        """UIDs expunged after `modseq`, as the index remembers them; None where it cannot know them all."""
        return await self._account.do(gone_since, self.mailboxid, modseq)

    async def messages(self, uids: Sequence[int]) -> list[Message | None]:
        """Messages to be read in a thread; None for a UID that is not here. Reading raises Vanished."""
        return [self.message(uid) for uid in uids]

    def message(self, uid: int) -> Message | None:
        row = self._rows.get(uid)
        if row is None:
            return None
        return reconcile.message_of(self._folder, row)

    def at_hand(self, uid: int) -> bytes | None:
        """A small message that the kernel has in memory, without a wait. None: `messages` has it, or nobody."""
        row = self._rows.get(uid)
        if row is None or row.lf or row.size > AT_HAND:
            return None
        return at_hand.read(reconcile.row_path(self._folder, row), row.size)

    async def summaries(self, uids: Sequence[int], *fields: str) -> tuple[dict[int, bytes], ...]:
        """These fields of `Summary`, each by UID. They are made now, and kept, where they are missing; messages
        that have vanished are left out."""
        return await self._account.do(summaries.summaries, self._folder, self._rows.part(uids), fields)

    async def previews(self, uids: Sequence[int], *, make: bool) -> dict[int, str]:
        """How messages begin (RFC 8970), by UID; those that are missing are made, and kept, where `make`."""
        found: dict[int, str] = {}
        for at in range(0, len(uids), HEADS_MADE):
            part = self._rows.part(uids[at : at + HEADS_MADE])
            found |= await self._account.do(summaries.previews, self._folder, part, make)
        return found

    async def ask_heads(
        self, uids: Sequence[int], questions: Sequence[heads.Question]
    ) -> tuple[list[frozenset[int]], set[int]]:
        """For each question the UIDs of which it is true, and those that only their messages tell of."""
        unknown = await self._have_heads(uids) | self._cut
        span = uids[0], uids[-1]
        return await self._account.do(heads.ask, self._folder, span, questions), unknown

    async def ask_texts(self, uids: Sequence[int], questions: Sequence[Said]) -> list[Found]:
        """For each question what the account's full-text index knows of these messages."""
        if self._finder is None:
            self._finder = Finder()
        return await self._account.do(_find_texts, self._finder, self._rows.part(uids), questions)

    async def head_columns(self, uids: Sequence[int], *names: str) -> dict[int, tuple[Any, ...]]:
        """These columns of `Head`, by UID; made now where they are missing, but for messages that have vanished."""
        if not uids:
            return {}
        await self._have_heads(uids)
        return await self._account.do(heads.columns, self._folder, (min(uids), max(uids)), names)

    async def _have_heads(self, uids: Sequence[int]) -> set[int]:
        """Make those of `uids` that are missing; the UIDs of those that could not be made."""
        headless = self._headless
        if headless is None:
            headless = await self._ask_headless()
        missing = [uid for uid in uids if uid in headless] if headless else []
        if missing:
            for at in range(0, len(missing), HEADS_MADE):
                await self.summaries(missing[at : at + HEADS_MADE], "envelope")
            headless = await self._ask_headless()
        return headless

    async def _ask_headless(self) -> set[int]:
        uids = self.uids
        headless, self._cut = await self._account.do(heads.lacking, self._folder, uids)
        headless.update(set(self.uids).difference(uids))  # what came meanwhile
        self._headless = headless
        return headless

    async def _alter(self, making: Callable[..., Work[T]], *args: object) -> T:
        """A change and the look after it in one hop; then tell everybody."""
        async with self._look:
            self._looks += 1
            result, loaded = await self._account.do(_alter, making, self._folder, args)
            self._apply(loaded)
        self._account.publish(self.name, self.modseq)
        return result

    def _apply(self, loaded: Loaded | None) -> None:
        if loaded is None:
            self.gone = True
        else:
            if loaded.columns is not None:  # the index was made anew
                taken = self._rows.becoming(loaded.columns)
                self._loose = loaded.loose
            else:
                taken = self._rows.taking(loaded.changed, loaded.gone)
                self._loose += len(taken.came) + len(taken.altered) + len(taken.gone)
            columns, came, altered, gone = taken
            if self._headless is not None:
                self._headless.update(came)
                self._headless.difference_update(gone)
                self._cut = self._cut - set(gone)
            if columns is not self._rows:
                self.uids = tuple(columns.uids)
            elif came:
                self.uids += tuple(came)
            self._rows = columns
            self._history.add(loaded.folder.modseq, came, altered, gone)
            self._folder = loaded.folder
            self.pack_soon()
            if not came and not altered and not gone:
                return
        for watcher in list(self._watchers):
            watcher()

    def pack_soon(self) -> None:
        """Keep the rows in one piece in the index, where so many changed that to read them takes long."""
        if packed.worth(self._loose, len(self._rows)):
            self._loose = 0
            self._account.store.start(self._pack())

    async def _pack(self) -> None:
        """As they are in this step of the loop."""
        try:
            await self._account.do(packed.write, self.mailboxid, self.modseq, self._rows.packed())
        except StoreError as error:
            log.warning("the rows of a mailbox could not be packed: %s", error)

    def behind(self) -> bool:
        """Whether the index was written since this was asked last, or another program may have been at the files.

        For a thread. It opens no index: thousands may wait in mailboxes where nothing happens."""
        written = self._account.index_written()
        if written is None or written != self._written:
            self._written = written
            return True
        return self.disturbed()

    def disturbed(self) -> bool:
        """Whether another program may have been at the files."""
        try:
            return self._folder.touched_by_others() or self._folder.racy()
        except MailboxMissing:
            return True


def _alter(
    files: AccountFiles, making: Callable[..., Work[T]], known: Folder, args: tuple[object, ...]
) -> tuple[T, Loaded | None]:
    return work_and_look(files, making(files, *args), known)


def _removing(files: AccountFiles, uids: Sequence[int]) -> Work[list[int]]:
    return changes.expunging(files, uids, flagged_only=False)


def _find_texts(files: AccountFiles, finder: Finder, part: Part, questions: Sequence[Said]) -> list[Found]:
    return finder.find(files.dir, part, questions)
