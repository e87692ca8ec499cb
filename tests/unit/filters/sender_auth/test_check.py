"""The check as a whole: what is refused, what is spam, what is written, and what a broken DNS never does."""

import asyncio
import time
from dataclasses import replace

import pytest

from config.filters import SenderAuth as Rules
from filters.mail import Mail
from filters.sender_auth import sign
from filters.sender_auth.author import author_domains
from filters.sender_auth.check import SenderAuth, body
from filters.sender_auth.results import field, forged
from filters.verdict import PASS, Action, AuthResult
from net.resolver import Answer
from storage.message import Message
from tests.unit.filters.sender_auth.keys_of_tests import RSA, rsa_record
from tests.unit.filters.sender_auth.test_signatures import BODY, HEAD, digest
from tests.unit.filters.sender_auth.zone import Record, Zone, txt

ZONE: dict[str, list[Record]] = {
    "example.com": [txt("v=spf1 ip4:192.0.2.1 -all"), ("A", "192.0.2.1")],
    "_dmarc.example.com": [txt("v=DMARC1; p=reject")],
    "r1._domainkey.example.com": [txt(rsa_record()[:200], rsa_record()[200:])],
}


async def run(function: object, *args: object) -> object:
    return function(*args)  # type: ignore[operator]


def check(records: dict[str, list[Record]] | None = None, **rules: object) -> SenderAuth:
    return SenderAuth(lambda: Rules(**rules), Zone(ZONE if records is None else records), run)  # type: ignore[arg-type]


def mail(head: bytes = HEAD, peer: str = "192.0.2.1", sender: str = "taro@example.com") -> Mail:
    message = Message.of(head + BODY).prepend(b"Received: from x by y\r\n")
    return Mail(sender, peer, "t.1", "mail.example.com", message=message, head=head)


def signed() -> bytes:
    return sign.dkim_signature(RSA, sign.canonical(HEAD), digest(), time.time()) + HEAD


async def test_a_mail_that_is_what_it_says() -> None:
    verdict = await check().message(mail(signed()))
    assert verdict.action is Action.PASS
    assert [(each.method, each.result) for each in verdict.results] == [
        ("spf", "pass"),
        ("dkim", "pass"),
        ("dmarc", "pass"),
    ]
    line = field("mail.example.test", verdict.results)
    assert line.startswith(b"Authentication-Results: mail.example.test; spf=pass")
    assert b"smtp.mailfrom=taro@example.com" in line
    assert b"header.d=example.com" in line and b"header.s=r1" in line
    assert b"dmarc=pass (p=reject)\r\n\t header.from=example.com\r\n" in line


@pytest.mark.parametrize(
    ("rules", "action"),
    [
        ({}, Action.REJECT),
        ({"dmarc_reject": False}, Action.QUARANTINE),
        ({"dmarc_reject": False, "dmarc_quarantine": False}, Action.PASS),
    ],
)
async def test_a_mail_that_its_domain_disowns(rules: dict[str, object], action: Action) -> None:
    verdict = await check(**rules).message(mail(peer="198.51.100.7"))
    assert verdict.action is action
    assert "dmarc=fail" in field("x", verdict.results).decode()
    if action is Action.REJECT:
        assert verdict.status is not None and verdict.status.code == "5.7.26"


async def test_a_trusted_seal_stands_in_for_what_forwarding_broke() -> None:
    sets = sign.arc_set(
        RSA, sign.canonical(HEAD), digest(), "mx.example.com; dmarc=pass", "none", 1, time.time()
    )
    forwarded = mail(b"".join(sets) + HEAD, peer="198.51.100.7", sender="srs@example.com")
    assert (await check().message(forwarded)).action is Action.REJECT
    verdict = await check(trusted_sealers=("example.com",)).message(forwarded)
    assert verdict.action is Action.PASS
    assert "arc=pass" in field("x", verdict.results).decode()
    forged = replace(forwarded, head=forwarded.head.replace(b"dmarc=pass", b"dmarc=pass spf=pass"))
    verdict = await check(trusted_sealers=("example.com",)).message(forged)  # anybody can write its name
    assert verdict.action is Action.REJECT
    assert "arc=fail" in field("x", verdict.results).decode()


