"""Changes to a mailbox, in the order of writes that loses nothing.

*Arriving* (storage/arriving.py): the file is complete and fsynced in `tmp/` before anybody takes a lock. Under the
account's lock, for all that wait at that moment together and for several accounts abreast (storage/rounds.py):

    1  quota asked, UIDs and MODSEQ taken (marks fsynced ahead)
    2  dirty byte set
    3  renames `tmp/` -> `new/` (links for copies of one file)
    4  one fsync of each directory
    5  the rows; one transaction of the index is open from 1 to here
    6  dirty byte cleared

and only then hints, then 250. A crash before 3 leaves a file in tmp/; before 5 the next one at the lock finds
the dirty byte and makes the rows; after 5 nothing is missing. UIDs become visible in order.

*Leaving* (`expunging`): dirty, unlink, directory fsync, rows, clean. MOVE is one rename, both directories
fsynced; COPY is links, undone whole on failure. *Flags* (`storing`): dirty, rename, rows, clean; the directory is
fsynced within a second by the caller. A name that another program changed meanwhile is looked up again.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from storage import folder as folders
from storage import quota, reconcile, records, undo
from storage.account_files import AccountFiles
from storage.arriving import link
from storage.durable import sync_dir
from storage.errors import StoreError, neutral
from storage.folder import Folder
from storage.quota import Limits
from storage.rows import Copied, Row, Stored

T = TypeVar("T")
Work = Callable[[sqlite3.Connection, Folder], T]  # a change, to be done under the account's lock


class _Moved(Exception):
    """A file is not where its row says: another program renamed it a moment ago."""


def change(files: AccountFiles, name: str, work: Work[T]) -> T:
    """Run a change on a settled mailbox; once more after a reconcile where a file's name had changed."""
    for _ in range(3):
        try:
            with files.writing() as db:
                return work(db, files.settled(db, name))
        except _Moved:
            continue  # the dirty byte is set: the next turn at the lock reconciles
        except (OSError, sqlite3.OperationalError) as error:
            raise neutral(error) from error
    raise StoreError("another program keeps renaming the messages")


def storing(
    files: AccountFiles,
    uids: Sequence[int],
    op: str,
    flags: frozenset[str],
    unchanged_since: int | None = None,
    fixed: frozenset[str] = frozenset(),
) -> Work[Stored]:
    """Set, add or remove flags; one MODSEQ for all. `fixed` are letters that a set leaves as they are.

    Raises MailboxMissing, KeywordsFull."""

    def work(db: sqlite3.Connection, folder: Folder) -> Stored:
        letters = frozenset(folder.letters(flags, make=op != "remove"))
        rows = records.rows_of(db, folder, uids)
        refused = []
        if unchanged_since is not None:
            refused = [row.uid for row in rows if row.modseq > unchanged_since]
            rows = [row for row in rows if row.modseq <= unchanged_since]
        becomes = {old: _become(old, op, letters, fixed) for old in {row.flags for row in rows}}
        changed = [row for row in rows if becomes[row.flags] != row.flags]
        if changed:
            _restate(db, folder, changed, becomes)
        return Stored(tuple([row.uid for row in changed]), tuple(refused))

    def _restate(db: sqlite3.Connection, folder: Folder, rows: list[Row], becomes: dict[str, str]) -> None:
        folder.notice_others()
        modseq = folder.take_modseq(files.clock())
        wanted = [becomes[row.flags] for row in rows]
        with files.half_done(folder):
            paths = reconcile.row_paths(folder, rows)
            for old, new in zip(paths, reconcile.flagged_paths(folder, rows, wanted), strict=True):
                _rename(old, new)
            with records.transaction(db):
                records.flag(db, folder, rows, wanted, modseq)
                folder.record_mtimes()
                folders.count(db, folder)

    return work


def _become(old: str, op: str, letters: frozenset[str], fixed: frozenset[str]) -> str:
    had = set(old)
    if op == "set":
        return "".join(sorted(letters | (had & fixed)))
    return "".join(sorted(had | letters if op == "add" else had - letters))


def store(
    files: AccountFiles,
    name: str,
    uids: Sequence[int],
    op: str,
    flags: frozenset[str],
    unchanged_since: int | None = None,
    fixed: frozenset[str] = frozenset(),
) -> Stored:
    """Do what `storing` says."""
    return change(files, name, storing(files, uids, op, flags, unchanged_since, fixed))


