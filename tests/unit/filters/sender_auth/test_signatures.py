"""DKIM and ARC: ours against dkimpy both ways, the RFCs' and dkimpy's own examples, and hostile ones."""

import hashlib
import re
import time
from collections.abc import Callable

import dkim
import pytest

from filters.sender_auth import sign
from filters.sender_auth.body import Wanted, hashes
from filters.sender_auth.keys import KeyRefused, read
from filters.sender_auth.signatures import Chain, Checked, find, verify
from tests.suites import member
from tests.unit.filters.sender_auth.keys_of_tests import (
    DOMAIN,
    ED25519,
    RSA,
    ed25519_record,
    rsa_record,
)

HEAD = (
    b"From: Taro <taro@example.com>\r\nTo: hanako@example.jp\r\nSubject:  =?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=\r\n"
    b"  and more\t \r\nDate: Mon, 23 Nov 2026 10:00:00 +0900\r\nMessage-ID: <1@example.com>\r\n\r\n"
)
BODY = b"Hello,  world \r\n\r\n.\r\nbye\r\n\r\n\r\n"
RECORDS = {"r1._domainkey.example.com": rsa_record(), "e1._domainkey.example.com": ed25519_record()}
NOW = time.time()


def digest(body: bytes = BODY) -> bytes:
    return hashes([body], [Wanted(True)])[Wanted(True)][0]


def looked_at(
    head: bytes, body: bytes = BODY, records: dict[str, bytes] = RECORDS
) -> tuple[list[Checked], Chain]:
    signed = find(head)
    keys = {}
    for name in signed.key_names:
        try:
            keys[name] = read([records[name]] if name in records else [])
        except KeyRefused as refused:
            keys[name] = refused
    return verify(head, lambda: [body], signed, keys)


def results(head: bytes, body: bytes = BODY, records: dict[str, bytes] = RECORDS) -> list[str]:
    return [each.result for each in looked_at(head, body, records)[0]]


def dns(name: bytes, timeout: float = 5) -> bytes | None:
    return RECORDS.get(name.decode().rstrip("."))


def signed_head() -> bytes:
    fields = sign.canonical(HEAD)
    return b"".join(sign.dkim_signature(each, fields, digest(), NOW) for each in (RSA, ED25519)) + HEAD


def test_what_is_signed_here_verifies_here_and_in_dkimpy() -> None:
    head = signed_head()
    assert results(head) == ["pass", "pass"]
    assert dkim.DKIM(head + BODY).verify(0, dnsfunc=dns)
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))


@pytest.mark.parametrize(
    "canonicalisation", ["simple/simple", "relaxed/simple", "simple/relaxed", "relaxed/relaxed"]
)
def test_what_dkimpy_signs_verifies_here(canonicalisation: str) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = RSA.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    pair = tuple(each.encode() for each in canonicalisation.split("/"))
    field = dkim.sign(HEAD + BODY, b"r1", DOMAIN.encode(), pem, canonicalize=pair)
    assert results(field + HEAD) == ["pass"]
    assert results(field + HEAD, BODY + b"more\r\n") == ["fail"]
    assert results(field + HEAD.replace(b"hanako", b"jiro")) == ["fail"]


def signed_by_dkimpy(**more: object) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = RSA.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    field: bytes = dkim.sign(HEAD + BODY, b"r1", DOMAIN.encode(), pem, **more)
    return field


def test_a_second_author_breaks_also_what_names_from_once() -> None:
    """RFC 6376 §8.15: whoever shows the upper one would show what nobody has signed."""
    head = signed_by_dkimpy(include_headers=[b"from", b"date"]) + HEAD
    assert b"h=from : date;" in head
    assert results(head) == ["pass"]
    assert results(b"From: x@evil.example\r\n" + head) == ["fail"]


def test_a_key_for_the_domain_alone() -> None:
    """RFC 6376 §3.6.1: t=s."""
    strict = {"r1._domainkey.example.com": b"t=s; " + rsa_record()}
    below = signed_by_dkimpy(identity=b"@below.example.com") + HEAD
    assert results(below) == ["pass"]
    assert results(below, records=strict) == ["permerror"]
    assert results(signed_by_dkimpy(identity=b"a@example.com") + HEAD, records=strict) == ["pass"]


def test_who_only_tries_it_out_says_so() -> None:
    """RFC 6376 §3.6.1, t=y: DMARC counts it for nothing."""
    trying = {"r1._domainkey.example.com": b"t=y; " + rsa_record()}
    for records, testing in ((RECORDS, False), (trying, True)):
        ((checked,), _) = looked_at(signed_by_dkimpy() + HEAD, records=records)
        assert (checked.result, checked.testing) == ("pass", testing)


