"""Large mailboxes, written as files: to deliver a hundred thousand messages takes longer than to measure them.

Each server has been asked for ENVELOPE and BODYSTRUCTURE once when `fill` returns, so that what it keeps of
messages is made, as it is for mail that was delivered.
"""

import asyncio
import os
import random
from pathlib import Path

from benchmarks.load_imap import Imap
from benchmarks.mail import message
from benchmarks.server import Server

STEP = 10_000  # messages that a server is shown at a time: nothing takes minutes
SETTLED = 5.0  # seconds after which Dovecot believes a directory's time; before, each SELECT reads it again

_WORDS = (
    *(
        "見積",
        "資料",
        "確認",
        "送付",
        "株式会社",
        "御中",
        "お願いします",
        "件名",
        "連絡先",
        "日本",
        "東京",
        "営業部",
    ),
    *("納品", "期限", "変更", "the", "quick", "brown", "fox"),
)
# A word, and in how many of a hundred messages it stands.
LOOKED_FOR = (("会議", 30), ("請求書", 7), ("ガ", 3), ("invoice", 30))


def letter(number: int, size: int = 7500) -> bytes:
    """A message of Japanese and English words, some of which are looked for."""
    made = random.Random(number)
    head = message(number, 0).partition(b"Content-Transfer-Encoding: 7bit")[0]
    chosen = [word for word, share in LOOKED_FOR if made.random() * 100 < share]
    lines = []
    room = size - len(head)
    while room > 0:
        words = made.choices(_WORDS, k=12)
        if chosen:
            words.insert(made.randrange(12), chosen.pop())
        lines.append("、".join(words))
        room -= len(lines[-1].encode()) + 2
    return head + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + "\r\n".join(lines).encode() + b"\r\n"


async def fill(server: Server, local: str, count: int, size: int, *, letters: bool = False) -> None:
    """So many messages in INBOX, all \\Seen; done once for each server and account."""
    session = await Imap.login(server.ports.imap, local)
    await session.command(b"SELECT INBOX")
    folder = server.maildir(local) / "cur"
    written = False
    for upto in range(STEP, count + STEP, STEP):
        if _write(folder, min(upto, count), size, letters):
            written = True
            await session.command(b"SELECT INBOX")
            await session.command(b"FETCH %d:* (ENVELOPE BODYSTRUCTURE)" % (upto - STEP + 1))
    if written:
        await asyncio.sleep(SETTLED)
        await session.command(b"SELECT INBOX")
    await session.logout()


def _write(folder: Path, count: int, size: int, letters: bool) -> bool:
    """Whether something was missing."""
    here = sum(1 for _ in os.scandir(folder))
    owner = os.stat(folder)
    for number in range(here, count):
        data = letter(number, size) if letters else message(number, size)
        path = folder / f"{1_700_000_000 + number}.M{number}P1.bench,S={len(data)}:2,S"
        path.write_bytes(data)
        os.chown(path, owner.st_uid, owner.st_gid)
        os.utime(path, (1_700_000_000 + number,) * 2)
    return here < count
