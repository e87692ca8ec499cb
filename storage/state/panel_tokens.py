"""Tokens of the REST API: who shows one acts for the account that it belongs to, within its scopes.

A token is 256 random bits, shown once; kept is its SHA-256, by which it is found. So the file is of no use to a
thief, and there is nothing to compare in constant time. A scope (`accounts:read`) gives no right: it says which
of its owner's rights the token may use. What scopes there are, and who is what, is no business of this file.

Invariants: an expired token is found by nobody and is listed for a month, so that its owner sees why a program
stopped; the last use is written down at most once a minute. Blocks on the disk.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from storage.admin_files import Refused
from storage.state.statedb import StateDb

TABLES = (
    "CREATE TABLE token (id TEXT PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, owner TEXT NOT NULL,"
    " name TEXT NOT NULL, scopes TEXT NOT NULL, created REAL NOT NULL, expires REAL, used REAL) WITHOUT ROWID;"
    "CREATE INDEX token_owner ON token (owner)"
)

PREFIX = "kwcmaild_"  # by which a token that leaked into a file is recognised
MOST = 100  # tokens of one account
LONGEST_NAME = 100
USED_GRAIN = 60.0  # seconds between two notes of the last use
SHOWN_EXPIRED = 31 * 86_400  # seconds

_TOKEN = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{43}")
_COLUMNS = "id, owner, name, scopes, created, expires, used"


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret."""

    id: str
    owner: str  # the account for which it acts
    name: str
    scopes: frozenset[str]
    created: float
    expires: float | None
    used: float | None

    def expired(self, now: float) -> bool:
        return self.expires is not None and self.expires <= now


class Tokens:
    """The tokens in the panel's file."""

    def __init__(self, db: StateDb, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock

    def add(
        self, owner: str, name: str, scopes: Iterable[str], expires: float | None = None
    ) -> tuple[Token, str]:
        """A new token, and its secret, which is nowhere else. Raises Refused."""
        now = self._clock()
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise Refused(f"a token needs a name of at most {LONGEST_NAME} printable characters")
        if expires is not None and expires <= now:
            raise Refused("a token cannot expire in the past")
        secret = PREFIX + secrets.token_urlsafe(32)
        token = Token(secrets.token_hex(6), owner, name, frozenset(scopes), now, expires, None)
        if not token.scopes:
            raise Refused("a token needs at least one scope")
        with self._db.transaction() as db:
            db.execute("DELETE FROM token WHERE expires < ?", (now - SHOWN_EXPIRED,))
            (count,) = db.execute("SELECT count(*) FROM token WHERE owner = ?", (owner,)).fetchone()
            if count >= MOST:
                raise Refused(f"{owner} has {MOST} tokens, which are the most: delete some first")
            db.execute(
                f"INSERT INTO token (sha256, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (_sha256(secret), token.id, owner, name, " ".join(sorted(token.scopes)), now, expires, None),
            )
        return token, secret

    def find(self, secret: str) -> Token | None:
        """The token that somebody shows; None if there is none, or no more. Its use is noted."""
        if not _TOKEN.fullmatch(secret):
            return None
        rows = self._db.query(f"SELECT {_COLUMNS} FROM token WHERE sha256 = ?", (_sha256(secret),))  # noqa: S608
        now = self._clock()
        if not rows or (token := _token(rows[0])).expired(now):
            return None
        if token.used is None or not 0 <= now - token.used < USED_GRAIN:
            with self._db.transaction() as db:
                db.execute("UPDATE token SET used = ? WHERE id = ?", (now, token.id))
            token = replace(token, used=now)
        return token

    def of(self, owner: str) -> list[Token]:
        """The tokens of an account, the newest first."""
        return [
            _token(row)
            for row in self._db.query(
                f"SELECT {_COLUMNS} FROM token WHERE owner = ? ORDER BY created DESC, id",  # noqa: S608
                (owner,),
            )
        ]

    def all(self) -> list[Token]:
        """Everybody's, by owner."""
        return [
            _token(row)
            for row in self._db.query(f"SELECT {_COLUMNS} FROM token ORDER BY owner, created, id")  # noqa: S608
        ]

    def get(self, which: str) -> Token | None:
        rows = self._db.query(f"SELECT {_COLUMNS} FROM token WHERE id = ?", (which,))  # noqa: S608
        return _token(rows[0]) if rows else None

    def delete(self, which: str) -> bool:
        """From now on nobody gets in with it; whether there was one."""
        with self._db.transaction() as db:
            return db.execute("DELETE FROM token WHERE id = ?", (which,)).rowcount > 0


def _sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _token(row: tuple[str, str, str, str, float, float | None, float | None]) -> Token:
    which, owner, name, scopes, created, expires, used = row
    return Token(which, owner, name, frozenset(scopes.split()), created, expires, used)
