"""One HTTPS request, bounded in time and size: MTA-STS policies are fetched so, and TLS reports handed in.

The server proves its name by a certificate of an authority that is trusted. A redirection is an answer like any
other, and followed by nobody (RFC 8461 §3.3).
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass

import h11

from net.resolver import DnsFailure, Resolver
from smtp.relay import mx

FAMILIES = ("ipv4", "ipv6")


class HttpsFailed(Exception):
    """No answer; the text says why. `certificate`: the server did not prove who it is."""

    def __init__(self, why: str, *, certificate: bool = False) -> None:
        super().__init__(why)
        self.certificate = certificate


@dataclass(frozen=True, slots=True)
class Response:
    """The answer of a server."""

    status: int
    content_type: str
    body: bytes


async def request(
    resolver: Resolver,
    context: ssl.SSLContext,
    host: str,
    path: str,
    *,
    port: int = 443,
    post: tuple[str, bytes] | None = None,  # media type and body
    most: int = 64 * 1024,
    timeout: float = 30.0,  # noqa: ASYNC109
) -> Response:
    """GET, or POST where there is something to post. Raises HttpsFailed."""
    try:
        async with asyncio.timeout(timeout):
            where = await mx.addresses(resolver, host, FAMILIES)
            return await _first(where.addresses, context, host, port, _request(host, path, post), most)
    except TimeoutError as error:
        raise HttpsFailed("no answer in time") from error
    except DnsFailure as error:
        raise HttpsFailed(str(error)) from error


async def _first(
    addresses: tuple[str, ...], context: ssl.SSLContext, host: str, port: int, data: bytes, most: int
) -> Response:
    failure = HttpsFailed("the host has no address")
    for address in addresses:
        try:
            reader, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host, limit=most
            )
        except ssl.SSLError as error:
            unproven = isinstance(error, ssl.SSLCertVerificationError)
            failure = HttpsFailed(f"TLS failed: {error.reason}", certificate=unproven)
            continue
        except OSError as error:
            failure = HttpsFailed(f"{address} cannot be reached ({type(error).__name__})")
            continue
        try:
            writer.write(data)
            return await _response(reader, most)
        except (h11.ProtocolError, OSError) as error:
            failure = HttpsFailed(f"{address} answers with garbage ({type(error).__name__})")
        finally:
            with contextlib.suppress(OSError, ssl.SSLError):
                writer.transport.abort()  # and no close() before it: Python 3.11.2 has nothing to abort then
    raise failure


def _request(host: str, path: str, post: tuple[str, bytes] | None) -> bytes:
    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", host), ("User-Agent", "kwcmaild"), ("Connection", "close")]
    if post is not None:
        headers += [("Content-Type", post[0]), ("Content-Length", str(len(post[1])))]
    method = "GET" if post is None else "POST"
    data = connection.send(h11.Request(method=method, target=path, headers=headers)) or b""
    if post is not None:
        data += connection.send(h11.Data(data=post[1])) or b""
    return data + (connection.send(h11.EndOfMessage()) or b"")


async def _response(reader: asyncio.StreamReader, most: int) -> Response:
    connection = h11.Connection(h11.CLIENT)
    # it must know what was asked, or it takes no answer
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    status, content_type, body = 0, "", b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(16 * 1024))
        elif isinstance(event, h11.Response):
            status = event.status_code
            headers = {bytes(name): bytes(value) for name, value in event.headers}
            content_type = headers.get(b"content-type", b"").decode("latin-1")
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
            if len(body) > most:
                raise HttpsFailed(f"the answer is longer than {most} octets")
        elif isinstance(event, h11.EndOfMessage):
            return Response(status, content_type, body)
        elif isinstance(event, h11.ConnectionClosed):
            raise HttpsFailed("the connection was closed before the answer")
