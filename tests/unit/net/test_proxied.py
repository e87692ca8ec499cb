"""Connections through a load balancer: who the client is, before TLS too, and nothing from anybody else."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from net.connection import Connection
from net.server import Guests
from tests.certificate import make_certificate
from tests.closed import rest
from tests.unit.net.conftest import Run, serving

HEADER = b"PROXY TCP4 192.0.2.1 198.51.100.2 5000 25\r\n"
HERE = ("127.0.0.0/8", "::1")


async def _who(conn: Connection) -> None:
    line = await conn.readline(100, 60)
    conn.write(f"{conn.peer} {conn.peer_port} {conn.local} {conn.local_port} ".encode() + line)


async def _asked(address: tuple[str, int], *parts: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0)
    answer = await rest(reader)
    writer.close()
    return answer


@pytest.mark.parametrize("parts", [(HEADER + b"hello\n",), (HEADER[:9], HEADER[9:], b"hello\n")])
def test_the_client_is_who_the_proxy_says(run: Run, parts: tuple[bytes, ...]) -> None:
    async def main() -> None:
        async with serving(_who, proxy_from=HERE) as server:
            assert await _asked(server.address, *parts) == b"192.0.2.1 5000 198.51.100.2 25 hello\n"

    run(main())


def test_a_health_check_speaks_for_itself(run: Run) -> None:
    async def main() -> None:
        async with serving(_who, proxy_from=HERE) as server:
            answer = await _asked(server.address, b"PROXY UNKNOWN\r\nhello\n")
            assert answer.startswith(b"127.0.0.1 ")

    run(main())


def test_a_named_proxy_says_nothing_else(run: Run) -> None:
    async def main() -> None:
        async with serving(_who, proxy_from=HERE, busy=b"busy\n") as server:
            assert await _asked(server.address, b"hello\n") == b""

    run(main())


def test_from_others_it_is_a_line_as_any(run: Run) -> None:
    async def main() -> None:
        async with serving(_who, proxy_from=("192.0.2.0/24",)) as server:
            assert (await _asked(server.address, HEADER)).startswith(b"127.0.0.1 ")

    run(main())


def test_the_client_is_counted_not_the_proxy(run: Run) -> None:
    async def main() -> None:
        guests = Guests(most=10, most_per_address=1)
        more = {"guests": guests, "proxy_from": HERE, "busy": b"full\n", "crowded": b"crowded\n"}
        async with serving(_who, **more) as server:  # type: ignore[arg-type]
            reader, writer = await asyncio.open_connection(*server.address)
            writer.write(HEADER)
            while not guests.total:
                await asyncio.sleep(0)
            assert await _asked(server.address, HEADER) == b"crowded\n"
            other = HEADER.replace(b"192.0.2.1", b"192.0.2.9") + b"hello\n"
            assert (await _asked(server.address, other)).startswith(b"192.0.2.9 ")
            writer.write(b"hello\n")
            assert await reader.read(-1)
            writer.close()
            while guests.total:
                await asyncio.sleep(0)
            assert (await _asked(server.address, HEADER + b"hello\n")).startswith(b"192.0.2.1 ")

    run(main())


@pytest.mark.parametrize("together", [True, False])
def test_tls_begins_after_the_header(run: Run, tmp_path: Path, together: bool) -> None:
    make_certificate(tmp_path, "mail.example.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "mail.example.test.pem", tmp_path / "mail.example.test.key")
    trust = ssl.create_default_context(cafile=str(tmp_path / "mail.example.test.pem"))

    async def main() -> None:
        async with serving(_who, lambda: context, proxy_from=HERE) as server:
            assert (
                await _through_tls(server.address, trust, together) == b"192.0.2.1 5000 198.51.100.2 25 hi\n"
            )

    run(main())


async def _through_tls(address: tuple[str, int], trust: ssl.SSLContext, together: bool) -> bytes:
    """A TLS client whose first packet has the header in front, or comes after it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    layer = trust.wrap_bio(incoming, outgoing, server_hostname="mail.example.test")
    reader, writer = await asyncio.open_connection(*address)

    async def until(step: Callable[[], object]) -> object:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await reader.read(65536))

    with pytest.raises(ssl.SSLWantReadError):
        layer.do_handshake()
    hello = outgoing.read()
    if together:
        writer.write(HEADER + hello)
    else:
        writer.write(HEADER)
        await asyncio.sleep(0.05)
        writer.write(hello)
    incoming.write(await reader.read(65536))
    await until(layer.do_handshake)
    layer.write(b"hi\n")
    answer = await until(lambda: layer.read(1000))
    writer.close()
    assert isinstance(answer, bytes)
    return answer
