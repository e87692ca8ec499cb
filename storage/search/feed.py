"""Keeps fulltext.sqlite up with an account's mailboxes: new messages in, those that are no more out.

Never in the way of a delivery or a session: somebody calls `feed` now and then, and each call does so much and no
more. It holds no lock of the account while it reads messages. What it read is of use to the index too: where the
index has no summary of a message (another program put it there), it gets one. For threads.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from storage import folder as folders
from storage import look, records
from storage.account_files import AccountFiles
from storage.errors import MailboxMissing
from storage.folder import Folder
from storage.mime.summary import summarise
from storage.reconcile import message_of
from storage.rows import Row, Summary
from storage.search import fulltext
from storage.search.fulltext import Document

TURN = 500  # messages that one call takes in, or forgets
BATCH = 50  # of them in one transaction
SECONDS = 1.0  # that it takes, more or less
NUMBER_MOST = 2**32  # no UID is larger (RFC 9051 §2.3.1.1)
SURPLUS = 200  # messages that are no more may stay, and a tenth of those that there are


@dataclass(frozen=True, slots=True)
class Fed:
    """What a call did, and whether there is more to do."""

    taken: int
    more: bool


def feed(
    files: AccountFiles,
    *,
    most: int = TURN,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Fed:
    """Take in what is new, some of it. Raises sqlite3.Error, OSError."""
    until = clock() + seconds
    with contextlib.closing(fulltext.open_for_writing(files.dir)) as words:
        with files.reading() as db:
            mailboxes = folders.load_all(db, files.maildir)
        taken = 0
        for folder in mailboxes:
            for read in _batches(files, words, folder, most):
                taken += read
                if taken >= most or clock() >= until:
                    return Fed(taken, True)
        messages = sum(folder.messages for folder in mailboxes)
        return Fed(taken, _forget(files, words, messages, most))


def _batches(files: AccountFiles, words: sqlite3.Connection, folder: Folder, most: int) -> Iterator[int]:
    """Rows that came after those that were taken in, by MODSEQ: how many messages of each batch were read.

    Rows of an index that was made again all have one MODSEQ: among those the UID says how far one has come."""
    query = "SELECT modseq, uid FROM progress WHERE mailboxid = ?"
    done: tuple[int, int] = words.execute(query, (folder.mailboxid,)).fetchone() or (-1, 0)
    if done > (folder.modseq, NUMBER_MOST):
        done = (
            -1,
            0,
        )  # of a later time than the mailbox, which was put back: what is missing is among all rows
    while done < (folder.modseq, NUMBER_MOST):
        with files.reading() as db:
            try:
                number = look.current(db, files, folder).id
            except MailboxMissing:
                return
            query = records.ROWS + " AND (modseq, uid) > (?, ?) ORDER BY modseq, uid LIMIT ?"
            rows = [Row(*columns) for columns in db.execute(query, (number, *done, most))]
        known = fulltext.known(words, [one.base for one in rows])
        fresh = [one for one in rows if one.base not in known]
        step = min(most, BATCH)
        for at in range(0, len(fresh), step):
            yield _take(files, words, folder, fresh[at : at + step])
        done = (rows[-1].modseq, rows[-1].uid) if rows else (folder.modseq, NUMBER_MOST)
        with records.transaction(words):
            words.execute("INSERT OR REPLACE INTO progress VALUES (?, ?, ?)", (folder.mailboxid, *done))


def _take(files: AccountFiles, words: sqlite3.Connection, folder: Folder, rows: list[Row]) -> int:
    """Read these messages; how many."""
    with files.reading() as db:
        try:
            number = look.current(db, files, folder)
            there = records.summary_column(db, number, {row.uid for row in rows}, "body").keys()
        except MailboxMissing:
            return 0
    documents: dict[str, Document] = {}
    summaries: dict[int, Summary] = {}
    for row in rows:
        try:
            with message_of(folder, row).octets() as data:
                documents[row.base] = fulltext.read(data)
                if row.uid not in there:
                    summaries[row.uid] = summarise(data)
        except OSError:  # gone, or not to be read: whoever searches will see
            continue
    with records.transaction(words):
        fulltext.add(words, documents)
    if summaries:
        with contextlib.suppress(MailboxMissing), files.writing() as db, records.transaction(db):
            records.save_summaries(db, look.current(db, files, folder), summaries)
    return len(documents)


def _forget(files: AccountFiles, words: sqlite3.Connection, messages: int, most: int) -> bool:
    """Where many that are kept are no more: forget some of those; whether there are others."""
    (kept,) = words.execute("SELECT COUNT(*) FROM documents").fetchone()
    if kept <= messages + messages // 10 + SURPLUS:
        return False
    with files.reading() as db:
        bases = {base for (base,) in db.execute("SELECT base FROM rows")}
    gone = [base for (base,) in words.execute("SELECT base FROM documents") if base not in bases]
    with records.transaction(words):
        fulltext.forget(words, gone[:most])
    return len(gone) > most
