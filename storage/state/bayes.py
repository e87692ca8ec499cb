"""How often each word came in spam and in other mail: `state/bayes.sqlite`, for the server and each account.

What users say by moving mail is counted once for the server and once for the account; a message that is moved back
is counted the other way and no longer as before. Each scope has room for so many words: `tidy` drops those that
came once and long ago, and the rarest and oldest of a scope that has more.
"""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from storage.state.statedb import StateDb

SERVER = ""  # the scope of everybody's mail; others are accounts
FORGOTTEN = 90  # days
KEPT = 180  # days for which it is remembered how a message was learned
SERVER_MOST, ACCOUNT_MOST = 1_000_000, 50_000  # words of a scope that are kept: about 30 octets each

_SCHEMA = (
    "CREATE TABLE word (scope TEXT NOT NULL, hash INTEGER NOT NULL, spam INTEGER NOT NULL, ham INTEGER NOT NULL,"
    " day INTEGER NOT NULL, PRIMARY KEY (scope, hash)) WITHOUT ROWID;"
    "CREATE TABLE total (scope TEXT PRIMARY KEY, spam INTEGER NOT NULL, ham INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE learned (scope TEXT NOT NULL, message TEXT NOT NULL, spam INTEGER NOT NULL, day INTEGER NOT NULL,"
    " PRIMARY KEY (scope, message)) WITHOUT ROWID",
)


class Counts(NamedTuple):
    """In how many messages of each kind."""

    spam: int
    ham: int


class Bayes:
    """One for each process. Blocks on the disk: for threads."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.time) -> None:
        self._db = StateDb(state / "bayes.sqlite", _SCHEMA)
        self._clock = clock
        self._lessons = 0  # by this object: the database tells of others' alone

    def close(self) -> None:
        self._db.close()

    def learn(self, scope: str, message: str, words: Collection[str], *, spam: bool) -> bool:
        """Count the words of a message; whether that was new. `message` names it: the same one is counted once."""
        day = int(self._clock()) // 86_400
        with self._db.transaction() as db:
            before = db.execute(
                "SELECT spam FROM learned WHERE scope = ? AND message = ?", (scope, message)
            ).fetchone()
            if before is not None and bool(before[0]) == spam:
                return False
            db.execute("INSERT OR REPLACE INTO learned VALUES (?, ?, ?, ?)", (scope, message, spam, day))
            new, old = (1, 0 if before is None else -1)
            change = (new, old) if spam else (old, new)
            db.execute(
                "INSERT INTO total VALUES (?, MAX(?, 0), MAX(?, 0)) ON CONFLICT DO UPDATE SET"
                " spam = MAX(spam + ?, 0), ham = MAX(ham + ?, 0)",
                (scope, *change, *change),
            )
            db.executemany(
                "INSERT INTO word VALUES (?, ?, MAX(?, 0), MAX(?, 0), ?) ON CONFLICT DO UPDATE SET"
                " spam = MAX(spam + ?, 0), ham = MAX(ham + ?, 0), day = excluded.day",
                [(scope, number, *change, day, *change) for number in map(hashed, words)],
            )
        self._lessons += 1
        return True

    def learned(self, scope: str, message: str) -> bool | None:
        """As what a message was learned: spam, ham, or not at all."""
        rows = self._db.query("SELECT spam FROM learned WHERE scope = ? AND message = ?", (scope, message))
        return bool(rows[0][0]) if rows else None

    def version(self) -> tuple[int, int]:
        """Something else after anybody has learned something."""
        return self._db.query("PRAGMA data_version")[0][0], self._lessons

    def totals(self, scope: str) -> Counts:
        """How many messages were learned."""
        rows = self._db.query("SELECT spam, ham FROM total WHERE scope = ?", (scope,))
        return Counts(*rows[0]) if rows else Counts(0, 0)

    def counts(self, scope: str, words: Iterable[str]) -> dict[str, Counts]:
        """Of those words that are known."""
        numbers = {hashed(word): word for word in words}
        rows = self._db.query(
            "SELECT hash, spam, ham FROM json_each(?2) CROSS JOIN word WHERE scope = ?1 AND hash = value",
            (scope, str(list(numbers))),
        )
        return {numbers[number]: Counts(spam, ham) for number, spam, ham in rows}

    def scopes(self) -> list[str]:
        """All accounts of which something is kept."""
        rows = self._db.query("SELECT scope FROM total WHERE scope != ? ORDER BY scope", (SERVER,))
        return [row[0] for row in rows]

    def forget(self, scope: str) -> None:
        """An account that is no more; what its user taught the server stays."""
        with self._db.transaction() as db:
            for table in ("word", "total", "learned"):
                db.execute(f"DELETE FROM {table} WHERE scope = ?", (scope,))  # noqa: S608

    def tidy(self) -> None:
        """Once a day: drop what came once, long ago, and what a scope has no room for."""
        day = int(self._clock()) // 86_400
        for scope in (SERVER, *self.scopes()):
            most = SERVER_MOST if scope == SERVER else ACCOUNT_MOST
            with self._db.transaction() as db:  # one for each, so that nobody waits long
                db.execute("DELETE FROM learned WHERE scope = ? AND day < ?", (scope, day - KEPT))
                db.execute(
                    "DELETE FROM word WHERE scope = ? AND day < ? AND spam + ham <= 1",
                    (scope, day - FORGOTTEN),
                )
                _shrink(db, scope, most)


def _shrink(db: sqlite3.Connection, scope: str, most: int) -> None:
    """Drop the words that came least often, of these the oldest first, as far as there are too many."""
    (count,) = db.execute("SELECT COUNT(*) FROM word WHERE scope = ?", (scope,)).fetchone()
    if count > most:
        db.execute(
            "DELETE FROM word WHERE scope = ?1 AND hash IN"
            " (SELECT hash FROM word WHERE scope = ?1 ORDER BY spam + ham, day LIMIT ?2)",
            (scope, count - most),
        )


def hashed(word: str) -> int:
    """A word as the number that it is kept under; two words share one about never."""
    return int.from_bytes(
        hashlib.blake2b(word.encode(errors="replace"), digest_size=8).digest(), "big", signed=True
    )
