"""How often each word came in spam and in other mail: `state/bayes.sqlite`, for the server and each account.

What users say by moving mail is counted once for the server and once for the account; a message that is moved back
is counted the other way and no longer as before. Each scope has room for so many words: `tidy` drops those that
came once and long ago, and the rarest and oldest of a scope that has more.

Counts that were asked for are remembered in memory, up to `REMEMBERED` words, for what is common in mail is asked
for again and again. What other processes learn is seen `STALE` seconds later at most.
"""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from storage.statedb import StateDb

SERVER = ""  # the scope of everybody's mail; others are accounts
FORGOTTEN = 90  # days
KEPT = 180  # days for which it is remembered how a message was learned
SERVER_MOST, ACCOUNT_MOST = 1_000_000, 50_000  # words of a scope that are kept: about 30 octets each
REMEMBERED = 20_000
STALE = 5.0

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


NEVER = Counts(0, 0)


class Bayes:
    """One for each process. Blocks on the disk: for threads."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.time) -> None:
        self._db = StateDb(state / "bayes.sqlite", _SCHEMA)
        self._clock = clock
        self._memory: dict[str, dict[str, Counts]] = {}  # by scope and word
        self._remembered = 0
        self._totals: dict[str, Counts] = {}
        self._looked = float("-inf")

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
        self._looked = float("-inf")
        return True

    def totals(self, scope: str) -> Counts:
        """How many messages were learned."""
        self._refresh()
        found = self._totals.get(scope)
        if found is None:
            if len(self._totals) >= REMEMBERED:
                self._totals = {}
            rows = self._db.query("SELECT spam, ham FROM total WHERE scope = ?", (scope,))
            found = self._totals[scope] = Counts(*rows[0]) if rows else NEVER
        return found

    def counts(self, scope: str, words: Collection[str]) -> Mapping[str, Counts]:
        """Of those words that are known."""
        self._refresh()
        known = self._memory.get(scope, {})
        missing = [word for word in words if word not in known]
        fresh = self._read(scope, missing) if missing else {}
        found = {}
        for word in words:
            counts = known[word] if word in known else fresh[word]
            if counts is not NEVER:
                found[word] = counts
        if fresh:
            if self._remembered + len(fresh) > REMEMBERED:
                self._memory, self._remembered = {}, 0
            self._memory.setdefault(scope, {}).update(fresh)
            self._remembered += len(fresh)
        return found

    def _read(self, scope: str, words: Collection[str]) -> dict[str, Counts]:
        found = dict.fromkeys(words, NEVER)
        numbers = {hashed(word): word for word in words}
        keys = list(numbers)
        for start in range(0, len(keys), 500):
            some = keys[start : start + 500]
            marks = ",".join("?" * len(some))
            for number, spam, ham in self._db.query(
                f"SELECT hash, spam, ham FROM word WHERE scope = ? AND hash IN ({marks})",  # noqa: S608
                (scope, *some),
            ):
                found[numbers[number]] = Counts(spam, ham)
        return found

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked >= STALE:
            self._looked = now
            self._memory, self._remembered, self._totals = {}, 0, {}

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
