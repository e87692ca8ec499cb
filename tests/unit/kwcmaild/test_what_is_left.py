"""A process that has drained leaves nothing open: no descriptor, no log of a database, no thread, no task."""

import asyncio
import gc
import threading
from pathlib import Path
from typing import Literal

import pytest

from kwcmaild.listeners import configured, open_listeners
from kwcmaild.parts import Process
from kwcmaild.process import compose
from tests.house import Site
from tests.open_files import open_files
from tests.wire import Wire, connect, hang_up

Room = Literal["smtp", "imap", "pop3", "relay", "web"]

LOGIN = b"USER taro@example.test\r\nPASS tarosecret\r\n"
MAIL = (
    b"EHLO client.example.com\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<taro@example.test>\r\n"
    b"RCPT TO:<postmaster@example.test>\r\nDATA\r\n"  # for whom nobody has to wait
    b"From: a@example.com\r\nSubject: x\r\n\r\nx\r\n.\r\n"
)


@pytest.fixture
def settled(tmp_path: Path) -> Site:
    """A server with all that remembers something; workers that count together."""
    door = "workers: 2, listen: [{address: '127.0.0.1:0', tls: starttls%s}], max_connections_per_address: 9"
    return Site.make(
        tmp_path,
        imap=f"{{{door % ''}}}",
        pop3=f"{{{door % ''}}}",
        smtp=f"{{{door % ', mode: mx'}}}",
        web="{listen: [{address: '127.0.0.1:0', tls: none}]}",
        filters="{spam: {engine: builtin}, greylist: {enabled: true}}",
        operators="[taro@example.test]",
        resolver="{nameservers: ['127.0.0.1:1']}",
    )


async def use(room: Room, address: tuple[str, int]) -> None:
    if room == "imap":
        await Wire.open(address, "taro")
        return
    reader, writer = await connect(address)
    if room == "web":
        writer.write(b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        return
    writer.write(MAIL if room == "smtp" else LOGIN)
    async with asyncio.timeout(60):
        while not (line := await reader.readline()).startswith((b"250 2.0.0", b"+OK 0", b"-ERR")):
            assert line, "the server hung up"


@pytest.mark.parametrize("room", ["smtp", "imap", "pop3", "relay", "web"])
async def test_nothing(settled: Site, room: Room) -> None:
    threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
    listeners = open_listeners(room, configured(settled.settings, room))
    made: Process = await compose(room, settled.settings, listeners)
    for part in made.parts:
        await part.start()
    addresses = [listener.sock.getsockname()[:2] for listener in listeners]
    for address in addresses:
        await use(room, address)
    assert open_files(settled.folder)
    await asyncio.gather(*(part.stop(1) for part in made.parts))
    await made.close()
    await hang_up(addresses)
    gc.collect()  # a cursor that lies in a cycle keeps the files of its closed connection
    async with asyncio.timeout(60):
        while open_files(settled.folder):
            await asyncio.sleep(0.01)
    assert not list(settled.folder.rglob("*-wal"))
    assert not [each for each in set(threading.enumerate()) - threads if not each.name.startswith("asyncio_")]
    assert asyncio.all_tasks() == tasks
