"""Messages on their way in, many at a time: the *arriving* half of the order of writes (storage/mailbox.py).

What is to come into several accounts at the same moment is written together (storage/rounds.py): each account is
locked once, the directories are fsynced one after the other when all have their names, which costs hardly more than
the first of them alone, and each index has one transaction. No lock is waited for while another is held. A thousand
accounts are shared out among threads, for each index that has to be opened waits for the disk by itself.
"""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from storage import folder as folders
from storage import quota, reconcile, records, undo
from storage.account_files import AccountFiles
from storage.durable import each_at_once, shares, sync_dir
from storage.errors import Busy, MailboxMissing, StoreError, neutral
from storage.folder import Folder
from storage.layout import INBOX
from storage.quota import Limits
from storage.rows import Row
from storage.written import Written

LINK_FAILS = (errno.EMLINK, errno.EXDEV, errno.EPERM)


@dataclass(slots=True)
class Arrival:
    """One message on its way in: a complete, fsynced file, and what its row will say."""

    file: Written
    flags: frozenset[str]
    came: str
    shared: bool = False  # the file is other recipients' too: link it, do not take it
    uid: int = 0
    placed: str = ""
    row: Row | None = None  # when it has its UID


@dataclass(slots=True)
class Batch:
    """Arrivals that come all or none into one mailbox; `error` says why none did."""

    mailbox: str
    arrivals: list[Arrival]
    limits: Limits = field(default_factory=Limits)
    else_inbox: bool = False  # where the user has deleted the mailbox
    error: Exception | None = None
    done: bool = False
    used_before: int = 0
    use: tuple[int, int] = (0, 0)  # octets and messages of the account, with this batch
    modseq: int = 0
    uidvalidity: int = 0


Group = tuple[AccountFiles, Sequence[Batch]]  # one account and all that is to come into it
_Begun = tuple[
    Generator[set[str], None, None], Sequence[Batch], set[str]
]  # and the directories to be fsynced


def arrive(groups: Sequence[Group], *, wait: bool = False) -> list[Group]:
    """Put batches into their mailboxes; each is then `done`, or has its `error`.

    Returns those that would have to wait: for a lock, or until an account is opened or mended. With `wait` there is
    one group alone, for nobody may wait who has another account's lock. Many groups are shared out among threads.
    """
    busy: list[Group] = []
    each_at_once(lambda share: busy.extend(_arrive(share, wait)), shares(groups))
    return busy


def _arrive(groups: Sequence[Group], wait: bool) -> list[Group]:
    busy: list[Group] = []
    begun: list[tuple[Generator[set[str], None, None], Sequence[Batch]]] = []
    directories: set[str] = set()
    try:
        for files, batches in groups:
            steps = _steps(files, batches, wait)
            try:
                directories |= next(steps)
                begun.append((steps, batches))
            except Busy:
                busy.append((files, batches))
            except StopIteration:  # none of them may come in
                pass
            except Exception as error:
                _fail(batches, error)
        failure = _sync(directories)
        for steps, batches in begun:
            try:
                if failure is not None:
                    steps.throw(failure)
                next(steps)
            except StopIteration:
                pass
            except Exception as error:
                _fail(batches, error)
    finally:
        for steps, _ in begun:
            steps.close()
    return busy


def _steps(files: AccountFiles, batches: Sequence[Batch], wait: bool) -> Generator[set[str], None, None]:
    """The work on one account, under its lock. It yields directories, to be fsynced before it goes on."""
    with files.writing(wait=wait) as db:
        if wait:
            _make_ready(files, db, batches)
        db.execute("BEGIN IMMEDIATE")  # one transaction from the first question to the last row: each costs
        try:
            touched: dict[str, Folder] = {}
            going = _admitted(files, db, batches, touched)
            if not going:
                return
            for folder in touched.values():
                folder.notice_others()
            _take_numbers(files, touched, going)
            with files.half_done(*touched.values(), marks=_together(touched, going)):
                try:
                    yield _place(touched, going)
                    _record(db, touched, going)
                    db.execute("COMMIT")
                    files.remember_use(going[-1].use, files.log_stamp())
                    for batch in going:
                        batch.done = True
                except BaseException:
                    _undo(going)
                    raise
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")


def open_for(group: Group) -> None:
    """What an account that is not open has to wait for, and none with it. What is wrong shows again later."""
    files, batches = group
    with contextlib.suppress(Exception), files.writing() as db:
        _make_ready(files, db, batches)


