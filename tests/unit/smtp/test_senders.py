"""What accounts may send: in their own name, and so much of it; who suddenly passes that is held."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kwcmaild.command import application
from storage.queue.admin import QueueAdmin
from storage.queue.queue import Queue
from storage.queue.queued import Select, State
from tests.house import House, Site, put
from tests.unit.smtp.conftest import Client, Connect, inbox
from tests.unit.smtp.test_submission import plain

TARO, HANAKO, OUTSIDE = "taro@example.test", "hanako@example.test", "someone@elsewhere.example"
LIMIT = "{messages_per_hour: 6, recipients_per_hour: 8}"


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[House]:
    folder = tmp_path / "limited"
    folder.mkdir()
    site = Site.make(folder, smtp=f"{{send_limit: {LIMIT}}}", operators=f"[{HANAKO}]")
    house = still(await House(site).open())
    yield house
    await house.close()


def still(house: House) -> House:
    """The counts' clock stands, not at the turn of an hour or of a day, when there is room again."""
    house.store.sending._rates._clock = lambda: 1_700_049_800.0
    return house


async def submitter(house: House, connect: Connect) -> Client:
    client = await connect(await house.smtp("implicit", "submission"), tls=house.client_context())
    assert (await client.ask(plain(TARO, "tarosecret"))).startswith("235")
    return client


def kwcmaild(house: House, *words: str) -> str:
    config = str(house.site.folder / "kwcmaild.yaml")
    result = CliRunner().invoke(application(), [*words, "-c", config])
    assert result.exit_code == 0, result.output
    return result.output


def letter(author: str = TARO, more: str = "") -> bytes:
    return f"From: {author}\r\n{more}Subject: x\r\n\r\nx\r\n".encode()


async def test_only_in_its_own_name(house: House, connect: Connect) -> None:
    path = house.site.write_account("taro")
    put(path, path.read_text() + "aliases: [t.yamada]\nsend_as: [sales@elsewhere.example]\n")
    client = await submitter(house, connect)
    for author in (TARO, "Taro <T.Yamada@example.test>", "taro+shop@example.test", "sales@elsewhere.example"):
        reply = await client.mail(letter(author), HANAKO, sender=TARO)
        assert reply.startswith("250"), (author, reply)
    reply = await client.mail(letter("Boss <boss@example.test>"), HANAKO, sender=TARO)
    assert reply.startswith("55") and reply.endswith(
        " 5.7.1 boss@example.test in From does not belong to your account\r\n"
    )
    reply = await client.mail(letter(TARO, f"Sender: {HANAKO}\r\n"), HANAKO, sender=TARO)
    assert reply.startswith("55") and " 5.7.1 " in reply
    reply = await client.mail(b"Subject: x\r\n\r\nx\r\n", HANAKO, sender=TARO)
    assert reply == "554 5.6.0 the message has no From field\r\n"
    assert len(await inbox(house, "hanako")) == 4


async def test_others_names_where_the_operator_takes_them(tmp_path: Path, connect: Connect) -> None:
    folder = tmp_path / "lax"
    folder.mkdir()
    house = await House(Site.make(folder, smtp="{check_from: accept}")).open()
    try:
        client = await submitter(house, connect)
        assert (await client.mail(letter("boss@x.example"), HANAKO, sender=TARO)).startswith("250")
    finally:
        await house.close()


