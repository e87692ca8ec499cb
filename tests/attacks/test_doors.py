"""Attacks on the three doors of a running server: each is answered precisely or timed out, and touches nothing.

Beside what a test asserts, `conftest.untouched` looks after each one that all mail is as before and that decent
clients are served, and `conftest.besieged` that no process has grown by more than a bound.
"""

import asyncio
import socket
from collections.abc import Callable

import pytest

from smtp import replies
from tests.attacks.conftest import EACH, MANY, Besieged
from tests.attacks.talk import Talk

KIB = 1024
MIB = KIB * KIB


async def _smtp(it: Besieged) -> Talk:
    talk = await Talk.open(it.address("mx"))
    await talk.ask(b"EHLO attacker.example", b"250 ")
    return talk


async def _data(it: Besieged, *, bdat: bool = False) -> Talk:
    talk = await _smtp(it)
    await talk.ask(b"MAIL FROM:<attacker@example.com>", b"250")
    await talk.ask(b"RCPT TO:<%b>" % it.victim.address.encode(), b"250")
    if not bdat:
        await talk.ask(b"DATA", b"354")
    return talk


async def _goes_on(talk: Talk) -> None:
    assert b"250" in await talk.ask(b"NOOP", b"")


# Lines


@pytest.mark.parametrize("door", ["mx", "imap", "pop3"])
async def test_a_line_without_end_is_thrown_away_as_it_comes(besieged: Besieged, door: str) -> None:
    talk = await Talk.open(besieged.address(door))
    for _ in range(256):
        talk.writer.write(b"x" * 64 * KIB)
        await talk.writer.drain()
    answer = await talk.ask(b"", b"")
    assert answer in (
        replies.LINE_TOO_LONG.wire(),
        b"* BAD [TOOBIG] The line is too long\r\n",
        b"-ERR the line is too long\r\n",
    )
    talk.vanish()


@pytest.mark.parametrize("line", [b"NO\0OP", b"\0" * 1000, b"NOOP\r", b"NO\rOP", b"NOOP \r\rx"])
async def test_controls_in_a_command_of_smtp(besieged: Besieged, line: bytes) -> None:
    talk = await _smtp(besieged)
    assert (await talk.ask(line, b"")).startswith(b"5")
    await _goes_on(talk)


async def test_a_bare_lf_ends_no_command_of_smtp(besieged: Besieged) -> None:
    talk = await _smtp(besieged)
    talk.writer.write(b"NOOP\nRSET\n")
    assert (await talk.line()).startswith(b"5")
    assert (await talk.line()).startswith(b"5")
    await _goes_on(talk)


@pytest.mark.parametrize(
    "line", [b"a NO\0OP", b"a NOOP\0", b"a NOOP\rb NOOP", b'a LOGIN "x\0y" z', b"\0\0\0"]
)
async def test_controls_in_a_command_of_imap(besieged: Besieged, line: bytes) -> None:
    talk = await besieged.imap()
    assert b" BAD " in await talk.ask(line, b"")
    assert b"OK" in await talk.ask(b"b NOOP", b"b ")


@pytest.mark.parametrize(
    "line", [b"US\0ER x", b"USER a\rPASS b", b"\0" * 100, b"RETR " + b"9" * 2000, b"TOP 1 -1", b"DELE 1e9"]
)
async def test_nonsense_at_pop3(besieged: Besieged, line: bytes) -> None:
    talk = await Talk.open(besieged.address("pop3"))
    assert (await talk.ask(line, b"")).startswith(b"-ERR")
    assert (await talk.ask(b"CAPA", b".")).startswith(b"+OK")


# Smuggling: what another server may take for the end of the data

SMUGGLED = b"MAIL FROM:<admin@example.test>\r\nRCPT TO:<%b>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"


