"""Debian's Postfix in front of our store: it takes the mail and hands it over by LMTP on a Unix socket."""

import asyncio
import os
import re
import shutil
import smtplib
import tempfile
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from config.settings import SmtpListen
from filters.build import build
from net.server import Server, bind_unix
from smtp.door import SmtpDoor
from smtp.serve import serve
from tests.house import House, put
from tests.neighbours.postfix import DAEMONS
from tests.neighbours.stage import CONTAINED
from tests.ports import reserved

pytestmark = pytest.mark.skipif(
    not (DAEMONS / "lmtp").exists() or os.geteuid() != 0, reason="needs root and Debian's postfix"
)

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
proxymap  unix - - n - - proxymap
lmtp      unix - - n - - lmtp
retry     unix - - n - - error
error     unix - - n - - error
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = front.example.test
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtputf8_enable = yes
virtual_mailbox_domains = example.test
virtual_transport = lmtp:unix:{folder}/lmtp.sock
lmtp_destination_recipient_limit = 50
"""


class Front:
    """A Postfix that delivers into the socket below its folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    async def says(self, pattern: str) -> str:
        """The first line of its log that matches."""
        end = time.monotonic() + 60
        while not (found := re.search(pattern, self.log)):
            assert time.monotonic() < end, f"{pattern} is not in the log:\n{self.log}"
            await asyncio.sleep(0.05)
        return found[0]

    def take(self, recipients: list[str], message: bytes) -> None:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as client:
            client.sendmail("someone@example.com", recipients, message)


@pytest.fixture
async def front(house: House) -> AsyncIterator[Front]:
    folder = Path(tempfile.mkdtemp(prefix="kwcmaild-front-"))
    os.chmod(folder, 0o755)  # for the user postfix
    port = reserved()
    for name in ("config", "queue", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    (folder / "config/main.cf").write_text(MAIN.format(folder=folder))
    (folder / "config/master.cf").write_text(MASTER.format(port=port))
    listen = SmtpListen.model_validate(
        {"address": f"unix:{folder}/lmtp.sock", "mode": "lmtp", "socket_group": "postfix"}
    )
    assert listen.path is not None
    sock = bind_unix(listen.path, int(listen.socket_mode, 8), listen.socket_group)
    door = SmtpDoor(house.settings, house.store, build(house.settings, house.store), None)
    server = Server(sock, partial(serve, door, listen=listen), busy=door.busy)
    await server.start()
    config = folder / "config"
    check = await asyncio.create_subprocess_exec("postfix", "-c", config, "check", stdout=-3, stderr=-3)
    await check.wait()
    command = (*CONTAINED, DAEMONS / "master", "-c", config, "-s")
    postfix = await asyncio.create_subprocess_exec(*command, stdout=-3, stderr=-3)
    found = Front(folder, port)
    try:
        await found.says("daemon started")
        yield found
    finally:
        postfix.kill()
        await postfix.wait()
        await server.stop(wait=1)
        shutil.rmtree(folder)


async def stored(house: House, local: str) -> list[bytes]:
    mailbox = await house.store.account(f"{local}@example.test").open("INBOX")
    try:
        await mailbox.refresh()
        return [message.read() for message in await mailbox.messages(mailbox.uids)]
    finally:
        mailbox.release()


async def test_each_recipient_has_its_own_answer(house: House, front: Front) -> None:
    put((house.site.folder / "domains/example.test/accounts/jiro.yaml"), "receive: false\n")
    message = b"Subject: by way of Postfix\r\n\r\n.dot\r\nhello\r\n"
    everybody = [f"{local}@example.test" for local in ("taro", "hanako", "nobody", "jiro")]
    await asyncio.to_thread(front.take, everybody, message)
    assert "250 2.0.0 accepted as" in await front.says(r"to=<taro@example.test>.*status=sent.*")
    assert "250 2.0.0 accepted as" in await front.says(r"to=<hanako@example.test>.*status=sent.*")
    assert "550 5.1.1" in await front.says(r"to=<nobody@example.test>.*status=bounced.*")
    assert "550 5.2.1" in await front.says(r"to=<jiro@example.test>.*status=bounced.*")
    for local in ("taro", "hanako"):
        (text,) = await stored(house, local)
        assert text.startswith(b"Return-Path: <someone@example.com>\r\n")
        assert b" with LMTP id " in text
        assert text.endswith(b"\r\n\r\n.dot\r\nhello\r\n")


async def test_many_messages_over_few_connections(house: House, front: Front) -> None:
    command = ["smtp-source", "-s", "5", "-m", "60", "-l", "2000", "-t", "taro@example.test"]
    load = await asyncio.create_subprocess_exec(*command, f"127.0.0.1:{front.port}")
    assert await load.wait() == 0
    end = time.monotonic() + 60
    while front.log.count("status=sent") < 60 and time.monotonic() < end:
        await asyncio.sleep(0.05)
    assert front.log.count("status=sent") == 60, front.log[-3000:]
    assert len(await stored(house, "taro")) == 60
