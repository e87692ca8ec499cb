"""An account as it is open in this process: its folder, its lock, its index.

Two ways in. `reading()` gives the index to one thread; it takes no file lock. `writing()` takes the account's
lock first, and before it gives the index out it mends what a dead predecessor left half done. Between
`half_done()` and its end, files and index may disagree: the dirty byte says so to whoever comes after a
crash. The index is opened anew when its file was replaced or deleted under us.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from storage import describe, maildir, reconcile, undo
from storage import folder as folders
from storage.errors import Busy
from storage.folder import BOOT, Folder
from storage.index import damaged, open_index
from storage.layout import account_dir
from storage.lock import AccountLock
from storage.remembered import Remembered


class AccountFiles:
    """Not for the event loop: everything here blocks on the disk."""

    def __init__(self, data: Path, address: str, clock: Callable[[], float] = time.time) -> None:
        self.data = data
        self.address = address
        self.clock = clock
        self.dir = account_dir(data, address)
        self.maildir = self.dir / "Maildir"
        self._index = str(self.dir / "index.sqlite")
        self._log = f"{self._index}-wal"
        self.remembered = Remembered(self._log, str(self.maildir))
        self._use: tuple[tuple[int, int], tuple[int, int] | None] = ((0, 0), None)
        self._mutex = threading.RLock()
        self._lock: AccountLock | None = None
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._damaged = False
        self.used = time.monotonic()  # when somebody had it last: the store's

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The index, for reading, while no other thread of this process uses it."""
        while True:
            with self._mutex, self._distrusting():
                if self._index_current():
                    assert self._db is not None
                    yield self._db
                    return
            with self.writing():
                pass

    @contextlib.contextmanager
    def writing(self, *, wait: bool = True) -> Iterator[sqlite3.Connection]:
        """The index under the account's lock, whole and without a predecessor's half-done work.

        Raises Busy where `wait` is false and somebody else has it, or something is to be opened or mended.
        """
        if not wait and self._db is None:
            raise Busy
        lock, dirty = self._locked(wait)
        try:
            if not self._mutex.acquire(blocking=wait):
                raise Busy
            try:
                with self._distrusting():
                    db = self._open_index(wait)
                    if dirty:
                        if not wait:
                            raise Busy
                        self._mend(db, lock, dirty)
                    yield db
            finally:
                self._mutex.release()
        finally:
            lock.release()

    @contextlib.contextmanager
    def half_done(self, *touched: Folder, marks: Sequence[str] = ()) -> Iterator[None]:
        """Inside, files and index may disagree. Left by an exception, the next one at the lock reconciles.

        `marks` are further words for whoever comes after a crash: what to undo (storage/undo.py).
        """
        assert self._lock is not None
        self._lock.mark_dirty((*(folder.mailboxid for folder in touched), *marks))
        yield
        self._lock.mark_clean()

    def folder(self, db: sqlite3.Connection, name: str, *, wait: bool = True) -> Folder:
        """A mailbox ready for a change: reconciled since the machine started. Raises MailboxMissing, Busy."""
        folder = folders.load(db, self.maildir, name)
        if folder.boot != BOOT:
            if not wait:
                raise Busy
            self.reconcile(db, folder)
        return folder

    def settled(self, db: sqlite3.Connection, name: str) -> Folder:
        """The same, and other programs' changes are taken in, so that rows tell the files' names."""
        folder = self.folder(db, name)
        if not folder.looked or folder.touched_by_others():
            self.reconcile(db, folder)
        return folder

    def reconcile(self, db: sqlite3.Connection, folder: Folder) -> None:
        with self.half_done(folder):
            reconcile.reconcile(db, folder, self.clock())

    def rebuild(self) -> int:
        """Throw the index away and make it again from the files; returns the number of messages."""
        with self.writing():
            self._remove_index()
        with self.writing() as db:
            found = folders.load_all(db, self.maildir)
            for folder in found:
                self.reconcile(db, folder)
            return sum(folder.messages for folder in found)

    def restored(self) -> int:
        """After a backup was put back: marks raised, index made again. Returns the number of messages.

        What the index still knows of a folder and the backup does not is written down first: the UIDs given out
        since, and keywords, whose letters would else get another meaning.
        """
        with self.writing() as db:
            for folder in folders.load_all(db, self.maildir):
                found = describe.load(folder.path)
                if found is not None and found.mailboxid == folder.mailboxid:
                    describe.save(folder.path, describe.joined(found, folder.known()))
            describe.raise_marks(self.maildir)
        return self.rebuild()

    def remember_use(self, used: tuple[int, int], stamp: tuple[int, int] | None) -> None:
        """Octets and messages in the account, as they were when the index's log had this stamp."""
        self._use = (used, stamp)

    @property
    def use(self) -> tuple[int, int] | None:
        """The same, if nobody has written to the index since: one `stat`, so that the event loop may ask."""
        used, stamp = self._use
        return used if stamp is not None and stamp == self.log_stamp() else None

    def log_stamp(self) -> tuple[int, int] | None:
        """Changes with each commit, of whatever process."""
        try:
            log = os.stat(self._log)
        except FileNotFoundError:
            return None
        return log.st_mtime_ns, log.st_size

    def close(self) -> None:
        with self._mutex:
            if self._db is not None:
                self._db.close()
                self._db = None
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def _locked(self, wait: bool) -> tuple[AccountLock, tuple[str, ...]]:
        while True:
            if not self._mutex.acquire(blocking=wait):
                raise Busy
            try:
                if self._lock is None:
                    self._make()
                    self._lock = AccountLock(self.dir / "lock")
                lock = self._lock
            finally:
                self._mutex.release()
            try:
                return lock, lock.acquire(wait)
            except FileNotFoundError:  # the account was deleted, and perhaps made again
                with self._mutex:
                    if self._lock is lock:
                        self._lock = None

    def _make(self) -> None:
        os.makedirs(self.dir, mode=0o700, exist_ok=True)

    @contextlib.contextmanager
    def _distrusting(self) -> Iterator[None]:
        """An index that turns out to be damaged costs this one call; the next one makes it again."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            self._damaged = self._damaged or damaged(error)
            raise

    @property
    def ready(self) -> bool:
        """Whether the account is there and its index open: asked without waiting for who works on it."""
        return self._index_current()

    def _index_current(self) -> bool:
        if self._db is None or self._damaged:
            return False
        try:
            return os.stat(self._index).st_ino == self._inode
        except FileNotFoundError:
            return False

    def _open_index(self, wait: bool) -> sqlite3.Connection:
        if self._db is not None and self._index_current():
            return self._db
        if not wait:
            raise Busy
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._damaged:
            self._remove_index()
            self._damaged = False
        if not (self.maildir / "cur").is_dir():
            maildir.make_account(self.data, self.dir, self.clock)
        db = open_index(self.dir / "index.sqlite")
        try:
            if db.execute("SELECT boot FROM account").fetchone() != (BOOT,):
                self._settle_folders(db)  # new, or the machine's power may have failed
        except BaseException:
            db.close()
            raise
        self._db = db
        self._inode = os.stat(self._index).st_ino
        return db

    def _mend(self, db: sqlite3.Connection, lock: AccountLock, dirty: tuple[str, ...]) -> None:
        self._settle_folders(db)
        for folder in folders.load_all(db, self.maildir):
            if folder.mailboxid in dirty:
                undo.undo(db, folder, dirty)
                reconcile.reconcile(db, folder, self.clock(), unclean=True)
        lock.mark_clean()

    def _settle_folders(self, db: sqlite3.Connection) -> None:
        """A RENAME that was cut off is finished, and the index lists the folders that there are."""
        maildir.finish_rename(self.dir)
        maildir.sync(self.data, db, self.maildir, self.clock)

    def _remove_index(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            (self.dir / f"index.sqlite{suffix}").unlink(missing_ok=True)
