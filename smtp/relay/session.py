"""One connection to one host: dialogues over a socket, each reply within its time, TLS, and messages in pieces.

A reply counts only for what was asked before it came: a server that talks out of turn is left (`expect_silence`),
or an answer to nothing would be taken for the answer to a message. How a session ends before its time is one
exception, `Broken`, whatever the cause: garbage, silence, a hang-up, a 421.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from config.outbound import Timeouts
from net.connection import HIGH_WATER, PeerGone, TimedOut
from net.outgoing import Outgoing
from smtp.relay.body import Content, stuffed
from smtp.relay.dialogue import Dialogue, Offers, SessionOver, Wait
from smtp.relay.reply import BadReply, Replies, Reply
from storage.status import Status

T = TypeVar("T")
Threads = Callable[..., Awaitable[Any]]

_WAITED_FOR = {
    Wait.GREETING: "greet",
    Wait.COMMAND: "answer",
    Wait.DATA: "answer DATA",
    Wait.END: "answer after the message",
}


class Broken(Exception):
    """The session is over. `reply`: what the server said to that, if it said something."""

    def __init__(self, status: Status, reply: Reply | None = None) -> None:
        super().__init__(str(status))
        self.status = status
        self.reply = reply


class Session:
    """`offers`, `tls` and `verified` are filled in while it is opened."""

    def __init__(self, connection: Outgoing, host: str, address: str, timeouts: Timeouts) -> None:
        self.connection = connection
        self.host = host
        self.address = address
        self.offers = Offers()
        self.tls: str | None = None
        self.verified = False  # the host has proven its name
        self.reset = False  # a transaction was broken off
        self.messages = 0
        self._timeouts = timeouts
        self._replies = Replies()

    async def play(self, dialogue: Dialogue[T]) -> T:
        """Run a part of the session. Raises Broken."""
        try:
            ask = next(dialogue)
            while True:
                if ask.data:
                    self.expect_silence()
                    self.connection.write(ask.data)
                reply = self._replies.next() or await self._reply(ask.wait)
                ask = dialogue.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        except SessionOver as over:
            raise Broken(over.status, over.reply) from over
        except BadReply as error:
            raise Broken(Status("4.5.0", f"{self._who} speaks no SMTP: {error}")) from error
        except PeerGone as error:
            raise Broken(Status("4.4.2", f"{self._who} closed the connection")) from error

    async def _reply(self, wait: Wait) -> Reply:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + getattr(self._timeouts, wait.value)
        while True:
            try:
                data = await self.connection.read(HIGH_WATER, deadline - loop.time())
            except TimedOut as error:
                raise Broken(Status("4.4.2", f"{self._who} did not {_WAITED_FOR[wait]} in time")) from error
            self._replies.feed(data)
            reply = self._replies.next()
            if reply is not None:
                return reply

    def expect_silence(self) -> None:
        """Nothing may have been said that was not asked for. Raises Broken, BadReply."""
        if not self._replies.waiting and not self.connection.buffered:
            return
        reply = self.said()
        if reply is None:
            raise Broken(Status("4.5.0", f"{self._who} talks out of turn"))
        status = reply.status()
        raise Broken(status if status.temporary else Status("4.5.0", f"out of turn: {reply}"), reply)

    def said(self) -> Reply | None:
        """A reply that has come already. Raises BadReply."""
        if self.connection.buffered:
            self._replies.feed(self.connection.take_buffered())
        return self._replies.next()

    async def secure(self, context: ssl.SSLContext, name: str, timeout: float) -> None:  # noqa: ASYNC109
        """From now on under TLS; what was said before it, and not asked for, is forgotten. Raises TlsFailed."""
        self._replies = Replies()
        await self.connection.secure(context, name, timeout)

    async def send(self, content: Content, threads: Threads) -> None:
        """The message and its last line. Raises Broken before that last line was sent; OSError where the message
        cannot be read, and then it must not be ended."""
        block = self._timeouts.block
        try:
            if content.whole is not None:
                self.expect_silence()
                data = b"".join(stuffed((content.whole,)))
                self.connection.write(data)
                return
            pieces = stuffed(content.message.chunks())
            piece = await threads(next, pieces, None)
            while piece is not None:
                following = await threads(next, pieces, None)
                self.expect_silence()
                self.connection.write(piece)
                if following is not None:
                    await self.connection.drain(block)
                piece = following
        except TimedOut as error:
            raise Broken(Status("4.4.2", f"{self._who} took nothing more of the message in time")) from error
        except PeerGone as error:
            reply = self.said()
            raise Broken(Status("4.4.2", f"{self._who} closed the connection"), reply) from error
        except BadReply as error:
            raise Broken(Status("4.5.0", f"{self._who} speaks no SMTP: {error}")) from error

    def quit(self) -> None:
        """Say goodbye; nobody waits for the answer."""
        self.connection.write(b"QUIT\r\n")
        self.connection.close()

    def abort(self) -> None:
        """Cut it off: what was not ended is not a message."""
        self.connection.abort()

    @property
    def _who(self) -> str:
        return f"{self.host} ({self.address})"
