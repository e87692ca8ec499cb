"""Small state that changes by itself: counts, memories, caches, one SQLite file each under `<data>/state/`.

Several processes and threads use a file at once. A file that SQLite calls damaged is put aside under another
name and begun anew: nothing kept here is mail, and a mail service that stands still over a damaged counter is
worse than one that forgot it.

Invariants: one connection for each object, used under its lock, so a transaction belongs to one thread; WAL,
so readers never wait for the writer; no transaction is held while anything but the disk is waited for. A file that
is there is opened by SQLite alone: whoever closes another descriptor of it frees the locks of all connections that
this process has to it (fcntl(2)), and the next process that closes its own takes the log away from under them.
"""

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

logger = logging.getLogger("storage.state.statedb")

BUSY_SECONDS = 10.0  # how long a writer waits for another process's transaction
PAUSE = 0.005  # seconds between two attempts where SQLite does not wait by itself
PAGES = 2000  # KiB, as SQLite has it

_making = threading.Lock()


class StateDb:
    """One SQLite file with its schema: a list of scripts, each of which lifts it by one version."""

    def __init__(
        self,
        path: Path,
        scripts: Sequence[str],
        *,
        shrinks: bool = False,
        durable: bool = False,
        pages: int = PAGES,
    ) -> None:
        self.path = path
        self._scripts = scripts
        self._synchronous = "FULL" if durable else "NORMAL"  # durable: what was written outlives the power
        self._shrinks = shrinks  # pages that are free can be given back: see `give_back`
        self._pages = pages  # KiB of them that stay in memory
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def query(self, sql: str, arguments: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """All rows of a SELECT: for results that are known to be small."""
        with self._lock, self._watched():
            return self._open().execute(sql, arguments).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write: committed when the block ends, rolled back when it raises."""
        with self._lock, self._watched():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk may have ended it already
                    connection.execute("ROLLBACK")
                raise

    def give_back(self, pages: int) -> None:
        """Make the file smaller by so many free pages, if it was made as one that shrinks."""
        with self._lock, self._watched():
            # as a script: `execute` takes one step of it, which is one page
            self._open().executescript(f"PRAGMA incremental_vacuum({pages})")

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Damage found in the middle: this one call fails, the next finds a new file."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                self.close()
                self._begin_anew()
            raise

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._begin_anew()
                self._connection = self._connect()
        return self._connection

    def _begin_anew(self) -> None:
        """Put the damaged file aside, unless another process has done so by now."""
        guard = open_state(Path(f"{self.path}.lock"))
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)
            try:
                connection = self._connect()
                whole = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
                connection.close()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):  # busy, or no room: it may be as whole as ever
                    raise
                whole = False
            if not whole:
                self._put_aside()
        finally:
            os.close(guard)

    def _connect(self) -> sqlite3.Connection:
        try:
            with _making:
                if not self.path.exists():
                    os.close(open_state(self.path))
        except OSError as error:  # one kind of error for who asks: the state is not to be had
            raise sqlite3.OperationalError(str(error)) from error
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._set_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        if self._shrinks:  # of a new file, before anything is in it
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        _log_ahead(connection)
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        connection.execute(f"PRAGMA cache_size=-{self._pages}")
        if self._version(connection) >= len(self._scripts):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have lifted it while this one waited for the lock.
            for script in self._scripts[self._version(connection) :]:
                for statement in script.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version={len(self._scripts)}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    @staticmethod
    def _version(connection: sqlite3.Connection) -> int:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return version

    def _put_aside(self) -> None:
        aside = f"{self.path}.damaged-{time.time_ns()}"
        logger.error("state.damaged", extra={"fields": {"file": self.path, "kept_as": aside}})
        for suffix in ("", "-wal", "-shm"):
            try:
                os.rename(f"{self.path}{suffix}", f"{aside}{suffix}")
            except FileNotFoundError:
                continue


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Begin a write-ahead log, or use the one that is there. Of two that begin one at the same time SQLite refuses
    the second at once, whatever its timeout says."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(PAUSE)
        else:
            return


def open_state(path: Path) -> int:
    """A descriptor of a file below `<data>/state/`, made if it is not there; nobody else may read it.

    The command line may be root's while the service is not: then file and folder belong to whom `<data>`
    belongs (SQLite itself does so with the files that it puts beside its own).
    """
    for missing in reversed([folder for folder in path.parents if not folder.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
        _give(missing)
    new = not path.exists()
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if new:
        _give(path)
    return fd


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        above = os.stat(path.parent)
        os.chown(path, above.st_uid, above.st_gid)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Busy, full or not permitted leave the file whole; these two do not."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