async def test_networks_of_ones_own_are_not_asked_about() -> None:
    for peer in ("127.0.0.1", "::1", "", "unix:"):
        assert await check().message(mail(peer=peer)) == PASS
    assert check(enabled=False).stages == ()
    assert (await check(skip_from=("198.51.100.0/24",)).message(mail(peer="198.51.100.7"))) == PASS


async def test_dns_that_is_away_refuses_nothing() -> None:
    silent: dict[str, list[Record]] = {name: [("TXT", "TIMEOUT")] for name in ZONE}
    verdict = await check(silent).message(mail(signed(), peer="198.51.100.7"))
    assert verdict.action is Action.PASS
    assert [each.result for each in verdict.results] == ["temperror", "temperror", "temperror"]


async def test_a_key_that_is_too_long_in_coming_refuses_nothing() -> None:
    class Slow(Zone):
        async def look_up(self, name: str, kind: str) -> Answer:
            return await super().look_up(name, kind) if "_domainkey" not in name else await asyncio.Future()

    it = SenderAuth(lambda: Rules(timeout=1), Slow(ZONE), run)  # type: ignore[arg-type]
    verdict = await it.message(mail(signed()))
    assert verdict.action is Action.PASS
    assert [(each.method, each.result) for each in verdict.results][1] == ("dkim", "temperror")


@pytest.mark.parametrize(
    ("value", "domains"),
    [
        (b"taro@example.com", ["example.com"]),
        (b'"a@b" <taro@Example.COM.>', ["example.com"]),
        (b"a@example.com, b@example.net", ["example.com", "example.net"]),
        (b"a@example.com, b@example.com", ["example.com"]),
        (b"undisclosed:;", []),
        (b"", []),
        ("a@日本語.jp".encode(), ["xn--wgv71a119e.jp"]),
        (b"a@b@c <x@evil.example> (", ["b", "evil.example"]),
        (b'"<a@b.example>" <x@example.com>', ["example.com"]),
    ],
)
def test_authors(value: bytes, domains: list[str]) -> None:
    assert author_domains(b"From: " + value + b"\r\n\r\n") == domains


async def test_several_authors_are_refused_and_none_is_marked() -> None:
    several = b"From: a@example.com, b@example.net\r\n\r\n"
    assert (await check().message(mail(several))).action is Action.REJECT
    assert (await check(dmarc_reject=False).message(mail(several))).action is Action.PASS
    verdict = await check().message(mail(b"Subject: x\r\n\r\n"))
    assert (verdict.action, verdict.results[-1].result) == (Action.PASS, "none")


async def test_received_spf() -> None:
    verdict = await check(received_spf=True).message(mail(peer="198.51.100.7", sender=""))
    (line,) = verdict.fields
    assert line.startswith(b"Received-SPF: None client-ip=198.51.100.7; identity=helo;")
    named = replace(mail(peer="198.51.100.7", sender=""), helo='x"; identity=mailfrom; y="\\é')
    ((*_, last),) = [each.split(b"\r\n\t") for each in (await check(received_spf=True).message(named)).fields]
    assert last == b'domain="x?; identity=mailfrom; y=???"\r\n'  # still inside its quotes


def test_what_others_say_in_our_name_is_found() -> None:
    head = (
        b"Authentication-Results: Mail.Example.Test; spf=pass\r\n"
        b"Authentication-Results: other.example; spf=pass\r\n"
        b'Authentication-Results: (x) "mail.example.test" 1;\r\n dkim=pass\r\nauthentication-results:\r\n'
        b" mail.example.test;none\r\nSubject: Authentication-Results: mail.example.test\r\n\r\n"
    )
    assert [head[each.start : each.end][:30] for each in forged(head, "mail.example.test")] == [
        b"Authentication-Results: Mail.E",
        b'Authentication-Results: (x) "m',
        b"authentication-results:\r\n mail",
    ]


def test_values_cannot_break_the_field() -> None:
    result = AuthResult("spf", "fail", (("smtp.mailfrom", 'a"; dkim=pass\r\nX: y@b'),), "bad ) (\r\nX: y")
    line = field("mx", [result])
    assert line.count(b"\r\n") == 2 and b"\r\nX" not in line
    assert b'smtp.mailfrom="a\\"; dkim=pass??X: y@b"' in line
    assert b"(bad ? ???X: y)" in line


def test_the_body_is_what_came(tmp_path: object) -> None:
    message = Message.of(HEAD + BODY).prepend(b"Received: x\r\n").replace(0, 10, b"")
    assert b"".join(body(message)) == BODY
