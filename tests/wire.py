"""A client that sends and reads bytes, for tests that need more than a transcript can say."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from tests import closed

Connect = Callable[..., Awaitable["Wire"]]

Address = tuple[str, int]

_opened: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Address, list[asyncio.StreamWriter]]]
_opened = WeakKeyDictionary()


async def connect(address: Address, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that need not be closed: it is when the house is (`hang_up`)."""
    reader, writer = await asyncio.open_connection(*address, **options)
    here = _opened.setdefault(asyncio.get_running_loop(), {})
    here.setdefault(address, []).append(writer)
    return reader, writer


async def hang_up(addresses: Iterable[Address]) -> None:
    """Nothing that was connected to one of these is open any more."""
    here = _opened.get(asyncio.get_running_loop(), {})
    for writer in [each for address in addresses for each in here.pop(address, ())]:
        writer.transport.abort()
        with contextlib.suppress(OSError):  # what was still to come is not wanted
            await asyncio.wait_for(writer.wait_closed(), 60)


class Wire:
    """One connection; commands are tagged by it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.number = 0

    @classmethod
    async def open(cls, address: Address, local: str = "", password: str = "") -> "Wire":
        wire = cls(*await connect(address, limit=2**26))
        await wire.line()
        if local:
            login = f"LOGIN {local}@example.test {password or local + 'secret'}"
            assert b" OK " in (await wire.do(login.encode()))[-1]
        return wire

    async def line(self) -> bytes:
        return await closed.line(self.reader)

    def begin(self, command: bytes) -> bytes:
        """Send a command; its tag."""
        self.number += 1
        tag = b"t%d" % self.number
        self.writer.write(tag + b" " + command + b"\r\n")
        return tag

    async def do(self, command: bytes) -> list[bytes]:
        """Send a command; the lines up to its tagged reply, which is the last one."""
        return await self.until(self.begin(command))

    async def until(self, tag: bytes) -> list[bytes]:
        lines = []
        while True:
            line = await self.line()
            assert line, f"the connection ended; before that {lines[-3:]}"
            lines.append(line.rstrip(b"\r\n"))
            if line.startswith(tag + b" "):
                return lines

    def close(self) -> None:
        self.writer.close()
