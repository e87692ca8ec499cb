"""How often each word came in spam and in other mail: `state/bayes.sqlite`, for the server and each account.

What users say by moving mail is counted once for the server and once for the account; a message that is moved back
is counted the other way and no longer as before. Words that came once and never again within `FORGOTTEN` are
dropped, so that the file stays small.
"""

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from storage.statedb import StateDb

SERVER = ""  # the scope of everybody's mail; others are accounts
FORGOTTEN = 90 * 86_400  # seconds
KEPT = 180 * 86_400  # seconds for which it is remembered how a message was learned

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
    """Blocks on the disk: for threads."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.time) -> None:
        self._db = StateDb(state / "bayes.sqlite", _SCHEMA)
        self._clock = clock

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
            db.execute("DELETE FROM learned WHERE scope = ? AND day < ?", (scope, day - KEPT // 86_400))
            here = (1, 0) if spam else (0, 1)
            back = (0, 0) if before is None else (-here[1], -here[0])
            change = (here[0] + back[0], here[1] + back[1])
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
        return True

    def totals(self, scope: str) -> Counts:
        rows = self._db.query("SELECT spam, ham FROM total WHERE scope = ?", (scope,))
        return Counts(*rows[0]) if rows else Counts(0, 0)

    def counts(self, scope: str, words: Iterable[str]) -> Mapping[str, Counts]:
        """Of those words that are known."""
        numbers = {hashed(word): word for word in words}
        found: dict[str, Counts] = {}
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

    def tidy(self) -> None:
        """Drop what came once, long ago."""
        day = int(self._clock()) // 86_400
        with self._db.transaction() as db:
            db.execute("DELETE FROM word WHERE day < ? AND spam + ham <= 1", (day - FORGOTTEN // 86_400,))


def hashed(word: str) -> int:
    """A word as the number that it is kept under; two words share one about never."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big", signed=True)
