"""The accounts of a domain as a list: searched, sorted and cut into pages by SQLite, however many there are.

The table lies in `state/directory.sqlite`. What comes from the accounts' files is put there whenever one of them
is read or written (`storage.people.directory_cache`). What changes by itself, use and last login, is brought up to
date here by the relay process, a few seconds after it has changed: nothing opens a thousand indexes to show a page.

Blocks on the disk: for threads.
"""

import asyncio
import os
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from storage.admin_mail import used
from storage.bus import Bus, Hint, Topic
from storage.layout import account_dir
from storage.people.directory_cache import SCHEMA
from storage.state.statedb import StateDb

if TYPE_CHECKING:
    from storage.store import Store

EVERY = 5.0  # seconds between two looks at the accounts that have changed
AT_ONCE = 200  # accounts of one look: each costs about 0.3 ms
WHOLE_EVERY = 3600.0  # seconds between two looks at every account: a hint may have been lost
REMEMBERED = 100_000  # accounts that wait for a look
LOGINS_EVERY = 30.0  # seconds between two looks at the logins

Sort = Literal["address", "comment", "quota", "used", "share", "login"]
State = Literal["", "locked", "suspended", "not-receiving", "held", "full", "broken", "forwarding", "never"]
SORTS: tuple[Sort, ...] = get_args(Sort)
STATES: tuple[State, ...] = get_args(State)

