"""What the index answers is what the messages say: each search as a scan of every message finds it."""

import asyncio
import sqlite3
import time
from asyncio import Semaphore
from contextlib import closing
from pathlib import Path

import pytest

from imap import finding, search
from imap.scanner import Scanner
from imap.search import Scope
from imap.search_grammar import parse
from storage.account_files import AccountFiles
from storage.look import Loaded, look
from storage.mime.head import FIELD
from storage.search import fulltext
from storage.search.feed import feed
from storage.selected import Mailbox
from tests.house import DOMAIN, House

ADDRESS = f"taro@{DOMAIN}"
PLACES = ["会議室", "応接室", "ﾎｰﾙ", "hall", "HALL"]

SEARCHES = [
    "SUBJECT hall",
    "SUBJECT {9}\r\n会議室",
    "SUBJECT {9}\r\nホール",
    'SUBJECT ""',
    "NOT SUBJECT hall",
    "OR SUBJECT hall FROM taro3",
    "FROM taro",
    "FROM {6}\r\n山田",
    "TO hanako",
    "NOT TO hanako",
    'HEADER Cc ""',
    "BCC x",
    "HEADER Message-ID m7@",
    'HEADER Message-ID ""',
    "HEADER X-Number 7",
    'NOT HEADER X-Number ""',
    "SENTON 10-Jan-2024",
    "SENTBEFORE 9-Jan-2024",
    "SENTSINCE 20-Jan-2024",
    "NOT SENTSINCE 1-Jan-1990",
    "UNSEEN SUBJECT hall",
    "OR SEEN SUBJECT hall",
    "SUBJECT hall LARGER 100 UID 5:30",
    "1:25 SUBJECT hall",
    "(NOT (OR SUBJECT hall SENTON 3-Jan-2024)) FROM taro",
    "BODY {6}\r\n資料",
    "TEXT {6}\r\n資料",
    "BODY hall",
    "TEXT hall",
    "TEXT {3}\r\nル",
    "BODY {3}\r\n料",
    "TEXT x-number",
    "BODY of",
    "TEXT zz",
    "NOT BODY {6}\r\n資料",
    "OR BODY {6}\r\n資料 SUBJECT hall",
    "BODY {6}\r\n資料 SUBJECT hall",
    "TO far-away",
    "ALL",
    "BODY late",
    "SUBJECT late",
]


def message(number: int) -> bytes:
    lines = [
        f"Subject: {PLACES[number % 5]} {number}",
        f"From: 山田 <taro{number}@example.test>",
        *(["To: hanako@example.test"] if number % 2 else []),
        *(["Cc:"] if number % 3 == 0 else []),
        *([f"Message-ID: <M{number}@example.test>"] if number % 4 else []),
        *([f"X-Number: {number}"] if number % 6 else []),
        *([f"Date: {number % 28 + 1} Jan 2024 01:00:00 +0900"] if number % 5 else ["Date: nonsense"]),
        "Content-Type: text/plain; charset=utf-8",
        "",
        f"{'会議の資料' if number % 7 == 0 else '覚書'} of {number}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n"


async def check(house: House, mailbox: Mailbox) -> None:
    for text in SEARCHES:
        program = parse(Scanner(text.encode()))
        scope = Scope.of(mailbox, time.time())
        found = await finding.find(house.store, mailbox, program, scope, Semaphore())
        scanned = await house.store.run(search.search, program, scope, mailbox.message)
        assert found == scanned, text


async def test_the_index_finds_what_a_scan_finds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "FEW", 5)
    for number in range(40):
        await house.put("taro", "INBOX", message(number), ["\\Seen"] if number % 3 else [])
    far = (
        b"To: "
        + b"a@example.test,\r\n " * (FIELD // 10)
        + b"far-away@example.test\r\nSubject: long\r\n\r\nx\r\n"
    )
    await house.put("taro", "INBOX", far)
    account = house.store.account(ADDRESS)
    mailbox = await account.open("INBOX")
    try:
        await check(house, mailbox)  # no full-text index
        await account.do(_half)
        await check(house, mailbox)
        await account.do(feed)
        await check(house, mailbox)
        await mailbox.remove(mailbox.uids[3:9])
        await house.put("taro", "INBOX", b"Subject: late hall\r\n\r\n" + "遅れた資料 late".encode())
        await mailbox.refresh()
        await check(house, mailbox)
        await account.do(_forget_heads)
        again = Mailbox(account, await account.do(_load))
        await check(house, again)
    finally:
        mailbox.release()


def _half(files: AccountFiles) -> None:
    feed(files, most=20)


def _forget_heads(files: AccountFiles) -> None:
    """As in a mailbox that another program has filled."""
    fulltext.remove(files.dir)
    with files.writing() as db:
        db.execute("DELETE FROM heads WHERE uid % 2")
        db.execute("DELETE FROM summaries WHERE uid % 2")


def _load(files: AccountFiles) -> Loaded:
    with files.reading() as db:
        (mailboxid,) = db.execute("SELECT mailboxid FROM mailboxes WHERE name = 'INBOX'").fetchone()
    loaded = look(files, mailboxid, -1)
    assert loaded is not None
    return loaded


async def test_switched_off_nothing_is_asked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "FEW", 0)
    await house.put("taro", "INBOX", message(7))
    account = house.store.account(ADDRESS)
    mailbox = await account.open("INBOX")
    try:
        await account.do(_pretend)
        program = parse(Scanner("BODY {6}\r\n資料".encode()))
        scope = Scope.of(mailbox, time.time())
        assert await finding.find(house.store, mailbox, program, scope, Semaphore()) == []
        imap = house.store.settings.imap.model_copy(update={"fulltext": False})
        house.store.settings = house.store.settings.model_copy(update={"imap": imap})
        assert await finding.find(house.store, mailbox, program, scope, Semaphore()) == [1]
    finally:
        mailbox.release()


def _pretend(files: AccountFiles) -> None:
    """An index that lies."""
    feed(files)
    with closing(sqlite3.connect(Path(files.dir) / fulltext.FILE)) as db, db:
        db.execute("UPDATE texts SET body = x'00'")


async def test_only_who_reads_messages_waits_for_others_who_read(house: House) -> None:
    await house.put("taro", "INBOX", message(7), ["\\Seen"])
    mailbox = await house.store.account(ADDRESS).open("INBOX")
    readers = Semaphore(1)
    try:
        scope = Scope.of(mailbox, time.time())
        async with readers:
            seen = parse(Scanner(b"SEEN"))
            assert await finding.find(house.store, mailbox, seen, scope, readers) == [1]
            said = parse(Scanner("BODY {6}\r\n資料".encode()))
            reading = asyncio.create_task(finding.find(house.store, mailbox, said, scope, readers))
            done, _ = await asyncio.wait({reading}, timeout=0.2)  # it needs a hundredth of that where it may
            assert not done
        assert await reading == [1]
    finally:
        mailbox.release()
