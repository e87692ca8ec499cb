"""HAProxy in front of each door, with and without TLS: the client's own address comes through."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from config.listen import ProxiedListen
from net.connection import Connection
from net.server import Server, bind
from tests.house import HOSTNAME, House
from tests.ports import reserved

HAPROXY = os.environ.get("HAPROXY") or shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")

CONFIG = """\
global
    log stderr local0
defaults
    mode tcp
    timeout connect 60s
    timeout client 60s
    timeout server 60s
frontend front
    bind 127.0.0.1:{front}
    default_backend back
backend back
    source 127.0.0.2
    server mail {host}:{port} {send}
"""

Seen = list[tuple[str, int]]


@asynccontextmanager
async def behind(folder: Path, address: tuple[str, int], send: str) -> AsyncIterator[int]:
    """HAProxy in front of an address; the port on which it listens."""
    front = reserved()
    config = folder / "haproxy.cfg"
    config.write_text(CONFIG.format(front=front, host=address[0], port=address[1], send=send))
    assert HAPROXY is not None
    run = await asyncio.create_subprocess_exec(HAPROXY, "-db", "-f", str(config))
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", front)
                    break
                except OSError:
                    assert run.returncode is None
                    await asyncio.sleep(0.05)
        writer.close()
        yield front
    finally:
        if run.returncode is None:
            run.terminate()
        await run.wait()


async def note(
    door: Callable[[Connection, ProxiedListen], Awaitable[None]],
    listen: ProxiedListen,
    seen: Seen,
    conn: Connection,
) -> None:
    seen.append((conn.peer, conn.peer_port))
    await door(conn, listen)


@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_imap_behind_haproxy(house: House, tmp_path: Path, send: str, tls: str) -> None:
    from imap.door import ImapDoor
    from imap.serve import serve

    door = ImapDoor(house.settings, house.store, house.contexts)
    listen = ProxiedListen(address="127.0.0.1:0", tls=tls, proxy_from=("127.0.0.2",))  # type: ignore[arg-type]
    seen: Seen = []
    server = Server(
        bind("127.0.0.1", 0),
        partial(note, partial(serve, door), listen, seen),
        house.contexts.context if tls == "implicit" else None,
        proxy_from=listen.proxy_from,
    )
    await server.start()
    context = house.client_context() if tls == "implicit" else None
    async with behind(tmp_path, server.address, send) as port:
        seen.clear()
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=HOSTNAME if context else None
        )
        me = writer.get_extra_info("sockname")[:2]
        assert (await asyncio.wait_for(reader.readline(), 60)).startswith(b"* OK [CAPABILITY ")
        assert me in seen
        writer.write(b"a LOGIN taro@example.test tarosecret\r\n")
        assert (await asyncio.wait_for(reader.readline(), 60)).startswith(b"a OK ")
        writer.close()
        # past the proxy nobody may say who he is, and from it nothing but a header is taken
        _, direct = await asyncio.open_connection(*server.address)
        direct.close()
    await server.stop(wait=1)


async def test_without_its_header_haproxy_gets_nothing(house: House, tmp_path: Path) -> None:
    house.listen_more = {"proxy_from": ("127.0.0.2",)}
    async with behind(tmp_path, await house.smtp(tls="none"), "") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"EHLO client.example\r\n")
        try:
            assert await asyncio.wait_for(reader.read(), 60) == b""
        except ConnectionResetError:
            pass
        writer.close()
