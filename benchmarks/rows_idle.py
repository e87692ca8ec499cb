"""Clients that wait: what each costs in memory, and how soon they hear of a message."""

import asyncio
import statistics
import time

from benchmarks.figure import Figure
from benchmarks.load_imap import Imap
from benchmarks.load_smtp import Smtp
from benchmarks.mail import message
from benchmarks.server import ACCOUNTS, Server

CLIENTS = 3000
LOCALS = ACCOUNTS[70:100]
AT_ONCE = 20  # that log in at the same time
HEARD = 40
PAUSE = 0.25  # seconds between two messages: nobody is in a hurry


async def idle(server: Server) -> list[Figure]:
    """3,000 clients in IDLE on the INBOXes of 30 accounts."""
    server.restart()  # memory that earlier rows have freed, but not given back, would hide what these take
    first = [await Imap.login(server.ports.imap, local) for local in LOCALS]
    for session in first:
        await session.command(b"SELECT INBOX")
    await asyncio.sleep(1)
    before = server.group.proportional()
    waiting = iter(range(CLIENTS))
    sessions: list[Imap] = []

    async def work() -> None:
        for number in waiting:
            session = await Imap.login(server.ports.imap, LOCALS[number % len(LOCALS)])
            await session.command(b"SELECT INBOX")
            await session.idle()
            sessions.append(session)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    await asyncio.sleep(2)
    figures = [Figure("each", (server.group.proportional() - before) / CLIENTS / 1024, "KB")]
    if pause := server.wait_hibernation():
        await asyncio.sleep(pause)
    figures.append(Figure("each, hibernated", (server.group.proportional() - before) / CLIENTS / 1024, "KB"))
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
