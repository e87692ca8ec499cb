"""Messages on their way in, many at a time: the *arriving* half of the order of writes (storage/mailbox.py).

Whoever wants to put something into an account waits for the turn; who has it writes for all that wait, so that
many deliveries share one lock, one fsync of each directory and one transaction.
"""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from storage import filename, quota, reconcile, records, undo
from storage import folder as folders
from storage.account_files import AccountFiles
from storage.durable import sync_dir
from storage.errors import StoreError, neutral
from storage.folder import Folder
from storage.message import Message
from storage.quota import Limits
from storage.rows import Row, Summary
from storage.summary import summarise

LINK_FAILS = (errno.EMLINK, errno.EXDEV, errno.EPERM)


@dataclass(slots=True)
class Arrival:
    """One message on its way in: a complete, fsynced file, and what its row will say."""

    file: str
    size: int  # octets
    base: str
    flags: frozenset[str]
    date: int  # seconds
    came: str
    summary: Summary | None = None
    shared: bool = False  # the file is other recipients' too: link it, do not take it
    uid: int = 0
    placed: str = ""


@dataclass(slots=True)
class Batch:
    """Arrivals that come all or none into one mailbox; `error` says why none did."""

    mailbox: str
    arrivals: list[Arrival]
    limits: Limits = field(default_factory=Limits)
    error: Exception | None = None
    done: bool = False
    used_before: int = 0
    used_after: int = 0
    modseq: int = 0
    uidvalidity: int = 0


def arrive(files: AccountFiles, batch: Batch) -> None:
    """Put a batch into its mailbox, together with all others that wait for this account.

    One thread writes for all: whoever gets the turn takes every waiting batch. Raises the batch's error:
    MailboxMissing, OverQuota, DiskFull, KeywordsFull.
    """
    files.arriving.append(batch)
    with files.turn:
        if not batch.done:
            waiting: list[Batch] = []
            while files.arriving:
                waiting.append(files.arriving.pop(0))  # type: ignore[arg-type]
            try:
                _write_batches(files, waiting)
            except BaseException as error:
                for other in waiting:
                    other.error = other.error or neutral(error)
                if not isinstance(error, Exception):
                    raise
            finally:
                for other in waiting:
                    other.done = True
    if batch.error is not None:
        raise batch.error


def _write_batches(files: AccountFiles, batches: list[Batch]) -> None:
    with files.writing() as db:
        touched: dict[str, Folder] = {}
        used = quota.used_now(db)
        for batch in batches:
            try:
                folder = touched.get(batch.mailbox) or files.folder(db, batch.mailbox)
                used = _admit(batch, folder, used)
                touched[batch.mailbox] = folder
            except StoreError as error:
                batch.error = error
        going = [batch for batch in batches if batch.error is None]
        if not going:
            return
        for folder in touched.values():
            folder.notice_others()
        _take_numbers(files, touched, going)
        together = [
            undo.word(touched[batch.mailbox], batch.arrivals[0].uid, len(batch.arrivals))
            for batch in going
            if len(batch.arrivals) > 1
        ]
        with files.half_done(*touched.values(), marks=together):
            try:
                _place(touched, going)
                _record(db, touched, going)
            except BaseException:
                _undo(going)
                raise


def _admit(batch: Batch, folder: Folder, used: tuple[int, int]) -> tuple[int, int]:
    """The account's use after this batch. Raises OverQuota."""
    octets = sum(arrival.size for arrival in batch.arrivals)
    after = (used[0] + octets, used[1] + len(batch.arrivals))
    quota.check_quota(after, batch.limits, folder)
    for arrival in batch.arrivals:
        folder.letters(arrival.flags, make=True)
    batch.used_before, batch.used_after = used[0], after[0]
    batch.uidvalidity = folder.uidvalidity
    return after


def _take_numbers(files: AccountFiles, touched: dict[str, Folder], batches: list[Batch]) -> None:
    for name, folder in touched.items():
        mine = [batch for batch in batches if batch.mailbox == name]
        uid = folder.take_uids(sum(len(batch.arrivals) for batch in mine))
        modseq = folder.take_modseq(files.clock())
        for batch in mine:
            batch.modseq = modseq
            for arrival in batch.arrivals:
                arrival.uid = uid
                uid += 1


def _place(touched: dict[str, Folder], batches: list[Batch]) -> None:
    """Give each file its name, then fsync each directory once."""
    directories: set[str] = set()
    for batch in batches:
        folder = touched[batch.mailbox]
        for arrival in batch.arrivals:
            row = _row(arrival, folder, batch.modseq)
            target = reconcile.row_path(folder, row)
            if arrival.shared:
                link(arrival.file, target)
            else:
                os.rename(arrival.file, target)
            arrival.placed = target
            directories.add(os.path.dirname(target))
    for directory in directories:
        sync_dir(directory)


def link(source: str, target: str) -> None:
    """A second name of a file; where the file system has no more links for it, a copy."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in LINK_FAILS:
            raise
        temporary = Path(target).parent.parent / "tmp" / os.path.basename(target)
        with open(source, "rb") as old, open(temporary, "wb") as new:
            while chunk := old.read(1 << 20):
                new.write(chunk)
            new.flush()
            stat = os.fstat(old.fileno())
            os.utime(new.fileno(), ns=(stat.st_mtime_ns, stat.st_mtime_ns))
            os.fsync(new.fileno())
        os.rename(temporary, target)


def _row(arrival: Arrival, folder: Folder, modseq: int) -> Row:
    letters = folder.letters(arrival.flags, make=False)
    return Row(
        uid=arrival.uid,
        base=arrival.base,
        flags=letters,
        modseq=modseq,
        size=arrival.size,
        date=arrival.date,
        born=modseq,
        came=arrival.came,
        cur=bool(letters),
        lf=False,
    )


def _record(db: sqlite3.Connection, touched: dict[str, Folder], batches: list[Batch]) -> None:
    with records.transaction(db):
        for name, folder in touched.items():
            arrivals = [
                (arrival, batch.modseq)
                for batch in batches
                if batch.mailbox == name
                for arrival in batch.arrivals
            ]
            records.insert_rows(db, folder, [_row(arrival, folder, m) for arrival, m in arrivals])
            records.save_summaries(
                db, folder, {arrival.uid: arrival.summary for arrival, _ in arrivals if arrival.summary}
            )
            quota.count_use(db, folder, len(arrivals), sum(arrival.size for arrival, _ in arrivals))
            folder.record_mtimes()
            folders.save(db, folder)


def _undo(batches: list[Batch]) -> None:
    """Take back what was placed. The dirty byte stays: the next one at the lock looks again."""
    for batch in batches:
        for arrival in batch.arrivals:
            if arrival.placed:
                with contextlib.suppress(OSError):
                    os.unlink(arrival.placed)


def write_tmp(mailbox: Path, write: Callable[[int], int], date: int, now: float) -> str:
    """A complete, fsynced file in the mailbox's tmp/, with INTERNALDATE as its time."""
    path = f"{mailbox}/tmp/{filename.new_base(now)}"  # noqa: S108 - the Maildir's own
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write(fd)
        os.utime(fd, (date, date))
        os.fsync(fd)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise neutral(error) from error
    finally:
        os.close(fd)
    return path


def summary_of(message: Message, path: str) -> Summary:
    """ENVELOPE and BODYSTRUCTURE of a message that was written to `path`; a large one is read from there."""
    source = message if isinstance(message.source, bytes) else Message(Path(path), message.size)
    with source.octets() as data:
        return summarise(data)
