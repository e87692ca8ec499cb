"""One SMTP connection, from greeting to goodbye.

Invariants: replies are in the order of the commands; those to pipelined commands are gathered and leave in
one write, as soon as nothing more of the client's is waiting (RFC 2920 §3.2). A connection keeps the settings
with which it began. Every way out (QUIT, an error, a peer that vanished, the server's stop) lets go of the
spool. A fault of ours ends a command, never the session; the client hears "internal error" and the trace id,
the log has the rest.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from config.settings import SmtpListen
from filters.mail import Mail, Recipient
from net.connection import Connection, Draining, LineTooLong, PeerGone, TimedOut
from net.log import event
from net.networks import Networks
from smtp import grammar, replies
from smtp.data import Lines
from smtp.door import SmtpDoor
from smtp.grammar import MailCommand
from smtp.replies import Reply
from storage.errors import StoreError
from storage.spool import Spool

LONGEST_COMMAND = 4096  # octets; RFC 5321 §4.5.3.1.4 says 512, extensions and AUTH add to it
MOST_GATHERED = 64  # replies that wait for the end of pipelined input
LEAST_RATE = 100  # octets a second below which a client that sends a message is not waited for

# Commands that bring a message no further: so many of them, and so many temporary refusals (recipients past the
# limit, mostly), are borne with between two messages; then each counts as an error.
IDLE = frozenset(
    {b"EHLO", b"HELO", b"LHLO", b"HELP", b"NOOP", b"RSET", b"VRFY", b"XCLI"}
)  # how their lines begin
MOST_IDLE = 100
MOST_PUT_OFF = 1000

# What a browser says when it is led to this port: one line of it is enough.
# And a load balancer that was not named.
NOT_SMTP = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PROXY"})

_log = logging.getLogger("smtp")


class When(Enum):
    """In which state of the session a command may come (RFC 5321 §4.1.4)."""

    ANY = 1
    GREETED = 2  # after EHLO or HELO
    TRANSACTION = 3  # after MAIL


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table: its pure parser, what is done, and when it may come."""

    name: str
    parse: Callable[[bytes], Any]
    run: Callable[["Session", Any], Awaitable[Reply | bytes]]
    when: When


@dataclass(slots=True)
class Transaction:
    """From MAIL to the end of the message (RFC 5321 §3.3)."""

    command: MailCommand
    mail: Mail  # the envelope, without recipients and message yet
    recipients: list[Recipient] = field(default_factory=list)
    spool: Spool | None = None  # since the first BDAT
    lines: Lines | None = None
    refusal: Reply | None = None  # an earlier chunk's: RFC 3030 §2


