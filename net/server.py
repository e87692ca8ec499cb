"""Listening sockets, and the life of the connections that come through them.

A `Server` is one socket and what is to be done with its connections; several share one `Guests`, which
counts who is inside. Stopping has an order: no new connections; sessions between two commands hear `Draining`
at once and say goodbye; the busy ones finish their command; what is left after a bounded wait is cut off.
"""

import asyncio
import ipaddress
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

from net.connection import Connection, Draining, PeerGone, TimedOut
from net.log import event

BACKLOG = 1024  # connections that the kernel may hold ready for us

_log = logging.getLogger("net")


class Guests:
    """How many connections are inside, in all and from one address; shared by the servers of a process.

    An IPv6 address counts by its /64: whoever has one address of it has them all (RFC 6177).
    """

    __slots__ = ("_by_address", "most", "most_per_address", "total")

    def __init__(self, most: int = 10_000, most_per_address: int | None = None) -> None:
        self.most = most
        self.most_per_address = most_per_address
        self.total = 0
        self._by_address: dict[str, int] = {}

    def enter(self, address: str) -> bool:
        """Count one in; false, and not counted, when the house or that address is full."""
        address = _network(address)
        here = self._by_address.get(address, 0)
        if self.total >= self.most or (self.most_per_address is not None and here >= self.most_per_address):
            return False
        self.total += 1
        self._by_address[address] = here + 1
        return True

    def leave(self, address: str) -> None:
        self.total -= 1
        address = _network(address)
        here = self._by_address[address] - 1
        if here:
            self._by_address[address] = here
        else:
            del self._by_address[address]


class Server:
    """One listening socket. `tls` gives the context for implicit TLS (RFC 8314 §3); None: a plain start."""

    def __init__(
        self,
        sock: socket.socket,
        handle: Callable[[Connection], Awaitable[None]],
        tls: Callable[[], ssl.SSLContext] | None = None,
        *,
        busy: bytes = b"",  # what one hears who is turned away; nothing before implicit TLS
        guests: Guests | None = None,
        handshake_timeout: float = 30.0,
    ) -> None:
        self._socket = sock
        self._handle = handle
        self._tls = tls
        self._busy = busy
        self._guests = guests or Guests()
        self._handshake_timeout = handshake_timeout
        self._inside: set[Connection] = set()
        self._listener: asyncio.AbstractServer | None = None
        self._empty: asyncio.Event | None = None
        self._stopping = False
        self.address: tuple[str, int] = sock.getsockname()[:2]

    async def start(self) -> None:
        """Accept from now on."""
        self.loop = asyncio.get_running_loop()
        self._listener = await self.loop.create_server(
            lambda: Connection(self), sock=self._socket, backlog=BACKLOG
        )

    def stop_accepting(self) -> None:
        if self._listener is not None:
            self._listener.close()

    async def stop(self, wait: float = 30.0) -> None:
        """Stop accepting, let sessions end for at most `wait` seconds, then cut them off."""
        self.stop_accepting()
        self._stopping = True
        for connection in list(self._inside):
            connection.stop()
        if await self._emptied(wait):
            return
        event(_log, "server.cut", logging.WARNING, connections=len(self._inside))
        for connection in list(self._inside):
            connection.cancel()
            connection.abort()
        await self._emptied(5.0)

    async def _emptied(self, wait: float) -> bool:
        if not self._inside:
            return True
        self._empty = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._empty.wait()
        return not self._inside

    # What a connection asks of its server (net.connection.Host)

    def arrived(self, connection: Connection) -> bool:
        if self._stopping or not self._guests.enter(connection.peer):
            event(_log, "connection.refused", trace=connection.trace, peer=connection.peer)
            if self._tls is None:
                connection.write(self._busy)
            return False
        self._inside.add(connection)
        if self._tls is not None:
            # before the first byte can come: the ClientHello must find the layer in place
            try:
                connection.begin_tls(self._tls())
            except (OSError, ValueError) as error:  # a certificate that cannot be read
                event(_log, "tls.unavailable", logging.ERROR, trace=connection.trace, why=error)
                return False
        return True

    async def serve(self, connection: Connection) -> None:
        try:
            if self._tls is not None:
                await connection.handshake(self._handshake_timeout)
            await self._handle(connection)
        except (PeerGone, TimedOut, Draining) as end:
            event(_log, "connection.ended", logging.DEBUG, trace=connection.trace, why=type(end).__name__)
        except asyncio.CancelledError:
            connection.abort()
            raise
        except Exception:
            event(_log, "connection.failed", logging.ERROR, trace=connection.trace, exc_info=True)
        finally:
            connection.close()

    def left(self, connection: Connection) -> None:
        if connection not in self._inside:
            return  # it was turned away
        self._inside.remove(connection)
        self._guests.leave(connection.peer)
        if not self._inside and self._empty is not None:
            self._empty.set()


def _network(address: str) -> str:
    if ":" not in address:
        return address
    whole = ipaddress.IPv6Address(address.partition("%")[0])
    return str(ipaddress.IPv6Network((whole, 64), strict=False))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. IPv6 ones take IPv6 only, so that `0.0.0.0:25` and `[::]:25` stand side by side."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        prepare(sock)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def prepare(sock: socket.socket) -> None:
    """Set what accepted sockets inherit: a peer that vanished without a word is noticed by keepalive."""
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 600)
