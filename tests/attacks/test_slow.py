"""Clients that send an octet now and then: each door has a time for the whole of what it waits for.

(HTTP: test_web_attacks.py. SMTP's DATA: tests/unit/smtp/test_receive.py. A handshake: test_tls_attacks.py.)
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from imap import reader
from tests.attacks.talk import Talk
from tests.house import House, Site

LOGIN = b"a LOGIN taro@example.test tarosecret\r\n"
SMTP = b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<taro@example.test>\r\n"

SLOW = [  # door, what is said before, and what is begun and goes on by single octets
    ("imap", b"", b"a NOO"),
    ("imap", b"", b"a LOGIN {100+}\r\nta"),
    ("imap", b"", b"a AUTHENTICATE PLAIN\r\n"),
    ("imap", LOGIN, b"b NOO"),
    ("imap", LOGIN, b"b SELECT {100+}\r\nIN"),
    ("imap", LOGIN, b"b APPEND INBOX {1000+}\r\nSubject: "),
    ("imap", LOGIN, b"b IDLE\r\n"),
    ("pop3", b"", b"USE"),
    ("pop3", b"", b"AUTH PLAIN\r\n"),
    ("pop3", b"USER taro@example.test\r\nPASS tarosecret\r\n", b"STA"),
    ("smtp", b"", b"EHL"),
    ("smtp", SMTP, b"BDAT 1000 LAST\r\nSubject: "),
    ("submission", b"EHLO x\r\n", b"AUTH PLAIN\r\n"),
]


async def test_an_octet_now_and_then_gains_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "PATIENCE", 0.5)
    timeouts = "{login_timeout: 1, idle_timeout: 1}"
    site = Site.make(tmp_path, imap=timeouts, pop3=timeouts, smtp="{command_timeout: 1, data_timeout: 1}")
    house = await House(site).open()
    try:
        addresses = {
            "imap": await house.imap(),
            "pop3": await house.pop3(),
            "smtp": await house.smtp(),
            "submission": await house.smtp(mode="submission"),
        }
        await asyncio.gather(*(_shown_out(addresses[door], before + begun) for door, before, begun in SLOW))
        assert not list((site.folder / "data/spool").glob("*"))
        assert not [path for path in site.folder.glob("data/mail/*/*/Maildir/**/*") if ",S=" in path.name]
        for address in addresses.values():
            assert (await Talk.open(address)).greeting
    finally:
        await house.close()


async def _shown_out(address: tuple[str, int], begun: bytes) -> None:
    """Say this, and then an octet now and then, until the server closes the connection."""
    talk = await Talk.open(address)
    talk.writer.write(begun)

    async def dribble() -> None:
        with suppress(ConnectionError):
            while not talk.writer.is_closing():
                talk.writer.write(b"x")
                await talk.writer.drain()
                await asyncio.sleep(0.05)

    dribbling = asyncio.create_task(dribble())
    try:
        with suppress(ConnectionError):
            async with asyncio.timeout(60):
                while await talk.reader.read(65536):
                    pass
    except TimeoutError:
        raise AssertionError(f"still open: {begun!r}") from None
    finally:
        dribbling.cancel()
