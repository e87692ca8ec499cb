"""Ports 587 and 465: who may send, as whom, and what is done to the message on its way out."""

import base64
import re

import pytest

from tests.house import House, Site, put
from tests.unit.smtp.conftest import Client, Connect, inbox

HEAD = b"From: taro@example.test\r\nTo: hanako@example.test\r\nSubject: hello\r\n"
RECEIPT = b"Content-Type: multipart/report;\r\n\treport-type=disposition-notification; boundary=x\r\n"


def plain(login: str, password: str) -> str:
    return "AUTH PLAIN " + base64.b64encode(f"\0{login}\0{password}".encode()).decode()


async def submitter(house: House, connect: Connect) -> Client:
    client = await connect(await house.smtp("implicit", "submission"), tls=house.client_context())
    assert (await client.ask(plain("taro@example.test", "tarosecret"))).startswith("235")
    return client


async def test_missing_fields_are_added_below_received(house: House, connect: Connect) -> None:
    client = await submitter(house, connect)
    reply = await client.mail(HEAD + b"\r\nhello\r\n", "hanako@example.test", sender="taro@example.test")
    assert reply.startswith("250 2.0.0 accepted as ")
    (stored,) = await inbox(house, "hanako")
    assert re.search(
        rb"Received: from client\.example\.com \(\[127\.0\.0\.1\]\)\r\n"
        rb"\tby mail\.example\.test \(kwcmaild\) with ESMTPSA id \S+\r\n"
        rb"\t\(TLSv1\.[23] \S+ \d+ bits\)\r\n"
        rb"\tfor <hanako@example\.test>;\r\n\t[^\r]+\r\n"
        rb"Date: \w{3}, [^\r]+\r\n"
        rb"Message-ID: <[^@\r]+@mail\.example\.test>\r\n"
        rb"From: taro@example\.test\r\nTo: hanako@example\.test\r\nSubject: hello\r\n\r\nhello\r\n$",
        stored,
    )


async def test_what_is_there_is_left_alone(house: House, connect: Connect) -> None:
    message = (
        b"date: Mon, 1 Jan 2024 00:00:00 +0900\r\nMESSAGE-id: <x@y>\r\n" + HEAD + b"\r\nBcc: in the body\r\n"
    )
    client = await submitter(house, connect)
    await client.mail(message, "hanako@example.test", sender="taro@example.test")
    (stored,) = await inbox(house, "hanako")
    assert stored.endswith(message)


async def test_bcc_is_removed_with_its_folds(house: House, connect: Connect) -> None:
    message = (
        b"Bcc: a@x\r\nDate: now\r\nMessage-ID: <x@y>\r\nBCC : b@x,\r\n\tc@x,\r\n d@x\r\nX-Bcc: stays\r\n"
        + HEAD
        + b"bcc:\r\n\r\nbody\r\n"
    )
    client = await submitter(house, connect)
    await client.mail(message, "hanako@example.test", "taro@example.test", sender="taro@example.test")
    (stored,) = await inbox(house, "hanako")
    assert stored.endswith(b"\r\nDate: now\r\nMessage-ID: <x@y>\r\nX-Bcc: stays\r\n" + HEAD + b"\r\nbody\r\n")
    assert b"@x" not in stored


async def test_bcc_of_a_large_message_is_removed_too(house: House, connect: Connect) -> None:
    body = b"".join(b"%07d " % number * 9 + b"\r\n" for number in range(10_000))
    client = await submitter(house, connect)
    await client.mail(HEAD + b"Bcc: a@x\r\n\r\n" + body, "hanako@example.test", sender="taro@example.test")
    (stored,) = await inbox(house, "hanako")
    assert stored.endswith(HEAD + b"\r\n" + body)
    assert b"a@x" not in stored


