"""Mail going out: through submission and the queue to destinations that take everything."""

import asyncio
import base64
import ssl
import statistics
import time
from collections.abc import Sequence

from benchmarks.clock import Clock
from benchmarks.figure import Figure
from benchmarks.load_smtp import Smtp
from benchmarks.mail import submitted
from benchmarks.server import ACCOUNTS, DOMAIN, PASSWORD, Server
from benchmarks.sinks import COUNT, DEAD, TLS

SESSIONS = 10
MESSAGES = 1000
ONE_BY_ONE = 200
PATIENCE = 300  # seconds until the queue is empty
CALM = 0.05  # seconds of CPU within a second
LENGTHS = (0, 50_000, 100_000)  # messages that wait in the queue for a destination that is dead
SENDER = f"{ACCOUNTS[0]}@{DOMAIN}"
AUTH = base64.b64encode(f"\0{SENDER}\0{PASSWORD}".encode())


async def _open(server: Server, tls: bool = False) -> Smtp:
    session = await Smtp.open(server.ports.submission, SENDER)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await session.start_tls(context)
    if server.authenticates:
        await session.command(b"AUTH PLAIN " + AUTH)
    return session


async def _emptied(server: Server, waiting: int = 0) -> None:
    async with asyncio.timeout(PATIENCE):
        while server.queued() > waiting:  # noqa: ASYNC110 - another program's files
            await asyncio.sleep(0.005)


async def _send(
    server: Server, domains: Sequence[str], count: int, tls: bool = False, waiting: int = 0
) -> Clock:
    """Until the last message has left the queue, `waiting` others left aside."""
    work = iter(range(count))
    sessions = [await _open(server, tls) for _ in range(SESSIONS)]

    async def each(session: Smtp) -> None:
        for number in work:
            await session.send_to([f"u{number}@{domains[number % len(domains)]}"], submitted(number, SENDER))

    async with Clock(server) as clock:
        await asyncio.gather(*(each(session) for session in sessions))
        await _emptied(server, waiting)
    for session in sessions:
        await session.quit()
    return clock


def _rates(clock: Clock, count: int, what: str = "") -> list[Figure]:
    return [
        Figure(f"rate{what}", count / clock.wall, "messages/s", more=True),
        Figure(f"CPU each{what}", clock.cpu / count * 1e3, "ms"),
    ]


DOMAINS = [f"d{number}.test" for number in range(COUNT)]


async def relay(server: Server) -> list[Figure]:
    """4 KB each, 10 sessions, 20 destinations."""
    await _send(server, DOMAINS, 2 * COUNT)
    return _rates(await _send(server, DOMAINS, MESSAGES), MESSAGES)


async def relay_signed(server: Server) -> list[Figure]:
    """The same as `relay`, with a DKIM signature by each of two keys where the server makes them."""
    await asyncio.to_thread(server.sign, True)
    try:
        await _send(server, DOMAINS, 2 * COUNT)
        return _rates(await _send(server, DOMAINS, MESSAGES), MESSAGES)
    finally:
        await asyncio.to_thread(server.sign, False)


async def relay_tls(server: Server) -> list[Figure]:
    """The same, with STARTTLS on both sides and one destination."""
    await _send(server, [TLS], 2 * COUNT, tls=True)
    return _rates(await _send(server, [TLS], MESSAGES, tls=True), MESSAGES)


async def submit(server: Server) -> list[Figure]:
    """From DATA's dot to 250 for mail to others; one session, one message after the other."""
    session = await _open(server)
    await session.send_to([f"x@{DOMAINS[0]}"], submitted(0, SENDER))
    times = []
    for number in range(ONE_BY_ONE):
        times.append(await session.send_to([f"x@{DOMAINS[number % COUNT]}"], submitted(number, SENDER)))
        await _emptied(server)
    await session.quit()
    return [Figure("median", statistics.median(times) * 1e3, "ms")]


async def long_queue(server: Server) -> list[Figure]:
    """A queue that grows: its start, its memory, and whether others notice. The queue is empty again afterwards."""
    figures: list[Figure] = []
    try:
        for length in LENGTHS:
            if length:
                await _fill(server, length)
                before = server.group.cpu()
                alone = await asyncio.to_thread(server.send_alone, DOMAINS[0])
                if alone is not None:
                    cpu = server.group.cpu() - before
                    figures += [
                        Figure(f"{length:,} queued: what sends, alone, to first mail sent", alone[0], "s"),
                        Figure(f"{length:,} queued: the same, CPU", cpu, "s"),
                        Figure(f"{length:,} queued: the same, memory", alone[1] / 1e6, "MB"),
                    ]
                before, began = server.group.cpu(), time.perf_counter()
                await asyncio.to_thread(server.resume)
                session = await _open(server)
                await session.send_to([f"x@{DOMAINS[0]}"], submitted(0, SENDER))
                await _emptied(server, length)
                figures.append(
                    Figure(f"{length:,} queued: start to first mail sent", time.perf_counter() - began, "s")
                )
                await session.quit()
                await _calm(server)
                figures.append(
                    Figure(f"{length:,} queued: CPU of the start", server.group.cpu() - before, "s")
                )
                figures.append(Figure(f"{length:,} queued: memory", server.group.proportional() / 1e6, "MB"))
            clock = await _send(server, DOMAINS, MESSAGES, waiting=length)
            figures += _rates(clock, MESSAGES, f", {length:,} queued")
    finally:
        server.halt()
        server.empty()
        server.resume()
    return figures


async def _calm(server: Server) -> None:
    """What is done once at the start is over: it belongs to no message."""
    async with asyncio.timeout(PATIENCE):
        before = -1.0
        while server.group.cpu() - before > CALM:
            before = server.group.cpu()
            await asyncio.sleep(1)


async def _fill(server: Server, length: int) -> None:
    """The server is halted afterwards."""
    session = await _open(server)
    await session.send_to([f"x@{DEAD}"], submitted(0, SENDER))
    await session.quit()
    await asyncio.to_thread(server.halt)
    await asyncio.to_thread(server.fill, length, DEAD)
