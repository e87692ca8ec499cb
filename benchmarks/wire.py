"""The client's end of a connection, as cheap as it can be: the load must not compete with the servers.

What comes is searched for the one thing that is waited for, and thrown away: a FETCH of 100 MB costs the client
little but the copying. Nothing is parsed that the row does not need.
"""

import asyncio
import ssl

from benchmarks.server import HOST

WAIT = 120.0  # seconds for any one answer
TAIL = 4096  # octets kept of what was searched: no line that is waited for is longer


class Refused(Exception):
    """The server said no."""


class Wire(asyncio.Protocol):
    """Lines in, bytes out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._closed = False
        self.received = 0  # octets in all

    @classmethod
    async def open(cls, port: int, tls: ssl.SSLContext | None = None) -> "Wire":
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(cls, HOST, port, ssl=tls)
        return wire

    async def start_tls(self, context: ssl.SSLContext) -> None:
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        self._transport = await loop.start_tls(self._transport, self, context)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._buffer += data
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def _more(self) -> None:
        if self._closed:
            raise Refused(f"closed after {bytes(self._buffer[-200:])!r}")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(WAIT):
                await self._waiter
        finally:
            self._waiter = None

    async def line(self) -> bytes:
        """The next line, without CRLF."""
        while (end := self._buffer.find(b"\r\n")) < 0:
            await self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    async def line_beginning(self, start: bytes) -> bytes:
        """The next line that begins so; all before it is thrown away."""
        marker = b"\r\n" + start
        while not self._buffer.startswith(start):
            if (found := self._buffer.find(marker)) >= 0:
                del self._buffer[: found + 2]
                break
            if len(self._buffer) > TAIL:
                del self._buffer[:-TAIL]
            await self._more()
        return await self.line()

    async def dot(self) -> None:
        """The end of a multi-line answer (RFC 1939 §3)."""
        while (found := self._buffer.find(b"\r\n.\r\n")) < 0:
            if len(self._buffer) > TAIL:
                del self._buffer[:-TAIL]
            await self._more()
        del self._buffer[: found + 5]

    async def ended(self) -> None:
        """The server has closed."""
        while not self._closed:
            await self._more()
