"""What mail programs ask: logins, APPEND, long listings."""

import asyncio
import ssl
import statistics
import time

from benchmarks.clock import Clock
from benchmarks.figure import Figure
from benchmarks.load_imap import Imap
from benchmarks.mail import message
from benchmarks.server import ACCOUNTS, Server

APPENDS = 400  # for each row, over all clients
LOGINS = 300
AT_ONCE = 4  # clients that log in
BIG = 10_000  # messages of the large mailbox
TOGETHER = 50  # of them in one APPEND
BIG_LOCAL = ACCOUNTS[60]
REPEAT = 9


async def append_one(server: Server) -> list[Figure]:
    """4 KB, one client."""
    return await _append(server, ACCOUNTS[43:44], APPENDS)


async def append_many(server: Server) -> list[Figure]:
    """4 KB, 16 clients, each into its own mailbox."""
    return await _append(server, ACCOUNTS[44:60], APPENDS * 3)


async def _append(server: Server, locals_: list[str], count: int) -> list[Figure]:
    sessions = [await Imap.login(server.ports.imap, local) for local in locals_]
    for session in sessions:
        await session.append([message(0)])
    waiting = iter([message(number) for number in range(count)])

    async def work(session: Imap) -> None:
        for data in waiting:
            await session.append([data])

    async with Clock(server) as clock:
        await asyncio.gather(*(work(session) for session in sessions))
    for session in sessions:
        await session.logout()
    return [
        Figure("rate", count / clock.wall, "/s", more=True),
        Figure("CPU each", clock.cpu / count * 1e3, "ms"),
    ]


async def login(server: Server) -> list[Figure]:
    """Connect, LOGIN, LOGOUT, in the clear."""
    return await _logins(server, server.ports.imap, None)


async def login_tls(server: Server) -> list[Figure]:
    """The same over TLS, a whole handshake each time."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return await _logins(server, server.ports.imaps, context)


async def _logins(server: Server, port: int, tls: ssl.SSLContext | None) -> list[Figure]:
    local = ACCOUNTS[61]
    async with Clock(server) as first:
        await (await Imap.login(port, local, tls)).logout()
    for _ in range(20):  # every process has the password now
        await (await Imap.login(port, local, tls)).logout()
    waiting = iter(range(LOGINS))

    async def work() -> None:
        for _ in waiting:
            await (await Imap.login(port, local, tls)).logout()

    async with Clock(server) as clock:
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return [
        Figure("CPU each", clock.cpu / LOGINS * 1e3, "ms"),
        Figure("rate", LOGINS / clock.wall, "/s", more=True),
        Figure("first login of a run, CPU", first.cpu * 1e3, "ms"),
    ]


async def fill(server: Server) -> None:
    """The large mailbox, once."""
    session = await Imap.login(server.ports.imap, BIG_LOCAL)
    await session.append([message(0)])
    here = sum(1 for place in ("new", "cur") for _ in (server.maildir(BIG_LOCAL) / place).glob("*"))
    for start in range(here, BIG, TOGETHER):
        await session.append([message(number) for number in range(start, min(start + TOGETHER, BIG))])
    await session.logout()


async def flags(server: Server) -> list[Figure]:
    """FETCH 1:* (UID FLAGS) of 10,000 messages, selected."""
    await fill(server)
    return await _fetch_warm(server, b"FETCH 1:* (UID FLAGS)")


async def envelope(server: Server) -> list[Figure]:
    """FETCH 1:* (ENVELOPE) of 10,000 messages: cold, nothing in memory and no cache of earlier FETCHes."""
    await fill(server)
    server.make_cold(BIG_LOCAL)
    session = await Imap.login(server.ports.imap, BIG_LOCAL)
    await session.command(b"SELECT INBOX")
    async with Clock(server) as cold:
        await session.command(b"FETCH 1:* (ENVELOPE)")
    await session.logout()
    return [
        Figure("cold", cold.wall * 1e3, "ms"),
        Figure("cold, CPU", cold.cpu * 1e3, "ms"),
        *await _fetch_warm(server, b"FETCH 1:* (ENVELOPE)", "warm"),
    ]


async def _fetch_warm(server: Server, command: bytes, what: str = "median") -> list[Figure]:
    session = await Imap.login(server.ports.imap, BIG_LOCAL)
    await session.command(b"SELECT INBOX")
    for _ in range(2):
        await session.command(command)
    times = []
    async with Clock(server) as clock:
        for _ in range(REPEAT):
            began = time.perf_counter()
            await session.command(command)
            times.append(time.perf_counter() - began)
    await session.logout()
    return [
        Figure(what, statistics.median(times) * 1e3, "ms"),
        Figure(f"{what}, CPU", clock.cpu / REPEAT * 1e3, "ms"),
    ]
