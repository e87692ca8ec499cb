"""Accounts whose sending is held: they receive and read mail, but send none until somebody lets them.

Held by the server (an account that suddenly sends much more than it may: a stolen password, mostly) or by an
operator; let go by a person alone. Of several processes that hold an account at once one is the first, and
that one tells the administrators.

Who is held is asked for each message, and mostly it is nobody: that is known from the times of the files alone.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from storage.state.statedb import StateDb

_SCHEMA = (
    "CREATE TABLE hold (account TEXT PRIMARY KEY, since REAL NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID",
)

RACY = 20_000_000  # ns: a change so shortly before we looked may share its time with a later one

_Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Which account's sending is held, since when and why."""

    account: str
    since: float
    reason: str


class Holds:
    """Blocks on the disk: for threads; but for `nobody`."""

    def __init__(self, state: Path) -> None:
        self._db = StateDb(state / "holds.sqlite", _SCHEMA)
        self._files = (str(self._db.path), f"{self._db.path}-wal")
        self._empty: _Stamp | None = None  # the files, when nobody was held

    def nobody(self) -> bool:
        """Whether it is known that nobody is held: two `stat`s, so that the event loop may ask. False: ask `of`."""
        return self._empty is not None and self._stamp() == self._empty

    def of(self, account: str) -> Hold | None:
        stamp = self._stamp()  # of a time before the question, not after it
        rows = self._db.query("SELECT account, since, reason FROM hold WHERE account = ?", (account,))
        if rows:
            return Hold(*rows[0])
        before = time.time_ns() - RACY
        if stamp[0] is not None and all(each is None or each[0] < before for each in stamp):
            self._empty = None if self._db.query("SELECT 1 FROM hold LIMIT 1") else stamp
        return None

    def _stamp(self) -> _Stamp:
        return tuple(map(_file, self._files))

    def all(self) -> list[Hold]:
        return [
            Hold(*row) for row in self._db.query("SELECT account, since, reason FROM hold ORDER BY since")
        ]

    def hold(self, account: str, since: float, reason: str) -> bool:
        """Whether it was not held yet."""
        with self._db.transaction() as transaction:
            return (
                transaction.execute(
                    "INSERT INTO hold VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (account, since, reason)
                ).rowcount
                > 0
            )

    def release(self, account: str) -> Hold | None:
        """Let it send again; the hold there was."""
        held = self.of(account)
        if held is not None:
            with self._db.transaction() as transaction:
                transaction.execute("DELETE FROM hold WHERE account = ?", (account,))
        return held

    def close(self) -> None:
        self._db.close()


def _file(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
