"""One peer's byte stream: lines and chunks with time-outs, TLS under them, and bounded memory.

A protocol session is one coroutine that reads and writes here. Invariants:

- At most `HIGH_WATER` bytes (and one chunk of the event loop) wait unread; above that the socket is not read,
  so a fast peer is slowed by TCP and not by our memory. A reader that asks for more lifts the pause.
- An idle connection is this object, its task and one timer. Nothing is made for a read that finds its bytes,
  and for one that waits only a future. The timer is armed lazily: while a deadline only moves back, the old
  timer fires once in vain and is set anew, so that a busy connection makes no timer at each command.
- The time given to a read is for the whole line or chunk, so a byte a second gains the peer nothing.
- What is written in one turn of the loop leaves in one piece: one system call, and one TLS record where it fits,
  for a reply and its goodbye or for the replies to pipelined commands.
- Bytes that came before a TLS handshake are never read after it (CVE-2011-0411: commands injected into the
  plaintext and executed under the protection of TLS).
- Every wait ends: by bytes, the peer's leaving, the deadline, or (for commands) the server's stop. A peer
  that does not take our last words is cut off after `LINGER`.
"""

import asyncio
import logging
import os
import ssl
from typing import Protocol, cast

from net.deflate import Broken, Deflate
from net.inbuffer import InBuffer, LineTooLong
from net.layer import Layer, TlsInfo
from net.log import event
from net.networks import end_of

HIGH_WATER = 64 * 1024  # unread bytes above which the socket is left alone
UNTAKEN = 4 * HIGH_WATER  # unsent bytes at which a peer is cut off that asks OpenSSL for more
LINGER = 30.0  # seconds for a peer to take what was written before the close
SLACK = 0.002  # timers of the loop may come a tick early

_log = logging.getLogger("net")

__all__ = ["Connection", "Draining", "LineTooLong", "Nudged", "PeerGone", "TimedOut"]


class PeerGone(Exception):
    """The peer closed or reset the connection."""


class TimedOut(Exception):
    """The peer did not send, or did not take, in time."""


class Draining(Exception):
    """The server is stopping, and this session is between two commands."""


class Nudged(Exception):
    """There is something to tell the peer, which waits for nothing."""


class Host(Protocol):
    """Where connections live: the server that accepted them."""

    loop: asyncio.AbstractEventLoop

    def arrived(self, connection: "Connection") -> bool: ...  # False: turned away
    async def serve(self, connection: "Connection") -> None: ...
    def moved(self, connection: "Connection", address: str) -> bool: ...  # False: that address is full
    def left(self, connection: "Connection") -> None: ...  # gone, and its session has ended


