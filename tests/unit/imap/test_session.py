"""Sessions over sockets: limits, large messages, slow and vanishing clients, many at once."""

import asyncio
import hashlib
import imaplib
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from imap.commands import fetch
from net.networks import Networks
from tests import closed
from tests.house import House, Site
from tests.wire import connect as connected


class Wire:
    """A client that sends and reads bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.number = 0

    async def line(self) -> bytes:
        return await closed.line(self.reader)

    async def do(self, command: bytes) -> list[bytes]:
        """Send a command; the lines up to its tagged reply, which is the last one."""
        self.number += 1
        tag = b"t%d" % self.number
        self.writer.write(tag + b" " + command + b"\r\n")
        return await self.until(tag)

    async def until(self, tag: bytes) -> list[bytes]:
        lines = []
        while True:
            line = await self.line()
            assert line, f"the connection ended; before that {lines[-3:]}"
            lines.append(line.rstrip(b"\r\n"))
            if line.startswith(tag + b" "):
                return lines


Connect = Callable[..., Awaitable[Wire]]


@pytest.fixture
async def connect(house: House) -> AsyncIterator[Connect]:
    address: list[tuple[str, int]] = []
    open_wires: list[Wire] = []

    async def make(local: str = "taro", *, login: bool = True) -> Wire:
        if not address:
            address.append(await house.imap())
        wire = Wire(*await connected(address[0], limit=2**26))
        open_wires.append(wire)
        await wire.line()
        if login:
            reply = await wire.do(f"LOGIN {local}@example.test {local}secret".encode())
            assert b" OK " in reply[-1]
        return wire

    yield make
    for wire in open_wires:
        wire.writer.close()


async def test_connections_of_an_account_are_limited(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    house = await House(Site.make(folder, imap="{max_connections_per_account: 2}")).open()
    try:
        address = await house.imap()
        wires = [Wire(*await connected(address)) for _ in range(3)]
        for wire in wires:
            await wire.line()
        login = b"LOGIN taro@example.test tarosecret"
        assert b"OK" in (await wires[0].do(login))[-1]
        assert b"OK" in (await wires[1].do(login))[-1]
        assert (await wires[2].do(login))[-1].endswith(b"NO [LIMIT] The account has too many connections")
        assert b"OK" in (await wires[2].do(b"LOGIN hanako@example.test hanakosecret"))[-1]
        await wires[0].do(b"LOGOUT")
        await wires[0].reader.read()
        fourth = Wire(*await connected(address))
        await fourth.line()
        assert b"OK" in (await fourth.do(login))[-1]
    finally:
        await house.close()


async def test_strangers_and_sleepers_are_shown_out(tmp_path: Path) -> None:
    folder = tmp_path / "hasty"
    folder.mkdir()
    house = await House(Site.make(folder, imap="{login_timeout: 1s}")).open()
    try:
        stranger = Wire(*await connected(await house.imap()))
        imap = house.settings.imap.model_copy(update={"login_timeout": 60, "idle_timeout": 1})
        house.settings = house.settings.model_copy(update={"imap": imap})
        address = await house.imap()
        sleeper = Wire(*await connected(address))
        idler = Wire(*await connected(address))
        for wire in (stranger, sleeper, idler):
            await wire.line()
        await sleeper.do(b"LOGIN taro@example.test tarosecret")
        # in one piece: before that it is never silent
        idler.writer.write(b"l LOGIN taro@example.test tarosecret\r\ni IDLE\r\n")
        await idler.until(b"l")
        assert await idler.line() == b"+ idling\r\n"
        for wire in (stranger, sleeper, idler):
            assert await wire.line() == b"* BYE [UNAVAILABLE] Nothing was heard for too long\r\n"
            assert await wire.line() == b""
    finally:
        await house.close()


async def test_passwords_need_tls_where_the_operator_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "strict"
    folder.mkdir()
    house = await House(Site.make(folder, auth="{plaintext_without_tls: never}")).open()
    try:
        wire = Wire(*await connected(await house.imap()))
        assert b"STARTTLS LOGINDISABLED]" in await wire.line()
        for command in (b"LOGIN taro@example.test tarosecret", b"AUTHENTICATE PLAIN", b"AUTHENTICATE LOGIN"):
            assert b"NO [PRIVACYREQUIRED]" in (await wire.do(command))[-1]
    finally:
        await house.close()


async def test_the_server_stops_between_two_commands(house: House, connect: Connect) -> None:
    busy, idle = await connect(), await connect()
    idle.writer.write(b"i IDLE\r\n")
    await idle.line()
    await house.servers[0].stop(wait=60)
    for wire in (busy, idle):
        assert await wire.line() == b"* BYE [UNAVAILABLE] The server is going down\r\n"
        assert await wire.line() == b""


def big_message(octets: int) -> bytes:
    line = b"0123456789abcdef" * 4 + b"\r\n"
    head = b"Subject: big\r\nContent-Type: text/plain\r\n\r\n"
    body = line * (octets // len(line))
    return head + body


async def test_a_large_message_goes_in_and_out_whole(house: House, connect: Connect) -> None:
    data = big_message(8 * 1024 * 1024)
    wire = await connect()
    wire.writer.write(b"a APPEND INBOX {%d}\r\n" % len(data))
    assert await wire.line() == b"+ OK\r\n"
    wire.writer.write(data + b"\r\n")
    assert b"OK [APPENDUID " in await wire.line()
    await wire.do(b"SELECT INBOX")
    for section, expected in (
        (b"BODY.PEEK[]", data),
        (b"BODY.PEEK[1]", data[data.index(b"\r\n\r\n") + 4 :]),
        (b"BODY.PEEK[]<5000000.2000000>", data[5000000:7000000]),
        (b"BODY.PEEK[]<5.10>", data[5:15]),
        (b"BODY.PEEK[HEADER.FIELDS (SUBJECT)]", b"Subject: big\r\n\r\n"),
    ):
        wire.writer.write(b"f FETCH 1 %b\r\n" % section)
        first = await wire.line()
        assert first.endswith(b"{%d}\r\n" % len(expected)), first
        got = await wire.reader.readexactly(len(expected))
        assert hashlib.sha256(got).digest() == hashlib.sha256(expected).digest()
        assert await wire.line() == b")\r\n"
        assert await wire.line() == b"f OK FETCH completed\r\n"


async def test_a_client_that_vanishes_in_append_leaves_nothing(house: House, connect: Connect) -> None:
    wire = await connect()
    wire.writer.write(b"a APPEND INBOX {1000000+}\r\n" + b"x" * 600_000)
    await wire.writer.drain()
    wire.writer.close()
    await wire.writer.wait_closed()
    other = await connect()
    assert b"MESSAGES 0" in (await other.do(b"STATUS INBOX (MESSAGES)"))[0]
    await house.servers[0].stop(wait=60)  # returns when every session has ended
    assert not list((house.settings.data / "spool").glob("*"))


async def test_a_refused_append_is_read_to_its_end(connect: Connect) -> None:
    wire = await connect()
    body = b"y NOOP\r\n" * 50_000
    for command in (
        b"APPEND Nowhere {%d+}" % len(body),
        b"APPEND INBOX (\\Nonsense) {%d+}" % len(body),
        b'APPEND "&&" {%d+}' % len(body),
        b"NONSENSE {%d+}" % len(body),
    ):
        wire.writer.write(b"a " + command + b"\r\n" + body + b"\r\n")
        reply = await wire.line()
        assert reply.startswith((b"a NO ", b"a BAD ")), reply
    assert (await wire.do(b"NOOP"))[-1] == b"t2 OK NOOP completed"


async def test_a_client_that_does_not_read_is_waited_for_and_costs_little(
    house: House, connect: Connect
) -> None:
    data = big_message(1_500_000)
    for _ in range(6):
        await house.put("taro", "INBOX", data)
    wire = await connect()
    await wire.do(b"SELECT INBOX")
    wire.reader._transport.pause_reading()  # type: ignore[attr-defined]
    wire.writer.write(b"f FETCH 1:* BODY.PEEK[]\r\n")
    conn = next(iter(house.servers[0]._inside))
    other = await connect()
    for _ in range(50):
        await other.do(b"NOOP")
        assert conn.unsent < 1024 * 1024
    wire.reader._transport.resume_reading()  # type: ignore[attr-defined]
    got = 0
    while got < 6 * len(data):
        got += len(await wire.reader.read(1 << 20))
    assert (await wire.until(b"f"))[-1] == b"f OK FETCH completed"


async def test_many_messages_are_answered_in_pieces(
    house: House, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "PIECE", 70)
    monkeypatch.setattr(fetch, "BATCH", 16)
    from storage.appending import Appended
    from storage.message import Message

    count = 300
    message = Appended(Message.of(b"Subject: x\r\n\r\nx\r\n"), frozenset({"\\Seen"}), 1_700_000_000)
    await house.store.account("taro@example.test").append("INBOX", [message] * count)
    wire = await connect()
    await wire.do(b"SELECT INBOX")
    lines = await wire.do(b"FETCH 1:* (UID FLAGS)")
    assert len(lines) == count + 1
    assert lines[count - 1] == b"* %d FETCH (UID %d FLAGS (\\Seen \\Recent))" % (count, count)
    odd = b",".join(b"%d" % number for number in range(1, count, 2))
    assert len(await wire.do(b"UID FETCH " + odd + b" (ENVELOPE)")) == count // 2 + 1
    assert len(await wire.do(b"UID FETCH " + odd + b" (FLAGS)")) == count // 2 + 1
    assert (
        len(await wire.do(b"FETCH " + odd + b" (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")) == 4 * (count // 2) + 1
    )


async def test_body_sets_seen_for_all_in_one_go(house: House, connect: Connect) -> None:
    for _ in range(5):
        await house.put("taro", "INBOX", b"Subject: x\r\n\r\nx\r\n")
    wire, other = await connect(), await connect()
    await wire.do(b"SELECT INBOX")
    await other.do(b"SELECT INBOX")
    lines = await wire.do(b"FETCH 1:5 BODY[TEXT]")
    assert sum(b"FLAGS (\\Seen" in line for line in lines) == 5
    lines = await wire.do(b"FETCH 1:5 BODY[TEXT]")
    assert not any(b"FLAGS" in line for line in lines)
    lines = await other.do(b"NOOP")
    assert len(lines) == 6
    await wire.do(b"EXAMINE INBOX")
    await other.do(b"STORE 1 -FLAGS.SILENT (\\Seen)")
    lines = await wire.do(b"FETCH 1 BODY[TEXT]")
    assert not any(b"\\Seen" in line for line in lines), "nothing is changed in a read-only mailbox"


async def test_an_own_change_is_told_once(house: House, connect: Connect) -> None:
    await house.put("taro", "INBOX", b"Subject: x\r\n\r\nx\r\n")
    wire = await connect()
    await wire.do(b"SELECT INBOX")
    assert len(await wire.do(b"STORE 1 +FLAGS (\\Flagged)")) == 2
    assert len(await wire.do(b"STORE 1 -FLAGS.SILENT (\\Flagged)")) == 1
    assert len(await wire.do(b"NOOP")) == 1


async def test_others_are_not_reached_by_any_name(house: House, connect: Connect) -> None:
    await house.put("hanako", "INBOX", b"Subject: secret\r\n\r\nx\r\n")
    await house.put("hanako", "Private", b"Subject: secret\r\n\r\nx\r\n")
    wire = await connect()
    names = (
        b"../hanako/INBOX /../hanako hanako@example.test/INBOX .. ../../example.test/hanako/Maildir .hanako"
        b" ~hanako/INBOX Other/hanako user.hanako #user/hanako INBOX/../../hanako Private cur new tmp"
        b" %2e%2e &AC4ALg-/hanako"
    )
    for name in names.split():
        for command in (b'SELECT "%b"', b'EXAMINE "%b"', b'STATUS "%b" (MESSAGES)', b'DELETE "%b"'):
            reply = await wire.do(command % name)
            assert b" NO " in reply[-1], reply
    listed = await wire.do(b'LIST "" "*"')
    assert not any(b"hanako" in line or b"Private" in line for line in listed)


async def test_imaplib(house: House) -> None:
    """A client library from elsewhere, over TLS."""
    await house.put("taro", "INBOX", b"Subject: hello\r\n\r\nbody\r\n")
    host, port = await house.imap("implicit")
    context = house.client_context()
    context.check_hostname = False

    def talk() -> list[Any]:
        with imaplib.IMAP4_SSL(host, port, ssl_context=context) as client:
            client.login("taro@example.test", "tarosecret")
            found: list[Any] = [str(client.select("INBOX"))]
            found.append(client.fetch("1", "(FLAGS BODY[TEXT])"))
            found.append(client.append("INBOX", "\\Seen", None, b"Subject: two\n\nbody\n"))
            found.append(client.store("1", "+FLAGS", "\\Deleted"))
            found.append(client.expunge())
            found.append(client.list())
            found.append(client.copy("1", "Trash"))
            return found

    found = await asyncio.to_thread(talk)
    assert found[0] == "('OK', [b'1'])"
    assert found[1][1][0][1] == b"body\r\n"
    assert [status for status, _ in found[1:]] == ["OK"] * 6
    assert found[4][1] == [b"1"]


async def test_our_own_fault_is_told_with_its_trace_and_ends_an_append(
    house: House, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("secret path /x/y")

    wire = await connect()
    monkeypatch.setattr(house.store, "spool", fail)
    monkeypatch.setattr(house.store.account("x").__class__, "subscriptions", fail)
    reply = await wire.do(b'LIST "" "*"')
    assert b"NO [SERVERBUG] Internal error, reference " in reply[-1]
    assert b"secret" not in reply[-1]
    assert (await wire.do(b"NOOP"))[-1].endswith(b"OK NOOP completed")
    wire.writer.write(b"a APPEND INBOX {8+}\r\n12345678\r\n")
    assert b"a NO [SERVERBUG]" in await wire.line()
    assert b"* BYE [UNAVAILABLE]" in await wire.line()
    assert await wire.line() == b""


async def test_a_tag_is_short(connect: Connect) -> None:
    wire = await connect()
    wire.writer.write(b"t" * 101 + b" NOOP\r\n")
    assert await wire.line() == b"* BAD The tag is too long\r\n"


async def test_whatever_is_said_is_answered(connect: Connect) -> None:
    """Commands of the transcripts, cut, doubled and mixed: each gets its reply, and none is our fault."""
    chance = random.Random(20260101)
    folder = Path(__file__).parents[2] / "transcripts/imap"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]
    said = re.findall(
        r"^(?:[A-Z]> )?C: \S+ ((?!LOG|AUTH|STARTTLS|IDLE)[A-Z]+ .*)$", "\n".join(texts), re.MULTILINE
    )
    commands = [text.encode() for text in said if "{" not in text and "<" not in text]
    words = [word for command in commands for word in re.findall(rb"[^ ()]+|[() ]", command)]
    wire = await connect()
    await wire.do(b"SELECT INBOX")
    for number in range(100):
        command = bytearray(chance.choice(commands))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(command) + 1)
            match chance.randrange(4):
                case 0:
                    del command[at : at + 3]
                case 1:
                    command[at:at] = chance.choice(words)
                case 2:
                    command[at:at] = command[:at]
                case _:
                    command.insert(at, chance.choice(b'()*:,"\\[]<>&%\xe3\x00 '))
        wire.writer.write(b"x " + bytes(command) + b"\r\ny%d NOOP\r\n" % number)
        lines = await wire.until(b"y%d" % number)
        assert not any(b"SERVERBUG" in line for line in lines), (bytes(command), lines)
        assert any(line.startswith((b"x ", b"* BAD")) for line in lines), (bytes(command), lines)


async def test_loopback_is_where_the_client_is_and_not_its_proxy(house: House) -> None:
    address = await house.imap()
    house.servers[0]._proxies = Networks(("127.0.0.0/8",))
    reader, writer = await connected(address)
    writer.write(b"PROXY TCP4 192.0.2.1 198.51.100.2 5000 143\r\n")
    wire = Wire(reader, writer)
    assert b" LOGINDISABLED]" in await wire.line()
    (answer,) = await wire.do(b"LOGIN taro@example.test tarosecret")
    assert answer.startswith(b"t1 NO [PRIVACYREQUIRED]")
