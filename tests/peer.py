"""An SMTP server that plays a part: it says at each step what a test tells it to, and keeps what it was given.

`says["RCPT"]` is what it answers to RCPT: text, bytes as they are, `HANG` (nothing, for ever), `CLOSE` (hangs up),
bytes and then one of these (a tuple), a function of the command that gives one of these, or a list of them, one for
each time. The steps are CONNECT, the commands, HANDSHAKE (when the client's first bytes of TLS have come), DATA and
END (after the message).
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

HANG, CLOSE = object(), object()

Said = str | bytes | object | tuple[bytes, object] | Callable[[str], "Said"] | list["Said"]


@dataclass
class Taken:
    """A message that was answered with 250."""

    mail: str
    rcpts: list[str]
    data: bytes
    tls: bool


@dataclass
class Peer:
    """Start it with `start`."""

    extensions: tuple[str, ...] = ("PIPELINING", "SIZE 1000000", "8BITMIME", "DSN", "SMTPUTF8")
    name: str = "mx.example.com"
    context: ssl.SSLContext | None = None  # STARTTLS is offered
    implicit: bool = False
    says: dict[str, Said] = field(default_factory=dict)
    sessions: list[list[str]] = field(default_factory=list)  # the commands of each connection
    taken: list[Taken] = field(default_factory=list)
    greeted: list[str | None] = field(default_factory=list)  # the name each handshake asked for
    host: str = "127.0.0.1"
    port: int = 0
    reads: list[bytes] = field(default_factory=list)  # what came in one piece
    # what is done to a client, by its address, to which nothing more is said; it may go on until the end
    hung: Callable[[tuple[str, int]], Awaitable[object]] = lambda _: asyncio.Event().wait()

    async def start(self) -> "Peer":
        if self.context is not None:
            self.context.sni_callback = lambda _s, name, _c: self.greeted.append(name)
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, ssl=self.context if self.implicit else None
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.busy: set[asyncio.Task[None] | None] = set()
        return self

    async def idle(self) -> None:
        """All connections have ended, but for those that hang on purpose."""
        while self.busy:
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()  # what a client did not take is not waited for
        await asyncio.sleep(0)  # the loop closes them

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        self.busy.add(task)
        try:
            await _Part(self, reader, writer).play()
        except (_Over, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self.busy.discard(task)
            writer.close()


class _Over(Exception):
    """The connection is closed."""


class _Part:
    """One connection."""

    def __init__(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peer, self.reader, self.writer = peer, reader, writer
        self.commands: list[str] = []
        self.tls = peer.implicit
        self.mail, self.rcpts = "", list[str]()
        peer.sessions.append(self.commands)

    async def play(self) -> None:
        await self.say("CONNECT", "", f"220 {self.peer.name} ESMTP")
        while line := await self.line():
            self.commands.append(line)
            await self.command(line)

    async def command(self, line: str) -> None:
        verb = line.split(" ", 1)[0].upper()
        if verb in ("EHLO", "LHLO"):
            await self.say(verb, line, self.hello())
        elif verb == "STARTTLS":
            await self.start_tls(line)
        elif verb == "MAIL":
            code = await self.say(verb, line, "250 2.1.0 ok")
            self.mail, self.rcpts = (line if code == "250" else ""), []
        elif verb == "RCPT":
            if await self.say(verb, line, "250 2.1.5 ok" if self.mail else "503 5.5.1 MAIL first") == "250":
                self.rcpts.append(line)
        elif verb == "DATA":
            if await self.say(verb, line, "354 go on" if self.rcpts else "554 5.5.1 nobody") == "354":
                await self.message()
        elif verb == "QUIT":
            await self.say(verb, line, "221 2.0.0 bye")
            raise _Over
        else:
            await self.say(verb, line, "250 2.0.0 ok")

    def hello(self) -> str:
        lines = [self.peer.name, *self.peer.extensions]
        if self.peer.context is not None and not self.tls:
            lines.append("STARTTLS")
        return "\r\n".join(f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines)

    async def start_tls(self, line: str) -> None:
        if await self.say("STARTTLS", line, "220 2.0.0 go") != "220":
            return
        if self.peer.context is not None:
            await self.writer.start_tls(self.peer.context)
            self.tls = True
        elif "HANDSHAKE" in self.peer.says and await self.reader.read(1):
            await self.say("HANDSHAKE", "", b"")

    async def message(self) -> None:
        data = b""
        while not (data.endswith(b"\r\n.\r\n") or data == b".\r\n"):
            chunk = await self.reader.read(65536)
            if not chunk:
                raise _Over
            data += chunk
        data = data[:-3].replace(b"\r\n..", b"\r\n.")
        data = data[1:] if data.startswith(b".") else data
        step = "END"
        if self.commands[0].startswith("LHLO"):
            for rcpt in self.rcpts:
                await self.say(step, rcpt, "250 2.0.0 taken")
        elif await self.say(step, "", "250 2.0.0 taken") == "250":
            self.peer.taken.append(Taken(self.mail, self.rcpts, data, self.tls))
        self.mail, self.rcpts = "", []

    async def line(self) -> str:
        line = await self.reader.readline()
        return line.decode("utf-8", "surrogateescape").rstrip("\r\n")

    async def say(self, step: str, command: str, usual: str) -> str:
        """Answer; the code that was said."""
        said: Said = self.peer.says.get(step, usual)
        while callable(said) or isinstance(said, list):
            said = said(command) if callable(said) else said.pop(0) if said else usual
        first, said = said if isinstance(said, tuple) else (b"", said)
        if said not in (HANG, CLOSE):
            first = said if isinstance(said, bytes) else f"{said}\r\n".encode()
        self.writer.write(first)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()
        if said is HANG:
            self.peer.busy.discard(asyncio.current_task())
            await self.peer.hung(self.writer.get_extra_info("peername")[:2])
            raise _Over
        if said is CLOSE:
            raise _Over
        return first[:3].decode("latin-1")
