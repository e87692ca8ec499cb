"""A client that speaks SMTP a step at a time, and what lies in a mailbox afterwards."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.house import DOMAIN, House


class Client:
    """One connection. `ask` sends a line and returns the whole reply."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def reply(self) -> str:
        lines = []
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), 60)).decode()
            lines.append(line)
            if line[3:4] != "-":
                return "".join(lines)

    async def ask(self, line: str | bytes) -> str:
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return await self.reply()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def mail(self, message: bytes, *to: str, sender: str = "someone@example.com") -> str:
        """A whole transaction; the reply to the end of data."""
        assert (await self.ask(f"MAIL FROM:<{sender}>")).startswith("250")
        for address in to:
            assert (await self.ask(f"RCPT TO:<{address}>")).startswith("250")
        assert (await self.ask("DATA")).startswith("354")
        return await self.ask(message + b".")


Connect = Callable[..., Awaitable[Client]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connect to a door, read its greeting, say EHLO."""
    writers = []

    async def connect(
        address: tuple[str, int], *, greet: bool = True, tls: ssl.SSLContext | None = None
    ) -> Client:
        name = "mail.example.test" if tls else None
        reader, writer = await asyncio.open_connection(*address, ssl=tls, server_hostname=name)
        writers.append(writer)
        client = Client(reader, writer)
        if greet:
            assert (await client.reply()).startswith("220")
            assert (await client.ask("EHLO client.example.com")).startswith("250")
        return client

    yield connect
    for writer in writers:
        writer.close()


async def inbox(house: House, local: str, mailbox: str = "INBOX") -> list[bytes]:
    """All messages of a mailbox, as IMAP and POP3 would serve them."""
    account = house.store.account(f"{local}@{DOMAIN}")
    await account.ensure()
    opened = await account.open(mailbox)
    try:
        found = await opened.messages(opened.uids)
        return [await house.store.run(message.read) for message in found if message is not None]
    finally:
        opened.release()
