"""Sender authentication, lists, forwards and automatic replies against Postfix, with NSD's zones: what comes in is
judged, and what Postfix gets from us is verified by dkimpy."""

import re
import smtplib

import dkim
import pytest

from tests.neighbours.client import Client, submit, wait_mail, wait_maildir
from tests.neighbours.land import Land
from tests.neighbours.signing import AUTHOR, OURS, resolver, verified
from tests.neighbours.test_coming_in import ISO_2022_JP, hand_in


def message(sender: str, to: str, mark: str) -> bytes:
    return (
        f"From: {sender}\r\nTo: {to}\r\nSubject: =?ISO-2022-JP?B?GyRCOCtAUT1xGyhC?= {mark}\r\n"
        f"Date: Mon, 05 Oct 2026 10:00:00 +0900\r\nMessage-ID: <{mark}@{sender.rpartition('@')[2]}>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=ISO-2022-JP\r\n\r\n"
    ).encode() + ISO_2022_JP


def results(stored: bytes) -> dict[str, str]:
    """What our Authentication-Results say."""
    found = re.search(rb"^Authentication-Results: mail\.alpha\.test;((?:[^\n]*\n[ \t])*[^\n]*)", stored, re.M)
    assert found is not None, stored[:2000]
    return dict(
        re.findall(r"(\w+)=(\w+)", re.sub(r"(smtp|header)\.\w+=\S+|\([^)]*\)", "", found[1].decode()))
    )


def test_who_it_says_it_is_from(land: Land) -> None:
    login = land.alpha.account("judged", domain=OURS)
    text = message(f"taro@{AUTHOR}", login.address, "judged")
    hand_in(land.postfix, f"taro@{AUTHOR}", login.address, land.signing.signed(text))
    stored = wait_mail(login)
    assert results(stored) == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    assert stored.endswith(text.partition(b"\r\n\r\n")[2])


def test_who_it_is_not_from_is_refused(land: Land) -> None:
    """The same author from another host: neither SPF nor a signature stands for it, and the domain says reject."""
    login = land.alpha.account("forged", domain=OURS)
    forged = message(f"taro@{AUTHOR}", login.address, "forged")
    with Client(land.exim.host, land.alpha.host.address) as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(f"taro@{AUTHOR}", [login.address], forged)
        assert (refused.value.smtp_code, refused.value.smtp_error[:6]) == (554, b"5.7.26")
    # signed, it may come from anywhere
    with Client(land.exim.host, land.alpha.host.address) as client:
        assert not client.sendmail(f"taro@{AUTHOR}", [login.address], land.signing.signed(forged))
    assert results(wait_mail(login)) == {"spf": "fail", "dkim": "pass", "dmarc": "pass"}


def test_what_we_send_is_signed(land: Land) -> None:
    login = land.alpha.account("author", domain=OURS)
    submit(land.alpha, login, ["taro@post.test"], message(login.address, "taro@post.test", "signed-by-us"))
    received = wait_maildir(land.postfix.folder_of("taro"), b"signed-by-us@")
    assert verified(received, land.names, OURS) == 1
    assert b"a=ed25519-sha256" in received
    assert verified(received.replace(b"taro@post.test", b"jiro@post.test"), land.names, OURS) == 0


def test_a_forward_keeps_its_proof(land: Land) -> None:
    """SRS makes SPF ours, the author's signature still holds, and our seal says what we found."""
    login = land.alpha.account("forwards", "forward: {to: [hanako@post.test], keep_copy: false}\n", OURS)
    text = land.signing.signed(message(f"taro@{AUTHOR}", login.address, "forwarded"))
    hand_in(land.postfix, f"taro@{AUTHOR}", login.address, text)
    received = wait_maildir(land.postfix.folder_of("hanako"), b"<forwarded@")
    reverse_path = re.search(rb"^Return-Path: <([^>]*)>", received, re.M)
    assert reverse_path is not None
    assert re.fullmatch(rb"SRS0=[^@]+@signed\.test", reverse_path[1])
    assert verified(received, land.names, AUTHOR) == 1
    result, _, reason = dkim.arc_verify(received, dnsfunc=resolver(land.names))
    assert result == dkim.CV_Pass, reason
    seal = re.search(
        rb"^ARC-Authentication-Results: i=1; mail\.alpha\.test;(.*(?:\n[ \t].*)*)", received, re.M
    )
    assert seal is not None and b"dmarc=pass" in seal[1]


def test_a_post_of_a_list(land: Land) -> None:
    inside = land.alpha.account("member", domain=OURS)
    path = land.alpha.folder / "domains" / OURS / "lists/sales.yaml"
    members = f"[taro@post.test, {inside.address}]"
    path.with_name(".new").write_text(f"owner: {inside.address}\nmembers: {members}\nposting: anyone\n")
    path.with_name(".new").rename(path)
    text = land.signing.signed(message(f"taro@{AUTHOR}", f"sales@{OURS}", "post"))
    hand_in(land.postfix, f"taro@{AUTHOR}", f"sales@{OURS}", text)
    received = wait_maildir(land.postfix.folder_of("taro"), b"<post@")
    assert re.search(rb"^Return-Path: <sales-bounces\+[^@]+@signed\.test>", received, re.M)
    assert b"List-Id: <sales.signed.test>" in received
    assert re.search(
        rb"^From: .*<sales@signed\.test>", received, re.M
    )  # author.test would refuse it as its own
    assert verified(received, land.names, OURS) == 1
    copy = wait_mail(inside)
    assert b"List-Id: <sales.signed.test>" in copy and copy.endswith(ISO_2022_JP)


def test_an_automatic_reply(land: Land) -> None:
    login = land.alpha.account("away", 'autoreply: {enabled: true, text: "不在です"}\n', OURS)
    hand_in(
        land.postfix,
        "hanako@post.test",
        login.address,
        message("hanako@post.test", login.address, "are-you-there"),
    )
    reply = wait_maildir(land.postfix.folder_of("hanako"), b"In-Reply-To: <are-you-there@")
    assert reply.startswith(b"Return-Path: <>\n")
    assert b"Auto-Submitted: auto-replied" in reply
    assert verified(reply, land.names, OURS) == 1
    assert len(login.stored()) == 1
