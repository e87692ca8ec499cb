"""An MTA that sends: EHLO once, then MAIL, RCPT and DATA of each message in one packet (RFC 2920)."""

import time
from collections.abc import Sequence

from benchmarks.server import DOMAIN
from benchmarks.wire import Refused, Wire

SENDER = "sender@elsewhere.test"


class Smtp:
    """One session."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @classmethod
    async def open(cls, port: int) -> "Smtp":
        session = cls(await Wire.open(port))
        await session._replies(1)
        session._wire.write(b"EHLO client.elsewhere.test\r\n")
        await session._replies(1)
        return session

    async def send(self, locals_: Sequence[str], message: bytes) -> float:
        """Send to these accounts. `message` is dot-stuffed. Seconds from the dot to the 250."""
        recipients = "".join(f"RCPT TO:<{local}@{DOMAIN}>\r\n" for local in locals_)
        self._wire.write(f"MAIL FROM:<{SENDER}> SIZE={len(message)}\r\n{recipients}DATA\r\n".encode())
        await self._replies(len(locals_) + 2)
        self._wire.write(message + b".\r\n")
        began = time.perf_counter()
        await self._replies(1)
        return time.perf_counter() - began

    async def quit(self) -> None:
        self._wire.write(b"QUIT\r\n")
        await self._replies(1)
        self._wire.close()

    async def _replies(self, count: int) -> None:
        """So many whole replies; one that refuses ends the measurement."""
        while count:
            line = await self._wire.line()
            if line[:1] not in b"23":
                raise Refused(line.decode(errors="replace"))
            count -= line[3:4] != b"-"
