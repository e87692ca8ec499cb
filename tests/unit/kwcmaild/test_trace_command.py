"""`kwcmaild trace …`: what an operator reads when somebody asks where a mail is."""

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from config.traces import Traces as Limits
from kwcmaild.command import application
from storage.errors import DiskFull
from storage.state.traces import Traces
from storage.status import Status
from tests.house import House, Site
from tests.unit.smtp.conftest import Client, Connect, connect
from tests.unit.smtp.test_submission import plain

__all__ = ["connect"]

TARO, HANAKO, OUTSIDE = "taro@example.test", "hanako@example.test", "bob@elsewhere.example"


def run(site: Site, *words: str, status: int = 0) -> Result:
    words = ("trace", *words, "-c", str(site.folder / "kwcmaild.yaml"))
    result = CliRunner().invoke(application(), words)
    assert result.exit_code == status, result.output
    return result


def events(site: Site, *words: str) -> list[dict[str, Any]]:
    return [event for story in json.loads(run(site, *words, "--json").stdout) for event in story["events"]]


def noted(site: Site) -> Traces:
    return Traces(site.settings.data / "state", Limits(), lambda: 1_800_000_000.0)


def test_nothing_is_known(site: Site) -> None:
    said = run(site, "x@example.com", status=1)
    assert said.output == "nothing is known of x@example.com; traces are kept for 90d\n"
    said = run(site, "x@example.com", "--since", "2d", status=1)
    assert "nothing is known of x@example.com in the last 2d" in said.output
    assert not (site.settings.data / "state" / "traces.sqlite").exists()


def test_a_file_that_cannot_be_read_is_said(site: Site) -> None:
    traces = noted(site)
    traces.note("abc.1", "stored", recipient=TARO)
    traces.close()
    state = site.settings.data / "state"
    (state / "traces.sqlite").unlink()
    (state / "traces.sqlite").mkdir()
    assert "cannot be read" in run(site, TARO, status=1).output


def test_each_answer_of_each_host_is_told(site: Site) -> None:
    traces = noted(site)
    detail = {"account": TARO, "helo": "pc", "tls": "TLSv1.3", "size": "1234", "to": OUTSIDE}
    traces.note("abc.1", "accepted", message_id="m@x", sender=TARO, peer="192.0.2.7", detail=detail)
    traces.note("abc.1", "check", detail={"check": "spam", "action": "QUARANTINE", "reason": "words"})
    traces.note("abc.1", "forwarded", recipient=HANAKO, detail={"to": OUTSIDE})
    traces.note("abc.1", "queued", queue_id="q1", recipient=OUTSIDE)
    for what, reply in (("deferred", "451 4.7.1 greylisted"), ("sent", "250 2.0.0 ok as 77")):
        traces.note(
            "abc.1",
            what,
            queue_id="q1",
            recipient=OUTSIDE,
            peer="mx.elsewhere.example",
            status=Status(reply[4:9], reply[10:]),
            detail={"reply": reply, "tls": "TLSv1.2", "address": "198.51.100.9"},
        )
    traces.note("abc.1", "failed", queue_id="q1", recipient="x@y.example", status=Status("5.1.1", "nobody"))
    traces.note("abc.1", "notice", recipient="x@y.example", detail={"about": "failed", "to": TARO})
    traces.close()
    text = run(site, "q1").stdout
    for part in (
        "trace abc.1  <m@x>  from <taro@example.test>",
        "accepted   from 192.0.2.7 (pc), TLSv1.3, logged in as taro@example.test, 1234 octets, to bob@",
        "check      spam: QUARANTINE (words)",
        "forwarded  hanako@example.test -> bob@elsewhere.example",
        "queued     bob@elsewhere.example as q1",
        "deferred   bob@elsewhere.example: mx.elsewhere.example [198.51.100.9] (TLSv1.2) said: 451 4.7.1 grey",
        "sent       bob@elsewhere.example: mx.elsewhere.example [198.51.100.9] (TLSv1.2) said: 250 2.0.0 ok",
        "failed     x@y.example: 5.1.1 nobody",
        "notice     taro@example.test is told of x@y.example: failed",
        "    bob@elsewhere.example: sent 2027-01-15",
        "    x@y.example: failed 2027-01-15",
    ):
        assert part in text, (part, text)


def test_what_peers_said_cannot_act_on_a_terminal(site: Site) -> None:
    traces = noted(site)
    evil = "250 \x1b[2J\r\nok\u202e"
    traces.note("abc.1", "sent", recipient=OUTSIDE, peer="\x1bx", detail={"reply": evil, "more": evil})
    traces.close()
    text = run(site, "abc.1").stdout
    assert "\x1b" not in text and "\u202e" not in text and "\r" not in text
    assert len(text.splitlines()) == 2


