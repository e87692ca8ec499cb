"""STARTTLS and implicit TLS: injection, certificates by name, reload, versions, and bad handshakes."""

import asyncio
import ssl
from pathlib import Path

import pytest

from config.settings import CertificatePair, Tls
from net.connection import Connection, PeerGone, TimedOut
from net.tls import Contexts
from tests.certificate import make_certificate
from tests.unit.net.conftest import Run, serving


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    certificate, key = make_certificate(tmp_path, "mail.example.test")
    other = make_certificate(tmp_path, "mail.customer.test")
    pair = CertificatePair(certificate=other[0], key=other[1])
    return Tls(certificate=certificate, key=key, names={"mail.customer.test": pair})


def trusting(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls.certificate))
    for pair in tls.names.values():
        context.load_verify_locations(pair.certificate)
    return context


async def _client(server, **options) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*server.address, **options)


async def _upper(conn: Connection) -> None:
    while True:
        line = await conn.readline(1000, 60)
        conn.write(line.upper())


def test_commands_sent_ahead_of_starttls_are_never_executed(run: Run, tls: Tls) -> None:
    contexts = Contexts(tls)
    executed: list[bytes] = []

    async def handle(conn: Connection) -> None:
        assert await conn.readline(100, 60) == b"STARTTLS\r\n"
        conn.write(b"go\n")
        await conn.start_tls(contexts.context())
        while True:
            executed.append(await conn.readline(100, 60))
            conn.write(b"done\n")

    async def main() -> None:
        async with serving(handle) as server:
            reader, writer = await _client(server)
            writer.write(b"STARTTLS\r\nINJECTED\r\nHALF A LI")
            assert await reader.readline() == b"go\n"
            await writer.start_tls(trusting(tls), server_hostname="mail.example.test")
            writer.write(b"HONEST\r\n")
            assert await reader.readline() == b"done\n"
            writer.close()
        assert executed == [b"HONEST\r\n"]

    run(main())


def test_plaintext_after_the_go_ahead_ends_the_connection_unexecuted(run: Run, tls: Tls) -> None:
    contexts = Contexts(tls)
    ends: list[type] = []

    async def handle(conn: Connection) -> None:
        await conn.readline(100, 60)
        conn.write(b"go\n")
        try:
            await conn.start_tls(contexts.context())
        except PeerGone as end:
            ends.append(type(end))

    async def main() -> None:
        async with serving(handle) as server:
            reader, writer = await _client(server)
            writer.write(b"STARTTLS\r\n")
            assert await reader.readline() == b"go\n"
            writer.write(b"DELE 1\r\nQUIT\r\n")
            await reader.read(-1)
            writer.close()
        assert ends == [PeerGone]

    run(main())


def test_implicit_tls_carries_much_in_both_directions(run: Run, tls: Tls) -> None:
    contexts = Contexts(tls)
    seen = []

    async def handle(conn: Connection) -> None:
        seen.append(conn.tls)
        total = 0
        while total < 3_000_000:
            total += len(await conn.read(100_000, 60))
        conn.write(b"y" * 3_000_000)
        await conn.drain()

    async def main() -> None:
        async with serving(handle, contexts.context) as server:
            # a wide limit, since uvloop's own TLS client drops what it holds while its reader is paused
            reader, writer = await _client(
                server, ssl=trusting(tls), server_hostname="mail.example.test", limit=2**23
            )
            writer.write(b"x" * 3_000_000)
            assert await reader.readexactly(3_000_000) == b"y" * 3_000_000
            assert await reader.read(-1) == b""  # a close_notify, not a reset
            writer.close()
        assert seen[0].version == "TLSv1.3"
        assert seen[0].bits >= 128
        assert seen[0].server_name == "mail.example.test"

    run(main())