async def test_a_header_too_long_to_find_every_bcc_is_refused(house: House, connect: Connect) -> None:
    client = await submitter(house, connect)
    filler = b"X-Filler: " + b"x" * 900 + b"\r\n"
    reply = await client.mail(
        filler * 400 + b"Bcc: a@x\r\n\r\n", "hanako@example.test", sender="taro@example.test"
    )
    assert reply == "552 5.3.4 message header is too big\r\n"


async def test_own_addresses(site: Site, connect: Connect) -> None:
    site.write_account("taro", "aliases: [taro.yamada]\nsend_as: [Sales@other.example]\n")
    house = await House(site).open()
    try:
        client = await submitter(house, connect)
        for sender in (
            "taro@example.test",
            "TARO@example.test",
            "taro+x@example.test",
            "taro.yamada@example.test",
            "Taro.Yamada+x@Example.Test",
            "sales@other.example",
        ):
            assert (await client.ask(f"MAIL FROM:<{sender}>")).startswith("250"), sender
            await client.ask("RSET")
        for sender in (
            "hanako@example.test",
            "taro@other.example",
            "taro@sub.example.test",
            "sales@example.test",
            "taro",
        ):
            assert (await client.ask(f"MAIL FROM:<{sender}>")).startswith("5"), sender
    finally:
        await house.close()


async def test_only_a_report_may_have_no_sender(house: House, connect: Connect) -> None:
    client = await submitter(house, connect)
    reply = await client.mail(HEAD + b"\r\n", "hanako@example.test", sender="")
    assert reply == "554 5.7.1 only receipts and notifications may have an empty sender address\r\n"
    reply = await client.mail(HEAD + RECEIPT + b"\r\n", "hanako@example.test", sender="")
    assert reply.startswith("250")
    (stored,) = await inbox(house, "hanako")
    assert b"Return-Path: <>\r\n" in stored


async def test_a_suspended_account_sends_no_more(house: House, connect: Connect) -> None:
    client = await submitter(house, connect)
    path = house.site.folder / "domains/example.test/accounts/taro.yaml"
    put(path, path.read_text() + "suspended: true\n")
    reply = await client.ask("MAIL FROM:<taro@example.test>")
    assert reply == "550 5.7.1 this account may not send mail\r\n"


async def test_the_client_address_can_be_hidden(site: Site, connect: Connect) -> None:
    site.configure(smtp="{hide_client_address: true}")
    house = await House(site).open()
    try:
        client = await submitter(house, connect)
        await client.mail(HEAD + b"\r\n", "hanako@example.test", sender="taro@example.test")
        (stored,) = await inbox(house, "hanako")
        assert b"127.0.0.1" not in stored
        assert b"client.example.com" not in stored
    finally:
        await house.close()


@pytest.mark.parametrize("allowed", ["never", "loopback"])
async def test_passwords_in_the_clear(
    tmp_path_factory: pytest.TempPathFactory, connect: Connect, allowed: str
) -> None:
    site = Site.make(tmp_path_factory.mktemp(allowed), auth=f"{{plaintext_without_tls: {allowed}}}")
    house = await House(site).open()
    try:
        client = await connect(await house.smtp(mode="submission"))
        offered = await client.ask("EHLO x")
        assert ("AUTH" in offered) is (allowed == "loopback")
        assert "STARTTLS" in offered
        reply = await client.ask(plain("taro@example.test", "tarosecret"))
        if allowed == "loopback":
            assert reply.startswith("235")
        else:
            assert reply == "538 5.7.11 encryption is needed for this mechanism\r\n"
            assert await client.ask("MAIL FROM:<taro@example.test>") == (
                "530 5.7.0 must issue a STARTTLS command first\r\n"
            )
    finally:
        await house.close()


async def test_a_broken_account_file_is_a_temporary_failure(house: House, connect: Connect) -> None:
    put(house.site.folder / "domains/example.test/accounts/jiro.yaml", "nonsense: [")
    client = await connect(await house.smtp("implicit", "submission"), tls=house.client_context())
    reply = await client.ask(plain("jiro@example.test", "jirosecret"))
    assert reply == "454 4.7.0 temporary authentication failure\r\n"