def _make_ready(files: AccountFiles, db: sqlite3.Connection, batches: Sequence[Batch]) -> None:
    """Their mailboxes are reconciled since the machine started."""
    for name in {batch.mailbox for batch in batches} | {INBOX}:
        with contextlib.suppress(MailboxMissing):
            files.folder(db, name)


def _admitted(
    files: AccountFiles, db: sqlite3.Connection, batches: Sequence[Batch], touched: dict[str, Folder]
) -> list[Batch]:
    """Those for which there is room, and their mailboxes."""
    used = quota.used_now(db)
    for batch in batches:
        try:
            folder = _folder(files, db, batch, touched)
            used = _admit(batch, folder, used)
            touched[batch.mailbox] = folder
        except StoreError as error:
            batch.error = error
    return [batch for batch in batches if batch.error is None]


def _together(touched: dict[str, Folder], batches: list[Batch]) -> list[str]:
    """What must be there whole or not at all, for whoever comes after a crash."""
    return [
        undo.word(touched[batch.mailbox], batch.arrivals[0].uid, len(batch.arrivals))
        for batch in batches
        if len(batch.arrivals) > 1
    ]


def _fail(batches: Sequence[Batch], error: Exception) -> None:
    for batch in batches:
        if not batch.done:
            batch.error = batch.error or neutral(error)


def _sync(directories: set[str]) -> OSError | None:
    try:
        for directory in sorted(directories):
            sync_dir(directory)
    except OSError as error:
        return error
    return None


def _folder(files: AccountFiles, db: sqlite3.Connection, batch: Batch, touched: dict[str, Folder]) -> Folder:
    """The batch's mailbox, ready for a change. Raises MailboxMissing, Busy."""
    found = touched.get(batch.mailbox)
    if found is not None:
        return found
    try:
        return files.folder(db, batch.mailbox, wait=False)
    except MailboxMissing:
        if not batch.else_inbox or batch.mailbox == INBOX:
            raise
        batch.mailbox = INBOX
        return touched.get(INBOX) or files.folder(db, INBOX, wait=False)


def _admit(batch: Batch, folder: Folder, used: tuple[int, int]) -> tuple[int, int]:
    """The account's use after this batch. Raises OverQuota."""
    octets = sum(arrival.file.size for arrival in batch.arrivals)
    after = (used[0] + octets, used[1] + len(batch.arrivals))
    quota.check_quota(after, batch.limits, folder)
    for arrival in batch.arrivals:
        folder.letters(arrival.flags, make=True)
    batch.used_before, batch.use = used[0], after
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


def _place(touched: dict[str, Folder], batches: list[Batch]) -> set[str]:
    """Give each file its name; returns the directories of the new names."""
    directories: set[str] = set()
    for batch in batches:
        folder = touched[batch.mailbox]
        for arrival in batch.arrivals:
            arrival.row = _row(arrival, folder, batch.modseq)
            target = reconcile.row_path(folder, arrival.row)
            if arrival.shared:
                link(arrival.file.path, target)
            else:
                os.rename(arrival.file.path, target)
            arrival.placed = target
            directories.add(os.path.dirname(target))
    return directories


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
        base=arrival.file.base,
        flags=letters,
        modseq=modseq,
        size=arrival.file.size,
        date=arrival.file.date,
        born=modseq,
        came=arrival.came,
        cur=bool(letters),
        lf=False,
    )


def _record(db: sqlite3.Connection, touched: dict[str, Folder], batches: list[Batch]) -> None:
    for name, folder in touched.items():
        arrivals = [arrival for batch in batches if batch.mailbox == name for arrival in batch.arrivals]
        records.insert_rows(db, folder, [arrival.row for arrival in arrivals if arrival.row])
        records.save_summaries(
            db, folder, {arrival.uid: arrival.file.summary for arrival in arrivals if arrival.file.summary}
        )
        quota.count_use(db, folder, len(arrivals), sum(arrival.file.size for arrival in arrivals))
        folder.record_mtimes()
        folders.count(db, folder)


def _undo(batches: list[Batch]) -> None:
    """Take back what was placed. The dirty byte stays: the next one at the lock looks again."""
    for batch in batches:
        for arrival in batch.arrivals:
            if arrival.placed:
                with contextlib.suppress(OSError):
                    os.unlink(arrival.placed)