class Session:
    """State of one connection. Commands of `smtp.commands` read and change it."""

    def __init__(self, door: SmtpDoor, conn: Connection, listen: SmtpListen) -> None:
        self.door = door
        self.conn = conn
        self.listen = listen
        self.settings = door.settings
        self.submission = listen.mode == "submission"
        self.lmtp = listen.mode == "lmtp"
        self.may_xclient = bool(listen.xclient_from) and conn.peer in Networks.of(listen.xclient_from)
        self.counted: str | None = None  # what its address counts as, where it has limits
        self.helo: str | None = None  # the client's name as its proxy tells it (XCLIENT)
        self.name = ""  # what the client calls itself
        self.extended = False  # it said EHLO, not HELO
        self.login: str | None = None  # canonical address of the account
        self.failed_logins = 0
        self.transaction: Transaction | None = None
        self.over = False
        self._messages = 0
        self._errors = 0
        self._idle = 0  # since the last message
        self._put_off = 0
        self._gathered: list[bytes] = []

    async def run(self, commands: Mapping[str, Command]) -> None:
        hostname = self.settings.hostname
        try:
            await self._greet()
            while not self.over:
                await self._step(commands)
        except PeerGone:
            pass
        except TimedOut:
            self.say(replies.closing(hostname, replies.TIMED_OUT))
        except Draining:
            self.say(replies.closing(hostname, replies.STOPPING))
        finally:
            self._send()
            await self.reset()
            event(
                _log,
                "smtp.closed",
                logging.DEBUG,
                trace=self.conn.trace,
                peer=self.conn.peer,
                messages=self._messages,
                errors=self._errors,
            )

    # Replies

    def say(self, reply: Reply | bytes) -> None:
        """Answer a command; the reply leaves with those of the commands that came in the same packet."""
        if isinstance(reply, Reply):
            if reply.code >= 500:
                self._errors += 1
            reply = reply.wire()
        self._gathered.append(reply)

    async def flush(self) -> None:
        """Send what was said, and wait while the client takes nothing."""
        if self._gathered:
            self._send()
            await self.conn.drain(self.settings.smtp.command_timeout)

    def _send(self) -> None:
        self.conn.write(b"".join(self._gathered))
        self._gathered.clear()

    # State

    async def reset(self) -> None:
        """End the transaction, if there is one (RFC 5321 §4.1.1.5)."""
        transaction, self.transaction = self.transaction, None
        if transaction is not None and transaction.spool is not None:
            await transaction.spool.discard()

    def next_trace(self) -> str:
        """The trace id of the next message: the connection's and a number."""
        self._messages += 1
        self._idle = self._put_off = 0
        return f"{self.conn.trace}.{self._messages}"

    @property
    def may_start_tls(self) -> bool:
        return self.conn.tls is None and self.listen.tls == "starttls" and self.door.contexts is not None

    def forget(self) -> None:
        """The client is a stranger again: after STARTTLS (RFC 3207 §4.2) and after XCLIENT."""
        self.name, self.extended, self.login = "", False, None

    @property
    def may_log_in(self) -> bool:
        """Passwords only under TLS, or on this machine where the operator says so (RFC 4954 §4)."""
        if not self.submission:
            return False
        if self.conn.tls is not None:
            return True
        return self.settings.auth.plaintext_without_tls == "loopback" and _is_loopback(self.conn.peer)

    async def piece(self, most: int, began: float, got: int) -> bytes:
        """The next octets of a message that began at `began` and of which `got` octets are here."""
        patience = self.settings.smtp.data_timeout
        left = began + patience + got / LEAST_RATE - asyncio.get_running_loop().time()
        return await self.conn.read(most, max(0.0, min(patience, left)))

    def within_limits(self) -> bool:
        """Whether the client's address may have another connection now; else it has been told."""
        limits, settings = self.door.limits, self.settings
        self.counted = None if self.lmtp else limits.counted(self.conn.peer, settings)
        if self.counted is None or limits.connection(self.counted, settings):
            return True
        event(_log, "smtp.too_many_connections", trace=self.conn.trace, peer=self.conn.peer)
        self.say(replies.closing(self.settings.hostname, replies.TOO_MANY_CONNECTIONS))
        self.over = True
        return False

    # Commands

    async def _greet(self) -> None:
        """Greet, unless the client speaks first, as only programs do that do not listen (RFC 5321 §3.1)."""
        delay = self.settings.smtp.greeting_delay if self.listen.mode == "mx" else 0
        early = self.conn.buffered > 0
        if delay and not early:
            try:
                early = bool(await self.conn.read(1, delay))
            except TimedOut:
                pass
        if early:
            event(_log, "smtp.early_talker", trace=self.conn.trace, peer=self.conn.peer)
            self.say(replies.EARLY_TALKER)
            self.over = True
            return
        if not self.may_xclient and not self.within_limits():
            return
        self.say(replies.greeting(self.settings.hostname, "LMTP" if self.lmtp else "ESMTP"))

    async def _step(self, commands: Mapping[str, Command]) -> None:
        if not self.conn.buffered or len(self._gathered) >= MOST_GATHERED:
            await self.flush()
        try:
            line = await self.conn.readline(LONGEST_COMMAND, self.settings.smtp.command_timeout, command=True)
        except LineTooLong:
            self.say(replies.LINE_TOO_LONG)
        else:
            reply = await self._execute(commands, line)
            if isinstance(reply, Reply) and reply.code >= 500:
                await self._slow_down()
            if reply:
                self.say(reply)
            self._weigh(line, reply)
        if self._errors >= self.settings.smtp.max_errors and not self.over:
            event(_log, "smtp.too_many_errors", trace=self.conn.trace, peer=self.conn.peer)
            self.say(replies.closing(self.settings.hostname, replies.TOO_MANY_ERRORS))
            self.over = True

    async def _slow_down(self) -> None:
        """Guessing costs time, from half of the errors on that one connection may make."""
        smtp = self.settings.smtp
        if smtp.tarpit and self._errors >= smtp.max_errors // 2 and not self.lmtp:
            await asyncio.sleep(smtp.tarpit)

    def _weigh(self, line: bytes, reply: Reply | bytes) -> None:
        if line[:4].upper() in IDLE:
            self._idle += 1
        if isinstance(reply, Reply) and 400 <= reply.code < 500:
            self._put_off += 1
        if self._idle > MOST_IDLE or self._put_off > MOST_PUT_OFF:
            self._errors += 1

    async def _execute(self, commands: Mapping[str, Command], line: bytes) -> Reply | bytes:
        try:
            verb, rest = grammar.split(line)
            command = commands.get(verb)
            if command is None:
                self.over = verb in NOT_SMTP
                return replies.UNKNOWN
            if command.when is not When.ANY and not self.name:
                return replies.GREET_FIRST_LMTP if self.lmtp else replies.GREET_FIRST
            if command.when is When.TRANSACTION and self.transaction is None:
                return replies.MAIL_FIRST
            return await command.run(self, command.parse(rest))
        except grammar.Malformed as error:
            return error.reply
        except (PeerGone, TimedOut, Draining):
            raise
        except StoreError as error:
            event(_log, "smtp.store_error", logging.WARNING, trace=self.conn.trace, why=repr(error))
            return replies.of_error(error, self.conn.trace)
        except Exception as error:
            event(_log, "smtp.failed", logging.ERROR, trace=self.conn.trace, exc_info=True)
            return replies.of_error(error, self.conn.trace)


def _is_loopback(peer: str) -> bool:
    return peer == "::1" or peer.startswith("127.")
