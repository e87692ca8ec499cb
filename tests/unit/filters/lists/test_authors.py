"""From: is rewritten where the author's domain would have the copies refused, and nowhere else."""

from collections.abc import AsyncIterator

import dns.rcode
import pytest

from net.resolver import Resolver
from storage.mime.header import fields
from tests.house import DOMAIN, Site
from tests.nameserver import NameServer
from tests.unit.filters.lists.test_posts import POST, write_list
from tests.unit.filters.site import Place


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    server = await NameServer().start()
    yield server
    await server.stop()


@pytest.fixture
async def place(site: Site, names: NameServer) -> AsyncIterator[Place]:
    place = await Place.open(site)
    place.pipeline._lists._resolver = Resolver([names.address], timeout=20)
    yield place
    await place.pipeline._lists._resolver.close()
    await place.close()


async def author(place: Place, source: bytes, login: str | None = None) -> bytes:
    sender = login or "a@elsewhere.example"
    assert (await place.send("sales@example.test", source=source, sender=sender, login=login)).ok
    stored = (await place.inbox("hanako"))[-1]
    (value,) = [stored[each.value_start : each.end] for each in fields(stored) if each.name == b"from"]
    return value.strip()


@pytest.mark.parametrize(
    ("record", "rewritten"),
    [
        (None, False),
        ("v=DMARC1; p=none", False),
        ("v=DMARC1; p=quarantine", True),
        ("v=DMARC1; p=reject; rua=mailto:x@y", True),
        ("nonsense", False),
    ],
)
async def test_by_the_policy_of_the_author(
    place: Place, names: NameServer, record: str | None, rewritten: bool
) -> None:
    write_list(place.house.site)
    if record is not None:
        names.put("_dmarc.elsewhere.example", "TXT", f'"{record}"')
    value = await author(place, POST)
    assert value == (
        b'"Someone via sales" <sales@example.test>' if rewritten else b"Someone <a@elsewhere.example>"
    )


async def test_the_organisation_speaks_for_its_subdomains(place: Place, names: NameServer) -> None:
    write_list(place.house.site)
    names.put("_dmarc.elsewhere.example", "TXT", '"v=DMARC1; p=none; sp=reject"')
    value = await author(place, POST.replace(b"a@elsewhere", b"a@mail.elsewhere"))
    assert value == b'"Someone via sales" <sales@example.test>'


async def test_what_cannot_be_found_out_is_rewritten(place: Place, names: NameServer) -> None:
    write_list(place.house.site)
    names.answer("_dmarc.elsewhere.example", dns.rcode.SERVFAIL)
    assert await author(place, POST) == b'"Someone via sales" <sales@example.test>'


async def test_our_own_domain_is_never_asked(place: Place, names: NameServer) -> None:
    write_list(place.house.site)
    names.put(f"_dmarc.{DOMAIN}", "TXT", '"v=DMARC1; p=reject"')
    own = POST.replace(b"a@elsewhere.example", b"taro@example.test")
    assert await author(place, own, "taro@example.test") == b"Someone <taro@example.test>"
    assert not names.questions
