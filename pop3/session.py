"""One client's session, from the greeting to the goodbye (RFC 1939 §3).

Errors are caught here, each kind in one place: the client's faults and answers (-ERR), the end of the stream,
and everything else, which is logged with the trace that the client is told. However a session ends, its place
and its hold on the mailbox are given back, and only QUIT has removed anything.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any

from config.settings import Listen, Settings
from net.connection import Connection, Draining, LineTooLong, PeerGone, TimedOut
from net.limits import Slot
from net.log import event
from net.sasl import Credentials, Proof
from pop3 import grammar, replies
from pop3.door import Pop3Door
from pop3.grammar import BadSyntax
from pop3.maildrop import Maildrop
from pop3.replies import Refused
from storage.errors import Broken, LoginRefused, StoreError
from storage.message import Message
from storage.people.address import parse
from storage.selected import Mailbox
from storage.store import Store

TURN = 50  # commands of one client, sent in one breath, after which the others have their turn
LOOK_EVERY = 1.0  # seconds between two looks, before a command, at whether the account may still be used
MOST_ERRORS = 20  # bad commands in a row after which the connection is closed

_log = logging.getLogger("pop3")


class State(Flag):
    """RFC 1939 §3. UPDATE is not waited in: it is what QUIT does."""

    AUTHORIZATION = auto()
    TRANSACTION = auto()


@dataclass(frozen=True, slots=True)
class Command:
    """A keyword, the reader of its arguments, what it does, and the states in which it may be given."""

    name: bytes
    parse: Callable[[bytes], Any]
    run: Callable[["Session", Any], Awaitable[None]]
    states: State


class ShownOut(Exception):
    """The account may not be used any more: the session ends, and nothing is removed."""


class Session:
    """What is remembered about one connection."""

    __slots__ = (
        "_bad", "_began", "_door", "_failures", "_listen", "_looked", "_mailbox", "_slot",
        "account", "conn", "ended", "login", "maildrop", "octets", "retrieved", "send", "utf8",
    )  # fmt: skip

    def __init__(self, door: Pop3Door, conn: Connection, listen: Listen, now: float) -> None:
        self.conn = conn
        self.send = conn.write
        self.account: str | None = None
        self.login: bytes | None = None  # what USER said
        self.maildrop: Maildrop | None = None  # there in the TRANSACTION state
        self.utf8 = False
        self.ended = False
        self.retrieved = self.octets = 0
        self._door = door
        self._listen = listen
        self._began = now
        self._mailbox: Mailbox | None = None
        self._slot: Slot | None = None
        self._failures = 0
        self._bad = 0
        self._looked = now

    # What commands use

    @property
    def settings(self) -> Settings:
        return self._door.settings

    @property
    def store(self) -> Store:
        return self._door.store

    @property
    def drop(self) -> Maildrop:
        """The maildrop, in a command of the TRANSACTION state."""
        assert self.maildrop is not None
        return self.maildrop

    @property
    def tls_offered(self) -> bool:
        return self._listen.tls == "starttls" and self.conn.tls is None and self._door.contexts is not None

    def tls_context(self) -> ssl.SSLContext | None:
        """For STLS, where that is offered."""
        if not self.tls_offered or self._door.contexts is None:
            return None
        return self._door.contexts.context(self._listen.tls_minimum)

    @property
    def passwords_taken(self) -> bool:
        """Whether a password may come on this connection."""
        if self.conn.tls is not None:
            return True
        return self.settings.auth.plaintext_without_tls == "loopback" and self.conn.loopback

    async def ask(self, prompt: bytes, limit: int) -> bytes:
        """Send a challenge; the line that answers it, without its end."""
        self.send(prompt)
        return (await self.conn.readline(limit, self._patience(), command=True)).rstrip(b"\r\n")

    async def judge(self, given: Credentials | Proof) -> str:
        """The account that it is. Raises LoginRefused."""
        conn, logins = self.conn, self.store.logins
        if isinstance(given, Proof):
            return await logins.proved(
                given.login, given.key, given.right, peer=conn.peer, protocol="pop3", trace=conn.trace
            )
        return await logins.check(
            given.login, given.password, peer=conn.peer, protocol="pop3", trace=conn.trace
        )

    async def enter(self, account: str) -> None:
        """Take one of the account's places, and take the snapshot."""
        conn = self.conn
        slot = self._door.slots.take("pop3", account, self.settings.pop3.max_connections_per_account)
        if slot is None:
            event(_log, "pop3.crowded", trace=conn.trace, account=account)
            raise Refused(replies.TOO_MANY)
        try:
            self._mailbox = mailbox = await self.store.account(account).open("INBOX")
            uid_first = await mailbox.uid_first()
        except BaseException:
            slot.free()
            raise
        self._slot = slot
        self.account = account
        sizes = list(mailbox.rows.all().sizes)
        self.maildrop = Maildrop(mailbox.uidvalidity, mailbox.uids, sizes, uid_first)
        self.send(b"+OK %d messages (%d octets)\r\n" % (self.maildrop.count, self.maildrop.octets))

    async def message(self, number: int) -> Message:
        """The message of a number, if it is still there."""
        assert self._mailbox is not None
        (message,) = await self._mailbox.messages([self.drop.uid(number)])
        if message is None:
            raise Refused(replies.VANISHED)
        return message

    async def remove(self) -> None:
        """What DELE marked goes for good."""
        assert self._mailbox is not None
        await self._mailbox.remove(self.drop.to_remove())

    # The loop

    async def run(self, table: Mapping[bytes, Command]) -> None:
        self.send(b"+OK %b POP3 ready\r\n" % self.settings.hostname.encode("ascii"))
        try:
            done = 0
            while not self.ended:
                await self._next(table)
                await self.conn.drain()
                done += 1
                if done % TURN == 0:
                    await asyncio.sleep(0)
        except Draining:
            self.send(b"-ERR " + replies.STOPPING + b"\r\n")
        except ShownOut:
            event(_log, "pop3.shown_out", trace=self.conn.trace, account=self.account)
            self.send(b"-ERR " + replies.NO_MORE + b"\r\n")
        except TimedOut:
            pass  # closed without a word, and nothing removed (RFC 1939 §3)
        finally:
            if self._mailbox is not None:
                self._mailbox.release()
            if self._slot is not None:
                self._slot.free()
            self._log_end()

    async def _next(self, table: Mapping[bytes, Command]) -> None:
        """Read one command, run it, answer it."""
        try:
            line = await self.conn.readline(grammar.LINE, self._patience(), command=True)
            await self._look()
            await self._perform(line, table)
            self._bad = 0
        except LineTooLong:
            self._refuse(replies.TOO_LONG)
            self._bad += 1
        except BadSyntax as error:
            self._refuse(error.args[0])
            self._bad += 1
        except Refused as error:
            self._refuse(error.text)
        except LoginRefused:
            self._failures += 1
            self._refuse(replies.WRONG_LOGIN)
        except StoreError as error:
            event(_log, "pop3.refused", trace=self.conn.trace, why=f"{type(error).__name__}: {error}")
            self._refuse(replies.for_error(error))
        except (PeerGone, TimedOut, Draining, ShownOut):
            raise
        except Exception:
            event(_log, "pop3.failed", logging.ERROR, trace=self.conn.trace, exc_info=True)
            self._refuse(replies.internal(self.conn.trace))
        if self._bad >= MOST_ERRORS:
            self._refuse(replies.TOO_MANY_ERRORS)
            self.ended = True
        if self._failures >= self.settings.auth.max_tries:
            self.ended = True

    async def _look(self) -> None:
        """Whoever was suspended or deleted has no more commands. Raises ShownOut."""
        now = self._door.clock()
        if self.account is None or now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        entry = self.store.directory.known_account(parse(self.account))
        if entry is None:
            try:
                entry = await self.store.run(self.store.directory.account, self.account)
            except Broken:
                return  # its file cannot be read now: that is temporary
        if entry is None or entry.file.suspended:
            raise ShownOut

    async def _perform(self, line: bytes, table: Mapping[bytes, Command]) -> None:
        keyword, rest = grammar.split(line)
        command = table.get(keyword)
        if command is None:
            raise BadSyntax(b"no such command")
        state = State.AUTHORIZATION if self.maildrop is None else State.TRANSACTION
        if state not in command.states:
            raise Refused(b"log in first" if self.maildrop is None else b"already logged in")
        await command.run(self, command.parse(rest))

    def _refuse(self, text: bytes) -> None:
        self.send(b"-ERR " + text + b"\r\n")

    def _patience(self) -> float:
        """Seconds for which the client may be silent; a stranger has so many in all."""
        pop3 = self.settings.pop3
        if self.maildrop is not None:
            return pop3.idle_timeout
        return max(self._began + pop3.login_timeout - self._door.clock(), 0.0)

    def _log_end(self) -> None:
        if self.account is not None:
            event(
                _log,
                "pop3.left",
                trace=self.conn.trace,
                account=self.account,
                tls=self.conn.tls.version if self.conn.tls else None,
                retrieved=self.retrieved,
                octets=self.octets,
                deleted=len(self.drop.deleted) if self.ended else 0,
            )