def test_of_many_recipients_the_one_that_was_asked_for(site: Site) -> None:
    traces = noted(site)
    traces.note("abc.1", "accepted", sender=TARO, peer="192.0.2.7")
    for number in range(50):
        traces.note("abc.1", "stored", recipient=f"r{number}@example.test", detail={"mailbox": "INBOX"})
    traces.close()
    text = run(site, "r7@example.test").stdout
    assert len(text.splitlines()) == 4
    assert "r7@example.test: in INBOX" in text and "and 49 other recipients" in text
    assert len(run(site, "r7@example.test", "--all").stdout.splitlines()) > 50
    assert len(run(site, TARO).stdout.splitlines()) > 50


@pytest.mark.parametrize("limit", [1, 3])
def test_the_newest_come_first(site: Site, limit: int) -> None:
    now = iter(range(1_800_000_000, 1_900_000_000))
    traces = Traces(site.settings.data / "state", Limits(), lambda: float(next(now)))
    for number in range(5):
        traces.note(f"t{number}", "stored", recipient=TARO)
    traces.close()
    text = run(site, TARO, "--limit", str(limit)).stdout
    heads = [line for line in text.splitlines() if line.startswith("trace")]
    assert heads == [f"trace t{number}" for number in range(4, 4 - limit, -1)]
    assert f"the newest {limit}" in text


async def submitter(house: House, connect: Connect) -> Client:
    client = await connect(await house.smtp("implicit", "submission"), tls=house.client_context())
    assert (await client.ask(plain(TARO, "tarosecret"))).startswith("235")
    return client


async def test_a_whole_server_leaves_its_traces(site: Site, connect: Connect) -> None:
    house = await House(site).open()
    world = await connect(await house.smtp())
    letter = b"From: a@example.com\r\nMessage-ID: <one@example.com>\r\nSubject: x\r\n\r\nx\r\n"
    assert (await world.ask("MAIL FROM:<a@example.com>")).startswith("250")
    assert (await world.ask("RCPT TO:<nobody@example.test>")).startswith("550")
    assert (await world.ask("RCPT TO:<Taro+shop@example.test>")).startswith("250")
    assert (await world.ask("RCPT TO:<hanako@example.test>")).startswith("250")
    assert (await world.ask("DATA")).startswith("354")
    assert (await world.ask(letter + b".")).startswith("250")
    client = await submitter(house, connect)
    own = f"From: {TARO}\r\nSubject: y\r\n\r\ny\r\n".encode()
    assert (await client.mail(own, HANAKO, OUTSIDE, sender=TARO)).startswith("250")
    other = letter.replace(b"one@", b"two@")
    assert " 5.7.1 " in await client.mail(other, HANAKO, sender=TARO)
    await house.close()

    text = await asyncio.to_thread(lambda: run(site, "<one@example.com>").stdout)
    found = await asyncio.to_thread(events, site, "one@example.com")
    whats = [event["what"] for event in found]
    assert whats[:2] == ["refused", "accepted"] and sorted(whats[2:]) in (
        ["stored", "stored"],
        ["check", "stored", "stored"],
    ), text
    assert (
        "nobody@example.test: 5.1.1 no such recipient here (from 127.0.0.1, sender <a@example.com>)" in text
    )
    assert "from 127.0.0.1 (client.example.com), without TLS" in text
    assert "Taro+shop@example.test: in INBOX of taro@example.test, uid 1" in text

    sent = await asyncio.to_thread(events, site, OUTSIDE)
    (accepted,) = [event for event in sent if event["what"] == "accepted"]
    assert accepted["message_id"].endswith("@mail.example.test")
    assert accepted["detail"]["tls"].startswith("TLSv1.") and accepted["account"] == TARO
    (queued,) = [event for event in sent if event["what"] == "queued"]
    assert await asyncio.to_thread(events, site, queued["queue_id"]) == sent
    assert await asyncio.to_thread(events, site, accepted["message_id"]) == sent

    refused = [event for event in await asyncio.to_thread(events, site, TARO) if event["what"] == "refused"]
    assert "5.7.1 a@example.com in From does not belong to your account" in {
        event["status"] for event in refused
    }


async def test_a_fault_of_ours_is_told_too(
    site: Site, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await House(site).open()

    async def full(*_: object) -> None:
        raise DiskFull("no room")

    monkeypatch.setattr(house.store, "deliver", full)
    world = await connect(await house.smtp())
    letter = b"From: a@example.com\r\nMessage-ID: <one@example.com>\r\n\r\nx\r\n"
    assert (await world.mail(letter, TARO)).startswith("452")
    await house.close()
    (refused,) = await asyncio.to_thread(events, site, "one@example.com")
    assert refused["what"] == "refused" and refused["status"].startswith("4.3.1")
