"""100 MB in by SMTP and out by IMAP and POP3: time, and what it costs the largest process."""

from benchmarks.clock import Clock
from benchmarks.figure import Figure
from benchmarks.load_imap import Imap
from benchmarks.load_pop3 import Pop3
from benchmarks.load_smtp import Smtp
from benchmarks.mail import large as large_message
from benchmarks.rows_smtp import arrived, stored, warm_up
from benchmarks.server import ACCOUNTS, Server

SIZE = 100_000_000
LOCAL = ACCOUNTS[42]


async def large(server: Server) -> list[Figure]:
    """One message of 100 MB."""
    await warm_up(server, [LOCAL])
    await _empty(server)
    data = large_message(SIZE)
    resident = server.group.resident()
    server.group.forget_peaks()
    return [
        *await _in(server, data),
        *await _imap(server, len(data)),
        *await _pop3(server, len(data)),
        *_memory(server, resident),
    ]


async def _in(server: Server, data: bytes) -> list[Figure]:
    session = await Smtp.open(server.ports.smtp)
    before = stored(server, [LOCAL])
    async with Clock(server) as clock:
        await session.send([LOCAL], data)
        await arrived(server, [LOCAL], before + 1)
    await session.quit()
    return _times("in by SMTP", clock)


async def _imap(server: Server, size: int) -> list[Figure]:
    session = await Imap.login(server.ports.imap, LOCAL)
    await session.command(b"SELECT INBOX")
    before = session.wire.received
    async with Clock(server) as clock:
        await session.command(b"FETCH * (BODY.PEEK[])")
    if session.wire.received - before < size:
        raise SystemExit(f"{server.name}: IMAP gave {session.wire.received - before} of {size} octets")
    await session.logout()
    return _times("out by IMAP", clock)


async def _pop3(server: Server, size: int) -> list[Figure]:
    session = await Pop3.login(server.ports.pop3, LOCAL)
    async with Clock(server) as clock:
        got = await session.retrieve(1)
    if got < size:
        raise SystemExit(f"{server.name}: POP3 gave {got} of {size} octets")
    await session.command("QUIT")
    return _times("out by POP3", clock)


async def _empty(server: Server) -> None:
    session = await Imap.login(server.ports.imap, LOCAL)
    await session.command(b"SELECT INBOX")
    await session.command(b"UID STORE 1:* +FLAGS.SILENT (\\Deleted)")
    await session.command(b"EXPUNGE")
    await session.logout()


def _memory(server: Server, before: dict[int, int]) -> list[Figure]:
    peaks = server.group.peaks()
    largest = max(peaks.values())
    grown = max(peak - before.get(pid, 0) for pid, peak in peaks.items() if pid in before or peak)
    return [
        Figure("largest process", largest / 2**20, "MB"),
        Figure("above idle", min(grown, largest) / 2**20, "MB"),
    ]


def _times(what: str, clock: Clock) -> list[Figure]:
    return [Figure(what, clock.wall, "s"), Figure(f"{what}, CPU", clock.cpu, "s")]
