"""A mail program's side of IMAP, in as few packets as a good one would use."""

import ssl
from collections.abc import Sequence

from benchmarks.server import DOMAIN, PASSWORD
from benchmarks.wire import Refused, Wire


class Imap:
    """One session."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._number = 0

    @classmethod
    async def open(cls, port: int, tls: ssl.SSLContext | None = None) -> "Imap":
        session = cls(await Wire.open(port, tls))
        await session.wire.line()
        return session

    @classmethod
    async def login(cls, port: int, local: str, tls: ssl.SSLContext | None = None) -> "Imap":
        session = await cls.open(port, tls)
        await session.command(f"LOGIN {local}@{DOMAIN} {PASSWORD}".encode())
        return session

    async def command(self, command: bytes, *, may_fail: bool = False) -> bytes:
        """Run it; the tagged answer, which must be OK."""
        self._number += 1
        tag = b"A%04d" % self._number
        self.wire.write(tag + b" " + command + b"\r\n")
        answer = await self.wire.line_beginning(tag + b" ")
        if not may_fail and answer.split(b" ", 2)[1] != b"OK":
            raise Refused(answer.decode(errors="replace"))
        return answer

    async def together(self, commands: Sequence[bytes]) -> None:
        """Run them, sent in one breath; the last must be OK."""
        first = self._number + 1
        self._number += len(commands)
        self.wire.write(b"".join([b"A%04d %b\r\n" % (first + at, one) for at, one in enumerate(commands)]))
        answer = await self.wire.line_beginning(b"A%04d " % self._number)
        if answer.split(b" ", 2)[1] != b"OK":
            raise Refused(answer.decode(errors="replace"))

    async def append(self, messages: Sequence[bytes], mailbox: bytes = b"INBOX") -> None:
        """One APPEND with all of them (RFC 3502), without waiting to be asked (RFC 7888)."""
        literals = b" ".join(b"{%d+}\r\n%b" % (len(message), message) for message in messages)
        await self.command(b"APPEND " + mailbox + b" " + literals)

    async def idle(self) -> None:
        self._number += 1
        self.wire.write(b"A%04d IDLE\r\n" % self._number)
        await self.wire.line_beginning(b"+")

    async def done(self) -> None:
        self.wire.write(b"DONE\r\n")
        await self.wire.line_beginning(b"A%04d " % self._number)

    async def logout(self) -> None:
        await self.command(b"LOGOUT")
        self.wire.close()
