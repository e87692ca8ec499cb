"""SIGHUP: what changes at once, what waits for a restart, and what a broken file does."""

import asyncio
import shutil
import ssl
from pathlib import Path

import pytest

from config.load import load_settings
from kwcmaild import process
from kwcmaild.certificate import self_signed
from kwcmaild.demo import PORTS, Demo, prepare
from kwcmaild.listeners import configured, open_listeners
from kwcmaild.reload import keep_fixed, reread
from net import log
from tests import wire


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return prepare(tmp_path / "demo", dict.fromkeys(PORTS, 0))


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own logging stays as it is."""
    monkeypatch.setattr(log, "configure", lambda *_: None)


def add(demo: Demo, text: str) -> None:
    with demo.settings.open("a") as file:
        file.write(text)


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records]


async def test_new_settings_are_taken_over(demo: Demo) -> None:
    before = load_settings(demo.settings)
    add(demo, "queue: {give_up: 7d}\n")
    assert (await reread(demo.settings, before)).queue.give_up == 7 * 86400


async def test_broken_file_keeps_the_last_good_one(demo: Demo, caplog: pytest.LogCaptureFixture) -> None:
    before = load_settings(demo.settings)
    add(demo, "drain: soon\nlisten: 25\n")
    assert await reread(demo.settings, before) is before
    assert events(caplog) == ["config.problem", "config.problem", "config.kept"]
    demo.settings.unlink()
    assert await reread(demo.settings, before) is before


def test_what_only_a_restart_changes_is_kept_and_named(demo: Demo, caplog: pytest.LogCaptureFixture) -> None:
    before = load_settings(demo.settings)
    imap = before.imap.model_copy(update={"workers": 4, "max_connections": 77})
    after = before.model_copy(update={"data": Path("/elsewhere"), "imap": imap, "hostname": "other.test"})
    kept = keep_fixed(before, after)
    assert (kept.data, kept.imap.workers) == (before.data, 1)
    assert (kept.hostname, kept.imap.max_connections) == ("other.test", 77)
    assert [record.fields["key"] for record in caplog.records] == ["data", "imap.workers"]  # type: ignore[attr-defined]


async def connect(port: int, authority: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context(cafile=str(authority))
    return await wire.connect(("127.0.0.1", port), ssl=context, server_hostname="localhost")


async def request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    return await reader.readexactly(3)


async def test_new_certificate_for_new_connections_to_web(demo: Demo) -> None:
    settings = load_settings(demo.settings)
    listeners = open_listeners("web", configured(settings, "web"))
    port = listeners[0].sock.getsockname()[1]
    web = await process.compose("web", settings, listeners)
    for part in web.parts:
        await part.start()
    old = await connect(port, demo.ca)
    assert await request(*old) == b"ok\n"

    former = Path(shutil.copy(demo.ca, demo.folder / "former.pem"))
    new = self_signed(["localhost"], "another authority")
    for name, content in (("ca", new.authority), ("cert", new.certificate), ("key", new.key)):
        (demo.folder / f"{name}.pem").write_bytes(content)
    web.adopt(settings)

    assert await request(*old) == b"ok\n"  # not dropped
    fresh = await connect(port, demo.ca)
    assert await request(*fresh) == b"ok\n"
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(port, former)

    (demo.folder / "key.pem").write_text("broken")
    web.adopt(settings)
    assert await request(*await connect(port, demo.ca)) == b"ok\n"
    for part in web.parts:
        await part.stop(1)
    await web.close()
    await wire.hang_up([("127.0.0.1", port)])


async def test_limits_of_connections_follow_the_settings(demo: Demo) -> None:
    settings = load_settings(demo.settings)
    listeners = open_listeners("pop3", configured(settings, "pop3"))
    settings.run.mkdir()
    pop3 = await process.compose("pop3", settings, listeners)
    for part in pop3.parts:
        await part.start()
    address = listeners[0].sock.getsockname()
    first, writer = await asyncio.open_connection(*address)
    assert (await first.readline()).startswith(b"+OK")
    one = settings.pop3.model_copy(update={"max_connections": 1})
    pop3.adopt(settings.model_copy(update={"pop3": one}))
    second, other = await asyncio.open_connection(*address)
    assert (await second.readline()).startswith(b"-ERR")
    for each in (writer, other):
        each.close()
    for part in pop3.parts:
        await part.stop(1)
    await pop3.close()


async def test_the_time_for_a_handshake_follows_the_settings(demo: Demo) -> None:
    settings = load_settings(demo.settings)
    listeners = open_listeners("pop3", configured(settings, "pop3"))
    settings.run.mkdir()
    pop3 = await process.compose("pop3", settings, listeners)
    for part in pop3.parts:
        await part.start()
    pop3.adopt(settings.model_copy(update={"tls": settings.tls.model_copy(update={"handshake_timeout": 1})}))
    reader, writer = await asyncio.open_connection(*listeners[-1].sock.getsockname())  # implicit TLS
    assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.close()
    for part in pop3.parts:
        await part.stop(1)
    await pop3.close()