@pytest.mark.parametrize(
    "end",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\r\r\n.\r\r\n",
        b"\n\n.\r\n",
        b"\r\n.\r\r\n",
    ],
)
@pytest.mark.parametrize("cut", [False, True])
async def test_only_crlf_dot_crlf_ends_a_message(besieged: Besieged, end: bytes, cut: bool) -> None:
    """SMTP smuggling (CVE-2023-51764): one message, refused; what lies behind the false end is no command."""
    talk = await _data(besieged)
    data = b"Subject: outer\r\n\r\nx" + end + SMUGGLED % besieged.victim.address.encode()
    for at in range(0, len(data), 1 if cut else len(data)):
        talk.writer.write(data[at : at + (1 if cut else len(data))])
    assert await talk.line() == replies.BARE_LINE_ENDS.wire()
    await _goes_on(talk)


async def test_a_chunk_holds_no_commands(besieged: Besieged) -> None:
    talk = await _data(besieged, bdat=True)
    smuggled = b"x\n.\n" + SMUGGLED % besieged.victim.address.encode()
    talk.writer.write(b"BDAT %d LAST\r\n" % len(smuggled) + smuggled)
    assert (await talk.line()).startswith(b"554 5.6.0")
    await _goes_on(talk)


# Announced, and not meant


@pytest.mark.parametrize("size", [2**32, 2**63, 10**19, 10**30])
async def test_gigabytes_announced_to_smtp(besieged: Besieged, size: int) -> None:
    talk = await _smtp(besieged)
    assert (await talk.ask(b"MAIL FROM:<a@b.example> SIZE=%d" % size, b"")).startswith((b"552", b"501"))
    await _goes_on(talk)
    assert (await talk.ask(b"BDAT %d LAST" % size, b"")).startswith((b"552", b"501"))
    assert await talk.rest() == b""


@pytest.mark.parametrize("size", [2**32, 2**63, 10**19])
@pytest.mark.parametrize("known", [False, True])
async def test_gigabytes_announced_to_imap(besieged: Besieged, size: int, known: bool) -> None:
    for command in (b"a LOGIN {%d}", b"a APPEND INBOX {%d}", b"a SELECT {%d}", b"a FETCH 1 {%d}"):
        talk = await besieged.imap() if known else await Talk.open(besieged.address("imap"))
        answer = await talk.ask(command % size, b"")
        assert answer.startswith((b"a BAD", b"a NO"))
        assert b"OK" in await talk.ask(b"b NOOP", b"b ")
        # and a client that does not wait: what it sends can't be told from commands, so it is shown out
        talk.writer.write((command % size).replace(b"}", b"+}") + b"\r\nx NOOP\r\n")
        rest = await talk.rest()
        assert b"x OK" not in rest and b"BYE" in rest


@pytest.mark.parametrize(
    "hostile",
    [
        b"FETCH " + b"1," * 1_000_000 + b"1 FLAGS",
        b"FETCH " + b"1:*," * 15_000 + b"1 FLAGS",
        b"UID FETCH " + b",".join(b"%d" % uid for uid in range(2, 24_000, 2)) + b" FLAGS",
        b"FETCH 1:4294967295 FLAGS",
        b"UID STORE 4294967295:1 FLAGS ()",
        b"SEARCH " + b"(" * 10_000 + b"ALL" + b")" * 10_000,
        b"SEARCH " + b"NOT " * 10_000 + b"ALL",
        b"SEARCH " + b"OR ALL " * 10_000 + b"ALL",
        b"FETCH 1 " + b"(" * 10_000,
        b"FETCH 1 BODY[" + b"1." * 10_000 + b"1]",
        b'LIST "" ' + b"(" * 10_000,
        b'LIST "" "' + b"*a" * 10_000 + b'"',
        b"STORE 1 FLAGS " + b"(" * 10_000,
        b"STATUS INBOX (" + b"MESSAGES " * 5_000 + b"MESSAGES)",
        b"ID (" + b'"a" "b" ' * 10_000 + b")",
        b"ENABLE" + b" X" * 20_000,
    ],
    ids=lambda command: command[:24].decode(),
)
async def test_commands_of_many_parts(besieged: Besieged, hostile: bytes) -> None:
    talk = await besieged.imap()
    await talk.ask(b"s EXAMINE INBOX", b"s OK")
    talk.writer.write(b"a " + hostile + b"\r\n")
    last = await talk.until((b"a ", b"* BAD", b"* BYE"))
    assert b"SERVERBUG" not in last
    assert b"OK" in await talk.ask(b"b NOOP", b"b ")


