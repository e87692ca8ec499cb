"""The MTA-STS policies of our domains, fetched over TLS by our own sending side."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from typer.testing import CliRunner

from config.domain import DomainFile
from config.settings import Listen
from filters import mta_sts
from filters.publish import look, records
from kwcmaild.command import application
from net.server import bind
from net.tls import Contexts
from smtp.relay.mta_sts import parse, record_id
from tests.house import DOMAIN, House, Site
from tests.unit.smtp.relay.conftest import World, proven_context
from tests.unit.smtp.relay.conftest import world as world
from web.server import WebServer

HOST = f"mta-sts.{DOMAIN}"


def write(site: Site, text: str) -> None:
    """As programs do: a file that was renamed counts at once."""
    path = site.folder / f"domains/{DOMAIN}/domain.yaml"
    path.with_name(".new").write_text(text)
    path.with_name(".new").rename(path)


@pytest.mark.parametrize(
    ("server", "domain", "mode"),
    [("testing", None, "testing"), ("off", "enforce", "enforce"), ("enforce", "none", "none")],
)
def test_a_domain_says_its_mode_or_the_server_does(
    site: Site, server: str, domain: str | None, mode: str
) -> None:
    site.configure(mta_sts=f"{{mode: {server}, max_age: 31d, mx: [mx1.example.test, mx2.example.test]}}")
    text = mta_sts.policy(site.settings, DomainFile.model_validate({"mta_sts": domain}))
    policy = parse(text)
    assert (policy.mode, policy.mx, policy.max_age) == (
        mode,
        ("mx1.example.test", "mx2.example.test"),
        31 * 86400,
    )
    other = mta_sts.policy(site.settings, DomainFile(mta_sts="testing"))
    same = record_id([mta_sts.record(text)]) == record_id([mta_sts.record(other)])
    assert record_id([mta_sts.record(text)]) and same == (text == other)


def test_off_is_nothing(site: Site) -> None:
    contract = DomainFile(mta_sts="off")
    assert mta_sts.policy(site.settings, contract) == ""
    assert not any("mta-sts" in each.name for each in records(site.settings, DOMAIN, [], contract))
    assert any("mta-sts" in each.name for each in records(site.settings, DOMAIN, []))


@pytest.fixture
async def web(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A web process of ours, with a certificate for the policy's name that the world trusts."""
    site = Site.make(tmp_path_factory.mktemp("site"))
    proven_context(world, HOST)
    pair = world.folder / f"{HOST}.chain.pem"
    authority = world.folder / "authority.pem"
    tls = f"{{certificate: {site.certificate}, key: {site.certificate.with_suffix('.key')}"
    site.configure(tls=f"{tls}, names: {{{HOST}: {{certificate: {pair}, key: {pair}}}}}}}")
    house = await House(site).open()
    listen = Listen(address="127.0.0.1:0", tls="implicit")
    sock = bind(listen.host, 0)
    port = sock.getsockname()[1]
    server = WebServer(house.settings, Contexts(house.settings.tls), [(listen, sock)], await house.office())
    await server.start()
    world.configure(tls=world.settings.queue.tls.model_copy(update={"https_port": port}))
    site.configure(
        queue=f"{{tls: {{trust: {authority}, https_port: {port}}}}}",
        resolver=f'{{nameservers: ["{world.names.address}"]}}',
    )
    world.names.put(HOST, "A", "127.0.0.1")
    yield site
    await server.stop(1)
    await house.close()


async def publish(world: World, site: Site, contract: DomainFile) -> None:
    """Put into DNS what `kwcmaild dns` says."""
    world.resolver._kept.clear()
    (wanted,) = [
        each for each in records(site.settings, DOMAIN, [], contract) if each.name == f"_mta-sts.{DOMAIN}"
    ]
    world.names._records.pop((wanted.name, "TXT"), None)
    world.names.put(wanted.name, "TXT", f'"{wanted.value}"')
    assert [each.state for each in await look(world.resolver, [wanted])] == ["ok"]


async def test_our_own_senders_hold_to_it(world: World, web: Site) -> None:
    await publish(world, web, DomainFile())
    known = await world.policies.find(DOMAIN)
    assert known.policy is not None
    assert (known.policy.mode, known.policy.mx) == ("testing", ("mail.example.test",))
    write(web, "mta_sts: enforce\n")
    await publish(world, web, DomainFile(mta_sts="enforce"))
    known = await world.policies.find(DOMAIN)
    assert known.policy is not None and known.policy.mode == "enforce"


async def test_others_have_none(world: World, web: Site) -> None:
    world.names.put("_mta-sts.other.example", "TXT", '"v=STSv1; id=1;"')
    world.names.put("mta-sts.other.example", "A", "127.0.0.1")
    known = await world.policies.find("other.example")
    assert (known.policy, known.problem) == (None, "sts-webpki-invalid")


async def test_what_dns_check_says(world: World, web: Site) -> None:
    command = ["dns", DOMAIN, "--check", "--json", "-c", str(web.folder / "kwcmaild.yaml")]

    async def states() -> dict[str, str]:
        result = await asyncio.to_thread(CliRunner().invoke, application("dns"), command)
        return {each["record"]["name"]: each["state"] for each in json.loads(result.output)}

    url = f"https://{HOST}/.well-known/mta-sts.txt"
    assert url not in await states()  # nothing is published yet
    await publish(world, web, DomainFile())
    assert (await states())[url] == "ok"
    write(web, "mta_sts: enforce\n")  # the web process serves it at once, DNS has the old id
    found = await states()
    assert (found[url], found[f"_mta-sts.{DOMAIN}"]) == ("ok", "wrong")
