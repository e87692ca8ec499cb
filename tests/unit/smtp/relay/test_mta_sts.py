"""Policies by HTTPS from a server on loopback, what they ask of hosts, and how long they are kept."""

import asyncio
import datetime
import ssl
import time
from asyncio import sslproto
from collections.abc import AsyncIterator
from typing import Any

import dns.rcode
import pytest

from smtp.relay.letter import Unreachable
from smtp.relay.mta_sts import BadPolicy, Policies, Policy, parse, record_id
from tests.unit.smtp.relay.conftest import World, letter, proven_context, server_context

ENFORCE = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"


def test_a_policy() -> None:
    policy = parse(ENFORCE)
    assert (policy.mode, policy.mx, policy.max_age) == (
        "enforce",
        ("mx.example.com", "*.example.net"),
        604800,
    )
    assert policy.names("mx.example.com") and policy.names("a.example.net")
    assert not policy.names("a.b.example.net") and not policy.names("example.net")
    assert parse("version: STSv1\nmode: none\nmax_age: 9999999999\nnew_key: x\n").max_age == 31_557_600


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: STSv2\nmode: none\nmax_age: 1",
        "version: STSv1\nmode: strict\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmax_age: 1",
        "version: STSv1\nmode: none\nmax_age: -1",
        "version: STSv1\nmode: none\nmax_age: 1e9",
        "<html>",
    ],
)
def test_no_policy(text: str) -> None:
    with pytest.raises(BadPolicy):
        parse(text)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["v=STSv1; id=20260101T000000;"], "20260101T000000"),
        (["v=spf1 -all", "v=STSv1;id=a"], "a"),
        (["v=STSv1; id=a", "v=STSv1; id=b"], None),
        (["v=STSv1; id=with space"], None),
        (["v=STSv1"], None),
        ([], None),
    ],
)
def test_record(texts: list[str], expected: str | None) -> None:
    assert record_id(texts) == expected


