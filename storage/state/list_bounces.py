"""Members of mailing lists whose mail comes back: `<data>/state/lists.sqlite`.

A day with at least one bounce counts once, however much was posted on it: a server that is broken for an hour
makes no member dead. After so many different days within `WINDOW` the member is paused, and gets no more until
somebody takes it back. Members are known by their canonical address.
"""

from dataclasses import dataclass
from pathlib import Path

from storage.state.statedb import StateDb

DAY = 86_400
WINDOW = 60 * DAY  # seconds in which days with bounces count together

_SCHEMA = (
    "CREATE TABLE bounce (list TEXT NOT NULL, member TEXT NOT NULL, day INTEGER NOT NULL, at REAL NOT NULL,"
    " reason TEXT NOT NULL, PRIMARY KEY (list, member, day)) WITHOUT ROWID;"
    "CREATE TABLE paused (list TEXT NOT NULL, member TEXT NOT NULL, at REAL NOT NULL, reason TEXT NOT NULL,"
    " PRIMARY KEY (list, member)) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Bouncing:
    """A member whose mail came back."""

    member: str
    days: int
    at: float  # the last one
    reason: str
    paused: bool


class ListBounces:
    """Blocks on the disk: for threads."""

    def __init__(self, state: Path) -> None:
        self._db = StateDb(state / "lists.sqlite", _SCHEMA)

    def count(self, address: str, member: str, reason: str, now: float, most: int) -> bool:
        """Count a bounce; whether this one has paused the member."""
        with self._db.transaction() as transaction:
            transaction.execute("DELETE FROM bounce WHERE at < ?", (now - WINDOW,))
            transaction.execute(
                "INSERT OR REPLACE INTO bounce VALUES (?, ?, ?, ?, ?)",
                (address, member, int(now // DAY), now, reason[:500]),
            )
            (days,) = transaction.execute(
                "SELECT count(*) FROM bounce WHERE list = ? AND member = ?", (address, member)
            ).fetchone()
            if days < most:
                return False
            return (
                transaction.execute(
                    "INSERT OR IGNORE INTO paused VALUES (?, ?, ?, ?)", (address, member, now, reason[:500])
                ).rowcount
                > 0
            )

    def paused(self, address: str) -> frozenset[str]:
        """Members that get nothing at present."""
        rows = self._db.query("SELECT member FROM paused WHERE list = ?", (address,))
        return frozenset(row[0] for row in rows)

    def bouncing(self, address: str) -> list[Bouncing]:
        """All members of a list whose mail came back lately, or who are paused."""
        counted = {
            row[0]: Bouncing(row[0], row[1], row[2], row[3], False)
            for row in self._db.query(
                "SELECT member, count(*), max(at), reason FROM bounce WHERE list = ? GROUP BY member",
                (address,),
            )
        }
        for member, at, reason in self._db.query(
            "SELECT member, at, reason FROM paused WHERE list = ?", (address,)
        ):
            days = counted[member].days if member in counted else 0
            counted[member] = Bouncing(member, days, at, reason, True)
        return [counted[member] for member in sorted(counted)]

    def resume(self, address: str, member: str) -> bool:
        """Forget what is known of a member; whether it was paused."""
        with self._db.transaction() as transaction:
            transaction.execute("DELETE FROM bounce WHERE list = ? AND member = ?", (address, member))
            return (
                transaction.execute(
                    "DELETE FROM paused WHERE list = ? AND member = ?", (address, member)
                ).rowcount
                > 0
            )

    def forget(self, address: str) -> None:
        """The list is gone."""
        with self._db.transaction() as transaction:
            transaction.execute("DELETE FROM bounce WHERE list = ?", (address,))
            transaction.execute("DELETE FROM paused WHERE list = ?", (address,))

    def close(self) -> None:
        self._db.close()
