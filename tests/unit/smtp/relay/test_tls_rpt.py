"""Counted by day and domain, reported when the day is over, to where the domain's DNS says."""

import asyncio
import base64
import gzip
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dns.rcode
import pytest

from smtp.relay import tls_report, tls_rpt
from smtp.relay.destination import Destinations
from smtp.relay.opening import Opener
from smtp.relay.protection import NO_POLICY, Policy
from smtp.relay.tls_report import Submitter
from smtp.relay.tls_reporter import Reporter
from smtp.relay.tls_rpt import Counted, Due, Reports, Result
from storage.message import Message
from storage.state.daily import CLAIM, DAY, delay
from tests.open_files import open_files
from tests.unit.smtp.relay.conftest import World, letter, proven_context, server_context

STS = Policy("sts", ("version: STSv1", "mode: testing"), ("mx.example.com",))
FAILED = Result(
    "example.com", STS, "certificate-expired", "mx.example.com", "192.0.2.1", "it is old", "192.0.2.9"
)
START = 20_000 * DAY


class Clock:
    now = float(START + 3600)

    def __call__(self) -> float:
        return self.now


OTHER = Result("last.example", NO_POLICY)


def counted(tmp_path: Path, clock: Clock) -> Reports:
    reports = Reports(tmp_path, clock)
    for result in [FAILED] * 2 + [Result("example.com", STS)] * 3 + [Result("example.com", NO_POLICY)]:
        reports.note(result)
    return reports


def test_results_of_a_day_are_due_when_it_is_over(tmp_path: Path) -> None:
    clock = Clock()
    reports = counted(tmp_path, clock)
    reports.write(reports.taken())
    reports.note(FAILED)
    other = Reports(tmp_path, clock)  # another process
    reports.write(reports.taken())
    assert not other.due()
    clock.now = START + DAY + delay("example.com") - 1
    assert not other.due()
    clock.now += 2
    (due,) = other.due()
    assert (due.day, due.domain) == (20_000, "example.com")
    reports.note(OTHER)
    reports.close()  # what a process has noted last is not lost with it
    assert other._db.query("SELECT count FROM result WHERE domain = 'last.example'") == [(1,)]
    assert {(each.result, each.count) for each in due.results} == {
        (FAILED, 3),
        (Result("example.com", STS), 3),
        (Result("example.com", NO_POLICY), 1),
    }
    assert not reports.due()  # the other one has claimed it
    clock.now += CLAIM + 1
    assert reports.due()  # and was killed
    reports.done(due)
    clock.now += CLAIM + 1
    assert not reports.due()
    reports.close()
    other.close()


def test_delays_are_spread_over_four_hours() -> None:
    delays = [delay(f"example{number}.com") for number in range(200)]
    assert 0 <= min(delays) < 3600 and 3 * 3600 < max(delays) < 4 * 3600


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_rpt, "MOST_KINDS", 10)
    reports = Reports(tmp_path)
    for number in range(1000):
        reports.note(Result(f"example{number}.com", STS, "validation-failure", words=str(number)))
    for number in range(20):
        reports.note(Result("example0.com", STS, "validation-failure", words=f"more {number}"))
    assert len(reports.taken()) <= 20


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["v=TLSRPTv1; rua=mailto:a@example.com"], ("mailto:a@example.com",)),
        (
            ["v=TLSRPTv1;rua=mailto:a@example.com,https://example.com/v1?x=1;"],
            ("mailto:a@example.com", "https://example.com/v1?x=1"),
        ),
        (["v=TLSRPTv1; rua=ftp://example.com"], ()),
        (["v=TLSRPTv1; rua=mailto:a@b.c", "v=TLSRPTv1; rua=mailto:d@e.f"], ()),
        (["v=spf1"], ()),
    ],
)
def test_where_reports_go(texts: list[str], expected: tuple[str, ...]) -> None:
    assert tls_report.destinations(texts) == expected


DUE = Due(20_000, "example.com", (Counted(FAILED, 2), Counted(Result("example.com", STS), 3)))
SUBMITTER = Submitter("mail.example.test", "postmaster@example.test")


def test_the_json() -> None:
    report = json.loads(gzip.decompress(tls_report.body(SUBMITTER, DUE)))
    assert report == {
        "organization-name": "mail.example.test",
        "date-range": {"start-datetime": "2024-10-04T00:00:00Z", "end-datetime": "2024-10-04T23:59:59Z"},
        "contact-info": "postmaster@example.test",
        "report-id": "2024-10-04.example.com@mail.example.test",
        "policies": [
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-string": ["version: STSv1", "mode: testing"],
                    "policy-domain": "example.com",
                    "mx-host": ["mx.example.com"],
                },
                "summary": {"total-successful-session-count": 3, "total-failure-session-count": 2},
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "sending-mta-ip": "192.0.2.9",
                        "receiving-mx-hostname": "mx.example.com",
                        "receiving-ip": "192.0.2.1",
                        "failure-reason-code": "it is old",
                        "failed-session-count": 2,
                    }
                ],
            }
        ],
    }


