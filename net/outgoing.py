"""Connections that we open: to other mail servers. The same stream as towards clients, with TLS as the client.

Nothing that came before a handshake is read after it, here too: a reply slipped into the plaintext would else be
taken for one under TLS (CVE-2011-0411 turned round).
"""

import asyncio
import ssl

from net.connection import Connection, PeerGone, TimedOut
from net.layer import ClientLayer, Layer


class TlsFailed(Exception):
    """The handshake did not come to an end: `cause` says why, if the peer did not just hang up."""

    def __init__(self, cause: ssl.SSLError | None) -> None:
        super().__init__(reason(cause))
        self.cause = cause


class Outgoing(Connection):
    """A connection that we opened. Made by `connect`."""

    __slots__ = ("_client_layer", "_failure")

    def __init__(self, host: "_Outside") -> None:
        super().__init__(host)
        self._client_layer: ClientLayer | None = None
        self._failure: ssl.SSLError | None = None

    async def secure(self, context: ssl.SSLContext, server_name: str, timeout: float) -> None:  # noqa: ASYNC109
        """Handshake as the client. Raises TlsFailed; then the connection is closed."""
        self._flush()
        self._input.clear()
        self._layer = self._client_layer = ClientLayer(context, server_name)
        self._transport.write(self._client_layer.begin())
        try:
            await self.handshake(timeout)
        except (PeerGone, TimedOut) as error:
            self.abort()
            raise TlsFailed(self._failure) from error

    def take_buffered(self) -> bytes:
        """What has come and was not read, without waiting."""
        return self._input.take(self.buffered)

    def certificates(self) -> list[bytes]:
        """What the server showed under TLS, in DER, its own certificate first."""
        return [] if self._client_layer is None else self._client_layer.certificates()

    def _broken(self, layer: Layer, error: ssl.SSLError) -> None:
        self._failure = error
        super()._broken(layer, error)


class _Outside:
    """What a connection asks of its server, for those that have none (net.connection.Host)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    def arrived(self, connection: Connection) -> bool:
        return True

    def moved(self, connection: Connection, address: str) -> bool:
        return True

    async def serve(self, connection: Connection) -> None:
        """Who opened it talks over it."""

    def left(self, connection: Connection) -> None:
        pass


async def connect(address: str, port: int, *, source: str | None = None, timeout: float = 30.0) -> Outgoing:  # noqa: ASYNC109
    """Open a TCP connection to an IP address, or to the Unix socket whose path it is. Raises OSError, TimedOut."""
    loop = asyncio.get_running_loop()
    outside = _Outside(loop)
    try:
        async with asyncio.timeout(timeout):
            if "/" in address:
                _, made = await loop.create_unix_connection(lambda: Outgoing(outside), address)
            else:
                local = None if source is None else (source, 0)
                _, made = await loop.create_connection(
                    lambda: Outgoing(outside), address, port, local_addr=local
                )
    except TimeoutError as error:
        raise TimedOut from error
    return made


def reason(error: ssl.SSLError | None) -> str:
    """Why a handshake failed, in a few words."""
    if error is None:
        return "the server hung up during the TLS handshake"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate proves nothing: {error.verify_message}"
    return f"the TLS handshake failed: {(error.reason or str(error)).lower().replace('_', ' ')}"
