"""Spam engines as Debian ships them: what is spam, what is not, what they are taught, and when they are away."""

import asyncio
import base64
import io
import json
import random
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from filters.mail import Mail
from filters.spam import rspamd as rspamd_client
from filters.spam import spamd as spamd_client
from filters.spam.engine import EngineFailure, within
from storage.message import Message
from tests.engines.engines import GTUBE, Engine
from tests.house import House, Site
from tests.unit.smtp.conftest import Connect, inbox

HEAD = (
    b"From: x@example.com\r\nTo: taro@example.test\r\nMessage-ID: <s@example.com>\r\n"
    b"Date: Mon, 23 Nov 2026 10:00:00 +0900\r\nSubject: minutes\r\n\r\n"
)
PLAIN = HEAD + b"the minutes of what we said every day\r\n"
SPAM = HEAD + GTUBE + b"\r\n"
CLIENTS = {"spamd": spamd_client, "rspamd": rspamd_client}


@pytest.fixture(params=["spamd", "rspamd"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


@asynccontextmanager
async def opened(site: Site, settings: str) -> AsyncIterator[House]:
    site.configure(filters=f"{{spam: {{{settings}}}}}")
    site.write_account("taro", "spam: {to_junk: true}\n")
    house = await House(site).open()
    try:
        yield house
    finally:
        await house.close()


async def test_spam_is_known_and_plain_mail_is_not(site: Site, engine: Engine, connect: Connect) -> None:
    async with opened(site, engine.settings) as house:
        client = await connect(await house.smtp())
        for message in (SPAM, PLAIN):
            assert (await client.mail(message, "taro@example.test")).startswith("250")
        (spam,) = await inbox(house, "taro", "Junk")
        (plain,) = await inbox(house, "taro")
        assert (
            GTUBE in spam and b"X-Spam-Status: Yes, score=" in spam and b"GTUBE" in spam.split(b"Subject:")[0]
        )
        assert b"X-Spam-Status: No, score=" in plain and b"tests=KNOWN" in plain


def bomb() -> bytes:
    """Twelve archives in each other; the innermost is 20 MB of nothing."""
    inside = b"\0" * 20_000_000
    for level in range(12):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{level}.zip", inside)
        inside = out.getvalue()
    return inside


def hostile() -> dict[str, bytes]:
    """Mails that want to hurt whoever takes them apart; the text of each is GTUBE, somewhere."""
    start = HEAD.removesuffix(b"\r\n") + b"MIME-Version: 1.0\r\n"
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(300)
    )
    packed = base64.encodebytes(bomb()).replace(b"\n", b"\r\n")
    mixed = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n%b\r\n--b\r\n" % GTUBE
    archive = b"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return {
        "zip bomb": start + mixed + archive + packed + b"--b--\r\n",
        "nested": start + nested + b"\r\n" + GTUBE + b"\r\n",
        "no boundary": start + b"Content-Type: multipart/mixed\r\n\r\n--\r\n" + GTUBE + b"\r\n--b--\r\n",
        "long parameter": start
        + b"Content-Type: text/plain; charset="
        + b"x" * 5000
        + b"\r\n\r\n\xff\xfe"
        + GTUBE
        + b"\r\n",
        "broken base64": start + b"Content-Transfer-Encoding: base64\r\n\r\n!!!!\r\n=\r\n" + GTUBE + b"\r\n",
        "ten thousand fields": start
        + b"".join(b"X-%d: y\r\n" % number for number in range(10_000))
        + b"\r\n"
        + GTUBE
        + b"\r\n",
    }


READ = (
    "zip bomb",
    "ten thousand fields",
)  # what GTUBE is found in by every engine, for it is a plain text there


async def test_hostile_mail_comes_in_and_the_engine_lives(
    site: Site, engine: Engine, connect: Connect
) -> None:
    async with opened(site, engine.settings) as house:
        client = await connect(await house.smtp())
        messages = hostile()
        for message in messages.values():
            assert (await client.mail(message, "taro@example.test")).startswith("250")
        stored = [*await inbox(house, "taro"), *await inbox(house, "taro", "Junk")]
        assert len(stored) == len(messages)
        assert all(b"\r\nX-Spam-Status: " in b"\r\n" + each[:2000] for each in stored)  # it has answered
        junk = b"".join(await inbox(house, "taro", "Junk"))
        assert all(messages[each].partition(b"\r\n\r\n")[2] in junk for each in READ)
        assert (await client.mail(SPAM, "hanako@example.test")).startswith("250")
        (after,) = await inbox(house, "hanako")
        assert b"X-Spam-Status: Yes, score=" in after


