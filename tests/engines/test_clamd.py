"""The virus check with a real clamd: what is received, what is sent, and a clamd that is away."""

import asyncio
import base64
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.mime.charset import decode_header
from tests.engines.engines import EICAR
from tests.house import House, Site
from tests.unit.smtp.conftest import Connect, inbox

HEAD = (
    b"From: x@example.com\r\nTo: taro@example.test\r\nMessage-ID: <v@example.com>\r\n"
    b"Subject: =?ISO-2022-JP?B?GyRCQEE1YT1xGyhC?=\r\n"
)
CLEAN = HEAD + b"\r\nnothing here\r\n"


def infected(data: bytes = EICAR, name: str = "eicar.com") -> bytes:
    part = base64.encodebytes(data).replace(b"\n", b"\r\n")
    return (
        HEAD
        + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n"
        + f'Content-Type: application/octet-stream; name="{name}"\r\n'.encode()
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + part
        + b"--b--\r\n"
    )


def zipped(data: bytes, layers: int) -> bytes:
    for _ in range(layers):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.zip", data)
        data = out.getvalue()
    return data


async def opened(site: Site, socket: Path, more: str = "") -> House:
    virus = f"{{engine: clamd, address: {socket}{more}}}"
    site.configure(filters=f"{{virus: {virus}, spam: {{engine: none}}}}")
    return await House(site).open()


@pytest.fixture
async def house(site: Site, clamd: Path) -> AsyncIterator[House]:
    house = await opened(site, clamd)
    yield house
    await house.close()


async def test_a_received_virus_is_dropped_and_its_recipient_told(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    assert (await client.mail(infected(), "taro@example.test", "hanako@example.test")).startswith("250 2.")
    for who in ("taro", "hanako"):
        (notice,) = await inbox(house, who)
        assert EICAR not in notice and b"eicar.com" not in notice
        body = base64.b64decode(notice.partition(b"\r\n\r\n")[2]).decode()
        assert "Tests.Eicar" in body and "someone@example.com" in body and "請求書" in body
        assert "ウイルス" in decode_header(
            notice.partition(b"\r\nSubject: ")[2].partition(b"\r\nMessage-ID")[0]
        )


async def test_a_sent_virus_is_refused_and_its_sender_told(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp(mode="submission"))
    login = base64.b64encode(b"\0taro@example.test\0tarosecret").decode()
    await client.ask(f"AUTH PLAIN {login}")
    message = infected().replace(b"x@example.com", b"taro@example.test")
    reply = await client.mail(message, "hanako@example.test", sender="taro@example.test")
    assert reply.startswith("554 5.7.1 virus found: Tests.Eicar")
    assert await inbox(house, "hanako") == []
    (notice,) = await inbox(house, "taro")
    body = base64.b64decode(notice.partition(b"\r\n\r\n")[2]).decode()
    assert "Tests.Eicar" in body and "hanako@example.test" in body and "請求書" in body


async def test_clean_mail_and_a_large_one_come_in(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    assert (await client.mail(CLEAN, "taro@example.test")).startswith("250")
    large = CLEAN + (b"x" * 76 + b"\r\n") * 40_000  # past the spool's memory
    assert (await client.mail(large, "taro@example.test")).startswith("250")
    assert [len(each) > 3_000_000 for each in await inbox(house, "taro")] == [False, True]


def nested(levels: int) -> bytes:
    """Multiparts within multiparts, none of which is closed, around a virus."""
    text = HEAD + b"MIME-Version: 1.0\r\n"
    for level in range(levels):
        text += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    return text + b"\r\nhello\r\n"


@pytest.mark.parametrize(
    "message",
    [
        nested(300),
        HEAD + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n\r\n--\r\n--b--\r\n",
        HEAD + b"Content-Type: text/plain; charset=" + b"x" * 5000 + b"\r\n\r\n\xff\xfe\x80\r\n",
        HEAD + b"Content-Transfer-Encoding: base64\r\nContent-Type: application/zip\r\n\r\n!!!!\r\n=\r\n",
        HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(10_000)) + b"\r\nhello\r\n",
    ],
    ids=["nested", "no boundary", "long parameter", "broken base64", "ten thousand fields"],
)
async def test_broken_mime_is_scanned_and_comes_in(house: House, connect: Connect, message: bytes) -> None:
    client = await connect(await house.smtp())
    assert (await client.mail(message, "taro@example.test")).startswith("250")
    (stored,) = await inbox(house, "taro")
    assert stored.endswith(message.partition(b"\r\n\r\n")[2])
    # what is broken hides nothing that stands in it as it is
    assert (await client.mail(message + EICAR + b"\r\n", "hanako@example.test")).startswith("250")
    assert all(EICAR not in each for each in await inbox(house, "hanako"))


async def test_viruses_in_archives_and_in_large_mail(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    assert (await client.mail(infected(zipped(EICAR, 2)), "taro@example.test")).startswith("250")
    large = infected(EICAR + b"\0" * 2_000_000)
    assert (await client.mail(large, "taro@example.test")).startswith("250")
    assert all(b"Auto-Submitted: auto-generated" in each for each in await inbox(house, "taro"))


@pytest.mark.parametrize("over_limits", ["accept", "virus"])
async def test_what_is_past_the_engines_limits(
    site: Site, clamd: Path, connect: Connect, over_limits: str
) -> None:
    house = await opened(site, clamd, f", over_limits: {over_limits}")
    try:
        client = await connect(await house.smtp())
        nested = infected(zipped(b"harmless", 12))
        too_long = CLEAN + (b"x" * 76 + b"\r\n") * 420_000  # past StreamMaxLength
        for message in (nested, too_long):
            assert (await client.mail(message, "taro@example.test")).startswith("250")
        notices = [b"Auto-Submitted" in each for each in await inbox(house, "taro")]
        assert notices == [over_limits == "virus"] * 2
    finally:
        await house.close()


@pytest.mark.parametrize(("on_error", "reply"), [("defer", "451 4.3.0 the virus check"), ("accept", "250")])
async def test_a_clamd_that_is_away(
    site: Site, connect: Connect, on_error: str, reply: str, caplog: pytest.LogCaptureFixture
) -> None:
    house = await opened(site, site.folder / "nobody.sock", f", on_error: {on_error}")
    try:
        client = await connect(await house.smtp())
        assert (await client.mail(CLEAN, "taro@example.test")).startswith(reply)
        assert len(await inbox(house, "taro")) == (on_error == "accept")
        assert "virus.engine_away" in [record.message for record in caplog.records]
    finally:
        await house.close()


@pytest.mark.parametrize("answer", [b"", b"stream: nonsense\0", b"x" * 10_000, None])
async def test_an_engine_that_answers_nonsense_or_never(
    site: Site, connect: Connect, answer: bytes | None
) -> None:
    async def engine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"zINSTREAM\0")
        if answer is None:
            await reader.read()  # until the other side has waited long enough
        else:
            writer.write(answer)
        writer.close()

    socket = site.folder / "fake.sock"
    server = await asyncio.start_unix_server(engine, socket)
    house = await opened(site, socket, ", timeout: 1s")
    try:
        client = await connect(await house.smtp())
        assert (await client.mail(CLEAN, "taro@example.test")).startswith("451 4.3.0 the virus check")
    finally:
        await house.close()
        server.close()
