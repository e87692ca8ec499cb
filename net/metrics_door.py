"""The door for Prometheus: `GET /metrics` over plain HTTP, one answer a connection.

It stands in the relay process, which knows the queue and of which there is one. Bounded: a head of `HEAD` octets,
`PATIENCE` seconds for it, so many at a time.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from net.log import event
from net.metrics import Metrics, gather, text
from net.server import bind

HEAD = 8 * 1024  # octets of a request
PATIENCE = 10.0  # seconds for a request
AT_ONCE = 10  # connections
PATHS = (b"/metrics", b"/")

_log = logging.getLogger("net.metrics")

More = Callable[[], Awaitable[dict[str, float]]]  # numbers that are looked up when somebody asks


class MetricsDoor:
    """One for each server; `listen` is None where nobody is to ask."""

    def __init__(self, listen: tuple[str, int] | None, run: Path, own: Metrics, more: More) -> None:
        self._listen = listen
        self._run = run
        self._own = own
        self._more = more
        self._inside = 0
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def start(self) -> None:
        """An address that is taken is a line in the log: mail goes out without it."""
        if self._listen is None:
            return
        try:
            sock: socket.socket = bind(*self._listen)
        except OSError as error:
            where = ":".join(map(str, self._listen))
            event(_log, "metrics.no_door", logging.ERROR, address=where, why=error.strerror or str(error))
            return
        self._server = await asyncio.start_server(self._serve, sock=sock, limit=HEAD)

    async def stop(self, wait: float) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._inside += 1
        try:
            if self._inside <= AT_ONCE:
                async with asyncio.timeout(PATIENCE):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(await self._answer(head))
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass
        finally:
            self._inside -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", b"")
        if path not in PATHS:
            return _response("404 Not Found", b"")
        try:
            values = {**gather(self._run, self._own), **await self._more()}
        except Exception:
            event(_log, "metrics.trouble", logging.ERROR, exc_info=True)
            return _response("500 Internal Server Error", b"")
        return _response("200 OK", text(values).encode(), only_head=method == b"HEAD")


def _response(status: str, body: bytes, *, only_head: bool = False) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if only_head else body)
