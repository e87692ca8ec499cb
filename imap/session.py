"""What the server remembers about one IMAP connection, and what commands use of it.

The client's state (RFC 9051 §3), its account, its view of the selected mailbox, and what it has enabled. What a
command sends is collected and written in one piece with the tagged reply; large output is flushed on the way, so it
waits for the client and not in memory. The loop that runs commands is in `imap/serve.py`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import Protocol, TypeVar

from config.settings import Listen, Settings
from imap import capability, format, mailbox_name, reader
from imap import place as places
from imap.door import ImapDoor
from imap.manner import PLAIN
from imap.place import Place
from imap.replies import Bad, No, Reply
from imap.sequence import SequenceSet, pick
from imap.state import State
from imap.view import View
from net import sasl
from net.connection import Connection, TimedOut
from net.limits import Slot
from net.log import event
from storage.account import Account
from storage.errors import MailboxMissing, StoreError
from storage.people.address import parse
from storage.selected import Mailbox
from storage.store import Store

GONE = b"The selected mailbox was deleted or renamed"
STRANGER = 8 * 1024  # octets of a command before login
FLUSH = 64 * 1024  # octets that a command may collect before they are written

T = TypeVar("T")

_log = logging.getLogger("imap")


class Unasked(Protocol):
    """What tells a client that said NOTIFY (`imap/notify.py`)."""

    async def tell(self) -> None: ...
    def left(self) -> None: ...  # the selected mailbox
    def end(self) -> None: ...


class Session:
    """Everything that the server remembers about one connection."""

    __slots__ = (
        "_began", "_out", "_own_off", "_size", "account", "address", "bad", "conn", "door", "failures", "leaving",
        "listen", "manner", "notify", "slot", "state", "tag", "view",
    )  # fmt: skip

    def __init__(self, door: ImapDoor, conn: Connection, listen: Listen) -> None:
        self.door = door
        self.conn = conn
        self.listen = listen
        self.state = State.NOT_AUTHENTICATED
        self.address = ""
        self.account: Account | None = None
        self.view: View | None = None
        self.slot: Slot | None = None
        self.notify: Unasked | None = None  # what it is to be told unasked (RFC 5465)
        self.manner = PLAIN  # what the client has enabled
        self.tag = b"*"
        self.bad = 0  # bad commands in a row
        self.failures = 0  # failed logins
        self._own_off: tuple[str, ...] = ()  # capabilities that this account is not offered
        self.leaving: Reply | None = None  # why the connection is about to be closed
        self._began = time.monotonic()
        self._out: list[bytes] = []
        self._size = 0

    # What commands use

    @property
    def settings(self) -> Settings:
        return self.door.settings

    @property
    def store(self) -> Store:
        return self.door.store

    @property
    def mine(self) -> Account:
        """The account, in a command whose row says that there is one."""
        if self.account is None:
            raise Bad(b"Log in first")
        return self.account

    @property
    def selected(self) -> View:
        """The view, in a command whose row says that a mailbox is selected."""
        if self.view is None:
            raise Bad(b"Select a mailbox first")
        return self.view

    def writable(self, needed: str = "") -> Mailbox:
        """The selected mailbox, for a command that changes it and needs these rights."""
        if not self.selected.writable:
            raise No(b"The mailbox is open read-only", b"READ-ONLY")
        self.selected.place.require(needed)
        return self.selected.mailbox

    def send(self, data: bytes) -> None:
        """Send untagged responses, in one piece with what follows."""
        self._out.append(data)
        self._size += len(data)

    async def flush(self, least: int = 0) -> None:
        """Write what was collected, if it is `least` octets, and wait while the client is slow."""
        if self._size < least or not self._out:
            return
        self.write_out()
        await self.conn.drain()

    def write_out(self) -> None:
        if self._out:
            out, self._out, self._size = self._out, [], 0
            self.conn.write(out[0] if len(out) == 1 else b"".join(out))

    async def patiently(self, work: Awaitable[T]) -> T:
        """The result of work that may take long; meanwhile the client hears that it goes on (RFC 9585 §3).

        Only where no response is half written."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def still() -> None:
            nonlocal timer
            if b"INPROGRESS" not in self.off and self.conn.unsent < FLUSH:
                self.write_out()
                self.conn.write(b'* OK [INPROGRESS ("%b" NIL NIL)] Still working\r\n' % self.tag)
            timer = loop.call_later(self.door.still_every, still)

        timer = loop.call_later(self.door.still_every, still)
        try:
            return await work
        finally:
            timer.cancel()

    async def ask(self, prompt: bytes, limit: int) -> bytes:
        """Send a continuation request and read the line that answers it, without its end."""
        self.send(b"+ " + prompt + b"\r\n")
        await self.flush()
        return (await self.conn.readline(limit, self.patience())).rstrip(b"\r\n")

    def capabilities(self) -> bytes:
        if self.account is not None:
            return capability.inside(self.settings.imap.max_append, self.off)
        return capability.outside(
            self.starttls_offered, self.mechanisms if self.passwords_taken else (), self.off
        )

    @property
    def off(self) -> frozenset[bytes]:
        """Capabilities that are switched off, for all or for this account."""
        return capability.off(self.settings.imap.disable, self._own_off)

    @property
    def starttls_offered(self) -> bool:
        return self.listen.tls == "starttls" and self.conn.tls is None

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The ways to log in on this connection."""
        return sasl.told(self.settings.auth.mechanisms, self.conn.end_point)

    @property
    def passwords_taken(self) -> bool:
        """Whether a password may be sent on this connection."""
        if self.conn.tls is not None:
            return True
        return self.settings.auth.plaintext_without_tls == "loopback" and self.conn.loopback

    @property
    def most_octets(self) -> int:
        """Octets of one command. A stranger has nothing long to say: many of them cost little memory."""
        return self.settings.imap.max_command if self.account is not None else STRANGER

    @property
    def most_discarded(self) -> int:
        """Octets of a refused literal that are read to their end. A stranger gets little of our patience."""
        return reader.DISCARD if self.account is not None else STRANGER

    @property
    def condstore(self) -> bool:
        """Whether the client has asked for MODSEQ somehow (RFC 7162 §3.1)."""
        return self.manner.modseq

    def name(self, raw: bytes) -> str:
        """The store's name for a mailbox name on the wire."""
        return mailbox_name.decode(raw, self.manner.utf8)

    async def place(self, raw: bytes, needed: str = "") -> Place:
        """Where a name on the wire leads. Raises MailboxMissing, or No where a right is missing."""
        return await self.place_of(self.name(raw), needed)

    async def place_of(self, name: str, needed: str = "") -> Place:
        if not places.is_others(name) or b"ACL" in self.off:
            return Place(self.mine, name, name)
        found = places.split(name, self.address.rpartition("@")[2])
        if found is None:
            raise MailboxMissing(name)
        owner, rest = found
        rights = await self.store.run(self.store.sharing.rights, owner, rest, self.address)
        return Place(self.store.account(owner), rest, places.shown(owner, rest), rights).require(needed)

    def wire(self, name: str) -> bytes:
        """A mailbox name as this client reads it."""
        return format.mailbox(name, self.manner.utf8)

    def by_number(self, messages: SequenceSet) -> list[int]:
        """The UIDs of messages named by number. None of them may be gone, though EXPUNGE was not yet told."""
        view = self.selected
        uids = pick(view.uids, view.spans(messages, by_uid=False))
        if view.moved and any(uid not in view.mailbox.rows for uid in uids):
            raise No(b"Some of the messages are gone", b"EXPUNGEISSUED")  # RFC 2180 §4, RFC 5530 §3
        return uids

    def by_uid(self, messages: SequenceSet) -> list[int]:
        """The UIDs of a set that this client can know; those not in use are passed over (RFC 9051 §6.4.9)."""
        view = self.selected
        uids = pick(view.uids, view.spans(messages, by_uid=True))
        return [uid for uid in uids if uid in view.mailbox.rows] if view.moved else uids

    def begin_condstore(self, told: bool = False) -> None:
        """The client has used something of CONDSTORE: from now on it is told MODSEQ (RFC 7162 §3.1)."""
        if self.condstore:
            return
        self.manner = replace(self.manner, modseq=True)
        if self.view is not None and not told:
            self.send(b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % self.view.modseq)

    async def leave_mailbox(self) -> None:
        """No mailbox is selected any more."""
        if self.notify is not None:
            self.notify.left()
        if self.view is not None:
            view, self.view = self.view, None
            self.state = State.AUTHENTICATED
            await view.close()

    def tell_updates(self, expunge: bool, uid: bool = False) -> None:
        """Send what others have changed in the selected mailbox."""
        if self.view is not None and self.view.moved:
            for line in self.view.updates(expunge, self.manner, uid):
                self.send(line)

    def tell_now(self) -> None:
        """The same at once, while the client is idle. Called by the mailbox: it must not wait, or raise."""
        try:
            if self.view is None or self.conn.unsent > FLUSH:
                return
            if self.view.mailbox.gone:
                self.bye(b"", GONE)
                self.conn.close()
                return
            self.tell_updates(True)
            self.write_out()
        except Exception:
            event(_log, "imap.failed", logging.ERROR, exc_info=True, trace=self.conn.trace)
            self.conn.close()

    async def enter(self, address: str, slot: Slot) -> None:
        """The client has logged in. Raises Broken."""
        directory = self.store.directory
        entry = directory.known_account(parse(address))  # it was looked at a moment ago, for the password
        if entry is None:
            entry = await self.store.run(directory.account, address)
        self.slot = slot
        self.address = address
        self.account = self.store.account(address)
        self._own_off = entry.file.imap.disable if entry is not None else ()
        self.state = State.AUTHENTICATED
        self.door.came_in(self)

    async def step_out(self) -> None:
        """As if the client had just connected (RFC 8437 §3), or to be gone."""
        self.stop_notifying()
        try:
            await self.leave_mailbox()
        finally:
            if self.account is not None:
                self.door.went_out(self)
            if self.slot is not None:
                self.slot.free()
                self.slot = None
            self.account, self.address, self._own_off, self.manner = None, "", (), PLAIN
            self.state = State.NOT_AUTHENTICATED
            self._began = time.monotonic()

    def stop_notifying(self) -> None:
        if self.notify is not None:
            self.notify.end()
            self.notify = None

    async def tell_unasked(self) -> None:
        """What has happened while nothing was asked. A store that fails now is asked again at the next command."""
        if self.notify is not None:
            try:
                await self.notify.tell()
            except (No, StoreError) as error:
                event(_log, "imap.refused", logging.DEBUG, trace=self.conn.trace, why=type(error).__name__)
            await self.flush()

    def end(self, text: bytes, code: bytes) -> None:
        """Say goodbye as soon as no command is under way."""
        self.leaving = Reply(b"BYE", text, code)
        self.conn.stop()

    @property
    def is_guest(self) -> bool:
        """Whether the selected mailbox is another account's."""
        return self.view is not None and self.view.place.account.address != self.address

    async def look_again(self) -> None:
        """Whether the right to read the selected mailbox of somebody else is still there."""
        view = self.view
        if view is None:
            return
        place = view.place
        rights = await self.store.run(
            self.store.sharing.rights, place.account.address, view.mailbox.name, self.address
        )
        if "r" not in rights:
            self.end(b"The right to the selected mailbox was taken away", b"NOPERM")
        elif self.view is view:
            view.place = replace(place, name=view.mailbox.name, rights=rights)

    def patience(self) -> float:
        """Seconds for which the client may be silent; a stranger has so many in all, whatever it says."""
        imap = self.settings.imap
        if self.state is not State.NOT_AUTHENTICATED:
            return imap.idle_timeout
        left = self._began + imap.login_timeout - time.monotonic()
        if left <= 0:
            raise TimedOut
        return left

    def bye(self, code: bytes, text: bytes) -> None:
        """Say goodbye; what was collected goes with it, without waiting for the client."""
        self.send(Reply(b"BYE", text, code).line(b"*"))
        self.state = State.LOGOUT
        self.write_out()