class Connection(asyncio.Protocol):
    """The stream between a peer and one coroutine. At most one read and one drain wait at a time."""

    __slots__ = (
        "_choked", "_close_by", "_closing", "_deflate", "_drain_by", "_drainer", "_draining", "_eof",
        "_host", "_input", "_interruptible", "_layer", "_lost", "_nudged", "_paused", "_read_by", "_reader",
        "_task", "_timer", "_timer_at", "_transport", "_unwritten", "_unwritten_size", "_waiting_close",
        "local", "local_port", "peer", "peer_port", "tls", "trace",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        self._host = host
        self._input = InBuffer()
        self._reader: asyncio.Future[None] | None = None
        self._read_by = 0.0
        self._interruptible = False
        self._drainer: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._drain_by = self._close_by = 0.0
        self._waiting_close: asyncio.Future[None] | None = None
        self._unwritten: list[bytes] | None = None  # of this turn of the loop
        self._unwritten_size = 0
        self._layer: Layer | None = None
        self._deflate: Deflate | None = None
        self._task: asyncio.Task[None] | None = None
        self._paused = self._choked = self._eof = self._lost = self._closing = self._draining = False
        self._nudged = False
        self.tls: TlsInfo | None = None
        self.trace = os.urandom(6).hex()

    @property
    def loopback(self) -> bool:
        """Whether the peer is on this machine."""
        return self.peer.startswith("127.") or self.peer == "::1"

    @property
    def end_point(self) -> bytes:
        """What a login can be bound to on this connection (RFC 5929 §4.1)."""
        return self.tls.end_point if self.tls is not None else b""

    # Reading

    @property
    def buffered(self) -> int:
        """Bytes received and not yet read."""
        return len(self._input)

    async def readline(self, limit: int, timeout: float, *, command: bool = False) -> bytes:  # noqa: ASYNC109
        """The next line with its LF, at most `limit` bytes long, within `timeout` seconds.

        A longer one is thrown away as it comes, and `LineTooLong` raised at its end. With `command` the wait
        may be ended by `Draining`. `PeerGone` when the stream ends, also within a line.
        """
        if command and self._draining:
            raise Draining
        line = self._input.line(limit)
        if line is None:
            deadline = self._host.loop.time() + timeout
            while line is None:
                await self._more(deadline, command)
                line = self._input.line(limit)
        return line

    def line_at_hand(self, limit: int) -> bytes | None:
        """The next line of commands, as `readline` gives it, if it has come; None: it has to be waited for."""
        if self._draining:
            raise Draining
        return self._input.line(limit)

    async def read(self, limit: int, timeout: float, *, command: bool = False) -> bytes:  # noqa: ASYNC109
        """From 1 to `limit` bytes, as many as are there. `PeerGone` when the stream has ended."""
        if command and self._draining:
            raise Draining
        if not self._input:
            deadline = self._host.loop.time() + timeout
            while not self._input:
                await self._more(deadline, command)
        return self._input.take(limit)

    def unread(self, data: bytes) -> None:
        """Put bytes back, to be read next."""
        self._input.put_back(data)

    async def _more(self, deadline: float, command: bool) -> None:
        """Wait until something has come; the buffer may still be empty (an empty TLS record)."""
        if self._deflate is not None and self._deflate.pending and not self._closing:
            await asyncio.sleep(0)  # a little may unpack to much: others have their turn in between
            self._unpack(self._deflate)
            return
        if self._eof or self._lost or self._closing:
            raise PeerGone
        if command and self._draining:
            raise Draining
        if command and self._nudged:
            self._nudged = False
            raise Nudged
        self._flush()
        if self._paused:
            self._resume()
        self._reader = waiter = self._host.loop.create_future()
        self._read_by = deadline
        self._interruptible = command
        self._arm(deadline)
        try:
            await waiter
        finally:
            self._reader = None

    def speak_for(self, peer: str, port: int) -> bool:
        """A trusted peer has said who its client is; false, and nothing changed, if that one has too many here."""
        if moved := self._host.moved(self, peer):
            self.peer, self.peer_port = peer, port
        return moved

    # Writing

    @property
    def unsent(self) -> int:
        """Bytes written that the kernel has not yet taken."""
        return 0 if self._lost else self._unwritten_size + self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Send without waiting; `drain` where much is written. Nothing happens when the peer is gone."""
        if self._lost or self._closing or not data:
            return
        if self._unwritten is None:
            self._unwritten = [data]
            self._unwritten_size = len(data)
            self._host.loop.call_soon(self._flush)
        else:
            self._unwritten.append(data)
            self._unwritten_size += len(data)
        if self._unwritten_size > HIGH_WATER:
            self._flush()

    def _flush(self) -> None:
        """Hand what was written to the event loop."""
        if self._unwritten is not None:
            data = self._collected()
            if not self._lost:
                if self._deflate is not None:
                    data = self._deflate.pack(data)
                self._transport.write(data if self._layer is None else self._layer.send(data))

    def _collected(self) -> bytes:
        """What was written and not yet handed on; it is handed on by the caller."""
        unwritten, self._unwritten, self._unwritten_size = self._unwritten, None, 0
        if unwritten is None:
            return b""
        return unwritten[0] if len(unwritten) == 1 else b"".join(unwritten)

    async def drain(self, timeout: float = 300) -> None:  # noqa: ASYNC109
        """Return when the peer has taken enough that more may be written."""
        if self._lost:
            raise PeerGone
        self._flush()
        if not self._choked:
            return
        self._drainer = waiter = self._host.loop.create_future()
        self._drain_by = self._host.loop.time() + timeout
        self._arm(self._drain_by)
        try:
            await waiter
        finally:
            self._drainer = None

    # TLS

    async def start_tls(self, context: ssl.SSLContext, timeout: float = 30) -> None:  # noqa: ASYNC109
        """Handshake as the server. Every byte that came before it is thrown away, read or not."""
        self._input.clear()
        self.begin_tls(context)
        if self._paused:
            self._resume()
        await self.handshake(timeout)

    def begin_tls(self, context: ssl.SSLContext) -> None:
        """From now on all bytes of the peer are TLS, and all of ours; what was written before goes as it is."""
        self._flush()
        self._layer = Layer(context)

    async def handshake(self, timeout: float = 30) -> None:  # noqa: ASYNC109
        """Wait until the handshake that `begin_tls` made possible is over."""
        deadline = self._host.loop.time() + timeout
        while self.tls is None:
            await self._more(deadline, False)

    def _decrypt(self, layer: Layer, data: bytes) -> bytes:
        try:
            plain = layer.receive(data)
        except ssl.SSLError as error:
            self._broken(layer, error)
            return b""
        if layer.established and self.tls is None:
            self.tls = layer.info()
            self._wake()
        if not layer.patient:
            answer = layer.outgoing()
            if answer:
                self._transport.write(answer)
                if self._transport.get_write_buffer_size() > UNTAKEN:
                    event(_log, "tls.flood", trace=self.trace, peer=self.peer)
                    self.abort()
                    return b""
        if layer.ended:
            self._eof = True
            self._wake()
        return plain

    def _broken(self, layer: Layer, error: ssl.SSLError) -> None:
        """The peer's TLS makes no sense, or proves nothing: tell it so, and end."""
        event(_log, "tls.failed", trace=self.trace, peer=self.peer, why=error.reason or str(error))
        alert = layer.outgoing()
        if alert and not self._closing:
            self._transport.write(alert)
        self._eof = True
        self._wake()
        self._transport.close()

    # Compression

    @property
    def compressed(self) -> bool:
        return self._deflate is not None

    def compress(self) -> None:
        """From now on both sides speak deflate, within TLS if there is any; what was written before goes plain."""
        self._flush()
        self._deflate = Deflate()

    def _unpack(self, deflate: Deflate, data: bytes = b"") -> None:
        """Take in what the peer's bytes stand for, or as much of it as there is room for."""
        try:
            self._input.add(deflate.unpack(data))
        except Broken as error:
            event(_log, "deflate.failed", trace=self.trace, peer=self.peer, why=str(error))
            self._eof = True
        if deflate.ended:
            self._eof = True

    # Ending

    def close(self) -> None:
        """Send what was written, then close. Safe to call twice."""
        if self._closing or self._lost:
            return
        data = self._collected()
        if data and self._deflate is not None:
            data = self._deflate.pack(data)
        if self._layer is not None and self._layer.established:
            data = (self._layer.send(data) if data else b"") + self._layer.end()
        if data:
            self._transport.write(data)
        self._closing = True
        self._input.clear()
        self._transport.close()
        if not self._lost and self._transport.get_write_buffer_size():
            self._close_by = self._host.loop.time() + LINGER
            self._arm(self._close_by)
        self._wake()

    def abort(self) -> None:
        """Cut the connection at once."""
        self._closing = True
        if not self._lost:
            self._transport.abort()

    async def wait_closed(self) -> None:
        if self._lost:
            return
        if self._waiting_close is None:
            self._waiting_close = self._host.loop.create_future()
        await asyncio.shield(self._waiting_close)

    def stop(self) -> None:
        """The server is stopping: end the session at its next wait for a command, or at once if it waits."""
        self._draining = True
        if self._interruptible and self._reader is not None and not self._reader.done():
            self._reader.set_exception(Draining())

    def nudge(self) -> None:
        """End the wait for a command, now or when it begins, with `Nudged`: nothing of the command is lost."""
        if self._interruptible and self._reader is not None and not self._reader.done():
            self._reader.set_exception(Nudged())
        else:
            self._nudged = True

    def cancel(self) -> None:
        """Give the session no more time."""
        if self._task is not None:
            self._task.cancel()

    # What the event loop says (asyncio.Protocol)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.peer, self.peer_port = end_of(transport.get_extra_info("peername"))
        self.local, self.local_port = end_of(transport.get_extra_info("sockname"))
        if self._host.arrived(self):
            self._task = self._host.loop.create_task(self._host.serve(self))
        else:
            self.close()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if self._layer is not None:
            data = self._decrypt(self._layer, data)
            if not data:
                return
        if self._deflate is not None:
            self._unpack(self._deflate, data)
        else:
            self._input.add(data)
        if not self._paused and (
            len(self._input) > HIGH_WATER or (self._deflate is not None and self._deflate.pending)
        ):
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._eof = True
        self._wake()
        return True  # a peer that has said all it wants may still listen (`printf … | nc`)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = self._eof = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()
        _fail(self._drainer, PeerGone())
        if self._waiting_close is not None:
            self._waiting_close.set_result(None)
        if self._task is None or self._task.done():
            self._host.left(self)
        else:  # the session outlives its peer: a message may be on its way to the disk, a spool to be thrown away
            self._task.add_done_callback(lambda _: self._host.left(self))

    def pause_writing(self) -> None:
        self._choked = True

    def resume_writing(self) -> None:
        self._choked = False
        if self._drainer is not None and not self._drainer.done():
            self._drainer.set_result(None)

    # Inside

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _resume(self) -> None:
        self._paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _arm(self, when: float) -> None:
        """See that `_expire` is called at `when` or before."""
        if self._timer is not None:
            if self._timer_at <= when:
                return
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._host.loop.call_at(when, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._host.loop.time() + SLACK
        later: list[float] = []
        if self._reader is not None:
            if self._read_by <= now:
                _fail(self._reader, TimedOut())
            else:
                later.append(self._read_by)
        if self._drainer is not None:
            if self._drain_by <= now:
                _fail(self._drainer, TimedOut())
            else:
                later.append(self._drain_by)
        if self._closing and self._close_by:
            if self._close_by <= now:
                self._transport.abort()
            else:
                later.append(self._close_by)
        if later:
            self._arm(min(later))


def _fail(waiter: asyncio.Future[None] | None, error: Exception) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_exception(error)
