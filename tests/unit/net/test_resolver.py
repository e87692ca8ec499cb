"""Answers, their absence, and what is neither; each against a name server on loopback."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import pytest

from net import resolver as module
from net.dnswire import ask
from net.resolver import Answer, DnsFailure, Resolver, _of_the_system
from tests.nameserver import NameServer


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    server = await NameServer().start()
    yield server
    await server.stop()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def resolver(server: NameServer, **more: object) -> Resolver:
    return Resolver([server.address], timeout=60, **more)  # type: ignore[arg-type]


def texts(answer: Answer) -> list[str]:
    return [record.to_text() for record in answer.records]


async def test_records_of_the_kind_asked_for(server: NameServer) -> None:
    server.put("example.com", "MX", "10 a.example.com.", "20 b.example.com.", ttl=77)
    answer = await resolver(server).look_up("Example.COM.", "MX")
    assert sorted(texts(answer)) == ["10 a.example.com.", "20 b.example.com."]
    assert (answer.name, answer.exists, answer.secure, answer.ttl) == ("example.com", True, False, 77)


async def test_no_data_and_no_such_name_are_answers(server: NameServer) -> None:
    server.put("example.com", "A", "192.0.2.1")
    it = resolver(server)
    assert await it.look_up("example.com", "AAAA") == Answer("example.com", (), True, False, 60)
    assert await it.look_up("nothing.example", "A") == Answer("nothing.example", (), False, False, 60)


@pytest.mark.parametrize("name", ["a..example", "x" * 64 + ".example", "x." * 127 + "example", "\udcff.jp"])
async def test_a_name_that_dns_cannot_have_does_not_exist(server: NameServer, name: str) -> None:
    answer = await resolver(server).look_up(name, "MX")
    assert not answer.exists and not answer.records
    assert not server.asked


async def test_a_name_in_japanese_is_asked_for_in_its_ascii_form(server: NameServer) -> None:
    server.put("xn--wgv71a119e.jp", "A", "192.0.2.1")
    assert texts(await resolver(server).look_up("日本語.jp", "A")) == ["192.0.2.1"]


async def test_aliases_give_the_canonical_name(server: NameServer) -> None:
    server.put("www.example", "CNAME", "host.example.", ttl=50)
    server.put("host.example", "A", "192.0.2.7", ttl=300)
    answer = await resolver(server).look_up("www.example", "A")
    assert (answer.name, texts(answer), answer.ttl) == ("host.example", ["192.0.2.7"], 50)


async def test_aliases_are_followed_where_the_server_does_not(server: NameServer) -> None:
    server.recursive = False
    server.put("www.example", "CNAME", "host.example.", secure=True)
    server.put("host.example", "A", "192.0.2.7", secure=True)
    answer = await resolver(server).look_up("www.example", "A")
    assert (answer.name, texts(answer), answer.secure) == ("host.example", ["192.0.2.7"], True)


async def test_a_ring_of_aliases_is_a_failure(server: NameServer) -> None:
    server.recursive = False
    server.put("a.example", "CNAME", "b.example.")
    server.put("b.example", "CNAME", "a.example.")
    with pytest.raises(DnsFailure, match="aliases"):
        await resolver(server).look_up("a.example", "A")


async def test_secure_only_if_the_whole_chain_is(server: NameServer) -> None:
    server.put("a.example", "CNAME", "b.example.", secure=True)
    server.put("b.example", "A", "192.0.2.1")
    server.put("c.example", "A", "192.0.2.2", secure=True)
    it = resolver(server)
    assert not (await it.look_up("a.example", "A")).secure
    assert (await it.look_up("c.example", "A")).secure


async def test_the_question_asks_for_dnssec(server: NameServer) -> None:
    await resolver(server).look_up("example.com", "TLSA")
    (question,) = server.questions
    assert question.ednsflags & dns.flags.DO and question.flags & dns.flags.AD


async def test_ad_is_believed_of_named_and_local_servers_only(
    server: NameServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("c.example", "A", "192.0.2.2", secure=True)
    it = resolver(server)
    it._named = False  # as if it stood in resolv.conf
    assert (await it.look_up("c.example", "A")).secure  # on loopback
    monkeypatch.setattr(module, "_is_loopback", lambda host: False)
    other = resolver(server)
    other._named = False
    assert not (await other.look_up("c.example", "A")).secure
    assert (await resolver(server).look_up("c.example", "A")).secure


async def test_a_long_answer_comes_by_tcp(server: NameServer) -> None:
    server.put("example.com", "TXT", *(f'"{"x" * 200}{number}"' for number in range(40)))
    answer = await resolver(server).look_up("example.com", "TXT")
    assert len(answer.records) == 40
    assert server.asked_tcp == {("example.com", "TXT"): 1}


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP])
async def test_errors_are_failures_and_not_remembered(server: NameServer, code: dns.rcode.Rcode) -> None:
    server.put("example.com", "A", "192.0.2.1")
    server.answer("example.com", code)
    it = resolver(server)
    with pytest.raises(DnsFailure, match=f"A of example.com: .*{dns.rcode.to_text(code)}"):
        await it.look_up("example.com", "A")
    server.recover("example.com")
    assert texts(await it.look_up("example.com", "A")) == ["192.0.2.1"]


async def test_silence_is_a_failure(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    patience: list[float] = []

    async def impatient(server: module.Server, name: Any, kind: Any, given: float) -> Any:
        patience.append(given)
        return await ask(server, name, kind, 0.05)

    monkeypatch.setattr(module, "ask", impatient)
    server.answer("example.com", lambda question: None)
    with pytest.raises(DnsFailure, match="in time"):
        await Resolver([server.address], timeout=60).look_up("example.com", "A")
    assert len(patience) == 2 and 25 < patience[0] <= 30 and patience[1] <= 60


async def test_nobody_at_the_port_is_a_failure() -> None:
    with pytest.raises(DnsFailure, match=r"127\.0\.0\.1 cannot be asked"):
        await Resolver(["127.0.0.1:1"]).look_up("example.com", "A")


async def test_garbage_is_a_failure(server: NameServer) -> None:
    server.answer("example.com", lambda question: question[:2] + os.urandom(1) * 40)
    with pytest.raises(DnsFailure):
        await Resolver([server.address], timeout=0.2).look_up("example.com", "A")


async def test_an_answer_to_another_question_is_passed_over(server: NameServer) -> None:
    def forged(question: bytes) -> bytes:
        other = dns.message.make_query("evil.example", "A")
        other.id = int.from_bytes(question[:2], "big")
        return dns.message.make_response(other).to_wire()

    server.answer("example.com", forged)
    with pytest.raises(DnsFailure, match="in time"):
        await Resolver([server.address], timeout=0.05).look_up("example.com", "A")


async def test_the_next_server_is_asked(server: NameServer) -> None:
    other = await NameServer().start()
    try:
        server.answer("example.com", dns.rcode.SERVFAIL)
        other.put("example.com", "A", "192.0.2.1")
        answer = await Resolver([server.address, other.address], timeout=60).look_up("example.com", "A")
        assert texts(answer) == ["192.0.2.1"]
    finally:
        await other.stop()


async def test_a_server_of_before_edns(server: NameServer) -> None:
    def old(wire: bytes) -> bytes:
        question = dns.message.from_wire(wire)
        reply = dns.message.make_response(question)
        if question.edns >= 0:
            reply.use_edns(False)
            reply.set_rcode(dns.rcode.FORMERR)
        else:
            reply.answer.append(dns.rrset.from_text("example.com.", 60, "IN", "A", "192.0.2.9"))
        return reply.to_wire()

    server.answer("example.com", old)
    assert texts(await resolver(server).look_up("example.com", "A")) == ["192.0.2.9"]


async def test_answers_are_kept_for_their_ttl(server: NameServer) -> None:
    clock = Clock()
    server.put("example.com", "A", "192.0.2.1", ttl=30)
    it = resolver(server, clock=clock)
    await it.look_up("example.com", "A")
    clock.now += 29
    assert (await it.look_up("EXAMPLE.com", "A")).ttl == 1
    await it.look_up("none.example", "A")
    clock.now += 2
    await it.look_up("example.com", "A")
    await it.look_up("none.example", "A")
    assert server.asked == {("example.com", "A"): 2, ("none.example", "A"): 1}


async def test_an_answer_without_ttl_is_not_kept(server: NameServer) -> None:
    server.put("example.com", "A", "192.0.2.1", ttl=0)
    it = resolver(server)
    await it.look_up("example.com", "A")
    await it.look_up("example.com", "A")
    assert server.asked["example.com", "A"] == 2


async def test_at_most_so_many_are_kept(server: NameServer) -> None:
    it = resolver(server, most=2)
    for name in ("a.example", "b.example", "a.example", "c.example", "a.example", "b.example"):
        await it.look_up(name, "A")
    assert server.asked == {("a.example", "A"): 1, ("b.example", "A"): 2, ("c.example", "A"): 1}


async def test_the_same_question_in_flight_is_asked_once(server: NameServer) -> None:
    server.gate = asyncio.Event()
    server.put("example.com", "A", "192.0.2.1")
    it = resolver(server)
    first, second, third = (asyncio.create_task(it.look_up("example.com", "A")) for _ in range(3))
    while not server.asked:
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    server.gate.set()
    assert texts(await second) == texts(await third) == ["192.0.2.1"]
    assert first.cancelled() and server.asked["example.com", "A"] == 1


async def test_close_ends_the_waits(server: NameServer) -> None:
    server.gate = asyncio.Event()
    it = resolver(server)
    waiting = asyncio.create_task(it.look_up("example.com", "A"))
    while not server.asked:
        await asyncio.sleep(0)
    await it.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_the_servers_of_the_system(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    assert _of_the_system(path) == [("127.0.0.1", 53)]
    path.write_text(
        "# c\nsearch x\nnameserver 192.0.2.1\nnameserver bad\nnameserver fe80::1%eth0\nnameserver\n"
    )
    assert _of_the_system(path) == [("192.0.2.1", 53), ("fe80::1%eth0", 53)]