Change = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (lambda head: b"From: x@evil.example\r\n" + head, "fail"),  # a second author
        (lambda head: b"Subject: another\r\n" + head, "fail"),  # a second subject
        (lambda head: head.replace(b"a=rsa-sha256", b"a=rsa-sha1"), "permerror"),  # RFC 8301 §3.1
        (lambda head: head.replace(b"v=1;", b"v=2;"), "permerror"),
        (lambda head: head.replace(b"h=from:from:", b"h="), "permerror"),
        (lambda head: head.replace(b"d=example.com", b"d=example.net"), "permerror"),  # no key there
        (lambda head: head.replace(b"bh=", b"l=4; bh="), "fail"),
        (lambda head: re.sub(rb"t=\d+", b"t=99999999999", head), "permerror"),  # made in the future
        (lambda head: head.replace(b"bh=", b"x=12345; bh="), "permerror"),  # expired
        (lambda head: head.replace(b"bh=", b"i=@example.org; bh="), "permerror"),
    ],
)
def test_changed_signatures(change: Change, result: str) -> None:
    field = sign.dkim_signature(RSA, sign.canonical(HEAD), digest(), NOW)
    assert results(change(field + HEAD)) == [result]


def test_a_part_of_the_body_proves_nothing() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = RSA.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    field = dkim.sign(HEAD + BODY, b"r1", DOMAIN.encode(), pem, length=True)
    assert results(field + HEAD) == ["pass"]
    assert results(field + HEAD, BODY.rstrip() + b"\r\nadded\r\n") == ["policy"]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (b"v=DKIM1; p=", "revoked"),
        (b"v=DKIM2; p=AAAA", "unknown version"),
        (b"v=DKIM1; k=dsa; p=AAAA", "unknown kind"),
        (b"v=DKIM1; p=!!!!", "unreadable"),
        (b"v=DKIM1; k=ed25519; p=AAAA", "unreadable"),
        (b"v=DKIM1; h=sha1; p=AAAA", "SHA-256"),
        (b"v=DKIM1; s=tlsrpt; p=AAAA", "e-mail"),
        (b"v=DKIM1", "without a key"),
        (b"nonsense", "no tag list"),
        (b"v=DKIM1; p=" + b"A" * 9000, "too long"),
        (rsa_record(1024).replace(b"v=DKIM1; ", b"v=DKIM1;") + b"; t=y", ""),
    ],
)
def test_records_of_keys(record: bytes, why: str) -> None:
    if not why:
        assert read([record]).testing
        return
    with pytest.raises(KeyRefused, match=why):
        read([record])


def test_keys_that_prove_too_little_or_cost_too_much() -> None:
    for bits in (8192,):
        with pytest.raises(KeyRefused, match="bits"):
            read([rsa_record(bits)])
    with pytest.raises(KeyRefused, match="several"):
        read([rsa_record(), ed25519_record()])


def test_a_key_is_for_its_own_algorithm_and_one_of_several_is_none() -> None:
    data = b"x" * 32
    for record, signer, other in (
        (rsa_record(), RSA, b"ed25519-sha256"),
        (ed25519_record(), ED25519, b"rsa-sha256"),
    ):
        key, signature = read([record]), signer.sign(data)
        assert key.verifies(signer.algorithm.encode(), hashlib.sha256(data).digest(), signature)
        assert not key.verifies(other, hashlib.sha256(data).digest(), signature)
    with pytest.raises(KeyRefused, match="several"):
        read([rsa_record(), ed25519_record()])


def test_a_hundred_signatures_cost_ten() -> None:
    head = signed_head().replace(HEAD, b"") * 50 + HEAD
    assert results(head) == ["pass"] * 10
    many = b"DKIM-Signature: v=1; a=rsa-sha256; d=x; s=y; bh=AAAA; b=AAAA; h=" + b"from:" * 500 + b"to\r\n"
    assert [each.fault for each in find(many + HEAD).signatures] == ["too many names in h="]


