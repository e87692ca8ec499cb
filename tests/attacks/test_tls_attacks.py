"""TLS that is garbage, that never ends, and that asks for answers without end."""

import asyncio
import socket
from pathlib import Path

import pytest

from config.settings import Tls
from net.connection import Connection
from net.layer import PATIENCE, Layer
from net.server import Server, bind
from net.tls import build
from tests.attacks.raw_tls import TLS_1_2, TLS_1_3, RawTls
from tests.certificate import make_certificate
from tests.house import House, Site

STARTTLS = {"imap": b"a STARTTLS\r\n", "smtp": b"EHLO x\r\nSTARTTLS\r\n", "pop3": b"STLS\r\n"}
INJECTED = {"imap": b"b CAPABILITY\r\n", "smtp": b"NOOP injected\r\n", "pop3": b"CAPA\r\n"}
READY = {"imap": b"a OK", "smtp": b"220 2.0.0", "pop3": b"+OK begin"}
GARBAGE = [
    b"\0" * 4096,
    b"GET / HTTP/1.0\r\n\r\n",
    b"\x16\x03\x01\xff\xff" + b"\xff" * 70_000,  # a record longer than any may be
    b"\x16\x03\x01\x00\x04\x01\xff\xff\xff"
    + b"\x16\x03\x01\x40\x00"
    + b"a" * 16384,  # a ClientHello of 16 MB
    b"\x80\x2e\x01\x00\x02",  # SSL 2
    b"\x15\x03\x03\x00\x02\x02\x28",  # nothing but an alert
]


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    make_certificate(tmp_path, "h.test")
    return Tls(certificate=tmp_path / "h.test.pem", key=tmp_path / "h.test.key")


async def _after(door: str, address: tuple[str, int]) -> bytes:
    """What a new, decent client is greeted with."""
    reader, writer = await asyncio.open_connection(*address)
    greeting = await reader.readline()
    writer.close()
    return greeting


async def _to_starttls(
    door: str, address: tuple[str, int], more: bytes = b""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*address)
    await reader.readline()
    writer.write(STARTTLS[door] + more)
    line = b""
    while not line.startswith(READY[door]):
        line = await asyncio.wait_for(reader.readline(), 60)
        assert line
    return reader, writer


@pytest.mark.parametrize("door", STARTTLS)
async def test_garbage_in_the_handshake_ends_the_connection_and_nothing_else(house: House, door: str) -> None:
    plain, implicit = await getattr(house, door)(), await getattr(house, door)(tls="implicit")
    for garbage in GARBAGE:
        for reader, writer in (await _to_starttls(door, plain), await asyncio.open_connection(*implicit)):
            writer.write(garbage)
            writer.write_eof()
            try:
                answer = await asyncio.wait_for(reader.read(), 60)
            except ConnectionError:
                answer = b""
            assert len(answer) < 100  # an alert at most, and no greeting in the clear
            assert not answer or answer[0] == 0x15
            writer.close()
    assert await _after(door, plain)


@pytest.mark.parametrize("door", STARTTLS)
async def test_what_was_sent_ahead_of_the_handshake_is_never_a_command(house: House, door: str) -> None:
    """CVE-2011-0411, with the injected command in the packet of STARTTLS."""
    reader, writer = await _to_starttls(door, await getattr(house, door)(), INJECTED[door])
    await writer.start_tls(house.client_context(), server_hostname="mail.example.test")
    probe, answer = {
        "imap": (b"c NOOP\r\n", b"c OK"),
        "smtp": (b"NOOP\r\n", b"503"),  # EHLO is forgotten too, and no 250 to the injected NOOP comes first
        "pop3": (b"QUIT\r\n", b"+OK goodbye"),
    }[door]
    if door == "smtp":
        probe = b"MAIL FROM:<>\r\n"
    writer.write(probe)
    assert (await asyncio.wait_for(reader.readline(), 60)).startswith(answer)
    writer.close()