async def test_the_world_may_write_in_any_name(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    assert (await client.mail(letter("a@x, b@y"), HANAKO)).startswith("250")


async def test_an_account_that_suddenly_sends_much_is_held(limited: House, connect: Connect) -> None:
    client = await submitter(limited, connect)
    reply = await client.mail(letter(), OUTSIDE, sender=TARO)
    assert reply.startswith("250")
    for _ in range(5):
        assert (await client.mail(letter(), HANAKO, sender=TARO)).startswith("250")
    assert (
        await client.ask(f"MAIL FROM:<{TARO}>")
        == "450 4.7.1 sending from this account is held, ask your administrator\r\n"
    )
    assert "held" in await (await submitter(limited, connect)).ask(f"MAIL FROM:<{TARO}>")

    (notice,) = [each for each in await inbox(limited, "hanako") if b"Auto-Submitted" in each]
    assert b"To: hanako@example.test" in notice
    queue = await limited.store.run(Queue.of, limited.store)
    held = await limited.store.run(lambda: list(QueueAdmin(queue).list(Select(state=State.HELD))))
    assert [listed.envelope.reverse_path for listed in held] == [TARO]

    shown = await asyncio.to_thread(kwcmaild, limited, "account", "show", TARO)
    assert "sending held:  since" in shown and "suddenly more than 6 messages in an hour" in shown
    assert "active, sending held" in await asyncio.to_thread(kwcmaild, limited, "account", "list")
    said = await asyncio.to_thread(kwcmaild, limited, "account", "unhold", TARO)
    assert f"{TARO} may send again" in said and "1 message in the queue released" in said
    assert not await limited.store.run(lambda: list(QueueAdmin(queue).list(Select(state=State.HELD))))
    assert (await client.mail(letter(), HANAKO, sender=TARO)).startswith("250")
    queue.close()


async def test_too_many_recipients_of_one_message(limited: House, connect: Connect) -> None:
    path = limited.site.write_account("taro")
    put(path, path.read_text() + "send_limit: {recipients_per_hour: 3, recipients_per_day: 3}\n")
    client = await submitter(limited, connect)
    assert (await client.ask(f"MAIL FROM:<{TARO}>")).startswith("250")
    for number in range(3):
        assert (await client.ask(f"RCPT TO:<hanako+{number}@example.test>")).startswith("250")
    assert (await client.ask(f"RCPT TO:<{HANAKO}>")).startswith("450 4.7.1")


async def test_a_steady_sender_is_asked_to_wait(tmp_path: Path, connect: Connect) -> None:
    folder = tmp_path / "steady"
    folder.mkdir()
    house = still(await House(Site.make(folder, smtp=f"{{send_limit: {LIMIT}, hold_senders: false}}")).open())
    try:
        client = await submitter(house, connect)
        assert (await client.ask(f"MAIL FROM:<{TARO}>")).startswith("250")
        for number in range(8):
            assert (await client.ask(f"RCPT TO:<hanako+{number}@example.test>")).startswith("250")
        reply = await client.ask(f"RCPT TO:<{HANAKO}>")
        assert reply.startswith("452 4.5.3 this account may send 8 recipients in an hour, try again at 20")
        assert (await client.ask("DATA")).startswith("354")
        assert (await client.ask(letter() + b".")).startswith("250")
        assert (await client.ask(f"MAIL FROM:<{TARO}>")).startswith("450 4.7.1 this account may send")
        assert not house.store.sending.holds.all()
    finally:
        await house.close()


async def test_many_connections_get_no_more_through_than_one(tmp_path: Path, connect: Connect) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    house = still(await House(Site.make(folder, smtp=f"{{send_limit: {LIMIT}, hold_senders: false}}")).open())
    try:
        clients = [await submitter(house, connect) for _ in range(6)]
        for client in clients:
            assert (await client.ask(f"MAIL FROM:<{TARO}>")).startswith("250")
            for number in range(4):
                assert (await client.ask(f"RCPT TO:<hanako+{number}@example.test>")).startswith("250")
            assert (await client.ask("DATA")).startswith("354")
        replies = await asyncio.gather(*(client.ask(letter() + b".") for client in clients))
        assert sorted(reply[:3] for reply in replies) == ["250", "250", "450", "450", "450", "450"]
    finally:
        await house.close()


async def test_held_by_hand(house: House, connect: Connect) -> None:
    client = await submitter(house, connect)
    said = await asyncio.to_thread(kwcmaild, house, "account", "hold", TARO, "--reason", "moving out")
    assert said.startswith(f"sending from {TARO} is held")
    assert (await client.ask(f"MAIL FROM:<{TARO}>")).startswith("450 4.7.1")
    assert "moving out" in await asyncio.to_thread(kwcmaild, house, "account", "show", TARO, "--json")
    await asyncio.to_thread(kwcmaild, house, "account", "unhold", TARO)
    assert (await client.ask(f"MAIL FROM:<{TARO}>")).startswith("250")
