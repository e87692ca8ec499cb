"""Large mailboxes and many folders, as mail programs use them. `SMALL` and `LARGE` messages, one a kilobyte.

Cold is after a start of the server, which for the FETCHes has also forgotten what FETCH has put aside before (for
Dovecot `dovecot.index.cache`; what kwcmaild makes at delivery it still has).
"""

import asyncio
import random
import statistics
import time

from benchmarks.clock import Clock
from benchmarks.figure import Figure
from benchmarks.fill import LOOKED_FOR, fill
from benchmarks.load_imap import Imap
from benchmarks.server import ACCOUNTS, Server

SMALL, LARGE = 10_000, 100_000
OCTETS = 1024
SMALL_LOCAL, LARGE_LOCAL, TEXT_LOCAL, FOLDERS_LOCAL = ACCOUNTS[63:67]
MIXED = ACCOUNTS[90:100]
REPEAT = 5
BODIES = 400
STORES = 400
COPIED = 1000
FOLDERS, ASKED = 1000, 50
CLIENTS, ROUNDS = 50, 10


async def select(server: Server) -> list[Figure]:
    """SELECT: the first time after a start; again on the same connection; on a new one."""
    figures = []
    for local, count in ((SMALL_LOCAL, SMALL), (LARGE_LOCAL, LARGE)):
        await fill(server, local, count, OCTETS)
        server.restart()
        await (await Imap.login(server.ports.imap, ACCOUNTS[68])).logout()  # the processes are up
        session = await Imap.login(server.ports.imap, local)
        figures += await _once(server, session, b"SELECT INBOX", f"{count:,}, cold")
        figures += await _again(server, session, b"SELECT INBOX", f"{count:,}, same connection")
        await session.logout()
        figures += await _new_connections(server, local, f"{count:,}, new connection")
    return figures


async def _new_connections(server: Server, local: str, what: str) -> list[Figure]:
    times = []
    async with Clock(server) as clock:
        for _ in range(REPEAT):
            began = time.perf_counter()
            session = await Imap.login(server.ports.imap, local)
            await session.command(b"SELECT INBOX")
            times.append(time.perf_counter() - began)
            await session.logout()
    return _figures(what, statistics.median(times), clock.cpu / REPEAT)


async def fetch(server: Server) -> list[Figure]:
    """FETCH of all of 100,000: flags; what a list of messages shows; structures. Cold and warm."""
    await fill(server, LARGE_LOCAL, LARGE, OCTETS)
    shown = b"FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"
    figures = []
    for name, command in (("list", shown), ("structure", b"FETCH 1:* (BODYSTRUCTURE)")):
        server.make_cold(LARGE_LOCAL)
        session = await _selected(server, LARGE_LOCAL)
        figures += await _once(server, session, command, f"{name}, cold")
        figures += await _again(server, session, command, f"{name}, warm")
        await session.logout()
    session = await _selected(server, LARGE_LOCAL)
    figures += await _again(server, session, b"FETCH 1:* (UID FLAGS)", "flags, warm")
    await session.logout()
    return figures


async def bodies(server: Server) -> list[Figure]:
    """BODY.PEEK[] of messages at random in 10,000: one at a time, and 20 asked for together."""
    await fill(server, SMALL_LOCAL, SMALL, OCTETS)
    session = await _selected(server, SMALL_LOCAL)
    chosen = random.Random(1).choices(range(1, SMALL + 1), k=BODIES)
    async with Clock(server) as one:
        for number in chosen:
            await session.command(b"FETCH %d (BODY.PEEK[])" % number)
    async with Clock(server) as twenty:
        for at in range(0, BODIES, 20):
            await session.together([b"FETCH %d (BODY.PEEK[])" % number for number in chosen[at : at + 20]])
    await session.logout()
    return [
        Figure("one at a time, CPU each", one.cpu / BODIES * 1e3, "ms"),
        Figure("20 together, CPU each", twenty.cpu / BODIES * 1e3, "ms"),
    ]


async def store(server: Server) -> list[Figure]:
    """STORE of a flag: one message at a time, and 10,000 as one range."""
    await fill(server, SMALL_LOCAL, SMALL, OCTETS)
    session = await _selected(server, SMALL_LOCAL)
    async with Clock(server) as one:
        for number in range(1, STORES + 1):
            await session.command(b"STORE %d +FLAGS.SILENT (\\Flagged)" % number)
    async with Clock(server) as every:
        await session.command(b"STORE 1:* +FLAGS.SILENT (\\Answered)")
    await session.command(b"STORE 1:* -FLAGS.SILENT (\\Flagged \\Answered)")
    await session.logout()
    return [
        Figure("one by one, CPU each", one.cpu / STORES * 1e3, "ms"),
        Figure("one range, CPU each", every.cpu / SMALL * 1e3, "ms"),
    ]


