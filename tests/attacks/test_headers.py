"""Huge headers, through the running server: taken or refused, shown, thrown away; no process grows past a bound."""

import pytest

from tests.attacks.conftest import Besieged
from tests.attacks.talk import Talk

MIB = 1024 * 1024
HEADERS = {
    "a million short fields": b"X: y\r\n" * 1_000_000,
    "one field folded without end": b"Subject: x\r\n"
    + b" "
    + b"y" * 70
    + b"\r\n"
    + (b" " + b"z" * 70 + b"\r\n") * 150_000,
    "half a million addresses": b"To: a@b.example" + b",\r\n c@d.example" * 500_000 + b"\r\n",
    "a field name of megabytes": b"X" * 900 * 1000 + b": y\r\n",
    "no end of the header": b"X-Filler: " + b"y" * 60 + b"\r\n" + b"\tz: y\r\n" * 1_000_000,
    "ten thousand Received": (b"Received: from a by b; Mon, 1 Jan 2026 00:00:00 +0000\r\n") * 10_000,
}


async def _deliver(it: Besieged, header: bytes) -> bytes:
    talk = await Talk.open(it.address("mx"))
    await talk.ask(b"EHLO attacker.example", b"250 ")
    await talk.ask(b"MAIL FROM:<attacker@example.com>", b"250")
    await talk.ask(b"RCPT TO:<%b>" % it.victim.address.encode(), b"250")
    await talk.ask(b"DATA", b"354")
    talk.writer.write(header + b"\r\nbody\r\n")
    await talk.writer.drain()
    answer = await talk.ask(b".", b"")
    talk.writer.close()
    return answer


@pytest.mark.parametrize("kind", HEADERS)
async def test_a_huge_header(besieged: Besieged, kind: str) -> None:
    before = {room: besieged.memory(room) for room in ("smtp", "imap")}
    answer = await _deliver(besieged, HEADERS[kind])
    assert answer.startswith((b"250", b"5")), answer
    talk = await besieged.imap()
    count = 2 if answer.startswith(b"250") else 1
    assert b"* %d EXISTS" % count in await talk.ask(b"s SELECT INBOX", b"s OK")
    if count == 2:
        for number, what in enumerate(
            (
                b"(ENVELOPE BODYSTRUCTURE)",
                b"BODY.PEEK[HEADER.FIELDS (X)]",
                b"BODY.PEEK[HEADER]<0.100>",
                b"BODY.PEEK[TEXT]",
            )
        ):
            tag = b"f%d " % number
            answer = await talk.ask(tag + b"FETCH 2 " + what, tag)
            assert b"SERVERBUG" not in answer
        assert b"SERVERBUG" not in await talk.ask(b"x SEARCH HEADER X nothing TEXT nowhere", b"x ")
        await talk.ask(b"d STORE 2 +FLAGS.SILENT (\\Deleted)", b"d OK")
        await talk.ask(b"e EXPUNGE", b"e OK")
    talk.writer.close()
    for room, then in before.items():
        assert besieged.memory(room) - then < 64, room
