"""Counts of several processes as one page, and nothing lost with a process that dies."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from net import metrics
from net.metrics import Metrics, gather, text
from net.metrics_door import HEAD, MetricsDoor
from tests.closed import rest
from tests.house import House, Site

ACCEPTED = 'kwcmaild_mail_events_total{event="accepted"}'


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Metrics]:
    own = Metrics(tmp_path, "relay")
    yield own
    own.close()


def test_processes_are_added_up(tmp_path: Path, own: Metrics) -> None:
    other = Metrics(tmp_path, "smtp")
    own.happened("accepted")
    other.happened("accepted")
    other.happened("accepted")
    other.connection("smtp", "in")
    other.connection("smtp", "in")
    other.connection("smtp", "out")
    other.connection("smtp", "away")
    found = gather(tmp_path, own)
    assert found[ACCEPTED] == 3
    assert found['kwcmaild_connections{door="smtp"}'] == 1
    assert found['kwcmaild_connections_total{door="smtp",let_in="yes"}'] == 2
    assert found['kwcmaild_processes{room="smtp"}'] == 1
    other.close()
    for _ in range(2):  # what it has counted stays, and counts once; what it held is gone
        found = gather(tmp_path, own)
        assert found[ACCEPTED] == 3
        assert 'kwcmaild_connections{door="smtp"}' not in found
        assert 'kwcmaild_processes{room="smtp"}' not in found
    assert len(list((tmp_path / "metrics").iterdir())) == 1


def test_a_killed_process_loses_nothing(tmp_path: Path, own: Metrics) -> None:
    program = (
        "import sys, time, pathlib; from net.metrics import Metrics\n"
        "m = Metrics(pathlib.Path(sys.argv[1]), 'imap')\n"
        "for _ in range(500): m.happened('accepted')\n"
        "print('done', flush=True); time.sleep(600)"
    )
    root = str(Path(__file__).resolve().parents[3])
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, cwd=root, env={**os.environ}
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"done\n"
    assert gather(tmp_path, own)[ACCEPTED] == 500
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert gather(tmp_path, own)[ACCEPTED] == 500
    assert gather(tmp_path, own)[ACCEPTED] == 500


def test_room_is_bounded_and_a_close_is_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST", 3)
    one = Metrics(tmp_path, "smtp")
    for what in ("a", "b", "c", "d", "a", "x" * 200):
        one.happened(what)
    found = gather(tmp_path, one)
    assert {key: value for key, value in found.items() if "events" in key} == {
        'kwcmaild_mail_events_total{event="a"}': 2,
        'kwcmaild_mail_events_total{event="b"}': 1,
    }
    one.close()
    one.happened("a")
    one.happened("new")


def test_the_page(tmp_path: Path, own: Metrics) -> None:
    own.judged("virus", "pass", 0.0042)
    own.judged("virus", "discard", 100.0)
    own.judged("spam", "pass", 0.0001)
    own.login("imap", "accepted")
    own.away("spam")
    page = text(
        {**gather(tmp_path, own), "kwcmaild_queue_messages": 12.0, "kwcmaild_queue_oldest_seconds": 1.5}
    )
    lines = page.splitlines()
    for line in (
        "# TYPE kwcmaild_checks_total counter",
        'kwcmaild_checks_total{check="virus",action="discard"} 1',
        "# TYPE kwcmaild_check_seconds histogram",
        'kwcmaild_check_seconds_bucket{check="virus",le="0.0025"} 0',
        'kwcmaild_check_seconds_bucket{check="virus",le="0.005"} 1',
        'kwcmaild_check_seconds_bucket{check="virus",le="30"} 1',
        'kwcmaild_check_seconds_bucket{check="virus",le="+Inf"} 2',
        'kwcmaild_check_seconds_sum{check="virus"} 100.004',
        'kwcmaild_check_seconds_count{check="virus"} 2',
        'kwcmaild_check_seconds_count{check="spam"} 1',
        'kwcmaild_logins_total{protocol="imap",outcome="accepted"} 1',
        'kwcmaild_engine_away_total{check="spam"} 1',
        "kwcmaild_queue_messages 12",
        "kwcmaild_queue_oldest_seconds 1.5",
    ):
        assert line in lines
    assert len(lines) == len(set(lines))
    assert page.endswith("\n")


@pytest.fixture
async def door(tmp_path: Path, own: Metrics) -> AsyncIterator[MetricsDoor]:
    async def more() -> dict[str, float]:
        return {"kwcmaild_queue_messages": 7}

    door = MetricsDoor(("127.0.0.1", 0), tmp_path, own, more)
    await door.start()
    yield door
    await door.stop(1)


async def ask(door: MetricsDoor, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*door.address)
    writer.write(request)
    answer = await rest(reader)
    writer.close()
    return answer


async def test_the_door(door: MetricsDoor, own: Metrics) -> None:
    own.happened("sent")
    answer = await ask(door, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b'kwcmaild_mail_events_total{event="sent"} 1\n' in body
    assert b"kwcmaild_queue_messages 7\n" in body
    assert (await ask(door, b"HEAD /metrics HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\n")
    assert (await ask(door, b"GET /secret HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
    assert (await ask(door, b"POST /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 405 ")
    assert await ask(door, b"x" * (2 * HEAD)) == b""


async def test_an_address_that_is_taken_stops_nobody(door: MetricsDoor, tmp_path: Path, own: Metrics) -> None:
    second = MetricsDoor(door.address, tmp_path, own, door._more)
    await second.start()
    await second.stop(1)
    assert (await ask(door, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_what_a_house_counts(site: Site) -> None:
    from kwcmaild import measured
    from storage.errors import LoginRefused
    from storage.queue.queue import Queue
    from storage.queue.queued import Addressee

    site.configure(metrics='{listen: "127.0.0.1:0"}', auth="{lock_after: 1}")
    house = await House(site).open()
    counts = measured.measured(house.store, "smtp")
    queue = Queue.of(house.store)
    house.store.traces.note("t.1", "stored")
    for password in ("wrong", "tarosecret"):
        with pytest.raises(LoginRefused):
            await house.store.logins.check(
                "taro@example.test", password, peer="192.0.2.1", protocol="pop3", trace="t"
            )
    from storage.message import Message

    queue.add(Message.of(b"x\r\n\r\n"), "", [Addressee("a@b.example"), Addressee("c@b.example")], "t.1")
    door = measured.door(house.store, queue, counts)
    await door.start()
    body = (await ask(door, b"GET /metrics HTTP/1.1\r\n\r\n")).decode()
    for line in (
        'kwcmaild_mail_events_total{event="stored"} 1',
        'kwcmaild_logins_total{protocol="pop3",outcome="refused"} 1',
        'kwcmaild_logins_total{protocol="pop3",outcome="locked"} 1',
        "kwcmaild_lockouts_total",
        "kwcmaild_queue_messages 1",
        'kwcmaild_queue_recipients{state="waiting"} 2',
        "kwcmaild_queue_oldest_seconds ",
    ):
        assert line in body, body
    await door.stop(1)
    queue.close()
    await house.close()
    counts.close()