def test_hostile_fields_end_quickly() -> None:
    began = time.process_time()
    for field in (
        b"DKIM-Signature: " + b"a=;" * 5000,
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=r1; bh=AAAA; b=AAAA; h=" + b"from:" * 3000,
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=r1; bh=AAAA; h=from; b=" + b" " * 15_000 + b"!",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=r1; bh=AAAA; h=from; b=A" + b"\r\n A" * 3000,
        b"ARC-Seal: i=" + b"9" * 5000 + b"; a=rsa-sha256; d=x; s=y; b=; cv=none",
        b"ARC-Seal: i=1; i=2",
        b"ARC-Message-Signature:" + b";" * 10_000,
        b"".join(b"X-%d: y\r\n" % number for number in range(10_000)).rstrip(),
    ):
        looked_at(field + b"\r\n" + HEAD)
        looked_at((field + b"\r\n") * 3 + signed_head())
    assert time.process_time() - began < 5


def test_the_example_of_rfc_8463() -> None:
    message = member("dkimpy", "dkim/tests/data/rfc6376.signed.msg")
    head, _, body = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").partition(b"\r\n\r\n")
    records = {
        "brisbane._domainkey.football.example.com": b"v=DKIM1; k=ed25519; "
        b"p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    }
    assert "pass" in results(head + b"\r\n\r\n", body, records)


@pytest.mark.parametrize("name", ["ed25519test2.msg", "test2.message"])
def test_dkimpys_own_messages(name: str) -> None:
    message = member("dkimpy", f"dkim/tests/data/{name}")
    head, _, body = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").partition(b"\r\n\r\n")
    records = {
        "sed._domainkey.test.ex": member("dkimpy", "dkim/tests/data/eximtest.dns"),
        "20120113._domainkey.gmail.com": _gmail_key(),
    }
    assert "pass" in results(head + b"\r\n\r\n", body, records)


def _gmail_key() -> bytes:
    """The key of the day, out of the tests that carry the message."""
    source = member("dkimpy", "dkim/tests/test_dkim.py").replace(b"\\\n", b"")
    found = re.search(rb"20120113._domainkey.gmail.com.': \"\"\"(.*?)\"\"\"", source)
    assert found is not None
    return found[1]


def chain_of(length: int, validation: str = "pass") -> bytes:
    head = HEAD
    for instance in range(1, length + 1):
        status = "none" if instance == 1 else validation
        sets = sign.arc_set(
            RSA, sign.canonical(head), digest(), "mx.example.com; spf=pass", status, instance, NOW
        )
        head = b"".join(sets) + head
    return head


@pytest.mark.parametrize("length", [1, 2, 5])
def test_chains_of_seals_verify_here_and_in_dkimpy(length: int) -> None:
    head = chain_of(length)
    chain = looked_at(head)[1]
    assert (chain.result, chain.sealer) == ("pass", "example.com")
    assert b"mx.example.com; spf=pass" in chain.results
    assert dkim.arc_verify(head + BODY, dnsfunc=dns)[0] == dkim.CV_Pass


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head.replace(b"hanako", b"jiro"),
        lambda head: head.replace(b"cv=none", b"cv=pass"),
        lambda head: head.replace(b"i=2;", b"i=3;"),
        lambda head: head.replace(b"ARC-Authentication-Results: i=1", b"X-Gone: i=1"),
        lambda head: head.replace(b"spf=pass", b"spf=fail"),
        lambda head: head.replace(b"ARC-Seal: i=2; a=rsa-sha256;", b"ARC-Seal: i=2; h=from; a=rsa-sha256;"),
        lambda head: re.sub(rb"(ARC-Seal: i=1;[^A]*)", rb"\1\1", head),
    ],
)
def test_broken_chains_fail(change: Change) -> None:
    head = chain_of(2)
    assert change(head) != head
    assert looked_at(change(head))[1].result == "fail"


def test_a_chain_that_has_failed_stays_failed() -> None:
    assert looked_at(chain_of(2, "fail"))[1].result == "fail"
    seals = [
        sign.arc_set(RSA, sign.canonical(head), digest(), "mx.example.com; spf=pass", "fail", 2, NOW)[0]
        for head in (HEAD, chain_of(1))
    ]
    assert seals[0] == seals[1]  # RFC 8617 §5.1.2: it stands for its own set alone


def test_no_seals_are_no_chain() -> None:
    assert looked_at(signed_head())[1] == Chain("none")


def test_dns_that_does_not_answer_is_temporary() -> None:
    head = chain_of(1)
    signed = find(signed_head())
    keys = dict.fromkeys(signed.key_names)
    assert [each.result for each in verify(signed_head(), lambda: [BODY], signed, keys)[0]] == [
        "temperror"
    ] * 2
    assert verify(head, lambda: [BODY], find(head), {})[1].result == "temperror"
