"""Lines and chunks however the bytes are cut, time-outs, backpressure, and the ways a connection ends."""

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net import connection as connection_module
from net.connection import HIGH_WATER, Connection, Draining, LineTooLong, PeerGone, TimedOut
from tests.unit.net.conftest import Run, serving


async def _client(server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*server.address, limit=2**20)


async def _echo_lines(conn: Connection) -> None:
    while True:
        try:
            line = await conn.readline(100, 60)
        except LineTooLong:
            conn.write(b"too long\n")
            continue
        conn.write(b"<" + line.rstrip() + b">\n")


def test_lines_arrive_whole_however_they_are_cut(run: Run) -> None:
    async def main() -> None:
        async with serving(_echo_lines) as server:
            reader, writer = await _client(server)
            for byte in b"one\r\ntwo\nthree":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)
            assert await reader.readline() == b"<one>\n"
            assert await reader.readline() == b"<two>\n"
            writer.write(b"\r\nfour\r\nfive\r\n")
            assert [await reader.readline() for _ in range(3)] == [b"<three>\n", b"<four>\n", b"<five>\n"]
            writer.close()

    run(main())


def test_a_line_too_long_is_thrown_away_and_the_session_goes_on(run: Run) -> None:
    async def main() -> None:
        async with serving(_echo_lines) as server:
            reader, writer = await _client(server)
            for _ in range(200):
                writer.write(b"x" * 10_000)
                await writer.drain()
            writer.write(b"\r\n" + b"y" * 98 + b"\r\n" + b"z" * 99 + b"\r\nok\r\n")
            assert await reader.readline() == b"too long\n"
            assert await reader.readline() == b"<" + b"y" * 98 + b">\n"
            assert await reader.readline() == b"too long\n"
            assert await reader.readline() == b"<ok>\n"
            writer.close()

    run(main())


def test_the_time_is_for_the_whole_line_so_a_byte_now_and_then_gains_nothing(run: Run) -> None:
    async def main() -> None:
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def handle(conn: Connection) -> None:
            try:
                await conn.readline(1000, 0.15)
            except TimedOut:
                ended.set_result("timed out")

        async with serving(handle) as server:
            _, writer = await _client(server)

            async def trickle() -> None:
                while True:
                    writer.write(b"x")
                    await asyncio.sleep(0.02)

            dripping = asyncio.ensure_future(trickle())
            assert await asyncio.wait_for(ended, 60) == "timed out"
            dripping.cancel()
            writer.close()

    run(main())


def test_a_deadline_that_moves_back_is_kept_and_one_that_comes_nearer_too(run: Run) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        waits: list[float] = []
        done = asyncio.Event()

        async def handle(conn: Connection) -> None:
            await conn.readline(100, 60)  # from here on a timer is set; each wait below is to end before it
            given_up = asyncio.ensure_future(conn.readline(100, 0.1))
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
            for timeout in (0.25, 0.05):
                began = loop.time()
                with pytest.raises(TimedOut):
                    await conn.readline(100, timeout)
                waits.append(loop.time() - began)
            done.set()

        async with serving(handle) as server:
            _, writer = await _client(server)
            writer.write(b"first\r\n")
            await done.wait()
            writer.close()
        assert waits[0] >= 0.24
        assert waits[1] >= 0.04

    run(main())


def test_read_returns_what_is_there_and_unread_puts_it_back(run: Run) -> None:
    async def main() -> None:
        got: list[bytes] = []
        done = asyncio.Event()

        async def handle(conn: Connection) -> None:
            got.append(await conn.readline(100, 60))
            while conn.buffered < 6:
                await asyncio.sleep(0)
            got.append(await conn.read(4, 60))
            conn.unread(b"ab")
            assert conn.buffered == 4
            got.append(await conn.readline(100, 60))
            with pytest.raises(PeerGone):
                await conn.read(10, 60)
            done.set()

        async with serving(handle) as server:
            _, writer = await _client(server)
            writer.write(b"line\r\n1234\r\n")
            writer.write_eof()
            await done.wait()
            writer.close()
        assert got == [b"line\r\n", b"1234", b"ab\r\n"]

    run(main())


