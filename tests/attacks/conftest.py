"""A server of its own for the attacks, as separate processes whose memory can be measured."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.attacks.talk import Talk
from tests.clients.daemons import PASSWORD, Daemons, Login

HOST = "127.0.0.1"
MANY = int(
    os.environ.get("KWCMAILD_CONNECTIONS", "900")
)  # at once, over the three doors; 10000 in `make fuzz`
EACH = 0.03  # MiB of a connection of which nothing is known yet
GROWTH = 48 + EACH * MANY / 3  # MiB by which no process may grow over all attacks of this folder together


@dataclass
class Besieged:
    """The running server, a victim's account with mail in it, and what must not change."""

    daemons: Daemons
    victim: Login
    began: dict[str, int] = field(default_factory=dict)

    def address(self, port: str) -> tuple[str, int]:
        return HOST, self.daemons.demo.ports[port]

    def memory(self, room: str) -> int:
        """The most that a process ever had in memory, in MiB."""
        status = Path(f"/proc/{self.daemons.pid(room)}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    def stored(self) -> list[tuple[str, bytes]]:
        """Every file of every account's mail, and what waits in spool and queue."""
        data = self.daemons.folder / "data"
        found = []
        for below in ("mail", "spool", "queue"):
            for path in sorted((data / below).rglob("*")):
                ours = path.parent.name in ("cur", "new", "tmp", "spool", "queue")
                if ours and not path.name.startswith("queue.sqlite"):
                    with suppress(FileNotFoundError, IsADirectoryError):  # a spool may go while we look
                        found.append((str(path.relative_to(data)), path.read_bytes()))
        return found

    async def imap(self) -> Talk:
        """The victim, logged in."""
        talk = await Talk.open(self.address("imap"))
        assert b"OK" in await talk.ask(
            b"l LOGIN %b %b" % (self.victim.address.encode(), PASSWORD.encode()), b"l "
        )
        return talk

    async def works(self) -> None:
        """A decent client finds everything as ever, at all three doors."""
        talk = await self.imap()
        assert b"1 EXISTS" in await talk.ask(b"a SELECT INBOX", b"a OK")
        assert b"the only mail" in await talk.ask(b"b FETCH 1 BODY.PEEK[]", b"b OK")
        talk.writer.close()
        talk = await Talk.open(self.address("pop3"))
        await talk.ask(b"USER " + self.victim.address.encode(), b"+OK")
        assert b"1 messages" in await talk.ask(b"PASS " + PASSWORD.encode(), b"")
        talk.writer.close()
        talk = await Talk.open(self.address("mx"))
        await talk.ask(b"EHLO decent.example", b"250 ")
        await talk.ask(b"MAIL FROM:<>", b"250")
        await talk.ask(b"RCPT TO:<%b>" % self.victim.address.encode(), b"250")
        talk.writer.close()


@pytest.fixture(scope="package")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    daemons = Daemons(tmp_path_factory.mktemp("besieged"))
    try:
        daemons.start()
        it = Besieged(daemons, daemons.account("victim"))
        asyncio.run(_first_mail(it))
        it.began = {room: it.memory(room) for room in ("smtp", "imap", "pop3", "web")}
        yield it
        grown = {room: it.memory(room) - before for room, before in it.began.items()}
        assert max(grown.values()) < GROWTH, grown
    finally:
        daemons.stop()


async def _first_mail(it: Besieged) -> None:
    talk = await Talk.open(it.address("mx"))
    await talk.ask(b"EHLO x", b"250 ")
    await talk.ask(b"MAIL FROM:<>", b"250")
    await talk.ask(b"RCPT TO:<%b>" % it.victim.address.encode(), b"250")
    await talk.ask(b"DATA", b"354")
    assert b"250" in await talk.ask(b"Subject: the only mail\r\n\r\nhello\r\n.", b"")
    talk.writer.close()
    await it.works()


@pytest.fixture(autouse=True)
def untouched(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each attack on the server all mail is as before, nothing is left over, and the server goes on."""
    if "besieged" not in request.fixturenames:
        yield
        return
    it: Besieged = request.getfixturevalue("besieged")
    before = it.stored()
    yield
    asyncio.run(it.works())
    end = (
        time.monotonic() + 60
    )  # a client that vanished may be noticed a moment after the next one was served
    while it.stored() != before and time.monotonic() < end:
        time.sleep(0.05)
    assert it.stored() == before
