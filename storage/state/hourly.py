"""How many mails came, went and were turned away in each hour, of each domain: what the panel draws charts of.

Kept as numbers from the start (`<data>/state/hourly.sqlite`), because counting the traces of a month would read
them all. The process's traces thread (`storage.state.traces`) adds what has gathered, about once a second. The
whole server is the domain "": a mail to two domains counts once there.

Counts may be lost with a process that is killed, as the traces of its last second are; no mail depends on them.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from storage.state.statedb import StateDb

HOUR = 3600
KEPT = 100 * 24  # hours: the panel shows 90 days at most
SERVER = ""  # the domain that stands for the whole server

What = Literal["received", "sent", "spam", "virus", "refused", "deferred", "failed"]
WHATS: tuple[What, ...] = ("received", "sent", "spam", "virus", "refused", "deferred", "failed")

SCHEMA = (
    "CREATE TABLE hourly (domain TEXT NOT NULL, hour INTEGER NOT NULL, what TEXT NOT NULL,"
    " count INTEGER NOT NULL, PRIMARY KEY (domain, hour, what)) WITHOUT ROWID;"
    "CREATE INDEX hourly_hour ON hourly (hour)",
)

Key = tuple[str, int, str]  # domain, hour since 1970, what


@dataclass(frozen=True, slots=True)
class Count:
    """So many in one hour."""

    hour: int  # since 1970
    what: str
    count: int


class Hourly:
    """The counts, for who writes them. Blocks on the disk."""

    def __init__(self, state: Path) -> None:
        self._db = database(state)

    def add(self, counts: Counter[Key], oldest: int) -> None:
        """Add to what there is, and forget what is older than an hour. Raises sqlite3.Error."""
        with self._db.transaction() as transaction:
            transaction.executemany(
                "INSERT INTO hourly VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
                [(*key, count) for key, count in counts.items()],
            )
            transaction.execute("DELETE FROM hourly WHERE hour < ?", (oldest,))

    def close(self) -> None:
        self._db.close()


def read(state: Path, domain: str, first: int, last: int) -> list[Count]:
    """What was counted for a domain from one hour to another, both included. Raises sqlite3.Error."""
    if not (state / "hourly.sqlite").exists():
        return []
    db = database(state)
    try:
        rows: Iterable[tuple[int, str, int]] = db.query(
            "SELECT hour, what, count FROM hourly WHERE domain = ? AND hour BETWEEN ? AND ?",
            (domain, first, last),
        )
        return [Count(*row) for row in rows]
    finally:
        db.close()


def database(state: Path) -> StateDb:
    """The file of the counts; made when it is first used."""
    return StateDb(state / "hourly.sqlite", SCHEMA)
