"""A client that sends and reads bytes, for tests that need more than a transcript can say."""

import asyncio
from collections.abc import Awaitable, Callable

from tests import closed

Connect = Callable[..., Awaitable["Wire"]]


class Wire:
    """One connection; commands are tagged by it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.number = 0

    @classmethod
    async def open(cls, address: tuple[str, int], local: str = "", password: str = "") -> "Wire":
        wire = cls(*await asyncio.open_connection(*address, limit=2**26))
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
