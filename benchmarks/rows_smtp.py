"""Mail coming in: rates, CPU for each message, and what one sender waits for."""

import asyncio
import os
import statistics
from collections.abc import Sequence

from benchmarks.clock import Clock
from benchmarks.figure import Figure
from benchmarks.load_smtp import Smtp
from benchmarks.mail import message
from benchmarks.server import ACCOUNTS, Server

SESSIONS = 20
MESSAGES = 1500
MANY = 10  # recipients of one message
MANY_MESSAGES = 300
ONE_BY_ONE = 200
PATIENCE = 120  # seconds until the last copy is in its mailbox


def stored(server: Server, locals_: Sequence[str]) -> int:
    """Messages in these INBOXes, as the disk says."""
    count = 0
    for local in locals_:
        for place in ("new", "cur"):
            try:
                count += len(os.listdir(server.maildir(local) / place))
            except FileNotFoundError:
                continue
    return count


async def arrived(server: Server, locals_: Sequence[str], wanted: int) -> None:
    """Wait until the disk has so many."""
    async with asyncio.timeout(PATIENCE):
        while stored(server, locals_) < wanted:  # noqa: ASYNC110 - another program's files
            await asyncio.sleep(0.005)


async def _send(server: Server, envelopes: Sequence[Sequence[str]], locals_: Sequence[str]) -> Clock:
    """All messages over `SESSIONS` kept connections, until every copy lies in its mailbox."""
    before = stored(server, locals_)
    wanted = before + sum(len(envelope) for envelope in envelopes)
    waiting = iter([(envelope, message(number)) for number, envelope in enumerate(envelopes)])
    sessions = [await Smtp.open(server.ports.smtp) for _ in range(SESSIONS)]

    async def work(session: Smtp) -> None:
        for envelope, data in waiting:
            await session.send(envelope, data)

    async with Clock(server) as clock:
        await asyncio.gather(*(work(session) for session in sessions))
        await arrived(server, locals_, wanted)
    for session in sessions:
        await session.quit()
    return clock


async def warm_up(server: Server, locals_: Sequence[str]) -> None:
    """The first message to an account makes its folders and its index: not what is measured."""
    before = stored(server, locals_)
    session = await Smtp.open(server.ports.smtp)
    for local in locals_:
        await session.send([local], message(0))
    await session.quit()
    await arrived(server, locals_, before + len(locals_))


async def deliver(server: Server) -> list[Figure]:
    """4 KB each, 20 sessions, 20 mailboxes."""
    locals_ = ACCOUNTS[:20]
    await warm_up(server, locals_)
    clock = await _send(server, [[locals_[number % 20]] for number in range(MESSAGES)], locals_)
    return _rates(clock, MESSAGES)


async def deliver_one(server: Server) -> list[Figure]:
    """The same, all into one mailbox."""
    locals_ = ACCOUNTS[20:21]
    await warm_up(server, locals_)
    return _rates(await _send(server, [locals_] * MESSAGES, locals_), MESSAGES)


async def deliver_many(server: Server) -> list[Figure]:
    """Each message to 10 of 20 mailboxes."""
    locals_ = ACCOUNTS[21:41]
    await warm_up(server, locals_)
    envelopes = [[locals_[(number + k) % 20] for k in range(MANY)] for number in range(MANY_MESSAGES)]
    return _rates(await _send(server, envelopes, locals_), MANY_MESSAGES * MANY, "copies")


async def dot(server: Server) -> list[Figure]:
    """From DATA's dot to 250; one session, one message after the other."""
    locals_ = ACCOUNTS[41:42]
    await warm_up(server, locals_)
    before = stored(server, locals_)
    session = await Smtp.open(server.ports.smtp)
    times = [await session.send(locals_, message(number)) for number in range(ONE_BY_ONE)]
    await session.quit()
    await arrived(server, locals_, before + ONE_BY_ONE)
    return [Figure("median", statistics.median(times) * 1e3, "ms")]


def _rates(clock: Clock, count: int, of: str = "messages") -> list[Figure]:
    return [
        Figure("rate", count / clock.wall, f"{of}/s", more=True),
        Figure("CPU each", clock.cpu / count * 1e3, "ms"),
    ]
