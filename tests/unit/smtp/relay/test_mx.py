"""Who takes mail for a domain (RFC 5321 §5.1), and in which order."""

import dns.rcode
import dns.rdata
import pytest

from net.resolver import Answer
from smtp.relay import mx
from smtp.relay.letter import Unreachable
from tests.unit.smtp.relay.conftest import World

OURS = {"mail.example.test"}


async def hosts(world: World, domain: str = "example.com", turn: int = 0) -> tuple[str, ...]:
    numbers = iter([0.1, 0.5, 0.9, 0.95] if turn == 0 else [0.9, 0.5, 0.1, 0.05])
    return (await mx.exchangers(world.resolver, domain, OURS, lambda: next(numbers))).hosts


async def refused(world: World, domain: str = "example.com") -> str:
    with pytest.raises(Unreachable) as caught:
        await hosts(world, domain)
    return caught.value.status.code


async def test_by_preference_and_by_chance_among_equals(world: World) -> None:
    world.names.put("example.com", "MX", "20 c.example.", "10 a.example.", "10 B.example.")
    orders = {await hosts(world, turn=turn) for turn in (0, 1)}
    assert orders == {
        ("a.example", "b.example", "c.example"),
        ("b.example", "a.example", "c.example"),
    }


async def test_without_mx_the_domain_is_its_host(world: World) -> None:
    world.names.put("example.com", "A", "192.0.2.1")
    assert await hosts(world) == ("example.com",)


async def test_an_alias_is_the_domain_that_it_stands_for(world: World) -> None:
    world.names.put("www.example.com", "CNAME", "example.net.")
    world.names.put("example.net", "MX", "10 mx.example.net.")
    assert await hosts(world, "www.example.com") == ("mx.example.net",)
    world.names.put("a.example.com", "CNAME", "host.example.net.")
    world.names.put("host.example.net", "A", "192.0.2.1")
    assert await hosts(world, "a.example.com") == ("host.example.net",)


async def test_null_mx(world: World) -> None:
    world.names.put("example.com", "MX", "0 .")
    assert await refused(world) == "5.1.10"
    world.names.put("example.org", "MX", "0 .", "10 mx.example.org.")  # not the only one: RFC 7505 §3
    assert await hosts(world, "example.org") == ("mx.example.org",)


async def test_no_such_domain(world: World) -> None:
    assert await refused(world) == "5.1.2"


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
async def test_dns_that_fails_is_temporary(world: World, code: dns.rcode.Rcode) -> None:
    world.names.answer("example.com", code)
    assert await refused(world) == "4.4.3"


async def test_we_and_the_worse_ones_are_dropped(world: World) -> None:
    world.names.put(
        "example.com", "MX", "10 a.example.", "20 MAIL.example.test.", "20 b.example.", "30 c.example."
    )
    assert await hosts(world) == ("a.example",)


async def test_we_are_the_best_and_do_not_serve_it(world: World) -> None:
    world.names.put("example.com", "MX", "10 mail.example.test.", "20 b.example.")
    assert await refused(world) == "5.4.6"
    world.names.put("mail.example.test", "A", "192.0.2.1")
    assert await refused(world, "mail.example.test") == "5.4.6"


@pytest.mark.parametrize(
    ("domain", "address"),
    [("[192.0.2.1]", "192.0.2.1"), ("[IPv6:2001:db8::1]", "2001:db8::1"), ("example.com", None)],
)
def test_address_literals(domain: str, address: str | None) -> None:
    assert mx.literal(domain) == address


@pytest.mark.parametrize("domain", ["[]", "[192.0.2.999]", "[IPv6:192.0.2.1]", "[x-foo:1]", "[2001:db8::1]"])
def test_bad_address_literals(domain: str) -> None:
    with pytest.raises(Unreachable) as caught:
        mx.literal(domain)
    assert caught.value.status.code == "5.1.2"


async def test_addresses_of_both_families_in_the_order_asked_for(world: World) -> None:
    world.names.put("mx.example.com", "A", "192.0.2.1")
    world.names.put("mx.example.com", "AAAA", "2001:db8::1")
    for families in (("ipv4", "ipv6"), ("ipv6", "ipv4"), ("ipv6",)):
        found = await mx.addresses(world.resolver, "mx.example.com", families)
        assert [":" in each for each in found.addresses] == [family == "ipv6" for family in families]


async def test_a_host_without_addresses_is_final_and_silence_is_not(world: World) -> None:
    world.names.put("example.com", "MX", "10 mx.example.com.")
    with pytest.raises(Unreachable) as caught:
        await world.send()
    assert caught.value.status.code == "5.4.4"
    world.names.put("example.com", "MX", "20 mx2.example.com.")
    world.names.answer("mx2.example.com", dns.rcode.SERVFAIL)
    world.resolver._kept.clear()
    with pytest.raises(Unreachable) as caught:
        await world.send()
    assert caught.value.status.code == "4.4.3"


async def test_a_host_is_proven_where_all_that_is_known_of_it_is() -> None:
    """RFC 7672 §2.2.2: one address that anybody could have put there is enough for an attacker."""

    class Names:
        def __init__(self, **secure: bool) -> None:
            self.secure = secure

        async def look_up(self, name: str, kind: str) -> Answer:
            text = "192.0.2.1" if kind == "A" else "2001:db8::1"
            return Answer(name, (dns.rdata.from_text("IN", kind, text),), True, self.secure[kind], 60)

    for names, proven in ((Names(A=True, AAAA=True), True), (Names(A=True, AAAA=False), False)):
        found = await mx.addresses(names, "mx.example.com", ("ipv4", "ipv6"))  # type: ignore[arg-type]
        assert found.addresses == ("192.0.2.1", "2001:db8::1") and found.secure is proven