def _rename(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except FileNotFoundError:
        raise _Moved(old) from None


def expunging(
    files: AccountFiles, uids: Sequence[int] | None, *, flagged_only: bool = True
) -> Work[list[int]]:
    """Remove messages for good: those flagged \\Deleted (of `uids`, or all), or `uids` whatever their flags."""

    def work(db: sqlite3.Connection, folder: Folder) -> list[int]:
        rows = records.read_rows(db, folder.id) if uids is None else records.rows_of(db, folder, uids)
        if flagged_only:
            rows = [row for row in rows if "T" in row.flags]
        if not rows:
            return []
        folder.notice_others()
        modseq = folder.take_modseq(files.clock())
        with files.half_done(folder):
            for path in reconcile.row_paths(folder, rows):
                try:
                    os.unlink(path)
                except FileNotFoundError:
                    raise _Moved(path) from None
            for place in {"cur" if row.cur else "new" for row in rows}:
                sync_dir(folder.path / place)
            with records.transaction(db):
                records.forget(db, folder, rows, modseq, int(files.clock()))
                quota.count_use(db, folder, -len(rows), -sum(row.size for row in rows))
                folder.record_mtimes()
                folders.count(db, folder)
        return [row.uid for row in rows]

    return work


def expunge(
    files: AccountFiles, name: str, uids: Sequence[int] | None, *, flagged_only: bool = True
) -> list[int]:
    """Do what `expunging` says."""
    return change(files, name, expunging(files, uids, flagged_only=flagged_only))


def copying(files: AccountFiles, uids: Sequence[int], to: str, limits: Limits) -> Work[Copied]:
    """Links in another mailbox, all or none. Raises MailboxMissing (of `to`), OverQuota, DiskFull."""

    def work(db: sqlite3.Connection, source: Folder) -> Copied:
        target = source if to == source.name else files.settled(db, to)
        rows = records.rows_of(db, source, uids)
        used = quota.used_now(db)
        size = sum(row.size for row in rows)
        quota.check_quota((used[0] + size, used[1] + len(rows)), limits, target)
        fresh = _renumber(files, rows, source, target, f"copied from {source.mailboxid}")
        target.notice_others()
        placed: list[str] = []
        if not rows:
            return Copied(target.uidvalidity, ())
        with files.half_done(target, marks=[undo.word(target, fresh[0].uid, len(fresh))]):
            try:
                paths = reconcile.row_paths(source, rows)
                for old, path in zip(paths, reconcile.row_paths(target, fresh), strict=True):
                    try:
                        link(old, path)
                    except FileNotFoundError:
                        raise _Moved(old) from None
                    placed.append(path)
                for place in {"cur" if row.cur else "new" for row in fresh}:
                    sync_dir(target.path / place)
                with records.transaction(db):
                    records.receive(db, source, target, rows, fresh)
                    quota.count_use(db, target, len(fresh), size)
                    target.record_mtimes()
                    folders.count(db, target)
            except BaseException:
                for path in placed:
                    with contextlib.suppress(OSError):
                        os.unlink(path)
                raise
        return Copied(target.uidvalidity, _pairs(rows, fresh))

    return work


def copy(files: AccountFiles, name: str, uids: Sequence[int], to: str, limits: Limits) -> Copied:
    """Do what `copying` says."""
    return change(files, name, copying(files, uids, to, limits))


def moving(files: AccountFiles, uids: Sequence[int], to: str) -> Work[Copied]:
    """One rename for each message; never asks the quota. Raises MailboxMissing (of `to`), DiskFull."""

    def work(db: sqlite3.Connection, source: Folder) -> Copied:
        target = source if to == source.name else files.settled(db, to)
        rows = records.rows_of(db, source, uids)
        if not rows:
            return Copied(target.uidvalidity, ())
        fresh = _renumber(files, rows, source, target, f"moved from {source.mailboxid}")
        gone = source.take_modseq(files.clock()) if source is not target else target.modseq
        source.notice_others()
        target.notice_others()
        with files.half_done(source, target):
            paths = reconcile.row_paths(source, rows)
            for old, new in zip(paths, reconcile.row_paths(target, fresh), strict=True):
                _rename(old, new)
            # The new names first: after a power cut a message may be in both places, never in none.
            for place in {"cur" if row.cur else "new" for row in fresh}:
                sync_dir(target.path / place)
            for place in {"cur" if row.cur else "new" for row in rows}:
                sync_dir(source.path / place)
            with records.transaction(db):
                records.receive(db, source, target, rows, fresh)
                records.forget(db, source, rows, gone, int(files.clock()))
                octets = sum(row.size for row in rows)
                quota.count_use(db, source, -len(rows), -octets)
                quota.count_use(db, target, len(rows), octets)
                for folder in (source, target):
                    folder.record_mtimes()
                    folders.count(db, folder)
        return Copied(target.uidvalidity, _pairs(rows, fresh))

    return work


def move(files: AccountFiles, name: str, uids: Sequence[int], to: str) -> Copied:
    """Do what `moving` says."""
    return change(files, name, moving(files, uids, to))


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
    saved = int(files.clock())
    fresh: list[Row] = []
    for number, row in enumerate(rows, uid):
        flags = letters[row.flags]
        cur = bool(row.cur or flags)
        fresh.append(
            Row(number, row.base, flags, modseq, row.size, row.date, modseq, came, cur, row.lf, saved)
        )
    return fresh


def claim_recent(files: AccountFiles, name: str) -> int:
    """The first UID that no read-write session was shown yet (\\Recent, RFC 3501 §2.3.2); shown from now on."""
    with files.writing() as db:
        folder = files.folder(db, name)
        first = folder.recent
        if first != folder.uidnext:
            folder.recent = folder.uidnext
            with records.transaction(db):
                folders.save(db, folder)
        return first
