"""The records a domain publishes, and what is said of those that are there."""

import pytest

from filters.publish import Found, Record, look, records
from tests.house import Site
from tests.unit.filters.sender_auth.zone import Record as Rdata
from tests.unit.filters.sender_auth.zone import Zone, txt

KEY = ("k1r._domainkey.example.test", "v=DKIM1; k=rsa; p=" + "A" * 392)


@pytest.fixture
def wanted(site: Site) -> list[Record]:
    return records(site.settings, "example.test", [KEY])


async def found(wanted: list[Record], zone: dict[str, list[Rdata]]) -> dict[str, Found]:
    return {f"{each.record.name} {each.record.kind}": each for each in await look(Zone(zone), wanted)}


def test_long_keys_come_in_strings(wanted: list[Record]) -> None:
    (key,) = [each for each in wanted if "_domainkey" in each.name]
    strings = key.zone_line.split('"')[1::2]
    assert "".join(strings) == KEY[1] and all(len(each) <= 255 for each in strings)


async def test_all_as_it_should_be(wanted: list[Record]) -> None:
    zone: dict[str, list[Rdata]] = {}
    for each in wanted:
        value: Rdata = (
            txt(each.value[:200], each.value[200:]) if each.kind == "TXT" else (each.kind, each.value)
        )
        if each.kind == "MX":
            value = ("MX", (10, "mail.example.test."))
        if each.kind in ("SRV", "CNAME"):
            value = (each.kind, each.value.rstrip("."))
        zone.setdefault(each.name, []).append(value)
    states = {
        name: each.state for name, each in (await found(wanted, zone)).items() if each.record.kind != "SRV"
    }
    assert set(states.values()) == {"ok"}, states


async def test_nothing_there(wanted: list[Record]) -> None:
    every = await found(wanted, {})
    assert {each.state for each in every.values()} == {"missing"}
    assert "publish: example.test. 3600 IN MX 10 mail.example.test." in every["example.test MX"].advice


@pytest.mark.parametrize(
    ("there", "state"),
    [
        (["v=spf1 mx -all"], "ok"),
        (["v=spf1 ip4:192.0.2.1 ~all", "google-site-verification=x"], "ok"),
        (["v=spf1 mx -all", "v=spf1 a -all"], "wrong"),
        (["v=spf1 +all"], "wrong"),
        (["v=spf1 mx"], "wrong"),
        (["v=spf1 -all"], "wrong"),
    ],
)
async def test_spf(wanted: list[Record], there: list[str], state: str) -> None:
    every = await found(wanted, {"example.test": [txt(each) for each in there]})
    assert every["example.test TXT"].state == state


async def test_another_key_and_a_bad_policy(wanted: list[Record]) -> None:
    zone = {KEY[0]: [txt("v=DKIM1; p=BBBB")], "_dmarc.example.test": [txt("v=DMARC1; p=maybe")]}
    every = await found(wanted, zone)
    assert every[f"{KEY[0]} TXT"].state == "wrong"
    assert every["_dmarc.example.test TXT"].state == "wrong"


async def test_dns_that_is_away(wanted: list[Record]) -> None:
    every = await found(wanted, {"example.test": [("MX", "TIMEOUT")]})
    assert every["example.test MX"].state == "unknown"
