"""Reverse-paths of what is sent on: ours come back, others' do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.srs import DAY, Srs, Way, sender_of
from storage.people.address import Address, parse

NOW = 1_700_000_000.0
SRS = Srs(b"k" * 32)
TARO = "taro@example.test"
LOCALS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=40).filter(
    lambda text: not Srs.looks_like_one(text)
)


def test_it_reads_as_the_others_do() -> None:
    made = SRS.rewrite("someone@elsewhere.com", TARO, NOW)
    kind, given_hash, day, domain, sender, forwarder = parse(made).local.split("=")
    assert (kind, domain, sender, forwarder) == ("SRS0", "elsewhere.com", "someone", "taro")
    assert (len(given_hash), len(day)) == (6, 2)
    assert made.endswith("@example.test")


@given(LOCALS)
def test_what_is_rewritten_comes_back(local: str) -> None:
    sender = str(Address(local, "x.example"))
    made = parse(SRS.rewrite(sender, TARO, NOW))
    way = SRS.read(made, NOW + 20 * DAY)
    assert way is not None
    assert way.forwarder == TARO
    digested = local.startswith("~") or len(f"SRS0=hhhhhh=dd=x.example={local}=taro".encode()) > 64
    assert way.sender == (None if digested else sender)
    assert len(made.local.encode()) <= 64 or way.sender is None
    assert SRS.read(made, NOW + 23 * DAY) is None


def test_others_may_change_the_case() -> None:
    made = SRS.rewrite("Someone@elsewhere.com", TARO, NOW)
    assert SRS.read(parse(made.upper()), NOW) == Way(TARO, "SOMEONE@elsewhere.com")
    assert SRS.read(parse(made.lower()), NOW) == Way(TARO, "someone@elsewhere.com")


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.replace("taro@", "hanako@"),
        lambda made: made.replace("@example.test", "@other.test"),
        lambda made: made.replace("elsewhere", "elsewhe-e"),
        lambda made: made.replace("=someone=", "=someome="),
        lambda made: "SRS0=aaaaaa" + made[11:],
        lambda made: "SRS1" + made[4:],
        lambda made: "SRS0=@example.test",
        lambda made: "SRS0=aaaaaa=aa@example.test",
        lambda made: "SRS0@example.test",
    ],
)
def test_what_we_did_not_give_out_is_nobodys(change: "object") -> None:
    made = SRS.rewrite("someone@elsewhere.com", TARO, NOW)
    assert callable(change)
    assert SRS.read(parse(change(made)), NOW) is None


def test_another_key_reads_nothing() -> None:
    made = SRS.rewrite("someone@elsewhere.com", TARO, NOW)
    assert Srs(b"j" * 32).read(parse(made), NOW) is None


def test_the_null_reverse_path_stays() -> None:
    assert SRS.rewrite("", TARO, NOW) == ""


def test_what_was_rewritten_before_becomes_srs1_and_grows_no_more() -> None:
    first = "SRS0=HHHH=TT=first.example=who@relay.example"
    second = SRS.rewrite(first, TARO, NOW)
    assert "=relay.example==HHHH=TT=first.example=who=taro@example.test" in second
    assert second.startswith("SRS1=")
    third = SRS.rewrite("SRS1=GGGG=relay.example==HHHH=TT=first.example=who@another.example", TARO, NOW)
    assert third == second
    assert SRS.read(parse(second), NOW) == Way(TARO, None)


@given(st.text(max_size=80))
def test_any_local_part_is_read_without_a_fault(local: str) -> None:
    SRS.read(Address(local, "example.test"), NOW)
    SRS.read(Address("SRS0=" + local, "example.test"), NOW)


def test_whom_an_answer_goes_to() -> None:
    assert sender_of(SRS, "a@b.example", NOW) == "a@b.example"
    assert sender_of(SRS, SRS.rewrite("a@b.example", TARO, NOW), NOW) == "a@b.example"
    assert (
        sender_of(SRS, "SRS0=HH=TT=c.example=a@other.example", NOW) == "SRS0=HH=TT=c.example=a@other.example"
    )
    assert sender_of(SRS, "no address", NOW) is None
