"""What one address may have of the door by the minute, and a disk with no room."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from tests.house import House, Site
from tests.wire import connect


async def opened(folder: Path, **settings: str) -> House:
    os.mkdir(folder)
    house = await House(Site.make(folder, **settings)).open()
    house.store.rates._clock = lambda: 1_700_000_010.0  # no minute turns: there would be room again
    return house


async def talk(address: tuple[str, int], *commands: str) -> list[str]:
    """The greeting and the last line of the reply to each command; what comes after the end is empty."""
    reader, writer = await connect(address)
    said = []
    for command in ("", *commands):
        if command:
            writer.write(command.encode() + b"\r\n")
        while True:
            line = (await asyncio.wait_for(reader.readline(), 60)).decode()
            if line[3:4] != "-":
                break
        said.append(line.rstrip())
    writer.close()
    return said


async def test_connections_by_the_minute(tmp_path: Path) -> None:
    house = await opened(tmp_path / "s", smtp="{max_connections_per_minute: 2, unlimited_from: []}")
    address, other = await house.smtp(), await house.smtp()  # two processes would share the count as well
    assert (await talk(address))[0].startswith("220 ")
    assert (await talk(other))[0].startswith("220 ")
    assert (await talk(address, "NOOP")) == [
        "421 4.7.0 mail.example.test too many connections, try again later",
        "",
    ]
    await house.close()


async def test_messages_by_the_minute(tmp_path: Path) -> None:
    house = await opened(tmp_path / "s", smtp="{max_messages_per_minute: 2, unlimited_from: []}")
    mail = "MAIL FROM:<a@example.com>"
    said = await talk(await house.smtp(), "EHLO x", mail, "RSET", mail, "RSET", mail, "NOOP")
    assert [line[:3] for line in said] == ["220", "250", "250", "250", "250", "250", "450", "250"]
    assert said[6] == "450 4.7.1 too many messages from your address, try again later"
    await house.close()


@pytest.mark.parametrize("free_from", ["[127.0.0.1]", "['127.0.0.0/8', '::1']"])
async def test_own_relays_are_not_counted(tmp_path: Path, free_from: str) -> None:
    limits = f"{{max_connections_per_minute: 1, max_messages_per_minute: 1, unlimited_from: {free_from}}}"
    house = await opened(tmp_path / "s", smtp=limits)
    address = await house.smtp()
    for _ in range(3):
        assert (await talk(address, "EHLO x", "MAIL FROM:<a@example.com>"))[-1].startswith("250 ")
    await house.close()


async def test_a_disk_without_room(tmp_path: Path) -> None:
    house = await opened(tmp_path / "s", storage="{keep_free: 900T}")
    for mode in ("mx", "lmtp"):
        hello = "LHLO x" if mode == "lmtp" else "EHLO x"
        said = await talk(await house.smtp(mode=mode), hello, "MAIL FROM:<a@example.com>", "NOOP")
        assert said[2:] == ["452 4.3.1 not enough storage, try again later", "250 2.0.0 ok"]
    await house.close()


async def test_guessing_gets_slow_and_then_ends(tmp_path: Path) -> None:
    house = await opened(tmp_path / "s", smtp="{tarpit: 1, max_errors: 4}")
    address = await house.smtp()
    assert len(await talk(address, "FROB", "FROB")) == 3
    began = time.monotonic()
    said = await talk(address, "FROB", "FROB", "FROB", "FROB", "NOOP")
    assert time.monotonic() - began > 2
    assert [line[:3] for line in said] == ["220", "500", "500", "500", "500", "421"]
    await house.close()
