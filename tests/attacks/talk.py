"""A client that says anything, and hears what comes of it. Every wait has an end."""

import asyncio
from contextlib import suppress

WAIT = 60.0


class Talk:
    """One connection, as octets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.greeting = b""

    @classmethod
    async def open(cls, address: tuple[str, int]) -> "Talk":
        reader, writer = await asyncio.open_connection(*address, limit=2**24)
        talk = cls(reader, writer)
        talk.greeting = await talk.line()
        return talk

    async def line(self) -> bytes:
        """The next line. EOFError when the server has closed the connection: a reset is that too, which is how
        a close is seen by one whose next command was on its way."""
        try:
            async with asyncio.timeout(WAIT):
                line = await self.reader.readline()
        except ConnectionResetError as error:
            raise EOFError(error) from error
        if not line.endswith(b"\n"):
            raise EOFError(line)
        return line

    async def until(self, start: bytes) -> bytes:
        """All that comes up to a line that begins with `start`, and that line."""
        lines = [await self.line()]
        while not lines[-1].startswith(start):
            lines.append(await self.line())
        return b"".join(lines)

    async def ask(self, command: bytes, start: bytes) -> bytes:
        self.writer.write(command + b"\r\n")
        return await self.until(start)

    async def pour(self, data: bytes) -> bytes:
        """Send it all, taking what comes meanwhile; all that comes until the server closes."""
        sending = asyncio.create_task(self._send(data))
        heard = await self.rest()
        sending.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await sending
        return heard

    async def _send(self, data: bytes) -> None:
        for at in range(0, len(data), 65536):
            self.writer.write(data[at : at + 65536])
            await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything until the end of the connection, however it ends."""
        heard = []
        with suppress(ConnectionError):
            async with asyncio.timeout(WAIT):
                while piece := await self.reader.read(65536):
                    heard.append(piece)
        return b"".join(heard)

    def vanish(self) -> None:
        """Gone without a word: a reset."""
        self.writer.transport.abort()
