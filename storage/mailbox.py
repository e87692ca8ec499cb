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

*Leaving* (`expunge`): dirty, unlink, directory fsync, rows, clean. MOVE is one rename, both directories
fsynced; COPY is links, undone whole on failure. *Flags* (`store`): dirty, rename, rows, clean; the directory is
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


class _Moved(Exception):
    """A file is not where its row says: another program renamed it a moment ago."""


def _change(files: AccountFiles, name: str, work: Callable[[sqlite3.Connection, Folder], T]) -> T:
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


def store(
    files: AccountFiles,
    name: str,
    uids: Sequence[int],
    op: str,
    flags: frozenset[str],
    unchanged_since: int | None = None,
    fixed: frozenset[str] = frozenset(),
) -> Stored:
    """Set, add or remove flags; one MODSEQ for all. `fixed` are letters that a set leaves as they are.

    Raises MailboxMissing, KeywordsFull."""

    def work(db: sqlite3.Connection, folder: Folder) -> Stored:
        letters = set(folder.letters(flags, make=op != "remove"))
        refused = []
        changed: list[tuple[Row, Row]] = []
        for row in records.rows_of(db, folder, uids):
            if unchanged_since is not None and row.modseq > unchanged_since:
                refused.append(row.uid)
                continue
            old = set(row.flags)
            new = letters | (old & fixed) if op == "set" else old | letters if op == "add" else old - letters
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
            with records.transaction(db):
                db.executemany(
                    "UPDATE rows SET flags = ?, cur = 1, modseq = ? WHERE mailbox = ? AND uid = ?",
                    [(wanted.flags, modseq, folder.id, wanted.uid) for _, wanted in changed],
                )
                folder.record_mtimes()
                folders.save(db, folder)

    return _change(files, name, work)


def _rename(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except FileNotFoundError:
        raise _Moved(old) from None


def expunge(
    files: AccountFiles, name: str, uids: Sequence[int] | None, *, flagged_only: bool = True
) -> list[int]:
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
            for row in rows:
                try:
                    os.unlink(reconcile.row_path(folder, row))
                except FileNotFoundError:
                    raise _Moved(row.base) from None
            for place in {"cur" if row.cur else "new" for row in rows}:
                sync_dir(folder.path / place)
            with records.transaction(db):
                records.forget(db, folder, rows, modseq, int(files.clock()))
                quota.count_use(db, folder, -len(rows), -sum(row.size for row in rows))
                folder.record_mtimes()
                folders.save(db, folder)
        return [row.uid for row in rows]

    return _change(files, name, work)


def copy(files: AccountFiles, name: str, uids: Sequence[int], to: str, limits: Limits) -> Copied:
    """Links in another mailbox, all or none. Raises MailboxMissing (of `to`), OverQuota, DiskFull."""

    def work(db: sqlite3.Connection, source: Folder) -> Copied:
        target = source if to == name else files.settled(db, to)
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
                for row, new in zip(rows, fresh, strict=True):
                    path = reconcile.row_path(target, new)
                    try:
                        link(reconcile.row_path(source, row), path)
                    except FileNotFoundError:
                        raise _Moved(row.base) from None
                    placed.append(path)
                for place in {"cur" if row.cur else "new" for row in fresh}:
                    sync_dir(target.path / place)
                with records.transaction(db):
                    records.receive(db, source, target, rows, fresh)
                    quota.count_use(db, target, len(fresh), size)
                    target.record_mtimes()
                    folders.save(db, target)
            except BaseException:
                for path in placed:
                    with contextlib.suppress(OSError):
                        os.unlink(path)
                raise
        return Copied(target.uidvalidity, _pairs(rows, fresh))

    return _change(files, name, work)


def move(files: AccountFiles, name: str, uids: Sequence[int], to: str) -> Copied:
    """One rename for each message; never asks the quota. Raises MailboxMissing (of `to`), DiskFull."""

    def work(db: sqlite3.Connection, source: Folder) -> Copied:
        target = source if to == name else files.settled(db, to)
        rows = records.rows_of(db, source, uids)
        if not rows:
            return Copied(target.uidvalidity, ())
        fresh = _renumber(files, rows, source, target, f"moved from {source.mailboxid}")
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
            with records.transaction(db):
                records.receive(db, source, target, rows, fresh)
                records.forget(db, source, rows, gone, int(files.clock()))
                octets = sum(row.size for row in rows)
                quota.count_use(db, source, -len(rows), -octets)
                quota.count_use(db, target, len(rows), octets)
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
            saved=int(files.clock()),
        )
        for number, row in enumerate(rows)
    ]


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
