"""Changes to a mailbox, in the order of writes that loses nothing.

*Arriving* (`arrive`): the file is complete and fsynced in `tmp/` before anybody takes a lock. Under the
account's lock, for all that wait at that moment together:

    1  quota asked, UIDs and MODSEQ taken (marks fsynced ahead)
    2  dirty byte set
    3  renames `tmp/` -> `new/` (links for copies of one file)
    4  one fsync of each directory
    5  one transaction of rows
    6  dirty byte cleared

and only then hints, then 250. A crash before 3 leaves a file in tmp/; before 5 the next one at the lock finds
the dirty byte and makes the rows; after 5 nothing is missing. UIDs become visible in order.

*Leaving* (`expunge`): dirty, unlink, directory fsync, rows, clean. MOVE is one rename, both directories
fsynced; COPY is links, undone whole on failure. *Flags* (`store`): dirty, rename, rows, clean; the directory is
fsynced within a second by the caller. A name that another program changed meanwhile is looked up again.
"""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from storage import filename, reconcile
from storage import folder as folders
from storage.account_files import AccountFiles
from storage.durable import sync_dir
from storage.errors import DiskFull, OverQuota, StoreError
from storage.folder import Folder
from storage.message import Message
from storage.rows import Copied, Row, Stored, Summary
from storage.summary import summarise

TRASH_GRACE = 10  # percent above the limit for the trash, that a full account can be emptied
LINK_FAILS = (errno.EMLINK, errno.EXDEV, errno.EPERM)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """An account's quota; None is none."""

    bytes: int | None = None
    messages: int | None = None


@dataclass(slots=True)
class Arrival:
    """One message on its way in: a complete, fsynced file, and what its row will say."""

    file: Path
    size: int  # octets
    base: str
    flags: frozenset[str]
    date: int  # seconds
    came: str
    summary: Summary | None = None
    shared: bool = False  # the file is other recipients' too: link it, do not take it
    uid: int = 0
    placed: Path | None = None


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
        used = used_now(db)
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
        with files.half_done(*touched.values()):
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
    check_quota(after, batch.limits, folder)
    for arrival in batch.arrivals:
        folder.letters(arrival.flags, make=True)
    batch.used_before, batch.used_after = used[0], after[0]
    batch.uidvalidity = folder.uidvalidity
    return after


def check_quota(after: tuple[int, int], limits: Limits, folder: Folder) -> None:
    grace = 100 + (TRASH_GRACE if folder.special_use == "\\Trash" else 0)
    for value, limit in zip(after, (limits.bytes, limits.messages), strict=True):
        if limit is not None and value * 100 > limit * grace:
            raise OverQuota(f"{value} of {limit}")


def used_now(db: sqlite3.Connection) -> tuple[int, int]:
    row = db.execute("SELECT used_bytes, used_messages FROM account").fetchone()
    return row[0], row[1]


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
    directories: set[Path] = set()
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
            directories.add(target.parent)
    for directory in directories:
        sync_dir(directory)


def link(source: Path, target: Path) -> None:
    """A second name of a file; where the file system has no more links for it, a copy."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in LINK_FAILS:
            raise
        temporary = target.parent.parent / "tmp" / target.name
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
    with transaction(db):
        for name, folder in touched.items():
            arrivals = [
                (arrival, batch.modseq)
                for batch in batches
                if batch.mailbox == name
                for arrival in batch.arrivals
            ]
            reconcile.insert_rows(db, folder, [_row(arrival, folder, m) for arrival, m in arrivals])
            save_summaries(
                db, folder, {arrival.uid: arrival.summary for arrival, _ in arrivals if arrival.summary}
            )
            count_use(db, folder, len(arrivals), sum(arrival.size for arrival, _ in arrivals))
            folder.record_mtimes()
            folders.save(db, folder)


def save_summaries(db: sqlite3.Connection, folder: Folder, summaries: dict[int, Summary]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO summaries VALUES (?, ?, ?, ?, ?)",
        [(folder.id, uid, s.envelope, s.bodystructure, s.body) for uid, s in summaries.items()],
    )


def count_use(db: sqlite3.Connection, folder: Folder, messages: int, octets: int) -> None:
    """Move the running numbers of mailbox and account; in the transaction of the rows."""
    folder.messages += messages
    folder.bytes += octets
    db.execute(
        "UPDATE account SET used_messages = used_messages + ?, used_bytes = used_bytes + ?",
        (messages, octets),
    )


def _undo(batches: list[Batch]) -> None:
    """Take back what was placed. The dirty byte stays: the next one at the lock looks again."""
    for batch in batches:
        for arrival in batch.arrivals:
            if arrival.placed is not None:
                with contextlib.suppress(OSError):
                    arrival.placed.unlink()


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def neutral(error: BaseException) -> Exception:
    """ENOSPC and EDQUOT, and SQLite's word for them, as DiskFull."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(str(error))
    if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
        return DiskFull(str(error))
    return error if isinstance(error, Exception) else RuntimeError(repr(error))


