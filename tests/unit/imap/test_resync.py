"""A client that was away hears all that went, also when the server has forgotten what it knew."""

import re
import sqlite3
from pathlib import Path

from imap.sequence import parse
from tests.house import House, Site
from tests.wire import Wire

MAIL = b"Subject: one\r\n\r\nbody\r\n"
SELECTED = re.compile(rb"UIDVALIDITY (\d+).*HIGHESTMODSEQ (\d+)", re.DOTALL)


async def _known(wire: Wire) -> tuple[int, int]:
    """UIDVALIDITY and HIGHESTMODSEQ as SELECT says them."""
    found = SELECTED.search(b"\n".join(await wire.do(b"SELECT INBOX")))
    assert found is not None
    return int(found[1]), int(found[2])


def _gone(lines: list[bytes]) -> set[int]:
    prefix = b"* VANISHED (EARLIER) "
    named = [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]
    assert len(named) <= 1
    return {uid for text in named for low, high in parse(text).ranges for uid in range(low, high + 1)}


async def _away(site: Site, forget: list[str]) -> tuple[list[bytes], int]:
    """Five messages, two of which go while the client is away; then the server forgets. What it hears."""
    house = await House(site).open()
    wire = await Wire.open(await house.imap(), "taro")
    for _ in range(5):
        await house.put("taro", "INBOX", MAIL)
    validity, modseq = await _known(wire)
    await wire.do(b"STORE 2,4 +FLAGS.SILENT (\\Deleted)")
    await wire.do(b"EXPUNGE")
    await house.close()
    account = site.folder / "data/mail/example.test/taro"
    for statement in forget:
        with sqlite3.connect(account / "index.sqlite") as db:
            db.execute(statement)
        db.close()
    if not forget:
        for file in account.glob("index.sqlite*"):
            file.unlink()
    house = await House(site).open()
    try:
        wire = await Wire.open(await house.imap(), "taro")
        await wire.do(b"ENABLE QRESYNC")
        lines = await wire.do(b"SELECT INBOX (QRESYNC (%d %d 1:5))" % (validity, modseq))
        found = re.search(rb"UIDNEXT (\d+)", b"\n".join(lines))
        assert found is not None and validity == int(re.search(rb"UIDVALIDITY (\d+)", b"".join(lines))[1])  # type: ignore[index]
        highest = re.search(rb"HIGHESTMODSEQ (\d+)", b"".join(lines))
        assert highest is not None and int(highest[1]) > modseq, "MODSEQ never goes back (RFC 7162 §3.1.1)"
        return lines, int(found[1])
    finally:
        await house.close()


async def test_a_lost_index(site: Site) -> None:
    lines, uidnext = await _away(site, [])
    assert _gone(lines) == {2, 4}, "each UID it knows and that does not exist, and no other"
    assert uidnext > 5
    fetched = [line for line in lines if b" FETCH " in line]
    assert len(fetched) == 3 and all(b"MODSEQ" in line for line in fetched)


async def test_a_power_cut_after_which_the_commits_are_missing(site: Site) -> None:
    """SQLite may lose its last transactions: the index then knows nothing of what came and went in them."""
    lines, _ = await _away(
        site,
        [
            "DELETE FROM expunged",  # what the client saw go, and what it never saw
            "UPDATE mailboxes SET boot = 'another', floor = 0",
            "UPDATE account SET boot = 'another'",
        ],
    )
    assert _gone(lines) == {2, 4}


async def test_what_is_remembered_is_told_exactly(site: Site, house: House, tmp_path: Path) -> None:
    wire = await Wire.open(await house.imap(), "taro")
    for _ in range(5):
        await house.put("taro", "INBOX", MAIL)
    await wire.do(b"SELECT INBOX")
    await wire.do(b"STORE 1 +FLAGS.SILENT (\\Deleted)")
    await wire.do(b"EXPUNGE")
    validity, modseq = await _known(wire)
    await wire.do(b"STORE 1 +FLAGS.SILENT (\\Deleted)")
    await wire.do(b"EXPUNGE")
    await wire.do(b"ENABLE QRESYNC")
    lines = await wire.do(b"SELECT INBOX (QRESYNC (%d %d))" % (validity, modseq))
    assert _gone(lines) == {2}
    wire.close()
