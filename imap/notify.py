"""What a client that has said NOTIFY is told, of the selected mailbox and of others (RFC 5465).

The store calls `heard` for each hint about the account, and the selected mailbox `moved`; both only take note and
nudge the session, which calls `tell` when it waits for a command and for nothing else. So nothing is written into
the middle of an answer, what happens meanwhile is told together, and a client that does not read is told nothing.

Changes that the client makes itself in other mailboxes are told too, which RFC 5465 allows.

Mailboxes of other users that the client has named, or subscribed to, are followed too: of each owner all hints are
heard, and what may be told is decided by the rights of that moment.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from imap import notify_grammar
from imap import place as places
from imap.commands import fetch, status
from imap.mailbox_name import DELIMITER
from imap.notify_grammar import Group, Notify
from imap.replies import No
from imap.session import Session
from imap.view import View
from storage.errors import MailboxMissing
from storage.rows import MailboxInfo

MOST_PENDING = 2500  # mailboxes that something is to be told of: more than an account has
MOST_OWNERS = 200  # accounts that one client follows besides its own
ITEMS = (b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN")


class Watch:
    """What one session wants to be told."""

    def __init__(self, session: Session, wanted: Notify) -> None:
        self._session = session
        self._selected = next((one for one in wanted.groups if one.which in notify_grammar.SELECTED), None)
        self._others = [
            (group, _names(session, group)) for group in wanted.groups if group is not self._selected
        ]
        self._pending: set[str] = set()
        self._tree_moved = False
        self._mailboxes: dict[str, MailboxInfo] = {}  # by MAILBOXID
        self._subscribed: frozenset[str] = frozenset()
        self._view: View | None = None
        self._unfollow: dict[str, Callable[[], None]] = {}  # by address

    async def begin(self, tell_all: bool) -> None:
        """From now on; `tell_all`: how the mailboxes are now (RFC 5465 §3.1)."""
        self._follow({self._session.address})
        await self._learn()
        self.look_at_selected()
        if tell_all:
            for info in list(self._mailboxes.values()):
                await self._status(info.name)

    def end(self) -> None:
        self.left()
        self._follow(set())

    def look_at_selected(self) -> None:
        """The session may have selected another mailbox."""
        view = self._session.view
        if view is not self._view:
            self.left()
            if view is not None and self._selected is not None:
                self._view = view
                view.mailbox.watch(self._session.conn.nudge)

    def left(self) -> None:
        """The selected mailbox is about to be let go."""
        if self._view is not None:
            self._view.mailbox.unwatch(self._session.conn.nudge)
            self._view = None

    def heard(self, owner: str, name: str, modseq: int) -> None:
        """Called by the store: must not wait, or raise."""
        self._tree_moved = self._tree_moved or not modseq
        if len(self._pending) < MOST_PENDING:
            self._pending.add(name if owner == self._session.address else places.shown(owner, name))
        self._session.conn.nudge()

    async def tell(self) -> None:
        """Everything that is new. Whatever comes while this waits is told by the next call."""
        self.look_at_selected()
        pending, self._pending = self._pending, set()
        moved, self._tree_moved = self._tree_moved, False
        if len(pending) >= MOST_PENDING:  # RFC 5465 §5.8
            self._session.send(b"* OK [NOTIFICATIONOVERFLOW] Too much has happened\r\n")
            self._session.stop_notifying()
            return
        if self._selected is not None and self._view is not None:
            await self._tell_selected(self._selected, self._view)
        if moved:
            await self._tell_names()
        for name in sorted(pending):
            await self._status(name)
            await self._session.flush(least=64 * 1024)

    async def _tell_selected(self, group: Group, view: View) -> None:
        session = self._session
        last = view.uids[-1] if view.uids else 0
        if group.events:
            session.tell_updates(group.which == b"SELECTED")  # RFC 5465 §6.1: the other waits with EXPUNGE
        new = [uid for uid in view.uids if uid > last]
        if new and group.fetch is not None and notify_grammar.NEW in group.events:
            await fetch.of_new(session, group.fetch, new)

    async def _tell_names(self) -> None:
        """LIST for what was made, went, has another name, or was subscribed (RFC 5465 §5.4, §5.5)."""
        before, subscribed = self._mailboxes, self._subscribed
        await self._learn()
        for mailboxid, info in self._mailboxes.items():
            old = before.get(mailboxid)
            if old is None:
                self._list(info.name, b"")
            elif old.name != info.name:
                self._list(info.name, b"", b' ("OLDNAME" (%b))' % self._session.wire(old.name))
        for mailboxid, info in before.items():
            if mailboxid not in self._mailboxes:
                self._list(info.name, b"\\NonExistent")
        names = {info.name for info in self._mailboxes.values()}
        for name in sorted(subscribed ^ self._subscribed):
            if self._wants(name, notify_grammar.SUBSCRIPTION):
                attributes = [b"\\Subscribed"] if name in self._subscribed else []
                if name not in names:
                    attributes.insert(0, b"\\NonExistent")
                self._session.send(
                    b'* LIST (%b) "/" %b\r\n' % (b" ".join(attributes), self._session.wire(name))
                )

    def _list(self, name: str, attribute: bytes, more: bytes = b"") -> None:
        if self._wants(name, notify_grammar.NAME):
            self._session.send(b'* LIST (%b) "/" %b%b\r\n' % (attribute, self._session.wire(name), more))

    async def _status(self, name: str) -> None:
        """STATUS of a mailbox that is not the selected one (RFC 5465 §5.1 to §5.3)."""
        session = self._session
        if session.view is not None and session.view.mailbox.is_at(*self._whose(name)):
            return
        if not any(self._wants(name, event) for event in notify_grammar.MESSAGES):
            return
        try:
            items = (*ITEMS, b"HIGHESTMODSEQ") if session.condstore else ITEMS
            await status.tell(session, name, items)
        except (MailboxMissing, No):
            pass  # it has gone meanwhile

    def _wants(self, name: str, event: bytes) -> bool:
        """The first group that fits decides (RFC 5465 §3.1)."""
        for group, names in self._others:
            if self._fits(group, names, name):
                return event in group.events
        return False

    def _fits(self, group: Group, names: frozenset[str], name: str) -> bool:
        match group.which:
            case b"PERSONAL":
                return not places.is_others(name)
            case b"INBOXES":
                return name == "INBOX"
            case b"SUBSCRIBED":
                return name in self._subscribed
            case b"MAILBOXES":
                return name in names
        return any(name == above or name.startswith(above + DELIMITER) for above in names)

    async def _learn(self) -> None:
        session, mine = self._session, self._session.mine
        self._subscribed = await mine.subscriptions()
        owners = await self._owners()
        self._follow({session.address, *owners})
        infos = await mine.mailboxes()
        if owners:
            visible = await session.store.run(session.store.sharing.visible, session.address)
            infos = infos + [
                replace(each.info, name=places.shown(each.owner, each.info.name))
                for each in visible
                if each.owner in owners
            ]
        self._mailboxes = {info.mailboxid: info for info in infos if info.selectable}

    async def _owners(self) -> set[str]:
        """Whose mailboxes are asked for besides the client's own."""
        session = self._session
        if b"ACL" in session.off:
            return set()
        wanted = {name for _, names in self._others for name in names}
        if any(group.which == b"SUBSCRIBED" for group, _ in self._others):
            wanted |= self._subscribed
        domain = session.address.rpartition("@")[2]
        found = {places.owner(name, domain) for name in wanted if places.is_others(name)}
        if "" in found:
            found = {*found, *await session.store.run(session.store.sharing.owners, session.address)}
        return set(sorted(found - {"", session.address})[:MOST_OWNERS])

    def _follow(self, addresses: set[str]) -> None:
        """Hear of these accounts, and of no others."""
        for gone in self._unfollow.keys() - addresses:
            self._unfollow.pop(gone)()
        for address in addresses - self._unfollow.keys():
            self._unfollow[address] = self._session.store.follow(address, partial(self.heard, address))

    def _whose(self, name: str) -> tuple[str, str]:
        """Address and name of a mailbox."""
        address = self._session.address
        found = places.split(name, address.rpartition("@")[2]) if places.is_others(name) else None
        return found or (address, name)


def _names(session: Session, group: Group) -> frozenset[str]:
    return frozenset(session.name(raw) for raw in group.names)