class _Moved(Exception):
    """A file is not where its row says: another program renamed it a moment ago."""


def _change(files: AccountFiles, name: str, work: Callable[[sqlite3.Connection, Folder], T]) -> T:
    """Run a change on a settled mailbox; once more after a reconcile where a file's name had changed."""
    for _ in range(3):
        with files.writing() as db:
            folder = files.settled(db, name)
            try:
                return work(db, folder)
            except _Moved:
                continue  # the dirty byte is set: the next turn at the lock reconciles
            except (OSError, sqlite3.OperationalError) as error:
                raise neutral(error) from error
    raise StoreError("another program keeps renaming the messages")


def _rows_of(db: sqlite3.Connection, folder: Folder, uids: Sequence[int]) -> list[Row]:
    """The rows of those UIDs that exist, ascending."""
    if not uids:
        return []
    wanted = set(uids)
    return [
        Row(*row)
        for row in db.execute(
            "SELECT uid, base, flags, modseq, size, date, born, came, cur, lf FROM rows"
            " WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid",
            (folder.id, min(wanted), max(wanted)),
        )
        if row[0] in wanted
    ]


def store(
    files: AccountFiles,
    name: str,
    uids: Sequence[int],
    op: str,
    flags: frozenset[str],
    unchanged_since: int | None = None,
) -> Stored:
    """Set, add or remove flags; one MODSEQ for all. Raises MailboxMissing, KeywordsFull."""

    def work(db: sqlite3.Connection, folder: Folder) -> Stored:
        letters = set(folder.letters(flags, make=op != "remove"))
        refused = []
        changed: list[tuple[Row, Row]] = []
        for row in _rows_of(db, folder, uids):
            if unchanged_since is not None and row.modseq > unchanged_since:
                refused.append(row.uid)
                continue
            old = set(row.flags)
            new = letters if op == "set" else old | letters if op == "add" else old - letters
            if new != old:
                changed.append((row, row._replace(flags="".join(sorted(new)), cur=True)))
        if changed:
            _restate(db, folder, changed)
        return Stored(tuple(row.uid for row, _ in changed), tuple(refused))

    def _restate(db: sqlite3.Connection, folder: Folder, changed: list[tuple[Row, Row]]) -> None:
        folder.notice_others()
        modseq = folder.take_modseq(files.clock())
        with files.half_done(folder):
            for row, wanted in changed:
                _rename(reconcile.row_path(folder, row), reconcile.row_path(folder, wanted))
            with transaction(db):
                db.executemany(
                    "UPDATE rows SET flags = ?, cur = 1, modseq = ? WHERE mailbox = ? AND uid = ?",
                    [(wanted.flags, modseq, folder.id, wanted.uid) for _, wanted in changed],
                )
                folder.record_mtimes()
                folders.save(db, folder)

    return _change(files, name, work)


def _rename(old: Path, new: Path) -> None:
    try:
        os.rename(old, new)
    except FileNotFoundError:
        raise _Moved(old) from None


def expunge(
    files: AccountFiles, name: str, uids: Sequence[int] | None, *, flagged_only: bool = True
) -> list[int]:
    """Remove messages for good: those flagged \\Deleted (of `uids`, or all), or `uids` whatever their flags."""

    def work(db: sqlite3.Connection, folder: Folder) -> list[int]:
        rows = reconcile.read_rows(db, folder.id) if uids is None else _rows_of(db, folder, uids)
        if flagged_only:
            rows = [row for row in rows if "T" in row.flags]
        if not rows:
            return []
        folder.notice_others()
        modseq = folder.take_modseq(files.clock())
        with files.half_done(folder):
            for row in rows:
                try:
                    os.unlink(reconcile.row_path(folder, row))
                except FileNotFoundError:
                    raise _Moved(row.base) from None
            for place in {"cur" if row.cur else "new" for row in rows}:
                sync_dir(folder.path / place)
            with transaction(db):
                reconcile.forget(db, folder, rows, modseq, int(files.clock()))
                count_use(db, folder, -len(rows), -sum(row.size for row in rows))
                folder.record_mtimes()
                folders.save(db, folder)
        return [row.uid for row in rows]

    return _change(files, name, work)


