"""What leaves the house signed: by the domain's keys, from its files, whatever the size."""

from pathlib import Path

import pytest

from filters.sender_auth.keys import read
from filters.sender_auth.signatures import find, verify
from filters.sender_auth.signing import Signing
from filters.verdict import AuthResult
from storage.admin_dkim import add_keys, list_keys, use_keys
from storage.message import Message
from storage.mime.header import end_of_header
from storage.people.directory import Directory
from tests.house import DOMAIN, Site

MAIL = b"From: taro@example.test\r\nSubject: x\r\n\r\nbody\r\n"


def results(directory: Directory, message: Message) -> tuple[list[tuple[str, str]], str]:
    data = message.read()
    head = data[: end_of_header(data)]
    keys = {key.name: read([key.record.encode()]) for key in list_keys(directory, DOMAIN)}
    signed = find(head)
    checked, chain = verify(head, lambda: [data[len(head) :]], signed, keys)
    return [(each.signature.domain, each.result) for each in checked], chain.result


@pytest.fixture
def directory(site: Site) -> Directory:
    return Directory(site.settings)


def test_every_key_of_the_authors_domain_signs(site: Site, directory: Directory) -> None:
    signing = Signing(site.settings.domains, directory.domain)
    assert signing.sign(Message.of(MAIL)) == Message.of(MAIL)  # no keys yet
    add_keys(directory, DOMAIN, "k1")
    assert results(directory, signing.sign(Message.of(MAIL)))[0] == [(DOMAIN, "pass")] * 2
    add_keys(directory, DOMAIN, "k2", use=False)
    use_keys(directory, DOMAIN, ["k2r"])
    assert results(directory, signing.sign(Message.of(MAIL)))[0] == [(DOMAIN, "pass")]


def test_a_file_a_prefix_and_an_edit(site: Site, directory: Directory, tmp_path: Path) -> None:
    add_keys(directory, DOMAIN, "k1")
    big = MAIL + b"line  of text \r\n" * 60_000
    (tmp_path / "big").write_bytes(big)
    at = big.index(b"Subject")
    message = (
        Message(tmp_path / "big", len(big)).prepend(b"Date: now\r\n").replace(at, at + 12, b"Subject: y\r\n")
    )
    signing = Signing(site.settings.domains, directory.domain)
    signed = signing.sign(message)
    assert results(directory, signed)[0] == [(DOMAIN, "pass")] * 2
    assert signed.read().endswith(big[at + 12 :])


def test_strangers_are_not_signed_for_but_by_the_fallback(site: Site, directory: Directory) -> None:
    add_keys(directory, DOMAIN, "k1")
    signing = Signing(site.settings.domains, directory.domain)
    foreign = Message.of(MAIL.replace(b"example.test", b"example.org"))
    assert signing.sign(foreign) == foreign
    assert results(directory, signing.sign(foreign, DOMAIN))[0] == [(DOMAIN, "pass")] * 2


def test_a_key_that_cannot_be_read_leaves_mail_unsigned(site: Site, directory: Directory) -> None:
    add_keys(directory, DOMAIN, "k1")
    for path in (site.folder / f"domains/{DOMAIN}/dkim").iterdir():
        path.write_text("nonsense")
    assert Signing(site.settings.domains, directory.domain).sign(Message.of(MAIL)) == Message.of(MAIL)


def test_seals_make_a_chain(site: Site, directory: Directory) -> None:
    add_keys(directory, DOMAIN, "k1")
    signing = Signing(site.settings.domains, directory.domain)
    found = [AuthResult("spf", "pass", (("smtp.mailfrom", "a@b"),))]
    once = signing.seal(Message.of(MAIL), DOMAIN, "mx.example.test", found)
    assert results(directory, once)[1] == "pass"
    twice = signing.seal(once, DOMAIN, "mx.example.test", [*found, AuthResult("arc", "pass")])
    assert results(directory, twice)[1] == "pass"
    broken = signing.seal(once, DOMAIN, "mx.example.test", [AuthResult("arc", "fail")])
    assert results(directory, broken)[1] == "fail"
    long = Message.of(b"ARC-Seal: i=50; cv=pass; a=rsa-sha256; d=x; s=y; b=\r\n" + MAIL)
    assert signing.seal(long, DOMAIN, "mx.example.test", found) is long  # RFC 8617 §4.2.1
