"""Lists, forwards and replies all the way: through the relay process to a mail server, and back from it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from kwcmaild.compose import relay
from tests.house import Site
from tests.unit.filters.lists.test_posts import POST, write_list
from tests.unit.filters.site import Place

PATIENCE = 60.0


class World:
    """All other mail servers in one: takes everything but what is for `dead@`."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[str, bytes]] = {}
        self.wanted = 0
        self.enough = asyncio.Event()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("dead@"):
            return "550 5.1.1 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        for address in envelope.rcpt_tos:
            self.taken[address] = (envelope.mail_from or "", envelope.content)
        if len(self.taken) >= self.wanted:
            self.enough.set()
        return "250 ok"


@pytest.fixture
async def world() -> AsyncIterator[tuple[World, int]]:
    world = World()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(world, enable_SMTPUTF8=True), "127.0.0.1", 0)
    yield world, server.sockets[0].getsockname()[1]
    server.close()


async def test_each_copy_has_its_own_way_back(site: Site, world: tuple[World, int]) -> None:
    sink, port = world
    path = site.folder / "kwcmaild.yaml"
    path.write_text(path.read_text() + f"queue: {{smarthost: '127.0.0.1:{port}'}}\n")
    site.write_account(
        "jiro",
        "forward: {to: [far@away.example], keep_copy: false}\nautoreply: {enabled: true, text: away}\n",
        "x",
    )
    write_list(
        site,
        text="owner: taro@example.test\nmembers: [hanako@example.test, b@elsewhere.example,"
        " dead@elsewhere.example, inner@example.test]\n",
    )
    write_list(site, "inner", "owner: hanako@example.test\nmembers: [c@other.example]\n")
    sink.wanted = 4
    place = await Place.open(site)
    process = await relay.compose(site.settings, ())
    try:
        for part in process.parts:
            await part.start()
        assert (await place.send("sales@example.test", source=POST)).ok
        to_jiro = POST.replace(b"sales@", b"jiro@")
        assert (await place.send("jiro@example.test", source=to_jiro, sender="a@elsewhere.example")).ok
        await asyncio.wait_for(sink.enough.wait(), PATIENCE)
        bounces = place.pipeline._lists._bounces
        async with asyncio.timeout(PATIENCE):
            while not (found := bounces.bouncing("sales@example.test")):
                await asyncio.sleep(0.05)
    finally:
        for part in process.parts:
            await part.stop(10)
        await process.close()
        await place.close()
    assert set(sink.taken) == {
        "b@elsewhere.example",
        "c@other.example",
        "far@away.example",
        "a@elsewhere.example",
    }
    assert sink.taken["b@elsewhere.example"][0].startswith("sales-bounces+")
    assert sink.taken["c@other.example"][0].startswith("inner-bounces+")
    assert b"Subject: [inner:00001] [sales:00001] hello\r\n" in sink.taken["c@other.example"][1]
    assert sink.taken["far@away.example"][0].endswith("=jiro@example.test")
    assert sink.taken["a@elsewhere.example"][0] in ("", "<>")
    assert b"Auto-Submitted: auto-replied\r\n" in sink.taken["a@elsewhere.example"][1]
    assert [(each.member, each.paused) for each in found] == [("dead@elsewhere.example", False)]
