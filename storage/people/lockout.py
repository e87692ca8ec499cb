"""Guessing passwords must not pay, and must not lock out the people it is aimed at.

Three counts of failures, in `state/logins.sqlite`, shared by all doors and processes:

- *pair*: one account from one address (IPv6 by /64, RFC 6177: a customer has one, and all of it);
- *address*: one address over all accounts, against trying one password on many; an address of this machine
  is left out, for it may be a proxy that speaks for everybody;
- *account*: one account over all addresses, against many machines with one guess each; its lock is not for
  addresses from which that account logged in within 30 days.

The same wrong password for the same account counts once, so a phone with an old password locks nobody out.
For that a mark of the wrong password is kept: 16 bits of an HMAC. So few on purpose: enough to tell a few
hundred guesses apart, too few for a thief of this file to find out the password that was almost right.

Invariants: nothing is counted while a lock holds, so a lock ends when it says; a count starts from nothing
after its lock; the table is bounded (`MOST_FAILURES`). Accounts that do not exist are counted as others.
"""

import hmac
import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Literal

from config.settings import Auth
from storage.state.statedb import StateDb

KNOWN_FOR = 30 * 86_400  # seconds for which an address with a successful login is known
SUCCESS_GRAIN = 3_600  # a login is written down again only after this: POP3 programs come every minute
MOST_FAILURES = 200_000  # rows; the oldest go first
FOREVER = 2**53  # `until` of a lock that only an administrator ends
_TIDY_EVERY = 500  # failures written between two clean-ups

Kind = Literal["pair", "address", "account"]

_SCHEMA = (
    "CREATE TABLE secret (key BLOB NOT NULL);"
    "CREATE TABLE failure (account TEXT NOT NULL, net TEXT NOT NULL, mark BLOB NOT NULL, at REAL NOT NULL,"
    " PRIMARY KEY (account, net, mark)) WITHOUT ROWID;"
    "CREATE INDEX failure_net ON failure (net, at);"
    "CREATE INDEX failure_at ON failure (at);"
    "CREATE TABLE success (account TEXT NOT NULL, net TEXT NOT NULL, protocol TEXT NOT NULL, at REAL NOT NULL,"
    " PRIMARY KEY (account, net, protocol)) WITHOUT ROWID;"
    "CREATE TABLE lock (kind TEXT NOT NULL, account TEXT NOT NULL, net TEXT NOT NULL, since REAL NOT NULL,"
    " until REAL NOT NULL, failures INTEGER NOT NULL, PRIMARY KEY (kind, account, net)) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Lock:
    """Who is locked, why (`kind`, after how many failures), and from when to when."""

    kind: Kind
    account: str  # empty for an address
    net: str  # empty for an account
    since: float
    until: float | None  # None: until an administrator unlocks
    failures: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A successful login: from where, by what, when (to the hour)."""

    net: str
    protocol: str
    at: float


def network(peer: str) -> str:
    """The address that counts for a peer: IPv4 whole, IPv6 by /64, this machine as `local`."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return "local"  # a Unix socket
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return "local"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)


