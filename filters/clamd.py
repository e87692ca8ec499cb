"""clamd's INSTREAM over its socket: the message goes there in pieces as it is read, and nothing of it is kept.

The protocol is that of clamd(8): `zINSTREAM`, then pieces with their length in four octets, a length of 0 at the
end, one answer that ends with NUL. A client of ours, because aioclamd knows no Unix sockets, which is where
Debian's clamd listens.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from config.values import split_host_port

PIECE = 128 * 1024  # octets
ANSWER_MOST = 4096  # octets of an answer
_TOO_BIG = "INSTREAM size limit exceeded"


class ClamdFailure(Exception):
    """The engine did not answer, or not with a verdict; the text is for the log."""


class OverLimit(Exception):
    """The message is larger than the engine takes (StreamMaxLength)."""


class Clamd:
    """One for each process. `most` scans run at the same time, the others wait for their turn."""

    def __init__(
        self, address: str, run: Callable[..., Awaitable[Any]], *, most: int, seconds: float
    ) -> None:
        self.address = address
        self._run = run
        self._room = asyncio.Semaphore(most)
        self._seconds = seconds

    async def scan(self, pieces: Callable[[], Iterable[bytes]], in_memory: bool) -> str | None:
        """The name of what was found, None if nothing was. Raises ClamdFailure and OverLimit.

        `pieces` is iterated in a thread unless it is `in_memory`. The time counts from when it is our turn.
        """
        async with self._room:
            try:
                async with asyncio.timeout(self._seconds):
                    answer = await self._talk(pieces, in_memory)
            except TimeoutError:
                raise ClamdFailure(f"no answer within {self._seconds:g} s") from None
            except OSError as error:
                raise ClamdFailure(f"{type(error).__name__}: {error}") from error
        return _found(answer)

    async def _talk(self, pieces: Callable[[], Iterable[bytes]], in_memory: bool) -> str:
        loop = asyncio.get_running_loop()
        with await self._connect(loop) as sock:
            source = iter(pieces())
            try:
                await loop.sock_sendall(sock, b"zINSTREAM\0")
                while (
                    piece := next(source, b"") if in_memory else await self._run(next, source, b"")
                ) != b"":
                    for start in range(0, len(piece), PIECE):
                        part = piece[start : start + PIECE]
                        await loop.sock_sendall(sock, struct.pack(">I", len(part)) + part)
                await loop.sock_sendall(sock, struct.pack(">I", 0))
            except ConnectionError:
                pass  # it has heard enough, and has said why before it hung up
            return await _answer(loop, sock)

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> socket.socket:
        if self.address.startswith("/"):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            where: object = self.address
        else:
            host, port = split_host_port(self.address)
            family, kind, protocol, _, where = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[
                0
            ]
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
        try:
            await loop.sock_connect(sock, where)  # type: ignore[arg-type]
        except BaseException:
            sock.close()
            raise
        return sock


async def _answer(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> str:
    answer = b""
    while not answer.endswith(b"\0") and len(answer) < ANSWER_MOST:
        try:
            more = await loop.sock_recv(sock, ANSWER_MOST)
        except ConnectionResetError:  # said once, before what came earlier can be read (unix(7))
            more = await loop.sock_recv(sock, ANSWER_MOST)
        if not more:
            break
        answer += more
    return answer.rstrip(b"\0").decode("utf-8", "replace").strip()


def _found(answer: str) -> str | None:
    if answer == "stream: OK":
        return None
    if answer.startswith("stream: ") and answer.endswith(" FOUND"):
        return answer.removeprefix("stream: ").removesuffix(" FOUND")
    if _TOO_BIG in answer:
        raise OverLimit
    raise ClamdFailure(f"answered {answer[:200]!r}")
