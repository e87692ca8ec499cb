"""Port 25 as its peers see it, and what lies in the mailboxes afterwards."""

import asyncio
import re
import tracemalloc

import pytest

from smtp.content import OVERRUN
from tests.closed import rest
from tests.house import House, Site, put
from tests.unit.smtp.conftest import Connect, inbox

MESSAGE = b"From: someone@example.com\r\nSubject: hello\r\n\r\n..dots\r\n"


async def test_bytes_arrive_as_they_were_sent(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    reply = await client.mail(MESSAGE, "taro@example.test")
    trace = re.fullmatch(r"250 2\.0\.0 accepted as (\S+)\r\n", reply)
    assert trace
    (stored,) = await inbox(house, "taro")
    head, _, rest = stored.partition(b"From: someone")
    assert b"From: someone" + rest == MESSAGE.replace(b"\r\n..", b"\r\n.")
    assert re.search(
        rb"^Received: from client\.example\.com \(\[127\.0\.0\.1\]\)\r\n"
        rb"\tby mail\.example\.test \(kwcmaild\) with ESMTP id %b\r\n"
        rb"\tfor <taro@example\.test>;\r\n\t\w{3}, [^\r]+ [+-]\d{4}\r\n" % re.escape(trace[1].encode()),
        head,
        re.MULTILINE,
    )
    assert b"Return-Path: <someone@example.com>\r\n" in head
    assert b"Delivered-To: taro@example.test\r\n" in head


async def test_a_shared_copy_names_no_recipient(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    await client.mail(MESSAGE, "taro@example.test", "hanako@example.test")
    for local in ("taro", "hanako"):
        (stored,) = await inbox(house, local)
        assert b"taro" not in stored
        assert b"hanako" not in stored


async def test_two_addresses_of_one_account_are_one_copy(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    await client.mail(MESSAGE, "taro@example.test", "TARO+x@example.test", "taro@example.test")
    assert len(await inbox(house, "taro")) == 1


async def test_aliases_catch_all_and_postmaster(site: Site, connect: Connect) -> None:
    site.write_account("taro", "aliases: [taro.yamada]\n")
    domain = site.folder / "domains/example.test/domain.yaml"
    put(domain, "capacity: 100G\nadministrators: [hanako@example.test]\ncatch_all: taro@example.test\n")
    site.configure(operators="[hanako@example.test]")
    house = await House(site).open()
    try:
        client = await connect(await house.smtp())
        await client.mail(MESSAGE, "Taro.Yamada@example.test")
        await client.mail(MESSAGE, "nobody@example.test")
        await client.mail(MESSAGE, "postmaster@example.test")
        await client.mail(MESSAGE, "postmaster")
        assert len(await inbox(house, "taro")) == 2
        stored = await inbox(house, "hanako")
        assert [b"for <postmaster@example.test>" in each for each in stored] == [True, False]
    finally:
        await house.close()


@pytest.mark.parametrize(
    ("more", "reply"),
    [
        ("receive: false\n", "550 5.2.1 this mailbox does not receive mail\r\n"),
        ("suspended: true\n", "550 5.2.1 this mailbox does not receive mail\r\n"),
        ("quota_messages: 1\n", "452 4.2.2 mailbox is full\r\n"),
        ("nonsense: [\n", "451 4.3.5 the configuration of this account cannot be read, try again later\r\n"),
    ],
)
async def test_recipients_that_get_nothing(site: Site, connect: Connect, more: str, reply: str) -> None:
    site.write_account("taro", more)
    house = await House(site).open()
    try:
        if "quota" in more:
            await house.put("taro", "INBOX", MESSAGE)
        client = await connect(await house.smtp())
        await client.ask("MAIL FROM:<someone@example.com>")
        assert await client.ask("RCPT TO:<taro@example.test>") == reply
    finally:
        await house.close()


async def test_a_size_that_has_no_room_is_refused_before_it_is_sent(house: House, connect: Connect) -> None:
    put((house.site.folder / "domains/example.test/accounts/taro.yaml"), "quota: 1M\n")
    client = await connect(await house.smtp())
    await client.ask("MAIL FROM:<someone@example.com> SIZE=2000000")
    assert (await client.ask("RCPT TO:<taro@example.test>")).startswith("452 4.2.2")


async def test_too_big_is_read_to_its_end_and_refused(site: Site, connect: Connect) -> None:
    site.configure(smtp="{max_message: 64K}")
    house = await House(site).open()
    try:
        client = await connect(await house.smtp())
        assert "SIZE 65536\r\n" in await client.ask("EHLO x")
        assert (await client.ask("MAIL FROM:<a@example.com> SIZE=65537")).startswith("552 5.3.4")
        big = b"x" * 70 + b"\r\n"
        assert (await client.mail(big * 1000, "taro@example.test")).startswith("552 5.3.4")
        assert (await client.mail(MESSAGE, "taro@example.test")).startswith("250")
        assert len(await inbox(house, "taro")) == 1
        # far too big: not read to its end. No octet more is sent than is read, so that the close is no reset.
        await client.ask("MAIL FROM:<a@example.com>")
        await client.ask("RCPT TO:<taro@example.test>")
        await client.ask("DATA")
        client.send((big * 2000)[: OVERRUN * 65536 + 1])
        assert (await client.reply()).startswith("552 5.3.4")
        assert await rest(client.reader) == b""
    finally:
        await house.close()


async def test_a_large_message_goes_through_a_file_that_is_gone_afterwards(
    house: House, connect: Connect
) -> None:
    client = await connect(await house.smtp())
    body = b"".join(b"%07d " % number * 9 + b"\r\n" for number in range(20_000))
    assert (await client.mail(MESSAGE + body, "taro@example.test")).startswith("250")
    (stored,) = await inbox(house, "taro")
    assert stored.endswith(body)
    spool = house.settings.data / "spool"
    assert list(spool.iterdir()) == []


async def test_memory_does_not_grow_with_the_message(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    await client.mail(MESSAGE, "taro@example.test")  # what is loaded once is loaded now
    await client.ask("MAIL FROM:<someone@example.com>")
    await client.ask("RCPT TO:<taro@example.test>")
    await client.ask("DATA")
    piece = b"".join(b"%07d " % number * 9 + b"\r\n" for number in range(1000))
    tracemalloc.start()
    try:
        for _ in range(400):
            client.send(piece)
            await client.writer.drain()
        client.send(b".\r\n")
        assert (await client.reply()).startswith("250")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(piece) * 400 > 28_000_000
    assert peak < 6_000_000


async def test_a_client_that_vanishes_leaves_nothing(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    await client.ask("MAIL FROM:<someone@example.com>")
    await client.ask("RCPT TO:<taro@example.test>")
    await client.ask("DATA")
    client.send(MESSAGE + b"x" * 600_000)
    await client.writer.drain()
    client.writer.close()
    await house.servers[0].stop(wait=60)  # returns when the session is over
    assert await inbox(house, "taro") == []
    assert list((house.settings.data / "spool").iterdir()) == []


async def test_a_client_that_vanishes_after_the_dot_has_sent_its_mail(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    await client.ask("MAIL FROM:<someone@example.com>")
    await client.ask("RCPT TO:<taro@example.test>")
    await client.ask("DATA")
    client.send(MESSAGE + b".\r\n")
    await client.writer.drain()
    client.writer.close()
    await house.servers[0].stop(wait=60)  # returns when the session is over
    assert len(await inbox(house, "taro")) == 1


async def test_a_message_that_goes_round_in_circles(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    hops = b"Received: from x\r\n\tby y; now\r\n"
    assert (await client.mail(hops * 100 + MESSAGE, "taro@example.test")).startswith("250")
    reply = await client.mail(hops * 101 + MESSAGE, "taro@example.test")
    assert reply == "554 5.4.6 too many hops, this message loops\r\n"


async def test_limits_of_a_session(site: Site, connect: Connect) -> None:
    site.configure(smtp="{max_recipients: 100, max_errors: 3}")
    house = await House(site).open()
    try:
        client = await connect(await house.smtp())
        assert "LIMITS RCPTMAX=100" in await client.ask("EHLO x")
        await client.ask("MAIL FROM:<someone@example.com>")
        for _ in range(100):
            assert (await client.ask("RCPT TO:<taro@example.test>")).startswith("250")
        assert (await client.ask("RCPT TO:<taro@example.test>")).startswith("452 4.5.3")
        for _ in range(2):
            assert (await client.ask("FROB")).startswith("500")
        client.send(b"FROB\r\nNOOP\r\n")
        assert (await client.reply()).startswith("500")
        assert await client.reply() == "421 4.7.0 mail.example.test too many errors\r\n"
        assert await rest(client.reader) == b""
    finally:
        await house.close()


async def test_early_talkers_are_refused(site: Site, connect: Connect) -> None:
    site.configure(smtp="{greeting_delay: 60}")
    house = await House(site).open()
    try:
        client = await connect(await house.smtp(), greet=False)
        client.send(b"EHLO client.example.com\r\n")
        assert await client.reply() == "554 5.5.1 you spoke before the greeting\r\n"
        assert await rest(client.reader) == b""
    finally:
        await house.close()


async def test_silence_is_ended(site: Site, connect: Connect) -> None:
    site.configure(smtp="{data_timeout: 1}")
    house = await House(site).open()
    try:
        slow = await connect(await house.smtp())
        await slow.ask("MAIL FROM:<someone@example.com>")
        await slow.ask("RCPT TO:<taro@example.test>")
        await slow.ask("DATA")
        impatient = house.settings.smtp.model_copy(update={"command_timeout": 1})
        house.settings = house.settings.model_copy(update={"smtp": impatient})
        silent = await connect(await house.smtp(), greet=False)
        assert (await silent.reply()).startswith("220")
        for client in (silent, slow):
            assert await client.reply() == "421 4.4.2 mail.example.test timed out\r\n"
            assert await rest(client.reader) == b""
    finally:
        await house.close()


async def test_an_octet_now_and_then_gains_no_time(site: Site, connect: Connect) -> None:
    site.configure(smtp="{data_timeout: 1}")
    house = await House(site).open()
    try:
        client = await connect(await house.smtp())
        await client.ask("MAIL FROM:<someone@example.com>")
        await client.ask("RCPT TO:<taro@example.test>")
        await client.ask("DATA")
        ended = asyncio.create_task(client.reply())
        async with asyncio.timeout(60):
            while not (await asyncio.wait({ended}, timeout=0.1))[0]:
                client.send(b"x")
        assert await ended == "421 4.4.2 mail.example.test timed out\r\n"
    finally:
        await house.close()


async def test_what_was_sent_fast_is_no_right_to_be_silent(site: Site, connect: Connect) -> None:
    """Of each piece the setting is the longest wait, though a large message as a whole may take long."""
    site.configure(smtp="{data_timeout: 1}")
    house = await House(site).open()
    try:
        client = await connect(await house.smtp())
        await client.ask("MAIL FROM:<someone@example.com>")
        await client.ask("RCPT TO:<taro@example.test>")
        await client.ask("DATA")
        client.send(b"x" * 70 + b"\r\n" + b"y\r\n" * 10_000)  # at 100 octets a second: five minutes
        async with asyncio.timeout(120):
            assert await client.reply() == "421 4.4.2 mail.example.test timed out\r\n"
    finally:
        await house.close()


async def test_a_server_that_stops_says_so_between_commands(house: House, connect: Connect) -> None:
    client = await connect(await house.smtp())
    stopping = asyncio.create_task(house.servers[0].stop(wait=60))
    assert await client.reply() == "421 4.3.2 mail.example.test is shutting down\r\n"
    await stopping


async def test_a_fault_of_ours_names_its_trace_and_nothing_else(
    house: House, connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the inside story")

    client = await connect(await house.smtp())
    monkeypatch.setattr(house.store, "deliver", broken)
    reply = await client.mail(MESSAGE, "taro@example.test")
    match = re.fullmatch(r"451 4\.3\.0 internal error (\w+)\r\n", reply)
    assert match
    failed = [record for record in caplog.records if record.message == "smtp.failed"]
    assert [record.__dict__["fields"]["trace"] for record in failed] == [match[1]]
    assert (await client.ask("NOOP")).startswith("250")


async def test_a_full_disk_is_temporary(
    house: House, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect(await house.smtp())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storage.spool._append", full)
    big = b"x" * 70 + b"\r\n"
    assert await client.mail(big * 8000, "taro@example.test") == (
        "452 4.3.1 not enough storage, try again later\r\n"
    )
    assert (await client.ask("NOOP")).startswith("250")