def copy(files: AccountFiles, name: str, uids: Sequence[int], to: str, limits: Limits) -> Copied:
    """Links in another mailbox, all or none. Raises MailboxMissing (of `to`), OverQuota, DiskFull."""

    def work(db: sqlite3.Connection, source: Folder) -> Copied:
        target = source if to == name else files.settled(db, to)
        rows = _rows_of(db, source, uids)
        used = used_now(db)
        size = sum(row.size for row in rows)
        check_quota((used[0] + size, used[1] + len(rows)), limits, target)
        fresh = _renumber(files, rows, source, target, "copied")
        target.notice_others()
        placed: list[Path] = []
        with files.half_done(target):
            try:
                for row, new in zip(rows, fresh, strict=True):
                    path = reconcile.row_path(target, new)
                    try:
                        link(reconcile.row_path(source, row), path)
                    except FileNotFoundError:
                        raise _Moved(row.base) from None
                    placed.append(path)
                for place in {"cur" if row.cur else "new" for row in fresh}:
                    sync_dir(target.path / place)
                with transaction(db):
                    _receive(db, source, target, rows, fresh)
                    count_use(db, target, len(fresh), size)
                    target.record_mtimes()
                    folders.save(db, target)
            except BaseException:
                for path in placed:
                    with contextlib.suppress(OSError):
                        path.unlink()
                raise
        return Copied(target.uidvalidity, _pairs(rows, fresh))

    return _change(files, name, work)


def move(files: AccountFiles, name: str, uids: Sequence[int], to: str) -> Copied:
    """One rename for each message; never asks the quota. Raises MailboxMissing (of `to`), DiskFull."""

    def work(db: sqlite3.Connection, source: Folder) -> Copied:
        target = source if to == name else files.settled(db, to)
        rows = _rows_of(db, source, uids)
        if not rows:
            return Copied(target.uidvalidity, ())
        fresh = _renumber(files, rows, source, target, "moved")
        gone = source.take_modseq(files.clock()) if source is not target else target.modseq
        source.notice_others()
        target.notice_others()
        with files.half_done(source, target):
            for row, new in zip(rows, fresh, strict=True):
                _rename(reconcile.row_path(source, row), reconcile.row_path(target, new))
            # The new names first: after a power cut a message may be in both places, never in none.
            for place in {"cur" if row.cur else "new" for row in fresh}:
                sync_dir(target.path / place)
            for place in {"cur" if row.cur else "new" for row in rows}:
                sync_dir(source.path / place)
            with transaction(db):
                _receive(db, source, target, rows, fresh)
                reconcile.forget(db, source, rows, gone, int(files.clock()))
                octets = sum(row.size for row in rows)
                count_use(db, source, -len(rows), -octets)
                count_use(db, target, len(rows), octets)
                for folder in (source, target):
                    folder.record_mtimes()
                    folders.save(db, folder)
        return Copied(target.uidvalidity, _pairs(rows, fresh))

    return _change(files, name, work)


def _pairs(rows: list[Row], fresh: list[Row]) -> tuple[tuple[int, int], ...]:
    return tuple((row.uid, new.uid) for row, new in zip(rows, fresh, strict=True))


def _renumber(files: AccountFiles, rows: list[Row], source: Folder, target: Folder, came: str) -> list[Row]:
    """The rows as they will stand in the target: new UIDs, one MODSEQ, keywords in its letters."""
    if not rows:
        return []
    letters: dict[str, str] = {}
    for row in rows:
        if row.flags not in letters:
            letters[row.flags] = target.letters(source.flags(row.flags), make=True)
    uid = target.take_uids(len(rows))
    modseq = target.take_modseq(files.clock())
    return [
        row._replace(
            uid=uid + number,
            flags=letters[row.flags],
            modseq=modseq,
            born=modseq,
            came=came,
            cur=bool(row.cur or letters[row.flags]),
        )
        for number, row in enumerate(rows)
    ]


def _receive(
    db: sqlite3.Connection, source: Folder, target: Folder, rows: list[Row], fresh: list[Row]
) -> None:
    """Rows and summaries of copied or moved messages."""
    reconcile.insert_rows(db, target, fresh)
    db.executemany(
        "INSERT OR REPLACE INTO summaries SELECT ?, ?, envelope, bodystructure, body FROM summaries"
        " WHERE mailbox = ? AND uid = ?",
        [(target.id, new.uid, source.id, row.uid) for row, new in zip(rows, fresh, strict=True)],
    )


def claim_recent(files: AccountFiles, name: str) -> int:
    """The first UID that no read-write session was shown yet (\\Recent, RFC 3501 §2.3.2); shown from now on."""
    with files.writing() as db:
        folder = files.folder(db, name)
        first = folder.recent
        if first != folder.uidnext:
            folder.recent = folder.uidnext
            with transaction(db):
                folders.save(db, folder)
        return first


def write_tmp(files: AccountFiles, mailbox: Path, write: Callable[[int], int], date: int, now: float) -> Path:
    """A complete, fsynced file in the mailbox's tmp/, with INTERNALDATE as its time."""
    path = mailbox / "tmp" / filename.new_base(now)
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


def summary_of(message: Message, path: Path) -> Summary:
    """ENVELOPE and BODYSTRUCTURE of a message that was written to `path`; a large one is read from there."""
    source = message if isinstance(message.source, bytes) else Message(path, message.size)
    with source.octets() as data:
        return summarise(data)
