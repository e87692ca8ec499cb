"""The session against the real store: what transcripts cannot say."""

import asyncio
import hashlib
import logging
import poplib
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from net.networks import Networks
from pop3 import session as session_module
from pop3 import stuffing
from storage.people.directory_cache import Name
from storage.selected import Mailbox
from tests import closed
from tests.house import DOMAIN, House, Site, put
from tests.wire import connect

TARO = b"USER taro@example.test\r\nPASS tarosecret\r\n"


class Client:
    """A raw client: bytes out, lines in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, address: tuple[str, int], login: bool = True, **options: Any) -> "Client":
        client = cls(*await connect(address, **options))
        assert (await client.line()).startswith(b"+OK")
        if login:
            client.writer.write(TARO)
            assert (await client.line()).startswith(b"+OK")
            assert (await client.line()).startswith(b"+OK")
        return client

    async def line(self) -> bytes:
        async with asyncio.timeout(60):
            return await self.reader.readline()

    async def ask(self, command: bytes) -> bytes:
        self.writer.write(command + b"\r\n")
        return await self.line()

    async def rest(self) -> bytes:
        """All until the server hangs up."""
        return await closed.rest(self.reader)

    def close(self) -> None:
        self.writer.close()


def changed(settings: Settings, **pop3: object) -> Settings:
    return settings.model_copy(update={"pop3": settings.pop3.model_copy(update=pop3)})


def inbox_files(site: Site) -> list[Path]:
    maildir = site.folder / f"data/mail/{DOMAIN}/taro/Maildir"
    return [path for place in ("cur", "new") for path in (maildir / place).iterdir()]


async def test_a_large_message_waits_for_its_reader_and_not_in_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = b"." + b"x" * 76 + b"\r\n"
    body = b"Subject: large\r\n\r\n" + line * 400_000  # 31 MB
    await house.put("taro", "INBOX", body)
    made = 0
    original = stuffing.pieces

    def counted(*args: Any) -> Any:
        nonlocal made
        for piece in original(*args):
            made += len(piece)
            yield piece

    monkeypatch.setattr(stuffing, "pieces", counted)
    client = await Client.connect(await house.pop3(), limit=2**16)
    assert await client.ask(b"RETR 1") == b"+OK %d octets\r\n" % len(body)
    before = -1
    while made != before:  # until nothing more is made, since the client takes nothing more
        before = made
        await asyncio.sleep(0.1)
    assert made < 16_000_000  # the kernel's buffers, mostly
    wire = body.replace(b"\n.", b"\n..") + b".\r\n"
    received, room = hashlib.sha256(), len(wire)
    while room:
        chunk = await client.reader.read(min(room, 2**18))
        assert chunk, "the server has closed"
        received.update(chunk)
        room -= len(chunk)
    assert received.digest() == hashlib.sha256(wire).digest()
    assert await client.ask(b"NOOP") == b"+OK\r\n"
    client.close()


async def test_a_file_that_is_gone_is_an_answer_and_no_error_at_quit(house: House) -> None:
    await house.put("taro", "INBOX", b"Subject: one\r\n\r\nfirst\r\n")
    client = await Client.connect(await house.pop3())
    for path in inbox_files(house.site):
        path.unlink()
    assert await client.ask(b"RETR 1") == b"-ERR the message has been removed meanwhile\r\n"
    assert await client.ask(b"DELE 1") == b"+OK message 1 deleted\r\n"
    assert (await client.ask(b"QUIT")).startswith(b"+OK")
    assert await client.rest() == b""
    client.close()


async def test_a_file_that_was_renamed_is_found(house: House) -> None:
    await house.put("taro", "INBOX", b"Subject: one\r\n\r\nfirst\r\n")
    client = await Client.connect(await house.pop3())
    (path,) = inbox_files(house.site)
    path.rename(path.parent.parent / "cur" / (path.name.partition(":")[0] + ":2,S"))
    assert (await client.ask(b"RETR 1")).startswith(b"+OK")
    assert [await client.line() for _ in range(4)][2:] == [b"first\r\n", b".\r\n"]
    client.close()


async def test_a_file_with_lf_is_served_with_crlf(house: House) -> None:
    await house.put("taro", "INBOX", b"Subject: one\r\n\r\nfirst\r\n")
    maildir = inbox_files(house.site)[0].parent.parent
    (maildir / "tmp/1700000000.mutt.host").write_bytes(b"Subject: two\n\n.second\n")
    (maildir / "tmp/1700000000.mutt.host").rename(maildir / "new/1700000000.mutt.host")
    client = await Client.connect(await house.pop3())
    wire = b"Subject: two\r\n\r\n..second\r\n.\r\n"
    assert await client.ask(b"LIST 2") == b"+OK 2 25\r\n"
    assert await client.ask(b"RETR 2") == b"+OK 25 octets\r\n"
    assert b"".join([await client.line() for _ in range(4)]) == wire
    client.close()


async def test_passwords_are_not_taken_in_the_clear(tmp_path: Path) -> None:
    house = await House(Site.make(tmp_path, auth="{plaintext_without_tls: never}")).open()
    try:
        address = await house.pop3()
        client = await Client.connect(address, login=False)
        assert b"STLS" in await client.ask(b"USER taro@example.test")
        assert (await client.ask(b"PASS tarosecret")).startswith(b"-ERR")
        assert (await client.ask(b"AUTH PLAIN AHRhcm8AeA==")).startswith(
            b"-ERR passwords are taken under TLS"
        )
        client.writer.write(b"CAPA\r\nQUIT\r\n")
        offered = await client.rest()
        assert b"\r\nSTLS\r\n" in offered
        assert b"USER" not in offered
        assert b"SASL" not in offered
        client.close()
        implicit = await house.pop3("implicit")
        client = await Client.connect(
            implicit, ssl=house.client_context(), server_hostname="mail.example.test"
        )
        client.close()
    finally:
        await house.close()


async def test_loopback_is_where_the_client_is_and_not_its_proxy(house: House) -> None:
    address = await house.pop3()
    house.servers[0]._proxies = Networks(("127.0.0.0/8",))
    reader, writer = await connect(address)
    writer.write(b"PROXY TCP4 192.0.2.1 198.51.100.2 5000 110\r\n")
    client = Client(reader, writer)
    assert (await client.line()).startswith(b"+OK")
    assert await client.ask(b"USER taro@example.test") == (
        b"-ERR passwords are taken under TLS only: use STLS or the TLS port\r\n"
    )
    writer.write(b"CAPA\r\nQUIT\r\n")
    assert b"SASL" not in await client.rest()


async def test_a_locked_account_is_answered_like_a_wrong_password(tmp_path: Path) -> None:
    house = await House(
        Site.make(tmp_path, auth="{plaintext_without_tls: loopback, lock_after: 2, max_tries: 10}")
    ).open()
    try:
        client = await Client.connect(await house.pop3(), login=False)
        answers = []
        for password in (b"wrong", b"worse", b"tarosecret"):
            await client.ask(b"USER taro@example.test")
            answers.append(await client.ask(b"PASS " + password))
        assert answers == [b"-ERR [AUTH] wrong login name or password\r\n"] * 3
        client.close()
    finally:
        await house.close()


async def test_an_account_that_cannot_be_read_is_temporary_trouble(house: House) -> None:
    folder = house.site.folder / f"domains/{DOMAIN}/accounts"
    (folder / "new.yaml.tmp").write_text("password: [broken\n")
    (folder / "new.yaml.tmp").rename(folder / "newcomer.yaml")
    client = await Client.connect(await house.pop3(), login=False)
    await client.ask(b"USER newcomer@example.test")
    assert (await client.ask(b"PASS x")).startswith(b"-ERR [SYS/TEMP]")
    client.close()


async def test_an_account_has_so_many_places_and_gets_them_back(house: House) -> None:
    house.settings = changed(house.settings, max_connections_per_account=2)
    address = await house.pop3()
    first, second = await Client.connect(address), await Client.connect(address)
    third = await Client.connect(address, login=False)
    third.writer.write(TARO)
    await third.line()
    assert (await third.line()).startswith(b"-ERR [IN-USE]")
    assert (await first.ask(b"QUIT")).startswith(b"+OK")
    assert await first.rest() == b""
    third.writer.write(TARO)
    await third.line()
    assert (await third.line()).startswith(b"+OK")
    for client in (first, second, third):
        client.close()


async def test_a_silent_session_is_closed_without_a_word_and_removes_nothing(house: House) -> None:
    await house.put("taro", "INBOX", b"Subject: one\r\n\r\nfirst\r\n")
    house.settings = changed(house.settings, idle_timeout=0.1)
    client = await Client.connect(await house.pop3(), login=False)
    client.writer.write(TARO + b"DELE 1\r\n")  # in one piece: before that it is never silent
    assert [(await client.line())[:3] for _ in range(3)] == [b"+OK"] * 3
    assert await client.rest() == b""
    client.close()
    assert len(inbox_files(house.site)) == 1


async def test_a_stranger_has_so_much_time_in_all(house: House) -> None:
    house.settings = changed(house.settings, login_timeout=0.3)
    address = await house.pop3()
    loop = asyncio.get_running_loop()
    began = loop.time()
    client = await Client.connect(address, login=False)
    with suppress(ConnectionError):
        while await client.ask(b"CAPA"):
            while await client.line() not in (b".\r\n", b""):
                pass
            await asyncio.sleep(0.02)
    assert loop.time() - began > 0.2
    client.close()


async def test_a_server_that_stops_says_so_and_removes_nothing(house: House) -> None:
    await house.put("taro", "INBOX", b"Subject: one\r\n\r\nfirst\r\n")
    client = await Client.connect(await house.pop3())
    assert (await client.ask(b"DELE 1")).startswith(b"+OK")
    await house.servers[0].stop(wait=60)
    assert await client.rest() == b"-ERR [SYS/TEMP] the server is stopping\r\n"
    client.close()
    assert len(inbox_files(house.site)) == 1


async def test_a_fault_of_ours_is_told_by_its_trace_alone(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("inside story")

    await house.put("taro", "INBOX", b"Subject: one\r\n\r\nfirst\r\n")
    client = await Client.connect(await house.pop3())
    monkeypatch.setattr(Mailbox, "messages", fail)
    with caplog.at_level(logging.ERROR, logger="pop3"):
        answer = await client.ask(b"RETR 1")
    (record,) = [record for record in caplog.records if record.message == "pop3.failed"]
    assert answer == b"-ERR [SYS/TEMP] internal error, reference %b\r\n" % record.fields["trace"].encode()
    assert await client.ask(b"NOOP") == b"+OK\r\n"
    client.close()


async def test_a_removal_that_fails_is_said_at_quit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    await house.put("taro", "INBOX", b"Subject: one\r\n\r\nfirst\r\n")
    client = await Client.connect(await house.pop3())
    await client.ask(b"DELE 1")
    monkeypatch.setattr(Mailbox, "remove", fail)
    assert await client.ask(b"QUIT") == b"-ERR [SYS/TEMP] some deleted messages not removed\r\n"
    assert await client.rest() == b""
    client.close()


async def test_half_a_message_never_looks_like_a_whole_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        yield b"Subject: one\r\n"
        raise OSError(5, "Input/output error")

    await house.put("taro", "INBOX", b"Subject: one\r\n\r\nfirst\r\n")
    monkeypatch.setattr(stuffing, "pieces", broken)
    client = await Client.connect(await house.pop3())
    client.writer.write(b"RETR 1\r\nNOOP\r\n")
    received = b""
    try:
        received = await client.rest()
    except ConnectionError:
        pass
    assert b"\n.\r\n" not in received
    assert received.count(b"+OK") <= 1
    client.close()


async def test_who_only_makes_errors_is_sent_away(house: House) -> None:
    client = await Client.connect(await house.pop3(), login=False)
    client.writer.write(b"WHAT\r\n" * 100)
    answers = (await client.rest()).splitlines()
    assert len(answers) == session_module.MOST_ERRORS + 1
    assert answers[-1] == b"-ERR too many errors, goodbye"
    client.close()


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
async def test_poplib_reads_and_deletes(house: House, tls: str) -> None:
    await house.put("taro", "INBOX", b"Subject: one\r\n\r\n.first\r\n")
    await house.put("taro", "INBOX", b"Subject: two\r\n\r\nsecond\r\n")
    host, port = await house.pop3("implicit" if tls == "implicit" else "starttls")
    context: ssl.SSLContext = house.client_context()
    context.check_hostname = False  # the name stands in the certificate, the address does too

    def talk() -> list[bytes]:
        if tls == "implicit":
            client: poplib.POP3 = poplib.POP3_SSL(host, port, context=context, timeout=60)
        else:
            client = poplib.POP3(host, port, timeout=60)
        if tls == "starttls":
            client.stls(context)
        client.utf8()
        client.user("taro@example.test")
        client.pass_("tarosecret")
        assert client.stat() == (2, 48)
        lines = client.retr(1)[1]
        assert len(client.uidl()[1]) == 2
        client.dele(1)
        client.quit()
        return lines

    assert await asyncio.to_thread(talk) == [b"Subject: one", b"", b".first"]
    assert len(inbox_files(house.site)) == 1


@pytest.mark.parametrize("gone", [False, True], ids=["suspended", "deleted"])
async def test_who_is_suspended_or_deleted_is_shown_out_and_nothing_is_removed(
    site: Site, house: House, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    monkeypatch.setattr(session_module, "LOOK_EVERY", 0.0)
    await house.put("taro", "INBOX", b"Subject: kept\r\n\r\n")
    client = await Client.connect(await house.pop3())
    assert await client.ask(b"DELE 1") == b"+OK message 1 deleted\r\n"
    path = site.folder / f"domains/{DOMAIN}/accounts/taro.yaml"
    if gone:
        path.unlink()
        house.store.directory.files.forget(Name("account", DOMAIN, "taro"))
    else:
        put(path, path.read_text() + "suspended: true\n")
    client.writer.write(b"QUIT\r\n")
    assert await client.rest() == b"-ERR [SYS/PERM] the account may not be used any more\r\n"
    assert len(inbox_files(site)) == 1
