"""A look at a mailbox: the files first, if another program may have been at them, then the index.

The index's MODSEQ says what is new, so a look that finds nothing costs some queries and two `stat`s. For threads.
"""

import os
import sqlite3
import time
from dataclasses import dataclass
from typing import TypeVar

from storage import folder as folders
from storage import packed, records
from storage.account_files import AccountFiles
from storage.columns import Columns
from storage.errors import MailboxMissing
from storage.folder import BOOT, RACY, Folder
from storage.mailbox import Work, change
from storage.remembered import Counted
from storage.rows import MailboxStatus, Row, row_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a look at the index brought: everything (`whole`), or what came after a MODSEQ."""

    folder: Folder
    changed: list[Row]
    gone: list[int]
    columns: Columns | None = None  # everything
    loose: int = 0  # so many rows of everything are not packed (storage/packed.py)

    @property
    def whole(self) -> bool:
        return self.columns is not None

    @property
    def rows(self) -> list[Row]:
        return self.changed if self.columns is None else self.columns.all().rows()


def look(
    files: AccountFiles, mailboxid: str, since: int, floor: int = 0, others: bool = True
) -> Loaded | None:
    """What the index has after MODSEQ `since` (-1: everything). None: the mailbox went."""
    with files.reading() as db, records.snapshot(db):
        name = name_of(db, mailboxid)
        if name is None:
            return None
        folder = folders.load(db, files.maildir, name)
        if _ready(folder, others):
            return _since(db, folder, since, floor)
    try:
        with files.writing() as db:
            files.reconcile(db, folders.load(db, files.maildir, name))
        with files.reading() as db, records.snapshot(db):
            return _since(db, folders.load(db, files.maildir, name), since, floor)
    except (MailboxMissing, FileNotFoundError):
        return None


def _ready(folder: Folder, others: bool) -> bool:
    """Whether the index says what the files say; with `others`, also of what other programs did."""
    try:
        return folder.boot == BOOT and bool(folder.looked) and not (others and _suspicious(folder))
    except MailboxMissing:
        return False


def _suspicious(folder: Folder) -> bool:
    return folder.touched_by_others() or folder.racy()


def _since(db: sqlite3.Connection, folder: Folder, since: int, floor: int) -> Loaded:
    if folder.modseq == since and folder.floor == floor:
        return Loaded(folder, [], [])
    if since < 0 or folder.floor > floor:  # the index was made anew: it does not know what is gone
        return _whole(db, folder)
    return Loaded(folder, *_after(db, folder, since))


def _whole(db: sqlite3.Connection, folder: Folder) -> Loaded:
    """All rows: those that are packed and what came after, or one by one."""
    found = packed.read(db, folder) if folder.messages > packed.FEW else None
    if found is not None:
        columns, since = found
        rows, gone = _after(db, folder, since)
        columns = columns.taking(rows, gone).columns
        if len(columns) == folder.messages:
            return Loaded(folder, [], [], columns, len(rows) + len(gone))
    columns = Columns.of(db.execute(records.ROWS + " ORDER BY uid", (folder.id,)))
    return Loaded(folder, [], [], columns, len(columns))


def _after(db: sqlite3.Connection, folder: Folder, since: int) -> tuple[list[Row], list[int]]:
    """Rows that came or changed after a MODSEQ, and the UIDs that went."""
    # Sorted here: asked for an order by UID, SQLite would look at all rows of the mailbox.
    rows = sorted(map(row_of, db.execute(records.ROWS + " AND modseq > ?", (folder.id, since))))
    gone = db.execute("SELECT uid FROM expunged WHERE mailbox = ? AND modseq > ?", (folder.id, since))
    return rows, [uid for (uid,) in gone]


def index_written(path: str) -> tuple[int, int, int] | None:
    """Changes with each commit, as well while nobody has the index open; None where it may change without that.

    A log without content says the same as none: who opens the index makes it, and who closes it last removes it."""
    try:
        index = os.stat(path)
    except FileNotFoundError:
        return None
    try:
        log = os.stat(path + "-wal")
        stamp = index.st_mtime_ns, log.st_mtime_ns if log.st_size else 0, log.st_size
    except FileNotFoundError:
        stamp = index.st_mtime_ns, 0, 0
    return None if time.time_ns() - max(stamp[:2]) < RACY else stamp


def gone_since(files: AccountFiles, mailboxid: str, since: int) -> tuple[int, ...] | None:
    """UIDs that were expunged after MODSEQ `since`. None: longer ago than is remembered, or before a crash."""
    with files.reading() as db:
        row = db.execute("SELECT id, floor FROM mailboxes WHERE mailboxid = ?", (mailboxid,)).fetchone()
        if row is None:
            raise MailboxMissing(mailboxid)
        if since < row[1]:
            return None
        gone = db.execute("SELECT uid FROM expunged WHERE mailbox = ? AND modseq > ?", (row[0], since))
        return tuple(uid for (uid,) in gone)


def name_of(db: sqlite3.Connection, mailboxid: str) -> str | None:
    """What the mailbox is called now; None: it went."""
    row = db.execute("SELECT name FROM mailboxes WHERE mailboxid = ?", (mailboxid,)).fetchone()
    return row[0] if row else None


def current(db: sqlite3.Connection, files: AccountFiles, folder: Folder) -> Folder:
    """The mailbox as this index numbers it: one that was made anew may have given its number to another."""
    name = name_of(db, folder.mailboxid)
    if name is None:
        raise MailboxMissing(folder.name)
    return folders.load(db, files.maildir, name)


def work_and_look(files: AccountFiles, work: Work[T], known: Folder) -> tuple[T, Loaded | None]:
    """A change of a mailbox and the look after it, for who knows it as `known`, under one lock.

    Raises MailboxMissing, and what `work` raises."""

    def seen(db: sqlite3.Connection, folder: Folder) -> tuple[T, Loaded | None]:
        if folder.mailboxid != known.mailboxid:
            raise MailboxMissing(known.name)
        result = work(db, folder)
        return result, _since(db, folder, known.modseq, known.floor) if folder.looked else None

    try:
        result, loaded = change(files, known.name, seen)
    except MailboxMissing:  # it may have another name by now
        with files.reading() as db:
            name = name_of(db, known.mailboxid)
        if name is None or name == known.name:
            raise
        result, loaded = change(files, name, seen)
    return result, loaded or look(files, known.mailboxid, known.modseq, known.floor, False)


def status_of(files: AccountFiles, name: str) -> MailboxStatus:
    """What STATUS answers about a mailbox, counted by the index. Raises MailboxMissing."""
    stamp = files.remembered.stamp()
    with files.reading() as db:
        mailboxid = folders.load(db, files.maildir, name).mailboxid
    if look(files, mailboxid, 1 << 62) is None:
        raise MailboxMissing(name)
    with files.reading() as db:
        folder = folders.load(db, files.maildir, name)
        unseen, deleted = db.execute(
            "SELECT COALESCE(SUM(instr(flags, 'S') = 0), 0), COALESCE(SUM(instr(flags, 'T') > 0), 0)"
            " FROM rows WHERE mailbox = ?",
            (folder.id,),
        ).fetchone()
        (recent,) = db.execute(
            "SELECT COUNT(*) FROM rows WHERE mailbox = ? AND uid >= ?", (folder.id, folder.recent)
        ).fetchone()
    status = MailboxStatus(
        messages=folder.messages,
        unseen=unseen,
        deleted=deleted,
        recent=recent,
        uidnext=folder.uidnext,
        uidvalidity=folder.uidvalidity,
        modseq=folder.modseq,
        size=folder.bytes,
        mailboxid=folder.mailboxid,
    )
    new, cur = f"{folder.path}/new", f"{folder.path}/cur"
    counted = Counted(status, new, cur, folder.new_mtime, folder.cur_mtime)
    files.remembered.keep_status(name, counted, stamp)
    return status
