"""DMARC: every result of alignment, the walk up the tree, and records in pieces."""

import pytest

from filters.sender_auth.dmarc import Method, evaluate, parse, steps
from filters.sender_auth.signatures import Checked, Signature
from filters.sender_auth.spf import SpfResult
from tests.unit.filters.sender_auth.zone import Record, Zone, txt

NO_SPF = SpfResult("none", "elsewhere.example")


def signature(domain: str, result: str = "pass", testing: bool = False) -> Checked:
    return Checked(Signature(0, {b"d": domain.encode(), b"s": b"s"}), result, testing=testing)


def zone(**records: str) -> Zone:
    """DMARC records by the name they stand for; `_` for a dot."""
    found: dict[str, list[Record]] = {
        f"_dmarc.{name.replace('_', '.')}": [txt(text)] for name, text in records.items()
    }
    found["sub.example.com"] = [("A", "192.0.2.1")]
    return Zone(found)


REJECT = "v=DMARC1; p=reject"


@pytest.mark.parametrize("method", ["tree_walk", "public_suffix"])
@pytest.mark.parametrize(
    ("author", "spf", "signatures", "record", "expected"),
    [
        ("example.com", SpfResult("pass", "example.com"), [], REJECT, "pass"),
        ("example.com", SpfResult("pass", "bounce.example.com"), [], REJECT, "pass"),
        ("example.com", SpfResult("pass", "bounce.example.com"), [], f"{REJECT}; aspf=s", "fail"),
        ("example.com", SpfResult("pass", "example.net"), [], REJECT, "fail"),
        ("example.com", SpfResult("pass", "notexample.com"), [], REJECT, "fail"),
        *(
            ("example.com", SpfResult(result, "example.com"), [], REJECT, "fail")
            for result in ("softfail", "neutral", "none", "fail", "permerror")
        ),
        ("example.com", NO_SPF, [signature("example.com")], REJECT, "pass"),
        ("example.com", NO_SPF, [signature("mail.example.com")], REJECT, "pass"),
        ("example.com", NO_SPF, [signature("mail.example.com")], f"{REJECT}; adkim=s", "fail"),
        ("sub.example.com", NO_SPF, [signature("example.com")], REJECT, "pass"),
        ("sub.example.com", NO_SPF, [signature("other.example.com")], REJECT, "pass"),
        ("example.com", NO_SPF, [signature("com")], REJECT, "fail"),
        ("example.com", NO_SPF, [signature("example.com", "fail")], REJECT, "fail"),
        ("example.com", NO_SPF, [signature("example.com", "fail"), signature("example.com")], REJECT, "pass"),
        ("example.com", NO_SPF, [signature("example.com", testing=True)], REJECT, "fail"),
        ("example.com", NO_SPF, [signature("example.com", "policy")], REJECT, "fail"),
        ("example.com", NO_SPF, [signature("example.com", "temperror")], REJECT, "temperror"),
        ("example.com", NO_SPF, [signature("example.net", "temperror")], REJECT, "fail"),
        ("example.com", SpfResult("temperror", "example.com"), [], REJECT, "temperror"),
        ("example.com", NO_SPF, [], "v=spf1 -all", "none"),
    ],
)
async def test_alignment(
    author: str, spf: SpfResult, signatures: list[Checked], record: str, expected: str, method: Method
) -> None:
    result = await evaluate(zone(example_com=record), author, spf, signatures, method)
    assert result.result == expected
    assert result.policy == ("reject" if expected == "fail" else "none")


