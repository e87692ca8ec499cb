"""The learner beside a store: another engine is taught what it has to be, and what is gone is forgotten."""

import asyncio
from pathlib import Path

from kwcmaild.learning import Learning
from storage.state.bayes import Bayes
from tests.house import DOMAIN, House, Site

ADDRESS = f"taro@{DOMAIN}"
MARKED = b"X-Spam-Status: Yes, score=9.0 required=5.0\r\nSubject: [SPAM] hi\r\n\r\nbuy\r\n"


async def test_spamd_is_told_once_without_our_marks(site: Site) -> None:
    told: asyncio.Queue[bytes] = asyncio.Queue()

    async def spamd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.put_nowait(await reader.readuntil(b"buy\r\n"))
        writer.write(b"SPAMD/1.1 0 EX_OK\r\nDidSet: local\r\n\r\n")
        writer.close()

    socket = site.folder / "spamd.sock"
    server = await asyncio.start_unix_server(spamd, socket)
    site.configure(filters=f"{{spam: {{engine: spamd, address: {socket}}}}}")
    house = await House(site).open()
    learning = Learning(house.settings, house.store, Bayes(site.folder / "data" / "state"))
    await learning.start()
    try:
        await house.put("taro", "INBOX", MARKED)
        inbox = await house.store.account(ADDRESS).open("INBOX")
        junk = await house.store.account(ADDRESS).open("Junk")
        await inbox.move([1], "Junk")
        assert await asyncio.wait_for(told.get(), 60) == (
            b"TELL SPAMC/1.5\r\nContent-length: 20\r\nMessage-class: spam\r\nSet: local\r\n\r\n"
            b"Subject: hi\r\n\r\nbuy\r\n"
        )
        await junk.refresh()
        await junk.move(junk.uids, "INBOX")
        assert b"Message-class: ham" in await asyncio.wait_for(told.get(), 60)
        assert told.empty()
    finally:
        await learning.stop(1)
        await house.close()
        server.close()


async def test_rspamd_without_a_controller_is_not_taught(house: House, site: Site) -> None:
    for learn_address, teaches in (("", False), (", learn_address: ./controller", True)):
        site.configure(filters=f"{{spam: {{engine: rspamd, address: ./worker{learn_address}}}}}")
        learning = Learning(site.settings, house.store, Bayes(site.folder / "data" / "state"))
        assert learning._teaches() is teaches


async def test_what_an_account_taught_goes_with_it(house: House, tmp_path: Path) -> None:
    bayes = Bayes(tmp_path)
    for address in (ADDRESS, f"gone@{DOMAIN}"):
        bayes.learn(address, "m", ["word"], spam=True)
    await house.store.run(Learning(house.settings, house.store, bayes).tidy)
    assert bayes.scopes() == [ADDRESS]


async def test_lessons_of_a_day_have_an_end(house: House, tmp_path: Path) -> None:
    learning = Learning(house.settings, house.store, Bayes(tmp_path))
    allowed = [learning._may_teach(ADDRESS, 86_400.0) for _ in range(1_002)]
    assert allowed == [True] * 1_000 + [False] * 2
    assert learning._may_teach("hanako@example.test", 86_400.0) and learning._may_teach(ADDRESS, 2 * 86_400.0)