_ORDER: dict[Sort, tuple[str, ...]] = {
    "address": ("local",),
    "comment": ("comment = ''", "comment"),
    "quota": ("quota",),
    "used": ("used",),
    "share": ("1.0 * used / max(quota, 1)",),
    "login": ("coalesce(login_at, 0)",),
}
_WHERE: dict[State, str] = {
    "": "true",
    "suspended": "suspended",
    "not-receiving": "NOT receive",
    "full": "used * 100 >= quota * 80",
    "broken": "problem IS NOT NULL",
    "forwarding": "forward <> ''",
    "never": "login_at IS NULL",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One account in the list."""

    local: str
    domain: str
    quota: int
    comment: str
    aliases: tuple[str, ...]
    forward: tuple[str, ...]
    receive: bool
    suspended: bool
    two_factor: bool
    problem: str | None
    used: int
    messages: int
    login_at: float | None
    login_by: str | None

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Totals:
    """What a domain's accounts have together."""

    accounts: int
    given: int
    used: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines, in which order. `among`: only these local parts (who is locked or held is known elsewhere)."""

    search: str = ""
    state: State = ""
    sort: Sort = "address"
    descending: bool = False
    first: int = 0
    most: int = 50
    among: frozenset[str] | None = None


class Roster:
    """One connection of its own, so that lists wait for nobody who writes."""

    def __init__(self, state: Path) -> None:
        self._db = StateDb(state / "directory.sqlite", SCHEMA)

    def close(self) -> None:
        self._db.close()

    def lines(self, domain: str, wanted: Wanted) -> tuple[list[Line], int]:
        """The lines of a page, and how many there are on all pages."""
        where, arguments = _conditions(domain, wanted)
        direction = "DESC" if wanted.descending else "ASC"
        order = ", ".join(f"{part} {direction}" for part in _ORDER[wanted.sort])
        # A search looks at every line, and may count those that it finds. Without one, to count by itself costs
        # nothing, while a window would carry all lines of a domain along: 1.4 ms for a thousand, not 0.1.
        count = "count(*) OVER ()" if wanted.search else "0"
        rows = self._db.query(
            f"SELECT {_COLUMNS}, {count} FROM roster WHERE {where}"  # noqa: S608 (ours)
            f" ORDER BY {order}, local LIMIT :most OFFSET :first",
            {**arguments, "most": wanted.most, "first": wanted.first},
        )
        if rows and wanted.search:
            return [_line(domain, row) for row in rows], rows[0][-1]
        total = self._db.query(f"SELECT count(*) FROM roster WHERE {where}", arguments)  # noqa: S608
        return [_line(domain, row) for row in rows], total[0][0]

    def totals(self, domain: str) -> Totals:
        rows = self._db.query(
            "SELECT count(*), coalesce(sum(quota), 0), coalesce(sum(used), 0) FROM roster WHERE domain = ?",
            (domain,),
        )
        return Totals(*rows[0])

    def all_totals(self) -> dict[str, Totals]:
        """Of every domain that has accounts."""
        rows = self._db.query("SELECT domain, count(*), sum(quota), sum(used) FROM roster GROUP BY domain")
        return {row[0]: Totals(*row[1:]) for row in rows}

    def stamps(self) -> dict[str, str | None]:
        """Of every account: what its index looked like when its use was read."""
        rows = self._db.query("SELECT local || '@' || domain, use_stamp FROM roster")
        return dict(rows)

    def set_use(self, found: Iterable[tuple[str, int, int, str]]) -> None:
        """Address, octets, messages and the index's stamp of some accounts."""
        with self._db.transaction() as transaction:
            transaction.executemany(
                "UPDATE roster SET used = ?, messages = ?, use_stamp = ? WHERE domain = ? AND local = ?",
                [(octets, messages, stamp, *_key(address)) for address, octets, messages, stamp in found],
            )

    def set_logins(self, found: Iterable[tuple[str, str, float]]) -> None:
        """Address, protocol and time of logins; only later ones than are known count."""
        with self._db.transaction() as transaction:
            transaction.executemany(
                "UPDATE roster SET login_by = ?, login_at = ? WHERE domain = ? AND local = ?"
                " AND coalesce(login_at, 0) < ?",
                [(protocol, at, *_key(address), at) for address, protocol, at in found],
            )


_COLUMNS = (
    "local, quota, comment, aliases, forward, receive, suspended, two_factor, problem, used, messages, login_at,"
    " login_by"
)


def _line(domain: str, row: Sequence[object]) -> Line:
    local, quota, comment, aliases, forward, receive, suspended, two_factor, problem, *rest = row[:13]
    return Line(
        str(local),
        domain,
        quota,  # type: ignore[arg-type]  # the table's types
        str(comment),
        tuple(str(aliases).split()),
        tuple(str(forward).split()),
        bool(receive),
        bool(suspended),
        bool(two_factor),
        problem,  # type: ignore[arg-type]
        *rest,  # type: ignore[arg-type]
    )


def _conditions(domain: str, wanted: Wanted) -> tuple[str, dict[str, object]]:
    where = ["domain = :domain", _WHERE.get(wanted.state, "true")]
    arguments: dict[str, object] = {"domain": domain}
    for number, word in enumerate(wanted.search.split()[:10]):
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        arguments[f"word{number}"] = f"%{escaped}%"
        columns = ("local || '@' || domain", "comment", "aliases", "forward")
        where.append("(" + " OR ".join(f"{each} LIKE :word{number} ESCAPE '\\'" for each in columns) + ")")
    if wanted.among is not None:
        names = sorted(wanted.among)[:1000]
        where.append(f"local IN ({', '.join(f':name{number}' for number in range(len(names)))})")
        arguments |= {f"name{number}": name for number, name in enumerate(names)}
    return " AND ".join(where), arguments


def _key(address: str) -> tuple[str, str]:
    local, _, domain = address.rpartition("@")
    return domain, local


# ---- kept up to date by the relay process


async def run(store: "Store") -> None:
    """As long as the process lives."""
    changed: set[str] = set()

    def heard(hint: Hint) -> None:
        if hint.account and len(changed) < REMEMBERED:
            changed.add(hint.account)

    roster, bus = Roster(store.settings.data / "state"), Bus(store.settings.run)
    bus.listen(heard, Topic.SOON)
    whole = logins = 0.0
    try:
        while True:
            now = asyncio.get_running_loop().time()
            if not whole or now - whole > WHOLE_EVERY:
                whole = now
                changed |= await store.run(_disturbed, store.settings.data, roster)
            if not logins or now - logins > LOGINS_EVERY:
                logins = now
                await store.run(look_at_logins, store.settings.data, roster)
            batch = [changed.pop() for _ in range(min(AT_ONCE, len(changed)))]
            if batch:
                await store.run(look_at_use, store.settings.data, roster, batch)
            await asyncio.sleep(EVERY if not changed else EVERY / 20)
    finally:
        bus.close()
        roster.close()


def look_at_use(data: Path, roster: Roster, accounts: Collection[str]) -> None:
    """Write down what some accounts hold now."""
    found = []
    for address in accounts:
        stamp = _stamp(data, address)
        use = used(data, address) or (0, 0)
        found.append((address, *use, stamp))
    roster.set_use(found)


def look_at_logins(data: Path, roster: Roster) -> None:
    """Take over each account's last login. Where the doors keep none yet there is nothing to take."""
    path = data / "state" / "logins.sqlite"
    if not path.exists():
        return
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = db.execute("SELECT account, protocol, max(at) FROM success GROUP BY account").fetchall()
    except sqlite3.OperationalError:
        return  # being made, or busy: the next look does it
    finally:
        db.close()
    roster.set_logins(rows)


def _disturbed(data: Path, roster: Roster) -> set[str]:
    """The accounts whose index is another than when it was read: a few `stat`s each."""
    return {address for address, stamp in roster.stamps().items() if _stamp(data, address) != stamp}


def _stamp(data: Path, address: str) -> str:
    index = account_dir(data, address) / "index.sqlite"
    parts = []
    for name in (index, f"{index}-wal"):
        try:
            found = os.stat(name)
            parts.append(f"{found.st_mtime_ns}:{found.st_size}")
        except FileNotFoundError:
            parts.append("")
    return " ".join(parts)