@pytest.mark.parametrize(
    ("author", "record", "policy"),
    [
        ("example.com", "v=DMARC1; p=none", "none"),
        ("example.com", "v=DMARC1; p=quarantine", "quarantine"),
        ("example.com", "v=DMARC1; p=reject; t=y", "quarantine"),
        ("example.com", "v=DMARC1; p=quarantine; t=y", "none"),
        ("sub.example.com", "v=DMARC1; p=reject; sp=quarantine", "quarantine"),
        ("sub.example.com", "v=DMARC1; p=reject; np=none", "reject"),
        ("gone.example.com", "v=DMARC1; p=reject; sp=quarantine; np=none", "none"),
        ("gone.example.com", "v=DMARC1; p=reject", "reject"),
        ("example.com", "v=DMARC1; p=reject; pct=0", "reject"),  # RFC 9989 knows no pct
        ("example.com", "v=DMARC1; p=nonsense; rua=mailto:a@example.com", "none"),
        ("example.com", "v=DMARC1;p=REJECT;", "reject"),
    ],
)
async def test_what_the_domain_asks_for(author: str, record: str, policy: str) -> None:
    result = await evaluate(zone(example_com=record), author, NO_SPF, [], "tree_walk")
    assert (result.result, result.policy) == ("fail", policy)


async def test_a_record_of_its_own_goes_before_that_of_the_organisation() -> None:
    records = zone(example_com=REJECT, sub_example_com="v=DMARC1; p=none")
    result = await evaluate(records, "sub.example.com", NO_SPF, [], "tree_walk")
    assert (result.result, result.policy) == ("fail", "none")


async def test_the_public_suffix_of_a_registry_and_of_the_walk() -> None:
    aligned = SpfResult("pass", "b.co.jp")
    records = zone(co_jp="v=DMARC1; p=none; psd=y", a_co_jp=REJECT, b_co_jp=REJECT)
    for method in ("tree_walk", "public_suffix"):
        result = await evaluate(records, "a.co.jp", aligned, [], method)  # type: ignore[arg-type]
        assert result.result == "fail", method


async def test_a_registry_asks_for_those_below_that_say_nothing() -> None:
    """RFC 9989 §4.10.1: the record of the public suffix, where neither domain nor organisation has one."""
    records = Zone(
        {"_dmarc.co.jp": [txt("v=DMARC1; p=none; sp=reject; psd=y")], "a.co.jp": [("A", "192.0.2.1")]}
    )
    result = await evaluate(records, "a.co.jp", NO_SPF, [], "tree_walk")
    assert (result.result, result.policy) == ("fail", "reject")


async def test_psd_n_divides_an_organisation() -> None:
    records = zone(example_com=REJECT, branch_example_com=f"{REJECT}; psd=n")
    other = SpfResult("pass", "example.com")
    assert (await evaluate(records, "branch.example.com", other, [], "tree_walk")).result == "fail"
    assert (await evaluate(records, "branch.example.com", other, [], "public_suffix")).result == "pass"
    branch = SpfResult("pass", "branch.example.com")  # nor does the branch speak for the whole
    assert (await evaluate(records, "example.com", branch, [], "tree_walk")).result == "fail"


def test_the_walk_is_bounded() -> None:
    assert steps("a.example.com") == ["a.example.com", "example.com", "com"]
    long = ".".join("abcdefghijklmnop") + ".example.com"
    assert len(steps(long)) == 8
    assert steps(long)[1] == "l.m.n.o.p.example.com"


@pytest.mark.parametrize(
    "text",
    ["", "v=DMARC2; p=none", "p=none; v=DMARC1", "v=DMARC1x; p=none", "v=DMARC1; p=nonsense", "v=spf1 -all"],
)
def test_what_is_no_record(text: str) -> None:
    assert parse("example.com", text) is None


async def test_two_records_are_none_and_pieces_are_one() -> None:
    two = Zone({"_dmarc.example.com": [txt(REJECT), txt("v=DMARC1; p=none")]})
    assert (await evaluate(two, "example.com", NO_SPF, [], "tree_walk")).result == "none"
    pieces = Zone({"_dmarc.example.com": [txt("v=DM", "ARC1; p=rej", "ect")]})
    assert (await evaluate(pieces, "example.com", NO_SPF, [], "tree_walk")).policy == "reject"


async def test_dns_that_does_not_answer() -> None:
    silent = Zone({"_dmarc.example.com": [("TXT", "TIMEOUT")]})
    assert (await evaluate(silent, "example.com", NO_SPF, [], "tree_walk")).result == "temperror"