def test_a_line_cut_off_by_the_end_of_the_stream_is_not_a_line(run: Run) -> None:
    async def main() -> None:
        seen: list[object] = []
        done = asyncio.Event()

        async def handle(conn: Connection) -> None:
            seen.append(await conn.readline(100, 60))
            try:
                seen.append(await conn.readline(100, 60))
            except PeerGone:
                seen.append("gone")
            done.set()

        async with serving(handle) as server:
            _, writer = await _client(server)
            writer.write(b"QUIT\r\nDELE 1")
            writer.write_eof()
            await done.wait()
            writer.close()
        assert seen == [b"QUIT\r\n", "gone"]

    run(main())


def test_a_fast_peer_is_held_back_until_somebody_reads(run: Run) -> None:
    async def main() -> None:
        go, full, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
        most = total = 0

        async def handle(conn: Connection) -> None:
            nonlocal most, total
            while conn.buffered <= HIGH_WATER:
                await asyncio.sleep(0)
            for _ in range(50):  # more turns of the loop: nothing more may come
                await asyncio.sleep(0)
            most = conn.buffered
            full.set()
            await go.wait()
            try:
                while True:
                    total += len(await conn.read(2**20, 60))
            except PeerGone:
                done.set()

        async with serving(handle) as server:
            _, writer = await _client(server)
            writer.write(b"x" * 20_000_000)
            await full.wait()
            assert most <= HIGH_WATER + 256 * 1024
            go.set()
            await writer.drain()
            writer.close()
            await done.wait()
            assert total == 20_000_000

    run(main())


def test_drain_waits_for_a_slow_reader_and_gives_up_in_time(run: Run) -> None:
    async def main() -> None:
        outcome: list[str] = []
        done = asyncio.Event()

        async def handle(conn: Connection) -> None:
            await conn.drain()
            outcome.append("at once")
            conn.write(b"x" * 30_000_000)
            assert conn.unsent > 0
            try:
                await conn.drain(0.1)
            except TimedOut:
                outcome.append("timed out")
            await conn.drain(60)
            outcome.append("taken")
            done.set()

        async with serving(handle) as server:
            reader, writer = await _client(server)
            while outcome != ["at once", "timed out"]:
                await asyncio.sleep(0.01)
            await reader.readexactly(30_000_000)
            await done.wait()
            writer.close()

    run(main())


def test_a_peer_that_leaves_ends_reads_and_drains(run: Run) -> None:
    async def main() -> None:
        outcome: list[str] = []
        started, done = asyncio.Event(), asyncio.Event()

        async def handle(conn: Connection) -> None:
            conn.write(b"x" * 30_000_000)
            started.set()
            try:
                await conn.drain()
            except PeerGone:
                outcome.append("drain")
            try:
                await conn.readline(100, 60)
            except PeerGone:
                outcome.append("read")
            conn.write(b"nobody hears this")
            await conn.wait_closed()
            done.set()

        async with serving(handle) as server:
            _, writer = await _client(server)
            await started.wait()
            writer.transport.abort()
            await done.wait()
        assert outcome == ["drain", "read"]

    run(main())


def test_what_was_written_before_the_close_arrives(run: Run) -> None:
    async def handle(conn: Connection) -> None:
        conn.write(b"x" * 5_000_000)

    async def main() -> None:
        async with serving(handle) as server:
            reader, writer = await _client(server)
            assert len(await reader.read(-1)) == 5_000_000
            writer.close()

    run(main())


def test_a_peer_that_takes_nothing_is_cut_off_after_the_close(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "LINGER", 0.1)

    async def main() -> None:
        closed = asyncio.Event()

        async def handle(conn: Connection) -> None:
            conn.write(b"x" * 30_000_000)
            conn.close()
            await conn.wait_closed()
            closed.set()

        async with serving(handle) as server:
            with socket.create_connection(server.address):
                await asyncio.wait_for(closed.wait(), 60)

    run(main())


def test_a_cancelled_read_leaves_the_connection_usable(run: Run) -> None:
    async def main() -> None:
        got: list[bytes] = []
        done = asyncio.Event()

        async def handle(conn: Connection) -> None:
            reading = asyncio.ensure_future(conn.readline(100, 60))
            await asyncio.sleep(0.01)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            conn.write(b"go\n")
            got.append(await conn.readline(100, 60))
            done.set()

        async with serving(handle) as server:
            reader, writer = await _client(server)
            await reader.readline()
            writer.write(b"still here\r\n")
            await done.wait()
            writer.close()
        assert got == [b"still here\r\n"]

    run(main())


