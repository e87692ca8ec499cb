"""A mail program's side of POP3."""

from benchmarks.server import DOMAIN, PASSWORD
from benchmarks.wire import Refused, Wire


class Pop3:
    """One session."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    @classmethod
    async def login(cls, port: int, local: str) -> "Pop3":
        session = cls(await Wire.open(port))
        await session._answer()
        await session.command(f"USER {local}@{DOMAIN}")
        await session.command(f"PASS {PASSWORD}")
        return session

    async def command(self, command: str) -> bytes:
        self.wire.write(command.encode() + b"\r\n")
        return await self._answer()

    async def retrieve(self, number: int) -> int:
        """The octets that came."""
        before = self.wire.received
        await self.command(f"RETR {number}")
        await self.wire.dot()
        return self.wire.received - before

    async def _answer(self) -> bytes:
        line = await self.wire.line()
        if not line.startswith(b"+OK"):
            raise Refused(line.decode(errors="replace"))
        return line
