"""Addresses that always reach somebody, and spellings that reach the same one."""

import asyncio
from pathlib import Path

import pytest

from tests.house import House, Site, put

REACHED = [
    ("RCPT TO:<postmaster>", "hanako"),  # the operator
    ("RCPT TO:<PostMaster@Example.Test>", "taro"),  # the domain's administrator
    ("RCPT TO:<abuse@example.test>", "taro"),
    ("RCPT TO:<abuse+spam@example.test>", "taro"),
    ("RCPT TO:<postmaster@[127.0.0.1]>", "hanako"),
    ('RCPT TO:<"abuse"@[127.0.0.1]>', "hanako"),
    ("RCPT TO:<postmaster@[IPv6:::ffff:127.0.0.1]>", None),  # another address
    ("RCPT TO:<taro@[127.0.0.1]>", None),
    ("RCPT TO:<postmaster@[127.0.0.2]>", None),
    ("RCPT TO:<abuse>", None),
    ("RCPT TO:<TARO@example.test>", "taro"),
    ("RCPT TO:<taro+shop@example.test>", "taro"),
    (r'RCPT TO:<"ta\ro"@example.test>', "taro"),
    ('RCPT TO:<"taro+a b"@example.test>', "taro"),
]


@pytest.mark.parametrize(("command", "local"), REACHED)
async def test_reached(tmp_path: Path, command: str, local: str | None) -> None:
    site = Site.make(tmp_path, operators="[hanako@example.test]")
    put((tmp_path / "domains/example.test/domain.yaml"), "administrators: [taro@example.test]\n")
    house = await House(site).open()
    reader, writer = await asyncio.open_connection(*await house.smtp(tls="none"))
    said = ["HELO x", "MAIL FROM:<a..b.@docomo.ne.jp>", command, "DATA", "Subject: x\r\n\r\nx\r\n."]
    answers = []
    await reader.readline()
    for line in said:
        writer.write(line.encode() + b"\r\n")
        answers.append((await asyncio.wait_for(reader.readline(), 60))[:3])
        if answers[-1] >= b"500":
            break
    writer.close()
    if local is None:
        assert answers[-1] in (b"550", b"501"), answers
    else:
        assert answers[-1] == b"250", answers
        mailbox = await house.store.account(f"{local}@example.test").open("INBOX")
        assert len(mailbox.uids) == 1
        mailbox.release()
    await house.close()