# Names

HOSTILE_NAMES = [
    b"..",
    b"../hanako",
    b"../../hanako/Maildir",
    b"a/../../b",
    b"a/./b",
    b"/",
    b"/etc/passwd",
    b"a//b",
    b"//",
    b"~hanako",
    b"~/x",
    b"#shared/x",
    b"&AC4ALg-",
    b"&AC8-",
    b"&AAA-",
    b"&2AA-",
    b"&",
    b"&-&",
    b"&Jjo",
    b"&Jjo!",
    b"a&b",
    b"caf\xc3\xa9",
    b"\xff\xfe",
    b"a\r\nb NOOP",
    b"a\nb",
    b"a\0b",
    b"a\x1bb",
    b"&ACoAKg-",
    b"/".join([b"x"] * 21),
    b"x" * 300,
    b"&" + b"ZeVnLIqe" * 40 + b"-",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_mailbox_names_lead_nowhere_else(besieged: Besieged, name: bytes) -> None:
    """Every command that takes a name; afterwards no file lies anywhere but where it lay."""
    folders = sorted(path for path in besieged.daemons.folder.rglob("*") if path.is_dir())
    talk = await besieged.imap()
    literal = b"{%d+}\r\n%b" % (len(name), name)
    for number, command in enumerate(
        (
            b"SELECT %b",
            b"EXAMINE %b",
            b"STATUS %b (MESSAGES)",
            b"CREATE %b",
            b"RENAME INBOX %b",
            b"RENAME %b ok",
            b"DELETE %b",
        )
    ):
        tag = b"t%d " % number
        answer = await talk.ask(tag + command % literal, tag)
        if name not in (b"~hanako", b"~/x", b"#shared/x"):  # unusual, and harmless as folders
            assert not answer.splitlines()[-1].startswith(tag + b"OK"), (command, answer)
        elif command.startswith(b"RENAME INBOX"):
            continue
        assert b"SERVERBUG" not in answer
        if command.startswith(b"CREATE") and b"OK" in answer:
            await talk.ask(b"d DELETE " + literal, b"d OK")
            break
    talk.writer.write(b"u APPEND " + literal + b" {1+}\r\nx\r\n")
    assert not (await talk.until(b"u ")).endswith(b"completed\r\n")
    assert b"OK" in await talk.ask(b"n NOOP", b"n ")
    assert sorted(path for path in besieged.daemons.folder.rglob("*") if path.is_dir()) == folders


@pytest.mark.parametrize(
    "recipient",
    [
        b"../victim@example.test",
        b'"../victim"@example.test',
        b'"../../domains/x"@example.test',
        b'"victim/../hanako"@example.test',
        b"victim@../example.test",
        b"victim@example.test/../other",
        b".@example.test",
        b'".."@example.test',
        b'"victim\\\0"@example.test',
        b"victim%example.test@example.test",
        b'"victim@example.test"@example.test',
        b"victim@example.test.",
        b"victim@[127.0.0.1]",
        b"/etc/passwd@example.test",
        b"|id@example.test",
        b'"`id`"@example.test',
        b"x" * 5000 + b"@example.test",
    ],
)
async def test_recipients_lead_nowhere_else(besieged: Besieged, recipient: bytes) -> None:
    talk = await _smtp(besieged)
    await talk.ask(b"MAIL FROM:<>", b"250")
    assert (await talk.ask(b"RCPT TO:<%b>" % recipient, b"")).startswith(b"5")
    await _goes_on(talk)


@pytest.mark.parametrize(
    "helo",
    [
        b"x)\tby evil.example; Mon",
        b"x\x0bX-Forged: 1",
        b"(((",
        b"<script>",
        "café".encode(),
        b"a;b",
        b"[1.2.3.4] by",
    ],
)
async def test_nothing_of_ehlo_gets_into_received_but_a_token(besieged: Besieged, helo: bytes) -> None:
    from smtp.received import Hop, received

    talk = await Talk.open(besieged.address("mx"))
    talk.writer.write(b"EHLO %b\r\n" % helo)
    await talk.line()
    talk.vanish()
    field = received(
        Hop(helo.decode("ascii", "replace"), True, "192.0.2.1", None, False, False), "h", "t", None, 0
    )
    line = field.split(b" ([192.0.2.1])")[0]
    assert not set(line.removeprefix(b"Received: from ")) & set(b"()<>;\t \r\n\x0b")


# Vanishing, dribbling, not reading


@pytest.mark.parametrize("bdat", [False, True])
@pytest.mark.parametrize("size", [0, 100, 3 * MIB])
async def test_vanishing_within_a_message(besieged: Besieged, size: int, bdat: bool) -> None:
    talk = await _data(besieged, bdat=bdat)
    if bdat:
        talk.writer.write(b"BDAT 9000000 LAST\r\n")
    talk.writer.write(b"Subject: half\r\n\r\n" + b"x" * 70 * (size // 70) + b"\r\n")
    await talk.writer.drain()
    talk.vanish()
    await _until(lambda: not list((besieged.daemons.folder / "data/spool").glob("*")))


@pytest.mark.parametrize("size", [0, 100, 3 * MIB])
async def test_vanishing_within_append(besieged: Besieged, size: int) -> None:
    mark = besieged.daemons.mark()
    talk = await besieged.imap()
    talk.writer.write(b"a APPEND INBOX {9000000+}\r\n" + b"x" * size)
    await talk.writer.drain()
    talk.vanish()
    await asyncio.to_thread(besieged.daemons.wait, "imap.left", mark)
    await _until(lambda: not list((besieged.daemons.folder / "data/spool").glob("*")))


async def test_vanishing_within_fetch(besieged: Besieged) -> None:
    mark = besieged.daemons.mark()
    talk = await besieged.imap()
    await talk.ask(b"s EXAMINE INBOX", b"s OK")
    talk.writer.write(b"f FETCH 1 (" + b" ".join([b"BODY.PEEK[]"] * 200) + b")\r\n")
    await talk.line()
    talk.vanish()
    await asyncio.to_thread(besieged.daemons.wait, "imap.left", mark)


@pytest.mark.parametrize("door", ["mx", "imap", "pop3"])
async def test_who_asks_and_never_reads_is_held_back(besieged: Besieged, door: str) -> None:
    """The server stops reading when its answers are not taken; memory is looked at by the fixture."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, besieged.address(door))
    sent = 0
    line = {"mx": b"HELP\r\n", "imap": b"a CAPABILITY\r\n", "pop3": b"CAPA\r\n"}[door] * 4096
    try:
        async with asyncio.timeout(0.5):
            while sent < 64 * MIB:
                sent += _try(sock, line)
                await asyncio.sleep(0)
    except (TimeoutError, ConnectionError):
        pass
    sock.close()
    assert sent < 64 * MIB


def _try(sock: socket.socket, data: bytes) -> int:
    try:
        return sock.send(data)
    except BlockingIOError:
        return 0


async def test_many_connections(besieged: Besieged) -> None:
    """All at once, silent; decent clients are served beside them, and they cost little each."""
    before = {room: besieged.memory(room) for room in ("smtp", "imap", "pop3")}
    talks = []
    for door in ("mx", "imap", "pop3"):
        for at in range(0, MANY // 3, 100):
            some = range(at, min(at + 100, MANY // 3))
            talks += await asyncio.gather(*(Talk.open(besieged.address(door)) for _ in some))
    assert all(talk.greeting for talk in talks)
    await besieged.works()
    for room, then in before.items():
        assert besieged.memory(room) - then < EACH * MANY / 3 + 16, room
    for talk in talks:
        talk.vanish()


async def _until(true: Callable[[], bool]) -> None:
    """Wait for what the server does by itself: it says nothing when a spool file goes."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.01)
