"""Asking for much with little: what one peer can make the server hold, keep or do has a bound."""

import asyncio
import resource
from pathlib import Path

import pytest

from imap import bodies, sections
from imap.commands import fetch
from imap.fetch_grammar import Body
from imap.scanner import Scanner
from storage.errors import TooManyMailboxes
from storage.message import Message
from tests.attacks.talk import Talk
from tests.house import DOMAIN, House, Site

MIB = 1024 * 1024


async def _login(house: House) -> Talk:
    talk = await Talk.open(await house.imap())
    assert b"OK" in await talk.ask(b"a LOGIN taro@example.test tarosecret", b"a ")
    return talk


def _body(text: bytes) -> Body:
    return Body(sections.parse_section(Scanner(text)), b"BODY" + text, True)


def test_a_message_asked_for_two_hundred_times_is_not_in_memory_two_hundred_times(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(b"Subject: x\r\n\r\n" + b"y" * MIB)
    message = Message(path, path.stat().st_size)
    wanted = bodies.plan([_body(b"[]")] * 200)
    (answers,) = bodies.read(wanted, [message])
    assert answers is not None
    assert sum(len(answer) for answer in answers if isinstance(answer, bytes)) <= bodies.MOST
    large = [answer for answer in answers if isinstance(answer, bodies.Large)]
    assert len({id(answer._source) for answer in large}) == 1  # one file, opened once
    for answer in large:
        octets = b""
        while piece := answer.next():
            octets += piece
        assert octets == path.read_bytes()
        answer.close()


def test_choices_of_a_huge_header_are_refused_before_they_fill_memory(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(b"".join(b"X-%d: %b\r\n" % (at, b"y" * 900) for at in range(1000)) + b"\r\n")
    message = Message(path, path.stat().st_size)
    with pytest.raises(bodies.TooMuch):
        bodies.read(bodies.plan([_body(b"[HEADER.FIELDS.NOT (A)]")] * 200), [message])


def test_summaries_of_large_messages_are_not_all_in_memory_together() -> None:
    sizes = [5 * MIB] * 10
    assert fetch._affordable(sizes, 0) == 4
    assert fetch._affordable(sizes, 8) == 10


async def test_a_fetch_of_two_hundred_bodies_is_answered_in_full(house: House) -> None:
    await house.put("taro", "INBOX", b"Subject: x\r\n\r\n" + b"y" * 100_000 + b"\r\n")
    talk = await _login(house)
    await talk.ask(b"b SELECT INBOX", b"b OK")
    answer = await talk.ask(b"c FETCH 1 (" + b" ".join([b"BODY.PEEK[]"] * 200) + b")", b"c OK")
    assert answer.count(b"Subject: x") == 200


async def test_names_that_do_not_exist_leave_nothing_in_memory(house: House) -> None:
    talk = await _login(house)
    for number in range(300):
        await talk.ask(b"a%d SELECT nowhere%d" % (number, number), b"a%d NO" % number)
    assert len(house.store._loading) == 0
    assert len(house.store._loaded) <= 1


async def test_subscriptions_have_a_limit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.tree.SUBSCRIPTIONS_MOST", 20)
    account = house.store.account(f"taro@{DOMAIN}")
    with pytest.raises(TooManyMailboxes):
        for number in range(30):
            await account.subscribe(f"name {number}")
    assert len(await account.subscriptions()) == 20
    await account.unsubscribe("name 3")
    await account.subscribe("name 99")


async def test_mailboxes_have_a_limit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.tree.MAILBOXES_MOST", 10)
    talk = await _login(house)
    answers = [await talk.ask(b"a%d CREATE m%d" % (at, at), b"a%d " % at) for at in range(12)]
    assert b"NO [LIMIT]" in answers[-1]
    assert b"OK" in await talk.ask(b"b NOOP", b"b ")


async def test_keywords_have_a_limit_and_flags_too(house: House) -> None:
    await house.put("taro", "INBOX", b"\r\n")
    talk = await _login(house)
    await talk.ask(b"b SELECT INBOX", b"b OK")
    for at in range(26):
        await talk.ask(b"c%d STORE 1 +FLAGS.SILENT (k%d)" % (at, at), b"c%d OK" % at)
    assert b"NO [LIMIT]" in await talk.ask(b"d STORE 1 +FLAGS (onemore)", b"d ")
    many = b" ".join(b"f%d" % at for at in range(5000))
    assert b"BAD" in await talk.ask(b"e STORE 1 FLAGS (" + many + b")", b"e ")
    assert b"BAD" in await talk.ask(b"f STORE 1 FLAGS (" + b"x" * 5000 + b")", b"f ")
    assert b"OK" in await talk.ask(b"g NOOP", b"g ")


@pytest.mark.parametrize("useless", [b"NOOP", b"RSET", b"VRFY taro", b"EHLO x"])
async def test_commands_that_lead_nowhere_are_borne_with_for_a_while(house: House, useless: bytes) -> None:
    talk = await Talk.open(await house.smtp())
    await talk.ask(b"EHLO x", b"250 ")
    rest = await talk.pour((useless + b"\r\n") * 200)
    assert b"421 4.7.0" in rest


async def test_a_hundred_thousand_recipients_are_put_off_and_then_shown_out(tmp_path: Path) -> None:
    site = Site.make(tmp_path, smtp="{max_recipients: 100, listen: []}")
    house = await House(site).open()
    try:
        talk = await Talk.open(await house.smtp())
        await talk.ask(b"EHLO x", b"250 ")
        await talk.ask(b"MAIL FROM:<>", b"250 ")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        replies = []
        while not replies or not replies[-1].startswith(b"421"):
            replies.append(await talk.ask(b"RCPT TO:<taro@example.test>", b""))
            assert len(replies) < 2000
        assert [reply[:3] for reply in replies].count(b"250") == 100
        assert [reply[:3] for reply in replies].count(b"452") > 1000
        talk = await Talk.open(await house.smtp())
        await talk.ask(b"EHLO x", b"250 ")
        await talk.ask(b"MAIL FROM:<>", b"250 ")
        await talk.pour(b"RCPT TO:<taro@example.test>\r\n" * 100_000)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024
        assert b"220" in (await Talk.open(await house.smtp())).greeting
    finally:
        await house.close()


async def test_strangers_to_imap_have_so_much_time_in_all(tmp_path: Path) -> None:
    site = Site.make(tmp_path, imap="{login_timeout: 1, listen: []}")
    house = await House(site).open()
    try:
        address = await house.imap()
        began = asyncio.get_running_loop().time()
        talk = await Talk.open(address)
        count = 0
        with pytest.raises(EOFError):
            while asyncio.get_running_loop().time() < began + 60:
                count += 1
                await talk.ask(b"a%d NOOP" % count, b"a%d OK" % count)
        assert asyncio.get_running_loop().time() - began > 0.9
    finally:
        await house.close()
