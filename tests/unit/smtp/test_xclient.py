"""XCLIENT: what a named proxy may say, and what comes of it."""

import asyncio
from typing import Any

import pytest

from smtp import replies, xclient
from smtp.replies import Malformed
from tests.house import House
from tests.wire import connect

HERE = ("127.0.0.1",)


@pytest.mark.parametrize(
    ("rest", "given"),
    [
        (b"ADDR=192.0.2.1 PORT=5000", {"ADDR": "192.0.2.1", "PORT": "5000"}),
        (b"addr=IPV6:2001:DB8::1", {"ADDR": "2001:db8::1"}),
        (b"ADDR=2001:db8::1 DESTADDR=IPv6:::1", {"ADDR": "2001:db8::1", "DESTADDR": "::1"}),
        (b"NAME=[UNAVAILABLE] ADDR=192.0.2.1", {"ADDR": "192.0.2.1"}),
        (b"NAME=[TEMPUNAVAIL]", {}),
        (b"HELO=client+2Eexample PROTO=esmtp", {"HELO": "client.example", "PROTO": "esmtp"}),
        (b"LOGIN=taro+40example.test", {"LOGIN": "taro@example.test"}),
    ],
)
def test_parse(rest: bytes, given: dict[str, str]) -> None:
    assert xclient.parse(rest) == given


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"ADDR",
        b"ADDR=",
        b"ADDR=mail.example",
        b"ADDR=192.0.2.1 ADDR=192.0.2.2",
        b"PORT=70000",
        b"PORT=-1",
        b"PROTO=LMTP",
        b"HELO=a+0D+0Ab",
        b"HELO=a+20b",
        b"COLOUR=red",
        b"NAME=" + b"x" * 300,
        b"NAME=a=b",
    ],
)
def test_malformed(rest: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        xclient.parse(rest)
    assert refused.value.reply == replies.SYNTAX


class Client:
    """A proxy, and what the server says to it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, house: House, mode: str, **more: Any) -> "Client":
        house.listen_more = {"xclient_from": HERE, **more}
        client = cls(*await connect(await house.smtp(mode=mode)))
        assert (await client.hears()).startswith("220 ")
        return client

    async def hears(self) -> str:
        """A whole reply."""
        text = ""
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), 60)).decode()
            text += line
            if line[3:4] != "-":
                return text

    async def says(self, command: str) -> str:
        self.writer.write(command.encode() + b"\r\n")
        return await self.hears()


async def test_a_message_comes_from_whom_the_proxy_names(house: House) -> None:
    client = await Client.of(house, "mx")
    assert "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT" in await client.says("EHLO proxy.test")
    told = "XCLIENT ADDR=192.0.2.77 PORT=5000 HELO=sender.example DESTADDR=198.51.100.1 DESTPORT=25"
    assert await client.says(told) == "220 mail.example.test ESMTP\r\n"
    assert (await client.says("MAIL FROM:<a@sender.example>")).startswith("503 ")  # who is it now?
    await client.says("EHLO proxy.test")
    assert (await client.says("MAIL FROM:<a@sender.example>")).startswith("250 ")
    assert (await client.says("XCLIENT ADDR=192.0.2.78")).startswith("503 ")
    await client.says("RCPT TO:<taro@example.test>")
    await client.says("DATA")
    assert (await client.says("Subject: x\r\n\r\nx\r\n.")).startswith("250 ")
    account = house.store.account("taro@example.test")
    mailbox = await account.open("INBOX")
    (message,) = await mailbox.messages(mailbox.uids)
    assert b"Received: from sender.example ([192.0.2.77])" in message.read()
    mailbox.release()


async def test_login(house: House) -> None:
    client = await Client.of(house, "submission")
    await client.says("EHLO proxy.test")
    assert (await client.says("XCLIENT LOGIN=nobody+40example.test")).startswith("550 ")
    assert (await client.says("XCLIENT LOGIN=TARO+40Example.Test")).startswith("220 ")
    assert "AUTH" not in await client.says("EHLO proxy.test")
    assert (await client.says("MAIL FROM:<hanako@example.test>")).startswith("550 5.7.1")
    assert (await client.says("MAIL FROM:<taro@example.test>")).startswith("250 ")


async def test_loopback_is_where_the_client_is_and_not_its_proxy(house: House) -> None:
    client = await Client.of(house, "submission")
    assert "AUTH" in await client.says("EHLO proxy.test")
    assert (await client.says("XCLIENT ADDR=192.0.2.1")).startswith("220 ")
    assert "AUTH" not in await client.says("EHLO proxy.test")
    assert (await client.says("AUTH PLAIN AHRhcm9AZXhhbXBsZS50ZXN0AHRhcm9zZWNyZXQ=")).startswith("538 ")


async def test_no_login_at_the_mx(house: House) -> None:
    client = await Client.of(house, "mx")
    await client.says("EHLO proxy.test")
    assert (await client.says("XCLIENT LOGIN=taro+40example.test")).startswith("550 ")
    assert (await client.says("XCLIENT LOGIN=[UNAVAILABLE] ADDR=192.0.2.1")).startswith("220 ")


async def test_others_are_not_told(house: House) -> None:
    client = await Client.of(house, "mx", xclient_from=("192.0.2.0/24",))
    assert "XCLIENT" not in await client.says("EHLO proxy.test")
    assert (await client.says("XCLIENT ADDR=192.0.2.1")).startswith("550 ")
