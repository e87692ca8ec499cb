"""SPF against the public suite of RFC 7208, and what the suite can't see: repetition, time, the identity."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from filters.sender_auth import spf
from filters.sender_auth.spf import check
from net.resolver import Answer, DnsFailure
from tests.suites import member
from tests.unit.filters.sender_auth.zone import Record, Zone, txt


class SuiteZone(Zone):
    """The suite's rule: names that begin with `error.` time out."""

    async def look_up(self, name: str, kind: str) -> Answer:
        if name.startswith("error.") and name not in self.records:
            raise DnsFailure(name)
        return await super().look_up(name, kind)


def _records(listed: list[Any]) -> Iterator[Record]:
    """Records as the suite writes them: SPF stands for TXT too where a name has no TXT of its own."""
    own_txt = any(isinstance(each, dict) and "TXT" in each for each in listed)
    for each in listed:
        if each == "TIMEOUT":
            yield "*", "TIMEOUT"
            continue
        for kind, value in each.items():
            if value == "NONE" or (kind == "SPF" and own_txt):
                continue
            kind = "TXT" if kind == "SPF" else kind
            if kind == "TXT" and value != "TIMEOUT":
                yield txt(*([value] if isinstance(value, str) else value))
            else:
                yield kind, value


def test_every_case_of_the_suite_of_rfc_7208() -> None:
    import asyncio

    failed, cases = [], 0
    for scenario in yaml.safe_load_all(member("pyspf", "test/rfc7208-tests.yml")):
        zone = SuiteZone({name: list(_records(listed)) for name, listed in scenario["zonedata"].items()})
        for name, case in scenario["tests"].items():
            cases += 1
            expected = case["result"] if isinstance(case["result"], list) else [case["result"]]
            sender, helo = case.get("mailfrom") or "", case.get("helo") or ""
            got = asyncio.run(check(zone, case["host"], sender, helo))
            if got.result not in expected:
                failed.append(f"{name}: {got.result} ({got.reason}) and not {expected}")
    assert not failed, "\n".join(failed)
    assert cases == 203


async def test_the_empty_reverse_path_is_judged_by_helo() -> None:
    zone = Zone({"mail.example.com": [txt("v=spf1 ip4:192.0.2.7 -all")]})
    got = await check(zone, "192.0.2.7", "", "mail.example.com")
    assert (got.result, got.domain, got.helo) == ("pass", "mail.example.com", True)


async def test_dns_that_does_not_answer_is_a_temporary_error() -> None:
    zone = Zone({"example.com": [("TXT", "TIMEOUT")]})
    assert (await check(zone, "192.0.2.7", "a@example.com", "x.example")).result == "temperror"


async def test_each_question_is_asked_once() -> None:
    zone = Zone(
        {
            "example.com": [txt("v=spf1 mx include:other.example -all"), ("MX", (10, "mx.example.com"))],
            "mx.example.com": [("A", "192.0.2.1")],
            "other.example": [txt("v=spf1 ip4:192.0.2.9 -all")],
        }
    )
    assert (await check(zone, "192.0.2.9", "a@example.com", "x.example")).result == "pass"
    assert len(zone.asked) == len(set(zone.asked))


@pytest.mark.parametrize("macro", ["%{l1r+}" * 40, "%{h" + "9" * 400 + "r}", "%{p}" * 20])
async def test_macros_that_grow_end_in_a_result(macro: str) -> None:
    zone = Zone({"example.com": [txt(f"v=spf1 exists:{macro}.example.org -all"[:250])]})
    got = await check(zone, "192.0.2.9", "a+b+c@example.com", "x.example")
    assert got.result in ("fail", "permerror")
    assert len(zone.asked) < 130


async def test_a_record_that_includes_itself_ends() -> None:
    zone = Zone({"example.com": [txt("v=spf1 include:example.com -all")]})
    assert (await check(zone, "192.0.2.9", "a@example.com", "x")).result == "permerror"
    assert len(zone.asked) < 20


async def test_more_questions_than_anybody_needs_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    zone = Zone({"example.com": [txt("v=spf1 include:a.test include:b.test +all")],
                 "a.test": [txt("v=spf1 -all")], "b.test": [txt("v=spf1 -all")]})  # fmt: skip
    assert (await check(zone, "192.0.2.1", "a@example.com", "x")).result == "pass"
    monkeypatch.setattr(spf, "MOST_QUESTIONS", 2)
    assert (await check(zone, "192.0.2.1", "a@example.com", "x")).result == "permerror"


async def test_dns_that_hangs_is_temporary() -> None:
    class Hung(Zone):
        async def look_up(self, name: str, kind: str) -> Answer:
            return await asyncio.Future()

    assert (await check(Hung({}), "192.0.2.1", "a@example.com", "x", seconds=0.1)).result == "temperror"