def test_the_mail() -> None:
    text = tls_report.mail(SUBMITTER, DUE, "tls@example.com", datetime(2024, 10, 5, tzinfo=UTC)).decode()
    assert "\n" not in text.replace("\r\n", "") and all(len(line) < 200 for line in text.split("\r\n"))
    for field in (
        "TLS-Report-Domain: example.com",
        "TLS-Report-Submitter: mail.example.test",
        "TLS-Required: No",
        'Content-Type: multipart/report; report-type="tlsrpt";',
        "Content-Type: application/tlsrpt+gzip",
        'filename="mail.example.test!example.com!1728000000!1728086399.json.gz"',
        "Subject: Report Domain: example.com\r\n\tSubmitter: mail.example.test",
    ):
        assert field in text
    encoded = re.search(r"gz\"\r\n\r\n(.*?)\r\n--", text, re.DOTALL)
    assert encoded is not None
    assert base64.b64decode(encoded[1]) == tls_report.body(SUBMITTER, DUE)


class Desk:
    """A reporter whose mail is kept here."""

    def __init__(self, world: World, tmp_path: Path) -> None:
        self.clock = Clock()
        self.reports = counted(tmp_path, self.clock)
        self.sent: list[tuple[Message, str]] = []

        async def send(message: Message, to: str) -> None:
            self.sent.append((message, to))

        self.reporter = Reporter(
            world.settings, self.reports, world.resolver, asyncio.to_thread, send, world.policies._context
        )

    async def a_day_later(self) -> None:
        await self.reporter.write()
        self.clock.now = START + DAY + 4 * 3600
        await self.reporter.step()

    async def again(self) -> None:
        self.clock.now += CLAIM + 1
        await self.reporter.step()


async def test_reports_are_sent_once(world: World, tmp_path: Path) -> None:
    desk = Desk(world, tmp_path)
    world.names.put("_smtp._tls.example.com", "TXT", '"v=TLSRPTv1; rua=mailto:tls%40x@example.org"')
    await desk.a_day_later()
    assert not desk.sent  # that is no address; there may be a better one later
    world.names.drop("_smtp._tls.example.com", "TXT")
    world.names.put("_smtp._tls.example.com", "TXT", '"v=TLSRPTv1; rua=mailto:tls@example.org"')
    world.resolver._kept.clear()
    await desk.again()
    await desk.again()
    ((message, to),) = desk.sent
    assert to == "tls@example.org" and b"Report Domain: example.com" in message.read()


async def test_between_two_looks_nothing_is_open(world: World, tmp_path: Path) -> None:
    desk = Desk(world, tmp_path / "rpt")
    await desk.reporter.write()
    assert open_files(tmp_path / "rpt")
    await desk.a_day_later()
    assert not open_files(tmp_path / "rpt")


async def test_nobody_who_does_not_ask_gets_one(world: World, tmp_path: Path) -> None:
    desk = Desk(world, tmp_path)
    await desk.a_day_later()
    assert not desk.sent and not desk.reports._db.query("SELECT * FROM result")


async def test_nobody_gets_one_where_the_operator_wants_none(world: World, tmp_path: Path) -> None:
    desk = Desk(world, tmp_path)
    world.names.put("_smtp._tls.example.com", "TXT", '"v=TLSRPTv1; rua=mailto:tls@example.org"')
    queue = world.settings.queue
    off = queue.model_copy(update={"tls": queue.tls.model_copy(update={"reports": False})})
    desk.reporter.settings = world.settings.model_copy(update={"queue": off})
    await desk.a_day_later()
    assert not desk.sent and not desk.reports._db.query("SELECT * FROM result")


async def test_dns_that_fails_keeps_them(world: World, tmp_path: Path) -> None:
    desk = Desk(world, tmp_path)
    world.names.answer("_smtp._tls.example.com", dns.rcode.SERVFAIL)
    await desk.a_day_later()
    assert desk.reports._db.query("SELECT * FROM result")


async def test_reports_by_https(world: World, tmp_path: Path) -> None:
    desk = Desk(world, tmp_path)
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"Content-Length: (\d+)", head)
        assert size is not None
        got.extend((head, await reader.readexactly(int(size[1]))))
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    context = proven_context(world, "reports.example.org")
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    world.names.put("reports.example.org", "A", "127.0.0.1")
    world.names.put(
        "_smtp._tls.example.com", "TXT", f'"v=TLSRPTv1; rua=https://reports.example.org:{port}/v1?a=b"'
    )
    await desk.a_day_later()
    server.close()
    assert got[0].startswith(b"POST /v1?a=b HTTP/1.1\r\n") and b"application/tlsrpt+gzip" in got[0]
    assert json.loads(gzip.decompress(got[1]))["policies"]
    assert not desk.reports._db.query("SELECT * FROM result")


async def test_sessions_are_noted(world: World, tmp_path: Path) -> None:
    reports = Reports(tmp_path, Clock())
    opener: Any = world.courier._opener
    assert isinstance(opener, Opener) and isinstance(world.destinations, Destinations)
    opener._reports = reports
    peer = await world.peer(context=server_context(world.folder, "mx.example.com"))
    world.serve()
    await world.send(letter("b@example.com"))
    peer.context = None
    await world.send(letter("b@example.com"))
    results = {(result.domain, result.policy.kind, result.failure) for _, result in reports.taken()}
    assert results == {
        ("example.com", "no-policy-found", ""),
        ("example.com", "no-policy-found", "starttls-not-supported"),
    }