def test_each_name_gets_its_certificate_and_an_unknown_name_the_first(run: Run, tls: Tls) -> None:
    contexts = Contexts(tls)

    async def main() -> None:
        async with serving(_upper, contexts.context) as server:
            names = {}
            for asked in ("mail.example.test", "MAIL.customer.test", "unknown.test", None):
                context = trusting(tls)
                context.check_hostname = False
                _, writer = await _client(server, ssl=context, server_hostname=asked or "127.0.0.1")
                certificate = writer.get_extra_info("peercert")
                names[asked] = certificate["subject"][0][0][1]
                writer.close()
            assert names == {
                "mail.example.test": "mail.example.test",
                "MAIL.customer.test": "mail.customer.test",
                "unknown.test": "mail.example.test",
                None: "mail.example.test",
            }

    run(main())


def test_reload_changes_new_handshakes_and_drops_nobody(run: Run, tls: Tls, tmp_path: Path) -> None:
    contexts = Contexts(tls)

    async def main() -> None:
        async with serving(_upper, contexts.context) as server:
            old_reader, old_writer = await _client(
                server, ssl=trusting(tls), server_hostname="mail.example.test"
            )
            (tmp_path / "new").mkdir()
            certificate, key = make_certificate(tmp_path / "new", "mail.example.test")
            fresh = Tls(certificate=certificate, key=key)
            assert contexts.reload(fresh)
            with pytest.raises(ssl.SSLCertVerificationError):
                await _client(server, ssl=trusting(tls), server_hostname="mail.example.test")
            _, writer = await _client(server, ssl=trusting(fresh), server_hostname="mail.example.test")
            old_writer.write(b"still here\r\n")
            assert await old_reader.readline() == b"STILL HERE\r\n"
            writer.close()
            old_writer.close()

    run(main())


def test_what_cannot_be_read_leaves_the_old_certificate_in_force(tls: Tls, tmp_path: Path) -> None:
    contexts = Contexts(tls)
    before = contexts.context()
    (tmp_path / "half.pem").write_text("-----BEGIN CERTIFICATE-----\nMII")
    assert not contexts.reload(Tls(certificate=tmp_path / "half.pem", key=tls.key))
    assert not contexts.reload(Tls(certificate=tmp_path / "missing.pem", key=tls.key))
    other = tls.names["mail.customer.test"]
    assert not contexts.reload(Tls(certificate=tls.certificate, key=other.key))
    assert contexts.context() is before


def test_a_listener_may_ask_for_another_least_version(run: Run, tls: Tls) -> None:
    contexts = Contexts(tls)
    assert contexts.context().minimum_version == ssl.TLSVersion.TLSv1_2

    async def main() -> None:
        async with serving(_upper, lambda: contexts.context("1.3")) as server:
            old = trusting(tls)
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await _client(server, ssl=old, server_hostname="mail.example.test")

    run(main())


def test_garbage_or_silence_instead_of_a_handshake_ends_it(run: Run, tls: Tls) -> None:
    contexts = Contexts(tls)
    ends: list[type] = []

    async def handle(conn: Connection) -> None:
        try:
            await conn.start_tls(contexts.context(), timeout=0.1)
        except (PeerGone, TimedOut) as end:
            ends.append(type(end))

    async def main() -> None:
        async with serving(handle) as server:
            reader, writer = await _client(server)
            await reader.read(-1)
            writer.close()
        async with serving(_upper, contexts.context) as server:
            reader, writer = await _client(server)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert b"GET" not in await reader.read(-1)
            writer.close()
        assert ends == [TimedOut]

    run(main())


def test_a_certificate_that_cannot_be_read_costs_its_connection_only(run: Run, tls: Tls) -> None:
    contexts = Contexts(tls)
    broken = True

    def context() -> ssl.SSLContext:
        if broken:
            raise FileNotFoundError("no certificate")
        return contexts.context()

    async def main() -> None:
        nonlocal broken
        async with serving(_upper, context) as server:
            reader, writer = await _client(server)
            assert await reader.read(-1) == b""
            writer.close()
            broken = False
            _, writer = await _client(server, ssl=trusting(tls), server_hostname="mail.example.test")
            writer.close()

    run(main())
