"""Who is let in, what happens to sessions that fail, and how a server stops."""

import asyncio
import logging
import socket
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from net.connection import Connection
from net.limits import Slots
from net.server import Guests, Server, bind
from tests.unit.net.conftest import Run, serving


async def _one_line(conn: Connection) -> None:
    conn.write(b"welcome\n")
    await conn.readline(100, 60)


def test_processes_of_a_door_count_an_address_together(tmp_path: Path) -> None:
    first, second = (
        Guests(most=10, most_per_address=3, slots=Slots(tmp_path), kind="smtp") for _ in range(2)
    )
    assert [first.admit("192.0.2.1"), second.admit("192.0.2.1"), first.admit("192.0.2.1")] == ["", "", ""]
    assert [first.admit("192.0.2.1"), second.admit("192.0.2.1")] == ["address", "address"]
    assert second.admit("192.0.2.2") == ""
    first.leave("192.0.2.1")
    assert second.admit("192.0.2.1") == ""
    assert (first.total, second.total) == (1, 3)


def test_a_unix_socket_has_no_address_to_count(tmp_path: Path) -> None:
    guests = Guests(most=3, most_per_address=1)
    assert [guests.admit("local") for _ in range(4)] == ["", "", "", "house"]


def test_the_house_can_be_full_and_has_room_again_when_one_leaves(run: Run) -> None:
    async def main() -> None:
        guests = Guests(most=2)
        async with serving(_one_line, busy=b"busy\r\n", guests=guests) as server:
            opened = [await asyncio.open_connection(*server.address) for _ in range(2)]
            for reader, _ in opened:
                assert await reader.readline() == b"welcome\n"
            refused, writer = await asyncio.open_connection(*server.address)
            assert await refused.read(-1) == b"busy\r\n"
            writer.close()
            opened[0][1].write(b"bye\n")
            await opened[0][0].read(-1)
            while guests.total == 2:
                await asyncio.sleep(0)
            reader, writer = await asyncio.open_connection(*server.address)
            assert await reader.readline() == b"welcome\n"
            writer.close()
            opened[0][1].close()
            opened[1][1].close()

    run(main())


def test_one_address_cannot_take_all_places() -> None:
    guests = Guests(most=10, most_per_address=2)
    assert [guests.enter("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert guests.enter("192.0.2.2")
    guests.leave("192.0.2.1")
    assert guests.enter("192.0.2.1")
    assert guests.total == 3


def test_a_session_that_fails_is_logged_with_its_trace_and_hurts_nobody_else(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    traces: list[str] = []

    async def handle(conn: Connection) -> None:
        traces.append(conn.trace)
        if await conn.readline(100, 60) == b"fail\n":
            raise RuntimeError("a fault of ours")
        conn.write(b"fine\n")

    async def main() -> None:
        async with serving(handle) as server:
            good, good_writer = await asyncio.open_connection(*server.address)
            bad, bad_writer = await asyncio.open_connection(*server.address)
            bad_writer.write(b"fail\n")
            assert await bad.read(-1) == b""
            good_writer.write(b"go\n")
            assert await good.read(-1) == b"fine\n"
            good_writer.close()
            bad_writer.close()

    with caplog.at_level(logging.ERROR, logger="net"):
        run(main())
    record = next(record for record in caplog.records if record.message == "connection.failed")
    assert record.fields["trace"] in traces
    assert len(set(traces)) == 2


def test_a_session_that_does_not_end_is_cut_off_after_the_wait(run: Run) -> None:
    async def main() -> None:
        cancelled = asyncio.Event()

        async def handle(conn: Connection) -> None:
            conn.write(b"welcome\n")
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        server = Server(bind("127.0.0.1", 0), handle)
        await server.start()
        reader, writer = await asyncio.open_connection(*server.address)
        await reader.readline()
        await server.stop(wait=0.05)
        assert cancelled.is_set()
        with suppress(ConnectionError):  # cut, so the peer may see a reset
            assert await reader.read(-1) == b""
        writer.close()

    run(main())


def test_ipv6_and_ipv4_listen_side_by_side_on_one_port() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    first = bind("127.0.0.1", 0)
    second = bind("::1", first.getsockname()[1])
    first.close()
    second.close()


def test_a_server_stops_after_the_session_whose_peer_is_gone_has_cleaned_up(run: Run) -> None:
    cleaned: list[str] = []

    async def handle(conn: Connection) -> None:
        try:
            await conn.readline(100, 60)
        finally:
            for _ in range(20):  # what a session does last: a spool is thrown away in a thread
                await asyncio.to_thread(cleaned.append, "a step")

    async def main() -> None:
        guests = Guests()
        async with serving(handle, guests=guests) as server:
            _, writer = await asyncio.open_connection(*server.address)
            while not guests.total:
                await asyncio.sleep(0)
            sock = writer.get_extra_info("socket")
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )  # closes with a reset
            writer.close()
            while not cleaned:
                await asyncio.sleep(0)
            await server.stop(wait=60)
            assert len(cleaned) == 20
            assert guests.total == 0

    run(main())
