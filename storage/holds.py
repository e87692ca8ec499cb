"""Accounts whose sending is held: they receive and read mail, but send none until somebody lets them.

Held by the server (an account that suddenly sends much more than it may: a stolen password, mostly) or by an
operator; let go by a person alone. Of several processes that hold an account at once one is the first, and
that one tells the administrators.
"""

from dataclasses import dataclass
from pathlib import Path

from storage.statedb import StateDb

_SCHEMA = (
    "CREATE TABLE hold (account TEXT PRIMARY KEY, since REAL NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Hold:
    """Which account's sending is held, since when and why."""

    account: str
    since: float
    reason: str


class Holds:
    """Blocks on the disk: for threads."""

    def __init__(self, state: Path) -> None:
        self._db = StateDb(state / "holds.sqlite", _SCHEMA)

    def of(self, account: str) -> Hold | None:
        rows = self._db.query("SELECT account, since, reason FROM hold WHERE account = ?", (account,))
        return Hold(*rows[0]) if rows else None

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
