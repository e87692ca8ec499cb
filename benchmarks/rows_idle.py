"""Clients that wait: what each costs in memory, and how soon they hear of a message."""

import asyncio
import ssl
import statistics
import time
from collections.abc import Sequence

from benchmarks.figure import Figure
from benchmarks.load_imap import Imap
from benchmarks.load_smtp import Smtp
from benchmarks.mail import message
from benchmarks.server import ACCOUNTS, PEOPLE, Server

CLIENTS = 3000
SHARED = 5000
LOCALS = ACCOUNTS[70:100]
AT_ONCE = 20  # that log in at the same time
HEARD = 40
PAUSE = 0.25  # seconds between two messages: nobody is in a hurry


async def idle(server: Server) -> list[Figure]:
    """3,000 clients in IDLE on the INBOXes of 30 accounts."""
    return await _idle(server, LOCALS, CLIENTS)


async def idle_shared(server: Server) -> list[Figure]:
    """5,000 clients on 50 accounts."""
    return await _idle(server, ACCOUNTS[:50], SHARED)


async def idle_shared_tls(server: Server) -> list[Figure]:
    """The same over TLS."""
    return await _idle(server, ACCOUNTS[:50], SHARED, _anybody())


async def idle_own(server: Server) -> list[Figure]:
    """3,000 clients, each on an account of its own."""
    return await _idle(server, PEOPLE, len(PEOPLE))


async def idle_own_tls(server: Server) -> list[Figure]:
    """The same over TLS."""
    return await _idle(server, PEOPLE, len(PEOPLE), _anybody())


def _anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _idle(
    server: Server, locals_: Sequence[str], clients: int, tls: ssl.SSLContext | None = None
) -> list[Figure]:
    if locals_ is PEOPLE:
        server.add_people()
    server.restart()  # memory that earlier rows have freed, but not given back, would hide what these take
    port = server.ports.imap if tls is None else server.ports.imaps
    first = [await Imap.login(port, local, tls) for local in locals_[:50]]
    for session in first:
        await session.command(b"SELECT INBOX")
    await asyncio.sleep(1)
    before = server.group.proportional()
    waiting = iter(range(clients))
    sessions: list[Imap] = []

    async def work() -> None:
        for number in waiting:
            session = await Imap.login(port, locals_[number % len(locals_)], tls)
            await session.command(b"SELECT INBOX")
            await session.idle()
            sessions.append(session)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    await asyncio.sleep(2)
    figures = [Figure("each", (server.group.proportional() - before) / clients / 1024, "KB")]
    if pause := server.wait_hibernation():
        await asyncio.sleep(pause)
    figures.append(Figure("each, hibernated", (server.group.proportional() - before) / clients / 1024, "KB"))
    for session in [*first, *sessions]:
        session.wire.close()
    await asyncio.sleep(3)
    return figures


async def exists(server: Server) -> list[Figure]:
    """From SMTP's 250 to EXISTS in IDLE; 0 where EXISTS came first."""
    local = ACCOUNTS[62]
    sender = await Smtp.open(server.ports.smtp)
    await sender.send([local], message(0))
    await asyncio.sleep(2)
    reader = await Imap.login(server.ports.imap, local)
    await reader.command(b"SELECT INBOX")
    await reader.idle()
    times = []
    for number in range(HEARD):
        heard = asyncio.create_task(_exists(reader))
        await sender.send([local], message(number))
        answered = time.perf_counter()
        times.append(max(0.0, await heard - answered))
        await asyncio.sleep(PAUSE)
    await reader.done()
    await reader.logout()
    await sender.quit()
    return [Figure("median", statistics.median(times) * 1e3, "ms")]


async def _exists(reader: Imap) -> float:
    while True:
        line = await reader.wire.line()
        if line.endswith(b" EXISTS"):
            return time.perf_counter()
