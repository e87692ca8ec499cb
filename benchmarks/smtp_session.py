"""What one SMTP session costs the server's CPU: connect, EHLO, MAIL, RCPT, DATA 4 KB, QUIT, on loopback.

    .venv/bin/python benchmarks/smtp_session.py aiosmtpd [ours]

Measures the door alone: the server is a child process under uvloop whose storage does nothing (aiosmtpd: a
null handler; ours: `smtp.session` over `net.connection` with a pipeline that accepts all and keeps nothing).
CPU is what the kernel counted for all threads of the child (/proc/<pid>/task/*/schedstat) between the first
and the last session, so neither start-up nor the load generator is in it. "Stepwise" clients wait for each
reply; "pipelined" ones send MAIL, RCPT and DATA in one packet (RFC 2920).
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SESSIONS = 2000
WARM = 200
HEAD = b"From: <a@example.test>\r\nTo: <b@example.test>\r\nSubject: x\r\n\r\n"
MESSAGE = HEAD + b"0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcdefghijklmn\r\n" * 62


def serve_aiosmtpd(sock: socket.socket) -> None:
    """aiosmtpd's SMTP with a handler that takes every message and forgets it."""
    import asyncio

    import uvloop
    from aiosmtpd.smtp import SMTP

    class Null:
        async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
            return "250 2.0.0 accepted"

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(Null(), hostname="mail.example.test", loop=loop, enable_SMTPUTF8=True), sock=sock
        )
        await server.serve_forever()

    uvloop.run(run())


def serve_ours(sock: socket.socket) -> None:
    """Our session over our connection. The pipeline says yes to everything and stores nothing."""
    import asyncio
    from typing import Any, cast

    import uvloop

    from config.settings import Settings, SmtpListen
    from filters.mail import Mail, Recipient
    from net.server import Server
    from smtp.door import SmtpDoor
    from smtp.serve import serve
    from storage.people.address import Address
    from storage.spool import Spool
    from storage.status import DELIVERED, Status

    class Yes:
        traces = rates = cast(Any, None)

        def spool(self, most: int) -> Spool:
            return Spool(Path("/nowhere"), most, cast(Any, None))

        async def sender(self, mail: Mail) -> Status:
            return DELIVERED

        async def recipient(self, mail: Mail, address: Address, size: int | None) -> Recipient:
            return Recipient(address, cast(Any, None))

        async def receive(self, mail: Mail) -> Status:
            return DELIVERED

    async def run() -> None:
        settings = Settings(hostname="mail.example.test")
        door = SmtpDoor(settings, cast(Any, Yes()), cast(Any, Yes()), None)
        listen = SmtpListen(address="127.0.0.1:0", mode="mx")
        sock.setblocking(False)
        server = Server(sock, lambda connection: serve(door, connection, listen))
        await server.start()
        await asyncio.Event().wait()

    uvloop.run(run())


SERVERS: dict[str, Callable[[socket.socket], None]] = {"aiosmtpd": serve_aiosmtpd, "ours": serve_ours}


def cpu(pid: int) -> float:
    """Seconds of CPU that all threads of a process have used."""
    return sum(int(task.joinpath("schedstat").read_text().split()[0]) for task in tasks(pid)) / 1e9


def tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def reply(sock: socket.socket, count: int = 1) -> None:
    """Read `count` whole replies; any 5xx or 4xx ends the measurement."""
    data = b""
    while True:
        lines = data.split(b"\r\n")[:-1]
        ends = [line for line in lines if line[3:4] == b" "]
        if len(ends) >= count and data.endswith(b"\r\n"):
            if any(line[:1] in b"45" for line in lines):
                raise SystemExit(f"refused: {data!r}")
            return
        chunk = sock.recv(65536)
        if not chunk:
            raise SystemExit(f"closed: {data!r}")
        data += chunk


def session(address: tuple[str, int], pipelined: bool) -> None:
    with socket.create_connection(address) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reply(sock)
        sock.sendall(b"EHLO client.example.test\r\n")
        reply(sock)
        envelope = (b"MAIL FROM:<a@example.test>\r\n", b"RCPT TO:<b@example.test>\r\n", b"DATA\r\n")
        if pipelined:
            sock.sendall(b"".join(envelope))
            reply(sock, 3)
        else:
            for command in envelope:
                sock.sendall(command)
                reply(sock)
        sock.sendall(MESSAGE + b".\r\n")
        reply(sock)
        sock.sendall(b"QUIT\r\n")
        reply(sock)


def measure(name: str) -> None:
    sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
    pid = os.fork()
    if pid == 0:
        SERVERS[name](sock)
        os._exit(0)
    try:
        address = sock.getsockname()
        for pipelined in (False, True):
            for _ in range(WARM):
                session(address, pipelined)
            before, began = cpu(pid), time.perf_counter()
            for _ in range(SESSIONS):
                session(address, pipelined)
            wall, used = time.perf_counter() - began, cpu(pid) - before
            kind = "pipelined" if pipelined else "stepwise"
            print(
                f"{name:10} {kind:10} {used / SESSIONS * 1e6:7.0f} µs CPU  {wall / SESSIONS * 1e6:7.0f} µs wall"
            )
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        sock.close()


if __name__ == "__main__":
    for server in sys.argv[1:] or list(SERVERS):
        measure(server)