async def test_it_learns_and_unlearns(engine: Engine) -> None:
    """Both kinds; again, which is no failure; and the other way round."""
    rng = random.Random(engine.name)
    letters = "abcdefghijklmnopqrstuvwxyz"
    kinds = {kind: ["".join(rng.choices(letters, k=7)) for _ in range(30)] for kind in ("spam", "ham")}
    client = CLIENTS[engine.name]

    def letter(kind: str, number: int) -> bytes:
        text = " ".join(rng.choices(kinds[kind], k=25))
        return HEAD.replace(b"<s@", b"<%b%d@" % (kind.encode(), number)) + text.encode() + b"\r\n"

    async def said(kind: str) -> set[str]:
        data = letter(kind, 1000)
        async with within(60):
            mail = Mail("x@example.com", "192.0.2.1", "t", message=Message.of(data))
            score = await client.ask(str(engine.address), mail, data)
        return {test for test in score.tests if test.startswith("BAYES")}

    async def teach(data: bytes, *, spam: bool) -> None:
        async with within(60):
            await client.learn(str(engine.learns_at), data, spam)

    assert await said("spam") == set()
    for number in range(5):
        for kind in kinds:
            await teach(letter(kind, number), spam=kind == "spam")
    assert (await said("spam"), await said("ham")) == ({"BAYES_SPAM"}, {"BAYES_HAM"})
    once_more = letter("spam", 99)
    for spam in (True, True, False):
        await teach(once_more, spam=spam)


@pytest.mark.parametrize("name", ["spamd", "rspamd"])
async def test_an_engine_that_is_away(
    site: Site, connect: Connect, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(site, f"engine: {name}, address: {site.folder / 'nobody'}") as house:
        await taken_unmarked(house, connect, caplog)


async def taken_unmarked(house: House, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    client = await connect(await house.smtp())
    assert (await client.mail(SPAM, "taro@example.test")).startswith("250")
    (stored,) = await inbox(house, "taro")
    assert b"X-Spam" not in stored
    assert [record.message for record in caplog.records].count("spam.engine_away") == 1


def http(body: object, status: str = "200 OK") -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(data), data)


NONSENSE: list[tuple[str, bytes | None]] = [
    ("spamd", None),
    ("spamd", b""),
    ("spamd", b"SPAMD/1.1 76 EX_PROTOCOL\r\n\r\n"),
    ("spamd", b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; .... / 5.0\r\n\r\n"),
    ("spamd", b"SPAMD/1.1 0 EX_OK\r\n\r\n"),
    ("spamd", b"x" * 100_000),
    ("rspamd", None),
    ("rspamd", b""),
    ("rspamd", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    ("rspamd", http(b"no JSON")),
    ("rspamd", http([])),
    ("rspamd", http({"action": "reject", "score": "NaN"})),
    ("rspamd", http({"action": "reject", "score": 20, "symbols": 7})),
    ("rspamd", http(b"[" * 50_000)),
    ("rspamd", http({"action": "reject", "score": 20}, "500 No")),
    ("rspamd", http(b" " * 300_000)),
]


@pytest.mark.parametrize(("name", "answer"), NONSENSE, ids=range(len(NONSENSE)))
async def test_an_engine_that_answers_nonsense_or_never(
    site: Site, connect: Connect, name: str, answer: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with answering(site.folder / "fake.sock", answer) as socket:
        async with opened(site, f"engine: {name}, address: {socket}, timeout: 1s") as house:
            await taken_unmarked(house, connect, caplog)


@asynccontextmanager
async def answering(socket: Path, answer: bytes | None) -> AsyncIterator[Path]:
    """Something that listens, reads, and says this; None: nothing until the other side has had enough."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(GTUBE)
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(talk, socket)
    try:
        yield socket
    finally:
        server.close()


@pytest.mark.parametrize(("name", "client"), CLIENTS.items())
async def test_a_lesson_that_is_refused(tmp_path: Path, name: str, client: object) -> None:
    """Spamd without --allow-tell, a controller that wants a password."""
    answer = b"SPAMD/1.1 69 EX_UNAVAILABLE\r\n\r\n" if name == "spamd" else http({"error": "no"}, "403 No")
    learn: Callable[..., object] = client.learn  # type: ignore[attr-defined]
    async with answering(tmp_path / "fake.sock", answer) as socket:
        with pytest.raises(EngineFailure, match="answered"):
            async with within(60):
                await learn(str(socket), SPAM, True)  # type: ignore[misc]