async def test_a_handshake_that_never_ends_is_given_up(tmp_path: Path) -> None:
    site = Site.make(tmp_path, auth="{plaintext_without_tls: loopback}")
    text = (tmp_path / "kwcmaild.yaml").read_text().replace("tls: {", "tls: {handshake_timeout: 1, ")
    (tmp_path / "kwcmaild.yaml").write_text(text)
    house = await House(site).open()
    try:
        waiting = []
        for door in STARTTLS:
            reader, writer = await _to_starttls(door, await getattr(house, door)())
            writer.write(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello
            waiting.append((reader, writer))
        for reader, writer in waiting:
            await asyncio.wait_for(reader.read(), 60)
            writer.close()
    finally:
        await house.close()


async def _served(tls: Tls, version: int) -> tuple[Server, list[Connection], socket.socket, RawTls]:
    """A connection behind TLS, its client's socket with small buffers, and the client's end of TLS."""
    inside: list[Connection] = []

    async def echo(connection: Connection) -> None:
        inside.append(connection)
        while True:
            connection.write(await connection.readline(100, 60))

    context = build(tls, "1.2")
    listener = bind("127.0.0.1", 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    server = Server(listener, echo, lambda: context)
    await server.start()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, server.address)
    client = RawTls(version)
    while not client.handshake():
        await loop.sock_sendall(sock, client.say())
        client.hear(await asyncio.wait_for(loop.sock_recv(sock, 65536), 60))
    await loop.sock_sendall(sock, client.say())
    return server, inside, sock, client


async def _echoed(sock: socket.socket, client: RawTls, loop: asyncio.AbstractEventLoop) -> bytes:
    client.send(b"hello\n")
    await loop.sock_sendall(sock, client.say())
    while not (heard := client.read()):
        data = await asyncio.wait_for(loop.sock_recv(sock, 65536), 60)
        assert data
        client.hear(data)
    return heard


async def test_key_updates_without_end_do_not_fill_our_memory(
    tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each asks for an answer (RFC 8446 §4.6.3), which OpenSSL keeps until somebody takes it."""
    loop = asyncio.get_running_loop()
    kept: list[int] = []
    real = Connection._decrypt

    def decrypt(connection: Connection, layer: Layer, data: bytes) -> bytes:
        plain = real(connection, layer, data)
        kept.append(layer._outgoing.pending)
        return plain

    monkeypatch.setattr(Connection, "_decrypt", decrypt)
    server, _, sock, client = await _served(tls, TLS_1_3)
    assert await _echoed(sock, client, loop) == b"hello\n"

    async def listen() -> None:
        while True:
            client.hear(await loop.sock_recv(sock, 65536))

    listening = asyncio.create_task(listen())
    for _ in range(20):
        for _ in range(100):
            client.ask_for_new_keys()
        await loop.sock_sendall(sock, client.say())
    listening.cancel()
    assert await _echoed(sock, client, loop) == b"hello\n"
    assert max(kept) <= PATIENCE
    sock.close()
    await server.stop(wait=0)


async def test_who_asks_for_keys_and_never_reads_is_cut_off(tls: Tls) -> None:
    loop = asyncio.get_running_loop()
    server, _, sock, client = await _served(tls, TLS_1_3)
    sent = 0
    with pytest.raises((ConnectionError, BrokenPipeError)):
        while sent < 50_000_000:
            for _ in range(1000):
                client.ask_for_new_keys()
            data = client.say()
            sent += len(data)
            await asyncio.wait_for(loop.sock_sendall(sock, data), 60)
    async with asyncio.timeout(60):
        while server._inside:
            await asyncio.sleep(0)
    sock.close()
    await server.stop(wait=0)


async def test_renegotiation_is_refused(tls: Tls) -> None:
    loop = asyncio.get_running_loop()
    server, _, sock, client = await _served(tls, TLS_1_2)
    assert await _echoed(sock, client, loop) == b"hello\n"
    client.renegotiate()
    await loop.sock_sendall(sock, client.say())
    client.hear(await asyncio.wait_for(loop.sock_recv(sock, 65536), 60))
    assert not client.handshake() and client.failed
    sock.close()
    await server.stop(wait=0)
