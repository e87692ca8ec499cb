"""Lists in DNS, asked of a name server on loopback: weights, errors, silence, and who is spared."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dns.rcode
import pytest

from config.filters import Dnsbl as Rules
from filters.dnsbl import Dnsbl, reversed_name
from filters.mail import Mail, Outside, Recipient
from filters.verdict import Action
from net.resolver import Resolver
from storage.people.address import parse
from tests.house import House, Site
from tests.nameserver import NameServer

PEER = "192.0.2.7"
LISTED = "7.2.0.192.bad.test"


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    server = await NameServer().start()
    yield server
    await server.stop()


def check(server: NameServer, *zones: dict[str, Any], patience: float = 20, **rules: Any) -> Dnsbl:
    """`patience`: seconds for a query; a busy machine may be long about one that is answered."""
    made = Rules.model_validate({"zones": zones or ({"zone": "bad.test"},), "timeout": 60, **rules})
    return Dnsbl(lambda: made, Resolver([server.address], timeout=patience))


async def verdict(it: Dnsbl, to: str = "taro@example.test", peer: str = PEER) -> Action:
    mail = Mail("a@example.com", peer, "t")
    found = await it.recipient(mail, Recipient(parse(to), Outside(to)))
    return max(found.action, (await it.message(mail)).action)


def test_names() -> None:
    assert reversed_name("192.0.2.7") == "7.2.0.192"
    nibbles = "1.0.0.0." + "0.0.0.0." * 5 + "8.b.d.0.1.0.0.2"
    assert reversed_name("2001:db8::1") == nibbles


async def test_who_is_listed_is_refused_and_told_where(server: NameServer) -> None:
    server.put(LISTED, "A", "127.0.0.2")
    it = check(server)
    found = await it.recipient(Mail("", PEER, "t"), Recipient(parse("taro@x.test"), Outside("taro@x.test")))
    assert found.action is Action.REJECT
    assert str(found.status) == "5.7.1 your address 192.0.2.7 is listed by bad.test"
    assert await verdict(it, peer="192.0.2.8") is Action.PASS
    assert await verdict(it, peer="2001:db8::7") is Action.PASS


@pytest.mark.parametrize("to", ["postmaster@example.test", "Abuse@example.test", '"abuse"@example.test'])
async def test_who_is_listed_can_still_say_so(server: NameServer, to: str) -> None:
    server.put(LISTED, "A", "127.0.0.2")
    assert await verdict(check(server), to) is Action.PASS


@pytest.mark.parametrize(
    ("good", "bad", "action"),
    [
        (False, False, Action.PASS),
        (False, True, Action.REJECT),
        (True, True, Action.QUARANTINE),
        (True, False, Action.PASS),
    ],
)
async def test_weights(server: NameServer, good: bool, bad: bool, action: Action) -> None:
    if bad:
        server.put(LISTED, "A", "127.0.0.2")
    if good:
        server.put("7.2.0.192.good.test", "A", "127.0.0.1")
    zones = {"zone": "bad.test", "weight": 5}, {"zone": "good.test", "weight": -3}
    assert await verdict(check(server, *zones, reject_at=4, quarantine_at=2)) is action


@pytest.mark.parametrize("answer", ["127.255.255.254", "127.0.0.10", "203.0.113.1"])
async def test_answers_that_say_nothing_bad(server: NameServer, answer: str) -> None:
    """The list refuses our resolver; it means another kind; it was sold and answers everything."""
    server.put(LISTED, "A", answer)
    assert await verdict(check(server, {"zone": "bad.test", "answers": ["127.0.0.2/31"]})) is Action.PASS
    if answer.startswith("127.255."):  # it is no answer, whatever the operator thinks that answers are
        assert await verdict(check(server, {"zone": "bad.test", "answers": ["127.0.0.0/8"]})) is Action.PASS


async def test_a_list_that_is_silent_or_broken_has_no_opinion(
    server: NameServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    server.answer("7.2.0.192.silent.test", lambda _: None)
    server.answer("7.2.0.192.broken.test", dns.rcode.SERVFAIL)
    zones = {"zone": "silent.test"}, {"zone": "broken.test"}
    it = check(server, *zones, patience=0.2, timeout=1)
    found = await it.recipient(Mail("", PEER, "t"), Recipient(parse("taro@x.test"), Outside("taro@x.test")))
    assert found.action is Action.PASS
    assert {record.fields["zone"] for record in caplog.records if record.message == "dnsbl.no_answer"} == {  # type: ignore[attr-defined]
        "silent.test",
        "broken.test",
    }


async def test_nobody_is_asked_about_ourselves(server: NameServer) -> None:
    it = check(server)
    for peer in ("127.0.0.1", "10.1.2.3", "::1", "local"):
        assert await verdict(it, peer=peer) is Action.PASS
    assert not server.asked
    assert not Dnsbl(Rules, Resolver([server.address])).stages  # no list: off


async def test_at_the_door(server: NameServer, tmp_path: Path) -> None:
    server.put("1.0.0.127.bad.test", "A", "127.0.0.2")
    os.mkdir(tmp_path / "site")
    site = Site.make(
        tmp_path / "site",
        filters="{dnsbl: {zones: [{zone: bad.test}], skip_from: []}}",
        resolver=f"{{nameservers: ['{server.address}']}}",
    )
    house = await House(site).open()
    reader, writer = await asyncio.open_connection(*await house.smtp(tls="none"))
    writer.write(b"HELO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<taro@example.test>\r\n")
    lines = [await asyncio.wait_for(reader.readline(), 60) for _ in range(4)]
    assert lines[-1] == b"550 5.7.1 your address 127.0.0.1 is listed by bad.test\r\n"
    writer.close()
    await house.close()
