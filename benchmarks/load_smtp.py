"""An MTA that sends: EHLO once, then MAIL, RCPT and DATA of each message in one packet (RFC 2920)."""

import ssl
import time
from collections.abc import Sequence

from benchmarks.server import DOMAIN
from benchmarks.wire import Refused, Wire

SENDER = "sender@elsewhere.test"


class Smtp:
    """One session."""

    def __init__(self, wire: Wire, sender: str) -> None:
        self._wire = wire
        self._sender = sender

    @classmethod
    async def open(cls, port: int, sender: str = SENDER) -> "Smtp":
        session = cls(await Wire.open(port), sender)
        await session._replies(1)
        await session.command(b"EHLO client.elsewhere.test")
        return session

    async def command(self, line: bytes) -> None:
        self._wire.write(line + b"\r\n")
        await self._replies(1)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self.command(b"STARTTLS")
        await self._wire.start_tls(context)
        await self.command(b"EHLO client.elsewhere.test")

    async def send(self, locals_: Sequence[str], message: bytes) -> float:
        """Send to these accounts. `message` is dot-stuffed. Seconds from the dot to the 250."""
        return await self.send_to([f"{local}@{DOMAIN}" for local in locals_], message)

    async def send_to(self, addresses: Sequence[str], message: bytes) -> float:
        """The same, to anybody."""
        recipients = "".join(f"RCPT TO:<{address}>\r\n" for address in addresses)
        head = f"MAIL FROM:<{self._sender}> SIZE={len(message)}\r\n{recipients}DATA\r\n"
        self._wire.write(head.encode())
        await self._replies(len(addresses) + 2)
        self._wire.write(message + b".\r\n")
        began = time.perf_counter()
        await self._replies(1)
        return time.perf_counter() - began

    async def quit(self) -> None:
        await self.command(b"QUIT")
        self._wire.close()

    async def _replies(self, count: int) -> None:
        """So many whole replies; one that refuses ends the measurement."""
        while count:
            line = await self._wire.line()
            if line[:1] not in b"23":
                raise Refused(line.decode(errors="replace"))
            count -= line[3:4] != b"-"
