"""swaks as a proxy: PROXY headers and XCLIENT as another program writes them, and LMTP on a Unix socket."""

import asyncio
import shutil
from functools import partial
from pathlib import Path

import pytest

from config.settings import SmtpListen
from filters.build import build
from net.server import Server, bind_unix
from smtp.door import SmtpDoor
from smtp.serve import serve
from tests.house import House

pytestmark = pytest.mark.skipif(shutil.which("swaks") is None, reason="swaks is not installed")

CLIENT = "192.0.2.77"
TARO = "taro@example.test"


async def swaks(*arguments: str) -> str:
    """All that it says; it must succeed."""
    run = await asyncio.create_subprocess_exec(
        "swaks", "--from", "a@example.com", "--to", TARO, "--helo", "client.example", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(run.communicate(), 60)
    assert run.returncode == 0, said.decode()
    return said.decode()


async def received(house: House) -> bytes:
    mailbox = await house.store.account(TARO).open("INBOX")
    try:
        (message,) = await mailbox.messages(mailbox.uids)
        head: bytes = message.head(2000)
        return head
    finally:
        mailbox.release()


@pytest.mark.parametrize(("version", "family"), [("1", "TCP4"), ("2", "AF_INET")])
async def test_proxy_protocol(house: House, version: str, family: str) -> None:
    house.listen_more = {"proxy_from": ("127.0.0.1",)}
    host, port = await house.smtp(tls="none")
    await swaks(
        "--server", host, "--port", str(port), "--proxy-version", version, "--proxy-family", family,
        "--proxy-source", CLIENT, "--proxy-source-port", "5000",
        "--proxy-dest", "198.51.100.1", "--proxy-dest-port", "25",
    )  # fmt: skip
    assert b"Received: from client.example ([192.0.2.77])" in await received(house)


async def test_xclient(house: House) -> None:
    house.listen_more = {"xclient_from": ("127.0.0.1",)}
    host, port = await house.smtp(tls="none")
    await swaks(
        "--server", host, "--port", str(port), "--xclient-addr", CLIENT, "--xclient-name", "client.example",
    )  # fmt: skip
    assert b"Received: from client.example ([192.0.2.77])" in await received(house)


async def test_lmtp_on_a_unix_socket(house: House, tmp_path: Path) -> None:
    path = f"{tmp_path}/lmtp.sock"
    listen = SmtpListen.model_validate({"address": f"unix:{path}", "mode": "lmtp"})
    door = SmtpDoor(house.settings, house.store, build(house.settings, house.store), None)
    server = Server(bind_unix(path), partial(serve, door, listen=listen))
    await server.start()
    await swaks("--protocol", "LMTP", "--socket", path)
    assert (
        b"Received: from client.example\r\n\tby mail.example.test (kwcmaild) with LMTP id "
        in await received(house)
    )
    await server.stop()