async def copy(server: Server) -> list[Figure]:
    """COPY, MOVE and EXPUNGE of 1,000."""
    await fill(server, SMALL_LOCAL, SMALL, OCTETS)
    session = await _selected(server, SMALL_LOCAL)
    for name in (b"Copied", b"Moved"):
        await session.command(b"CREATE " + name, may_fail=True)
    figures = await _once(server, session, b"COPY 1:%d Copied" % COPIED, "COPY")
    await session.command(b"SELECT Copied")
    figures += await _once(server, session, b"MOVE 1:%d Moved" % COPIED, "MOVE")
    await session.command(b"SELECT Moved")
    await session.command(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
    figures += await _once(server, session, b"EXPUNGE", "EXPUNGE")
    await session.logout()
    return figures


async def folders(server: Server) -> list[Figure]:
    """STATUS of 50 folders and LIST of 1,000, asked again and again as mail programs do."""
    session = await Imap.login(server.ports.imap, FOLDERS_LOCAL)
    for number in range(FOLDERS):
        await session.command(b"CREATE f%d" % number, may_fail=True)
    await asyncio.sleep(1)
    asked = [b"STATUS f%d (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)" % number for number in range(ASKED)]
    await session.together(asked)
    times = []
    async with Clock(server) as clock:
        for _ in range(REPEAT):
            began = time.perf_counter()
            await session.together(asked)
            times.append(time.perf_counter() - began)
    figures = _figures("STATUS of 50", statistics.median(times), clock.cpu / REPEAT)
    figures += await _again(server, session, b'LIST "" "*"', "LIST of 1,000")
    await session.logout()
    return figures


async def search_subject(server: Server) -> list[Figure]:
    """SEARCH SUBJECT in 10,000, cold and warm."""
    await fill(server, SMALL_LOCAL, SMALL, OCTETS)
    text = "見積書の件 77".encode()
    command = b"SEARCH CHARSET UTF-8 SUBJECT {%d+}\r\n%b" % (len(text), text)
    server.make_cold(SMALL_LOCAL)
    session = await _selected(server, SMALL_LOCAL)
    figures = await _once(server, session, command, "cold")
    figures += await _again(server, session, command, "warm")
    await session.logout()
    return figures


async def search_text(server: Server) -> list[Figure]:
    """SEARCH TEXT in 10,000 messages of 75 MB."""
    await fill(server, TEXT_LOCAL, SMALL, 7500, letters=True)
    server.index_text(TEXT_LOCAL)
    session = await _selected(server, TEXT_LOCAL)
    figures = []
    for word, _ in LOOKED_FOR:
        text = word.encode()
        command = b"SEARCH CHARSET UTF-8 TEXT {%d+}\r\n%b" % (len(text), text)
        figures += await _again(server, session, command, word)
    await session.logout()
    return figures


async def mix(server: Server) -> list[Figure]:
    """50 clients on 10 accounts at once: SELECT, new headers, a body, \\Seen."""
    for local in MIXED:
        await fill(server, local, 200, OCTETS)
    sessions = [await Imap.login(server.ports.imap, MIXED[number % len(MIXED)]) for number in range(CLIENTS)]

    async def work(session: Imap, number: int) -> None:
        for turn in range(ROUNDS):
            uid = (number * 7 + turn) % 200 + 1
            await session.command(b"SELECT INBOX")
            await session.command(b"UID FETCH %d:* (UID FLAGS ENVELOPE)" % max(uid - 10, 1))
            await session.command(b"UID FETCH %d (BODY.PEEK[])" % uid)
            await session.command(b"UID STORE %d +FLAGS.SILENT (\\Seen)" % uid)

    async with Clock(server) as clock:
        await asyncio.gather(*(work(session, number) for number, session in enumerate(sessions)))
    for session in sessions:
        await session.logout()
    commands = CLIENTS * ROUNDS * 4
    return [
        Figure("rate", commands / clock.wall, "commands/s", more=True),
        Figure("CPU each", clock.cpu / commands * 1e3, "ms"),
    ]


async def _selected(server: Server, local: str) -> Imap:
    session = await Imap.login(server.ports.imap, local)
    await session.command(b"SELECT INBOX")
    return session


async def _once(server: Server, session: Imap, command: bytes, what: str) -> list[Figure]:
    async with Clock(server) as clock:
        await session.command(command)
    return _figures(what, clock.wall, clock.cpu)


async def _again(server: Server, session: Imap, command: bytes, what: str) -> list[Figure]:
    await session.command(command)
    times = []
    async with Clock(server) as clock:
        for _ in range(REPEAT):
            began = time.perf_counter()
            await session.command(command)
            times.append(time.perf_counter() - began)
    return _figures(what, statistics.median(times), clock.cpu / REPEAT)


def _figures(what: str, wall: float, cpu: float) -> list[Figure]:
    return [Figure(what, wall * 1e3, "ms"), Figure(f"{what}, CPU", cpu * 1e3, "ms")]