def test_lines_at_hand(run: Run) -> None:
    async def main() -> None:
        async def handle(conn: Connection) -> None:
            assert await conn.readline(100, 60) == b"one\n"
            assert conn.line_at_hand(100) == b"two\n"
            assert conn.line_at_hand(100) is None  # half of it has come
            conn.write(b"go on\n")
            assert await conn.readline(100, 60) == b"three\n"
            conn.stop()
            try:
                conn.line_at_hand(100)
            except Draining:
                conn.write(b"draining\n")

        async with serving(handle) as server:
            reader, writer = await _client(server)
            writer.write(b"one\ntwo\nth")
            assert await reader.readline() == b"go on\n"
            writer.write(b"ree\nfour\n")
            assert await reader.readline() == b"draining\n"
            writer.close()

    run(main())


def test_stop_ends_waits_for_commands_only(run: Run) -> None:
    async def main() -> None:
        ends: list[str] = []
        waiting = asyncio.Semaphore(0)

        async def handle(conn: Connection) -> None:
            kind = await conn.readline(100, 60)
            waiting.release()
            try:
                line = await conn.readline(100, 60, command=kind == b"idle\n")
                ends.append(line.decode().strip())
                await conn.readline(100, 60, command=True)
            except Draining:
                ends.append("draining " + kind.decode().strip())
                conn.write(b"bye\n")

        async with serving(handle) as server:
            idle, idle_writer = await _client(server)
            busy, busy_writer = await _client(server)
            idle_writer.write(b"idle\n")
            busy_writer.write(b"busy\n")
            await waiting.acquire()
            await waiting.acquire()
            stopping = asyncio.ensure_future(server.stop(wait=60))
            assert await idle.read(-1) == b"bye\n"
            assert ends == ["draining idle"]
            busy_writer.write(b"rest of the message\n")
            assert await busy.read(-1) == b"bye\n"
            assert ends == ["draining idle", "rest of the message", "draining busy"]
            await stopping
            with pytest.raises(OSError):
                await _client(server)
            idle_writer.close()
            busy_writer.close()

    run(main())


class _Stage:
    """A loop, a host and a transport for a connection that is fed by hand."""

    def __init__(self) -> None:
        self.loop = self

    def time(self) -> float:
        return 0.0

    def arrived(self, connection: Connection) -> bool:
        return True

    def create_task(self, coroutine: object) -> None: ...

    def serve(self, connection: Connection) -> None: ...

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return ("::ffff:192.0.2.1", 4) if name == "peername" else ("2001:db8::1", 110)

    def pause_reading(self) -> None: ...


class _FedByHand(Connection):
    """A connection whose bytes are a list of arrivals; a coroutine on it never waits."""

    __slots__ = ("arrivals", "most")

    def __init__(self, arrivals: list[bytes]) -> None:
        stage = _Stage()
        super().__init__(stage)  # type: ignore[arg-type]
        self.connection_made(stage)  # type: ignore[arg-type]
        self.arrivals = arrivals
        self.most = 0  # bytes that were buffered at a time

    async def _more(self, deadline: float, command: bool) -> None:
        if not self.arrivals:
            raise PeerGone
        self.data_received(self.arrivals.pop(0))
        self.most = max(self.most, self.buffered)

    def lines(self, limit: int) -> list[bytes | None]:
        """All lines, None for those too long."""
        got: list[bytes | None] = []

        async def main() -> None:
            while True:
                try:
                    got.append(await self.readline(limit, 1))
                except LineTooLong:
                    got.append(None)

        with pytest.raises(PeerGone):
            main().send(None)
        return got


def test_peer_and_local_addresses_are_written_as_people_do() -> None:
    conn = _FedByHand([])
    assert (conn.peer, conn.peer_port) == ("192.0.2.1", 4)
    assert (conn.local, conn.local_port) == ("2001:db8::1", 110)


def test_an_endless_line_costs_no_memory() -> None:
    conn = _FedByHand([b"x" * 1000] * 1000 + [b"\nshort\n"])
    assert conn.lines(limit=2500) == [None, b"short\n"]
    assert conn.most <= 3000


@given(st.lists(st.sampled_from([b"a", b"bc", b"\r", b"\n", b"\r\n", b"x" * 30, b"\0"])), st.data())
def test_lines_do_not_depend_on_where_the_bytes_were_cut(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    arrivals = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = [line + b"\n" for line in stream.split(b"\n")[:-1]]
    assert _FedByHand(arrivals).lines(limit=20) == [line if len(line) <= 20 else None for line in whole]
