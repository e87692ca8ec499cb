"""`state/directory.sqlite`: what the files of the directory said when they last could be read.

A cache: all of it comes from the YAML files and is made again when it is lost. It answers what would else
take reading every file (whose alias is this, what is the sum of the limits), keeps the last good content of a
file that is broken now, and spares parsing YAML for a file that has not changed.

Invariants: a row's `stamp` belongs to the file that its `content` or its `problem` was read from; the
aliases of an account are replaced in the same transaction as its row; plain passwords are never in here.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from storage.state.statedb import StateDb

Kind = Literal["account", "list", "forwards", "domain"]

SCHEMA = (
    "CREATE TABLE file (domain TEXT NOT NULL, kind TEXT NOT NULL, local TEXT NOT NULL, stamp TEXT NOT NULL,"
    " content TEXT, quota INTEGER, problem TEXT, PRIMARY KEY (domain, kind, local)) WITHOUT ROWID;"
    "CREATE TABLE alias (domain TEXT NOT NULL, alias TEXT NOT NULL, local TEXT NOT NULL,"
    " PRIMARY KEY (domain, alias, local)) WITHOUT ROWID;"
    "CREATE INDEX alias_local ON alias (domain, local);"
    "CREATE TABLE pass (domain TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID",
    # what is counted over all domains at once, without the contents
    "CREATE INDEX file_quota ON file (kind, domain, quota)",
    # Accounts as lists of them are shown, searched and sorted: the first columns come from their files, the others
    # are kept by `storage.people.roster`. Every file is read once more to fill it.
    "CREATE TABLE roster (domain TEXT NOT NULL, local TEXT NOT NULL, quota INTEGER NOT NULL,"
    " comment TEXT NOT NULL, aliases TEXT NOT NULL, forward TEXT NOT NULL, receive INTEGER NOT NULL,"
    " suspended INTEGER NOT NULL, two_factor INTEGER NOT NULL, problem TEXT,"
    " used INTEGER NOT NULL DEFAULT 0, messages INTEGER NOT NULL DEFAULT 0, use_stamp TEXT,"
    " login_at REAL, login_by TEXT, PRIMARY KEY (domain, local)) WITHOUT ROWID;"
    "DELETE FROM file;"
    "DELETE FROM pass",
)

_ENROL = (
    "INSERT INTO roster (domain, local, quota, comment, aliases, forward, receive, suspended, two_factor, problem)"
    " SELECT :domain, :local, coalesce(:quota, json_extract(:content, '$.quota'), 1073741824),"
    " coalesce(json_extract(:content, '$.comment'), ''), :aliases,"
    " coalesce((SELECT group_concat(value, ' ') FROM json_each(:content, '$.forward.to')), ''),"
    " coalesce(json_extract(:content, '$.receive'), 1), coalesce(json_extract(:content, '$.suspended'), 0),"
    " json_extract(:content, '$.two_factor.secret') IS NOT NULL, :problem WHERE true"
    " ON CONFLICT DO UPDATE SET quota = excluded.quota, comment = excluded.comment, aliases = excluded.aliases,"
    " forward = excluded.forward, receive = excluded.receive, suspended = excluded.suspended,"
    " two_factor = excluded.two_factor, problem = excluded.problem"
)


class Name(NamedTuple):
    """One file of the directory. `local` is empty for the two that a domain has once."""

    kind: Kind
    domain: str
    local: str = ""

    def path(self, domains: Path) -> Path:
        return Path(self.file(domains))

    def file(self, domains: Path | str) -> str:
        """The path as text: it is asked for with each look at a file, and joining a `Path` costs more than that."""
        match self.kind:
            case "account":
                return f"{domains}/{self.domain}/accounts/{self.local}.yaml"
            case "list":
                return f"{domains}/{self.domain}/lists/{self.local}.yaml"
            case "forwards":
                return f"{domains}/{self.domain}/forwards.yaml"
            case "domain":
                return f"{domains}/{self.domain}/domain.yaml"


class Stamp(NamedTuple):
    """What tells one state of a file from another without reading it."""

    inode: int
    mtime: int
    ctime: int
    size: int

    @classmethod
    def of(cls, stat: os.stat_result) -> "Stamp":
        return cls(stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)

    def is_of(self, stat: os.stat_result) -> bool:
        """`of`, compared, without making one."""
        return (
            self.ctime == stat.st_ctime_ns
            and self.mtime == stat.st_mtime_ns
            and self.inode == stat.st_ino
            and self.size == stat.st_size
        )

    def __str__(self) -> str:
        return f"{self.inode}:{self.mtime}:{self.ctime}:{self.size}"

    @classmethod
    def parse(cls, text: str) -> "Stamp":
        inode, mtime, ctime, size = map(int, text.split(":"))
        return cls(inode, mtime, ctime, size)


class Saved(NamedTuple):
    """One row: content (JSON of the model) is the last good one; `problem` says why the file is not used now."""

    name: Name
    stamp: Stamp
    content: str | None
    problem: str | None
    quota: int | None = None  # of an account
    aliases: tuple[str, ...] = ()  # of an account; not read back


class DirectoryCache:
    """Reads and writes rows. Blocks on the disk; raises sqlite3.Error."""

    def __init__(self, state: Path) -> None:
        self._db = StateDb(state / "directory.sqlite", SCHEMA)

    def close(self) -> None:
        self._db.close()

    def get(self, name: Name) -> Saved | None:
        rows = self._db.query(
            "SELECT stamp, content, problem, quota FROM file WHERE domain = ? AND kind = ? AND local = ?",
            (name.domain, name.kind, name.local),
        )
        return Saved(name, Stamp.parse(rows[0][0]), *rows[0][1:]) if rows else None

    def put(self, rows: Iterable[Saved]) -> None:
        with self._db.transaction() as transaction:
            for row in rows:
                kind, domain, local = row.name
                transaction.execute(
                    "INSERT OR REPLACE INTO file (domain, kind, local, stamp, content, problem, quota)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (domain, kind, local, str(row.stamp), row.content, row.problem, row.quota),
                )
                if kind == "account":
                    transaction.execute("DELETE FROM alias WHERE domain = ? AND local = ?", (domain, local))
                    transaction.executemany(
                        "INSERT OR IGNORE INTO alias (domain, alias, local) VALUES (?, ?, ?)",
                        [(domain, alias, local) for alias in row.aliases],
                    )
                    transaction.execute(_ENROL, _enrolment(row))

    def forget(self, names: Iterable[Name]) -> None:
        with self._db.transaction() as transaction:
            for kind, domain, local in names:
                transaction.execute(
                    "DELETE FROM file WHERE domain = ? AND kind = ? AND local = ?", (domain, kind, local)
                )
                if kind == "account":
                    transaction.execute("DELETE FROM alias WHERE domain = ? AND local = ?", (domain, local))
                    transaction.execute("DELETE FROM roster WHERE domain = ? AND local = ?", (domain, local))

    def forget_domain(self, domain: str) -> None:
        with self._db.transaction() as transaction:
            for table in ("file", "alias", "pass", "roster"):
                transaction.execute(f"DELETE FROM {table} WHERE domain = ?", (domain,))  # noqa: S608

    def owners(self, domain: str, alias: str) -> list[str]:
        """The accounts (local parts) that claim an alias; more than one is a mistake of theirs."""
        rows = self._db.query(
            "SELECT local FROM alias WHERE domain = ? AND alias = ? ORDER BY local", (domain, alias)
        )
        return [row[0] for row in rows]

    def shares(self, domain: str) -> list[tuple[str, dict[str, dict[str, str]]]]:
        """The accounts (local parts) whose files share mailboxes, and what they say of that."""
        rows = self._db.query(
            "SELECT local, json_extract(content, '$.share') FROM file"
            " WHERE domain = ? AND kind = 'account' AND content LIKE '%\"share\":{\"%'",
            (domain,),
        )
        return [(local, json.loads(share)) for local, share in rows if share]

    def stamps(self, domain: str) -> dict[tuple[Kind, str], str]:
        """All stamps of a domain as they are written, by kind and local part: compared, never parsed."""
        rows = self._db.query("SELECT kind, local, stamp FROM file WHERE domain = ?", (domain,))
        return {(kind, local): stamp for kind, local, stamp in rows}

    def rows(self, domain: str, kind: Kind) -> list[Saved]:
        rows = self._db.query(
            "SELECT local, stamp, content, problem, quota FROM file WHERE domain = ? AND kind = ? ORDER BY local",
            (domain, kind),
        )
        return [Saved(Name(kind, domain, local), Stamp.parse(stamp), *rest) for local, stamp, *rest in rows]

    def given(self, domain: str, unset: int, *, without: str) -> tuple[int, int]:
        """The sum of the limits of all accounts but one (`unset` where a file says none), and their number."""
        rows = self._db.query(
            "SELECT coalesce(sum(coalesce(quota, ?)), 0), count(*) FROM file"
            " WHERE domain = ? AND kind = 'account' AND local <> ?",
            (unset, domain, without),
        )
        return rows[0][0], rows[0][1]

    def number(self, domain: str, kind: Kind) -> int:
        """How many files of a kind a domain has, as the last pass found them."""
        rows = self._db.query("SELECT count(*) FROM file WHERE domain = ? AND kind = ?", (domain, kind))
        number: int = rows[0][0]
        return number

    def files(self, domain: str) -> int:
        """How many files it knows of a domain."""
        rows = self._db.query("SELECT count(*) FROM file WHERE domain = ?", (domain,))
        number: int = rows[0][0]
        return number

    def counts(self, kind: Kind, unset: int) -> dict[str, tuple[int, int]]:
        """For each domain, how many files of a kind there are and the sum of their limits (`unset` where a file
        says none), as the last pass found them."""
        rows = self._db.query(
            "SELECT domain, count(*), sum(coalesce(quota, ?)) FROM file WHERE kind = ? GROUP BY domain",
            (unset, kind),
        )
        return {domain: (count, together) for domain, count, together in rows}

    def domains(self) -> set[str]:
        return {row[0] for row in self._db.query("SELECT DISTINCT domain FROM file")}

    def passed(self, domain: str) -> float | None:
        """When all files of the domain were last looked at."""
        rows = self._db.query("SELECT at FROM pass WHERE domain = ?", (domain,))
        return rows[0][0] if rows else None

    def set_passed(self, domain: str, at: float) -> None:
        with self._db.transaction() as transaction:
            transaction.execute("INSERT OR REPLACE INTO pass (domain, at) VALUES (?, ?)", (domain, at))


def _enrolment(row: Saved) -> dict[str, object]:
    return {
        "domain": row.name.domain,
        "local": row.name.local,
        "content": row.content or "{}",
        "quota": row.quota,
        "aliases": " ".join(row.aliases),
        "problem": row.problem,
    }