class Lockout:
    """The counts and the locks. `limits` is replaced when the configuration is read again. Blocks on the disk."""

    def __init__(self, state: Path, limits: Auth, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._clock = clock
        self._db = StateDb(state / "logins.sqlite", _SCHEMA)
        self._secret: bytes | None = None
        self._written = 0

    def close(self) -> None:
        self._db.close()

    def locked(self, account: str, peer: str) -> Lock | None:
        """The lock that keeps this peer from this account now, if there is one."""
        net, now = network(peer), self._clock()
        rows = self._db.query(
            "SELECT kind, account, net, since, until, failures FROM lock WHERE until > ? AND"
            " (kind, account, net) IN (VALUES ('pair', ?, ?), ('address', '', ?), ('account', ?, ''))",
            (now, account, net, net, account),
        )
        for lock in map(_lock, rows):
            if lock.kind != "account" or not self._known(account, net, now):
                return lock
        return None

    def failed(self, account: str, peer: str, password: str) -> Lock | None:
        """Count a wrong password; returns the lock that this brings about, if it does."""
        net, now = network(peer), self._clock()
        mark = self._mark(account, password)
        with self._db.transaction() as transaction:
            transaction.execute(
                "INSERT INTO failure VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
                (account, net, mark, now),
            )
            self._written += 1
            if self._written % _TIDY_EVERY == 1:
                self._tidy(transaction, now)
            for kind, key in self._thresholds(account, net):
                lock = self._count(transaction, kind, key, now)
                if lock is not None:
                    return lock
        return None

    def remembers(self, account: str, peer: str, protocol: str) -> bool:
        """Whether a success now would change nothing that is written down."""
        net = network(peer)
        return bool(
            self._db.query(
                "SELECT 1 FROM success WHERE account = ? AND net = ? AND protocol = ? AND at > ?"
                " AND NOT EXISTS (SELECT 1 FROM failure WHERE account = ? AND net = ?)",
                (account, net, protocol, self._clock() - SUCCESS_GRAIN, account, net),
            )
        )

    def succeeded(self, account: str, peer: str, protocol: str) -> None:
        """Remember that this account logged in from there; the pair's failures are forgotten."""
        if self.remembers(account, peer, protocol):
            return
        net, now = network(peer), self._clock()
        with self._db.transaction() as transaction:
            transaction.execute(
                "INSERT INTO success VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
                (account, net, protocol, now),
            )
            transaction.execute("DELETE FROM failure WHERE account = ? AND net = ?", (account, net))

    def unlock(self, account: str) -> list[Lock]:
        """End every lock that keeps this account's owner out, at once; returns those there were.

        An address that failed at this account is let in again too: the owner's office may be behind it.
        """
        locks = self.locks(account)
        with self._db.transaction() as transaction:
            for lock in locks:
                transaction.execute(
                    "DELETE FROM lock WHERE kind = ? AND account = ? AND net = ?",
                    (lock.kind, lock.account, lock.net),
                )
                if lock.kind == "address":
                    transaction.execute("DELETE FROM failure WHERE net = ?", (lock.net,))
            transaction.execute("DELETE FROM failure WHERE account = ?", (account,))
        return locks

    def forget(self, account: str) -> None:
        """The account was deleted: whoever gets its name next starts from nothing."""
        with self._db.transaction() as transaction:
            for table in ("failure", "success", "lock"):
                transaction.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608

    def locks(self, account: str | None = None) -> list[Lock]:
        """The locks in force: all, or those that concern one account."""
        sql = "SELECT kind, account, net, since, until, failures FROM lock WHERE until > ?"
        arguments: list[object] = [self._clock()]
        if account is not None:
            sql += (
                " AND (account = ? OR (kind = 'address' AND net IN"
                " (SELECT net FROM failure WHERE account = ?)))"
            )
            arguments += [account, account]
        return [_lock(row) for row in self._db.query(f"{sql} ORDER BY since", arguments)]

    def seen(self, account: str) -> list[Seen]:
        """From where the account logged in within 30 days, the latest first."""
        rows = self._db.query(
            "SELECT net, protocol, at FROM success WHERE account = ? AND at > ? ORDER BY at DESC LIMIT 100",
            (account, self._clock() - KNOWN_FOR),
        )
        return [Seen(*row) for row in rows]

    def _thresholds(self, account: str, net: str) -> list[tuple[Kind, tuple[str, str]]]:
        thresholds: list[tuple[Kind, tuple[str, str]]] = [
            ("pair", (account, net)),
            ("account", (account, "")),
        ]
        if net != "local":
            thresholds.insert(1, ("address", ("", net)))
        return thresholds

    def _count(self, transaction: Connection, kind: Kind, key: tuple[str, str], now: float) -> Lock | None:
        most = {
            "pair": self.limits.lock_after,
            "address": self.limits.lock_address_after,
            "account": self.limits.lock_account_after,
        }[kind]
        last = transaction.execute(
            "SELECT until FROM lock WHERE kind = ? AND account = ? AND net = ?", (kind, *key)
        ).fetchone()
        after = max(now - self.limits.lock_window, last[0] if last and last[0] <= now else 0)
        sql, arguments = _COUNTS[kind], [part for part in key if part]
        failures: int = transaction.execute(sql, (*arguments, after)).fetchone()[0]
        if failures < most:
            return None
        until = now + self.limits.lock_for if self.limits.lock_for else FOREVER
        row = (kind, *key, now, until, failures)
        transaction.execute("INSERT OR REPLACE INTO lock VALUES (?, ?, ?, ?, ?, ?)", row)
        return _lock(row)

    def _known(self, account: str, net: str, now: float) -> bool:
        return bool(
            self._db.query(
                "SELECT 1 FROM success WHERE account = ? AND net = ? AND at > ? LIMIT 1",
                (account, net, now - KNOWN_FOR),
            )
        )

    def _tidy(self, transaction: Connection, now: float) -> None:
        transaction.execute("DELETE FROM failure WHERE at <= ?", (now - self.limits.lock_window,))
        transaction.execute("DELETE FROM success WHERE at <= ?", (now - KNOWN_FOR,))
        transaction.execute("DELETE FROM lock WHERE until <= ?", (now - self.limits.lock_window,))
        transaction.execute(
            "DELETE FROM failure WHERE at <= (SELECT at FROM failure ORDER BY at DESC LIMIT 1 OFFSET ?)",
            (MOST_FAILURES,),
        )

    def salt(self, account: str) -> bytes:
        """A salt for who has none: the same at each question, so that it tells nothing."""
        return hmac.digest(self._key(), f"salt\0{account}".encode("utf-8", "surrogatepass"), "sha256")

    def _mark(self, account: str, password: str) -> bytes:
        """What stands for a wrong password."""
        text = f"{account}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key(), text, "sha256")[:2]

    def _key(self) -> bytes:
        """One for all processes, made by the first."""
        if self._secret is None:
            with self._db.transaction() as transaction:
                row = transaction.execute("SELECT key FROM secret").fetchone()
                if row is None:
                    row = (secrets.token_bytes(32),)
                    transaction.execute("INSERT INTO secret VALUES (?)", row)
            self._secret = row[0]
        assert self._secret is not None
        return self._secret


_COUNTS: dict[Kind, str] = {
    "pair": "SELECT count(*) FROM failure WHERE account = ? AND net = ? AND at > ?",
    "address": "SELECT count(*) FROM failure WHERE net = ? AND at > ?",
    # One password tried from many addresses (a phone on its way) is one.
    "account": "SELECT count(DISTINCT mark) FROM failure WHERE account = ? AND at > ?",
}


def _lock(row: tuple[Kind, str, str, float, float, int]) -> Lock:
    kind, account, net, since, until, failures = row
    return Lock(kind, account, net, since, None if until >= FOREVER else until, failures)