class WebServer:
    """mta-sts.example.com."""

    def __init__(self) -> None:
        self.policy = ENFORCE
        self.status = "200 OK"
        self.type = "text/plain; charset=utf-8"
        self.told = True  # how long the answer is; else it ends with the connection
        self.asked: list[str] = []

    async def start(self, context: ssl.SSLContext) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(request.split("\r\n")[0])
            body = self.policy.encode()
            head = f"HTTP/1.1 {self.status}\r\nContent-Type: {self.type}\r\n"
            length = f"Content-Length: {len(body)}\r\n" if self.told else ""
            writer.write(f"{head}{length}\r\n".encode() + body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def web(world: World) -> AsyncIterator[WebServer]:
    web = WebServer()
    port = await web.start(proven_context(world, "mta-sts.example.com"))
    world.configure(tls=world.settings.queue.tls.model_copy(update={"https_port": port}))
    world.names.put("mta-sts.example.com", "A", "127.0.0.1")
    publish(world, "1")
    yield web
    await web.stop()


def publish(world: World, number: str) -> None:
    world.resolver._kept.clear()
    world.names._records.pop(("_mta-sts.example.com", "TXT"), None)
    world.names.put("_mta-sts.example.com", "TXT", f'"v=STSv1; id={number};"')


async def status(world: World) -> str:
    with pytest.raises(Unreachable) as caught:
        await world.send(letter("b@example.com"))
    assert not any(peer.taken for peer in world.peers)
    return caught.value.status.code


async def test_a_web_server_that_closes_first(
    world: World, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.11.2, which is Debian's, has no transport left to cut where TLS was closed from both sides."""

    real = sslproto._SSLProtocolTransport.abort

    def abort(transport: Any) -> None:
        assert transport._ssl_protocol is not None
        real(transport)

    monkeypatch.setattr(sslproto._SSLProtocolTransport, "abort", abort)
    web.told = False
    known = await world.policies.find("example.com")
    assert known.policy is not None and known.problem == ""


async def test_a_host_that_proves_its_name(world: World, web: WebServer) -> None:
    peer = await world.peer(context=proven_context(world, "mx.example.com"))
    world.serve()
    answered = await world.send(letter("b@example.com"), letter("c@example.com", require_tls=True))
    assert answered[0].tls and answered[0].tls.endswith("(verified)")
    assert world.reported[1][1][0].status.code == "5.7.30"  # it does not offer that
    assert peer.greeted == ["mx.example.com"]
    assert web.asked == ["GET /.well-known/mta-sts.txt HTTP/1.1"]


@pytest.mark.parametrize("fault", ["expired", "other name", "self-signed", "no starttls", "not named"])
@pytest.mark.parametrize("mode", ["enforce", "testing", "none"])
async def test_a_host_that_does_not(world: World, web: WebServer, fault: str, mode: str) -> None:
    web.policy = ENFORCE.replace("enforce", mode)
    context: ssl.SSLContext | None = proven_context(world, "mx.example.com")
    if fault == "expired":
        context = proven_context(world, "mx.example.com", end=-datetime.timedelta(hours=1))
    elif fault == "other name":
        context = proven_context(world, "mx.example.org")
    elif fault == "self-signed":
        context = server_context(world.folder, "mx.example.com")
    elif fault == "no starttls":
        context = None
    else:
        web.policy = web.policy.replace("mx.example.com", "other.example.com")
    await world.peer(context=context)
    world.serve()
    if mode == "enforce":
        assert await status(world) == ("4.7.4" if fault == "no starttls" else "4.7.5")
    else:
        assert (await world.send(letter("b@example.com")))[0].status.ok
        assert world.peers[0].taken[0].tls is (fault != "no starttls")


async def test_a_sender_may_rather_have_it_delivered(world: World, web: WebServer) -> None:
    """TLS-Required: No (RFC 8689 §5): policies of the receiver do not count for this message."""
    await world.peer(context=server_context(world.folder, "mx.example.com"))
    world.serve()
    optional = b"From: a@example.test\r\nTLS-Required: No\r\n\r\nreport\r\n"
    await world.send(letter("b@example.com", text=optional), letter("c@example.com"), letter("d@example.com"))
    assert [each[1][0].status.code for each in world.reported] == ["2.0.0", "4.7.5"]
    assert [taken.data for taken in world.peers[0].taken] == [optional]


@pytest.mark.parametrize("fault", ["404", "301", "html", "bad", "not trusted", "long", "gone"])
async def test_a_policy_that_cannot_be_had_is_none(world: World, web: WebServer, fault: str) -> None:
    await world.peer()
    world.serve()
    if fault in ("404", "301"):
        web.status = f"{fault} No\r\nLocation: https://mta-sts.example.com/x"
    elif fault == "html":
        web.type = "text/html"
    elif fault == "bad":
        web.policy = "version: STSv1"
    elif fault == "long":
        web.policy += "x" * 70_000
    elif fault == "gone":
        await web.stop()
    else:
        (world.folder / "authority.pem").write_bytes(b"")
        server_context(world.folder, "nobody.example")
        (world.folder / "authority.pem").write_bytes((world.folder / "nobody.example.pem").read_bytes())
    assert (await world.send(letter("b@example.com"), letter("c@example.com")))[0].status.ok
    known = await world.policies.find("example.com")
    assert known.policy is None
    assert known.problem == {
        "html": "sts-policy-invalid",
        "bad": "sts-policy-invalid",
        "not trusted": "sts-webpki-invalid",
    }.get(fault, "sts-policy-fetch-error")
    assert len(web.asked) <= 1  # not again so soon


async def test_kept_when_dns_and_web_go_silent(world: World, web: WebServer) -> None:
    policy = (await world.policies.find("example.com")).policy
    assert policy is not None and policy.mode == "enforce"
    await web.stop()
    publish(world, "2")
    assert (await world.policies.find("example.com")).policy == policy
    world.names.drop("_mta-sts.example.com", "TXT")
    world.resolver._kept.clear()
    assert (await world.policies.find("example.com")).policy == policy
    world.names.answer("_mta-sts.example.com", dns.rcode.SERVFAIL)
    world.resolver._kept.clear()
    assert (await world.policies.find("example.com")).policy == policy
    fresh = policies(world)  # another process, or this one later
    assert (await fresh.find("example.com")).policy == policy
    late = policies(world, later=604_800)
    assert (await late.find("example.com")).policy is None
    await fresh.close()
    await late.close()


async def test_one_that_has_run_out_is_fetched_again_under_the_same_id(world: World, web: WebServer) -> None:
    await world.policies.find("example.com")
    late = policies(world, later=604_800)
    assert _mode(await late.find("example.com")) == "enforce"
    assert len(web.asked) == 2
    await late.close()


async def test_a_new_id_brings_a_new_policy(world: World, web: WebServer) -> None:
    await world.policies.find("example.com")
    web.policy = ENFORCE.replace("enforce", "none")
    assert _mode(await world.policies.find("example.com")) == "enforce"
    publish(world, "2")
    assert _mode(await world.policies.find("example.com")) == "none"
    assert len(web.asked) == 2


async def test_an_old_one_is_looked_at_again_meanwhile(world: World, web: WebServer) -> None:
    await world.policies.find("example.com")
    web.policy = ENFORCE.replace("enforce", "testing")
    late = policies(world, later=90_000)
    assert _mode(await late.find("example.com")) == "enforce"
    await asyncio.gather(*late._fetching.values())
    assert _mode(await late.find("example.com")) == "testing"
    await late.close()


async def test_asked_for_once_by_many(world: World, web: WebServer) -> None:
    await asyncio.gather(*(world.policies.find("example.com") for _ in range(10)))
    assert len(web.asked) == 1


def _mode(known: object) -> str:
    policy = known.policy  # type: ignore[attr-defined]
    assert isinstance(policy, Policy)
    return policy.mode


def policies(world: World, later: float = 0) -> Policies:
    before = world.policies
    return Policies(
        before._resolver,
        world.folder / "state",
        before._threads,
        before._context,
        before._port,
        lambda: time.time() + later,
    )
