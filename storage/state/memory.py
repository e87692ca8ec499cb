"""What was done lately and is not to be done again: a notice, a reply. `<data>/state/memory.sqlite`.

`first` answers "is it the first time within this period?" and remembers in the same transaction, so of two
processes that ask at once one hears yes. What is older than `KEPT` is forgotten.
"""

from pathlib import Path

from storage.state.statedb import StateDb

KEPT = 90 * 86_400  # seconds

_SCHEMA = (
    "CREATE TABLE done (kind TEXT NOT NULL, subject TEXT NOT NULL, at REAL NOT NULL,"
    " PRIMARY KEY (kind, subject)) WITHOUT ROWID;"
    "CREATE INDEX done_at ON done (at)",
)


class Memory:
    """Blocks on the disk: for threads."""

    def __init__(self, state: Path) -> None:
        self._db = StateDb(state / "memory.sqlite", _SCHEMA)

    def first(self, kind: str, subject: str, now: float, period: float) -> bool:
        """Whether nothing of this kind was done for `subject` in the last `period` seconds; now it is."""
        with self._db.transaction() as transaction:
            row = transaction.execute(
                "SELECT at FROM done WHERE kind = ? AND subject = ?", (kind, subject)
            ).fetchone()
            if row is not None and now - period < row[0] <= now:
                return False
            transaction.execute("DELETE FROM done WHERE at < ?", (now - KEPT,))
            transaction.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", (kind, subject, now))
        return True

    def close(self) -> None:
        self._db.close()
