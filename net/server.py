"""Listening sockets, and the life of the connections that come through them.

A `Server` is one socket and what is to be done with its connections; several share one `Guests`, which
counts who is inside. Stopping has an order: no new connections; sessions between two commands hear `Draining`
at once and say goodbye; the busy ones finish their command; what is left after a bounded wait is cut off.
"""

import asyncio
import logging
import os
import shutil
import socket
import ssl
import stat
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from net import proxy
from net.connection import Connection, Draining, PeerGone, TimedOut
from net.guests import Guests
from net.log import event
from net.networks import Networks
from net.proxy import NotProxy

__all__ = ["Guests", "Server", "bind", "bind_unix", "prepare"]

BACKLOG = 1024  # connections that the kernel may hold ready for us
PROXY_PATIENCE = 10.0  # seconds for a load balancer to say for whom it speaks

_log = logging.getLogger("net")


class Server:
    """One listening socket. `tls` gives the context for implicit TLS (RFC 8314 §3); None: a plain start."""

    def __init__(
        self,
        sock: socket.socket,
        handle: Callable[[Connection], Awaitable[None]],
        tls: Callable[[], ssl.SSLContext] | None = None,
        *,
        busy: bytes = b"",  # what one hears who is turned away; nothing before implicit TLS
        crowded: bytes | None = None,  # the same, where only its own address is full
        guests: Guests | None = None,
        handshake_timeout: float | Callable[[], float] = 30.0,
        proxy_from: Sequence[str] = (),
    ) -> None:
        self._socket = sock
        self._handle = handle
        self._tls = tls
        self._busy = busy
        self._crowded = busy if crowded is None else crowded
        self._guests = guests or Guests()
        self._handshake_timeout = handshake_timeout
        self._proxies = Networks(proxy_from)
        self._inside: dict[Connection, str] = {}  # and the address that each counts under
        self._listener: asyncio.AbstractServer | None = None
        self._empty: asyncio.Event | None = None
        self._stopping = False
        self._local = sock.family == socket.AF_UNIX
        self.address: tuple[str, int] = (sock.getsockname(), 0) if self._local else sock.getsockname()[:2]

    async def start(self) -> None:
        """Accept from now on."""
        self.loop = asyncio.get_running_loop()
        if self._local:
            self._listener = await self.loop.create_unix_server(
                lambda: Connection(self), sock=self._socket, backlog=BACKLOG
            )
        else:
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
        proxied = bool(self._proxies) and connection.peer in self._proxies
        if not proxied and not self._enter(connection):
            return False
        if proxied:  # it enters as the client that it speaks for
            self._inside[connection] = ""
            return not self._stopping
        # before the first byte can come: the ClientHello must find the layer in place
        return self._tls is None or self._begin_tls(connection, self._tls)

    def _enter(self, connection: Connection) -> bool:
        """Count it in, or turn it away with a word (but none in the clear where TLS is expected)."""
        full = "house" if self._stopping else self._guests.admit(connection.peer)
        if full:
            event(_log, "connection.refused", trace=connection.trace, peer=connection.peer)
            if self._tls is None:
                connection.write(self._crowded if full == "address" else self._busy)
            return False
        self._inside[connection] = connection.peer
        return True

    def _begin_tls(self, connection: Connection, context: Callable[[], ssl.SSLContext]) -> bool:
        try:
            connection.begin_tls(context())
        except (OSError, ValueError) as error:  # a certificate that cannot be read
            event(_log, "tls.unavailable", logging.ERROR, trace=connection.trace, why=error)
            return False
        return True

    def moved(self, connection: Connection, address: str) -> bool:
        """Count a connection under the address of the client that it turns out to speak for; false: full."""
        before = self._inside[connection]
        self._guests.leave(before)
        if not self._guests.enter(address):
            self._guests.enter(before)
            return False
        self._inside[connection] = address
        return True

    async def serve(self, connection: Connection) -> None:
        try:
            if not self._inside[connection] and not await self._introduced(connection):
                return
            if self._tls is not None:
                patience = self._handshake_timeout
                await connection.handshake(patience() if callable(patience) else patience)
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

    async def _introduced(self, connection: Connection) -> bool:
        """A load balancer says for whom it speaks; that client is let in or not."""
        proxy = connection.peer
        try:
            await self._take_header(connection)
        except NotProxy as error:
            event(
                _log, "connection.not_proxied", logging.WARNING, trace=connection.trace, peer=proxy, why=error
            )
            return False
        if not self._enter(connection):
            return False
        if self._tls is None:
            return True
        sent = await connection.read(connection.buffered, 0) if connection.buffered else b""
        if not self._begin_tls(connection, self._tls):
            return False
        connection.data_received(sent)
        return True

    async def _take_header(self, connection: Connection) -> None:
        """The header of the PROXY protocol, which comes first. Raises NotProxy, as what else it finds."""
        deadline = self.loop.time() + PROXY_PATIENCE
        data = b""
        while (said := proxy.parse(data)) is None:
            data += await connection.read(proxy.LONGEST, deadline - self.loop.time())
        connection.unread(data[said.length :])
        if said.client is not None and said.called is not None:
            connection.peer, connection.peer_port = said.client
            connection.local, connection.local_port = said.called

    def left(self, connection: Connection) -> None:
        address = self._inside.pop(connection, None)
        if address is None:
            return  # it was turned away
        if address:
            self._guests.leave(address)
        if not self._inside and self._empty is not None:
            self._empty.set()


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


def bind_unix(path: str, mode: int = 0o660, group: str | None = None) -> socket.socket:
    """A listening Unix socket with the rights that it is to have; what a dead process left there is replaced."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_dead(path)
        mask = os.umask(0o777)  # nobody connects before its rights are what they are to be
        try:
            sock.bind(path)
        finally:
            os.umask(mask)
        if group is not None:
            shutil.chown(path, group=group)
        prepare(sock)
        sock.listen(BACKLOG)
        os.chmod(path, mode)
    except LookupError:  # of the group
        sock.close()
        raise OSError(f"there is no group {group}") from None
    except OSError:
        sock.close()
        raise
    return sock


def _remove_dead(path: str) -> None:
    """A socket on which nobody listens any more; any other file stays, and bind says so."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except OSError:
            return


def prepare(sock: socket.socket) -> None:
    """Set what accepted sockets inherit: a peer that vanished without a word is noticed by keepalive."""
    sock.setblocking(False)
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 600)
