"""`state/panel.sqlite`: what the control panel remembers by itself: sessions and the audit log.

A session is known by the SHA-256 of the secret in its cookie, so a thief of this file cannot sign in. It ends by
itself when it was idle or open for too long, and when `mark` (which stands for the account's password and second
factor) is no longer that of the account: with a password changed elsewhere every other session ends.

The audit log says who changed what: rows are added and, when they are old, taken away; never changed.

What was written is on the disk: a session that was ended or a token that was taken back is not there again after a
power cut.

Other subjects of the panel (tokens, notices) are classes of their own over the same `StateDb`; their tables are
in `SCRIPTS`, to which scripts are only ever added at the end. All of it blocks on the disk: for threads.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from storage.state import panel_notices, panel_tokens
from storage.state.statedb import StateDb

TOUCH_EVERY = 60.0  # seconds between two notes of when a session was last used
MOST_SESSIONS = 50  # of an account; the one unused for longest goes
AUDIT_KEPT = 400 * 86_400  # seconds: a business year and a bit

_CORE = (
    "CREATE TABLE session (id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE,"
    " account TEXT NOT NULL, mark TEXT NOT NULL, made REAL NOT NULL, used REAL NOT NULL,"
    " peer TEXT NOT NULL, agent TEXT NOT NULL);"
    "CREATE INDEX session_account ON session (account);"
    "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, actor TEXT NOT NULL,"
    " peer TEXT NOT NULL, action TEXT NOT NULL, domain TEXT NOT NULL, subject TEXT NOT NULL,"
    " details TEXT NOT NULL);"
    "CREATE INDEX audit_domain ON audit (domain, id);"
    "CREATE TABLE totp (account TEXT PRIMARY KEY, step INTEGER NOT NULL) WITHOUT ROWID"
)
SCRIPTS = (_CORE, f"{panel_tokens.TABLES};{panel_notices.TABLES}")


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in: from where, with what browser, since when."""

    id: int
    account: str
    mark: str
    made: float
    used: float
    peer: str
    agent: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit log: who did what to whom or what, when, from where."""

    id: int
    at: float
    actor: str
    peer: str
    action: str
    domain: str  # empty: the server's
    subject: str
    details: str


class Panel:
    """The panel's state of one process."""

    def __init__(self, state: Path, clock: Callable[[], float]) -> None:
        self.db = _open(state)
        self.clock = clock

    def close(self) -> None:
        self.db.close()

    # ---- sessions

    def begin(self, account: str, mark: str, peer: str, agent: str) -> str:
        """A new session; its secret, which stands nowhere but in the browser's cookie."""
        secret, now = secrets.token_urlsafe(32), self.clock()
        with self.db.transaction() as transaction:
            transaction.execute(
                "INSERT INTO session (hash, account, mark, made, used, peer, agent) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (_hash(secret), account, mark, now, now, peer, agent[:300]),
            )
            transaction.execute(
                "DELETE FROM session WHERE account = ? AND id NOT IN"
                " (SELECT id FROM session WHERE account = ? ORDER BY used DESC, id DESC LIMIT ?)",
                (account, account, MOST_SESSIONS),
            )
        return secret

    def session(self, secret: str, *, idle: float, most: float) -> Session | None:
        """The session of a cookie, if it has not ended; that it was used is written down now and then."""
        rows = self.db.query(
            "SELECT id, account, mark, made, used, peer, agent FROM session WHERE hash = ?", (_hash(secret),)
        )
        if not rows:
            return None
        session, now = Session(*rows[0]), self.clock()
        if now - session.used > idle or now - session.made > most:
            self.end(session.account, session.id)
            return None
        if now - session.used > TOUCH_EVERY:
            with self.db.transaction() as transaction:
                transaction.execute("UPDATE session SET used = ? WHERE id = ?", (now, session.id))
        return session

    def sessions(self, account: str) -> list[Session]:
        """Those of an account, the last used first."""
        rows = self.db.query(
            "SELECT id, account, mark, made, used, peer, agent FROM session WHERE account = ?"
            " ORDER BY used DESC, id DESC",
            (account,),
        )
        return [Session(*row) for row in rows]

    def keep(self, session: int, mark: str) -> None:
        """The account's secrets were changed in this session: it goes on."""
        with self.db.transaction() as transaction:
            transaction.execute("UPDATE session SET mark = ? WHERE id = ?", (mark, session))

    def end(self, account: str, session: int | None = None, *, other_than: int | None = None) -> int:
        """End one session of an account, or all, or all others; how many there were."""
        with self.db.transaction() as transaction:
            return transaction.execute(
                "DELETE FROM session WHERE account = ? AND (? IS NULL OR id = ?) AND id IS NOT ?",
                (account, session, session, other_than),
            ).rowcount

    def tidy(self, *, most: float) -> None:
        """Sessions and log lines that are too old."""
        now = self.clock()
        with self.db.transaction() as transaction:
            transaction.execute("DELETE FROM session WHERE made < ?", (now - most,))
            transaction.execute("DELETE FROM audit WHERE at < ?", (now - AUDIT_KEPT,))

    # ---- second factor

    def use_step(self, account: str, step: int) -> bool:
        """Whether a one-time password of this step was not used yet (RFC 6238 §5.2); from now on it is."""
        with self.db.transaction() as transaction:
            return (
                transaction.execute(
                    "INSERT INTO totp VALUES (?, ?) ON CONFLICT DO UPDATE SET step = excluded.step"
                    " WHERE excluded.step > step",
                    (account, step),
                ).rowcount
                > 0
            )

    # ---- audit log

    def note(
        self,
        actor: str,
        action: str,
        *,
        domain: str = "",
        subject: str = "",
        details: str = "",
        peer: str = "",
    ) -> None:
        """Add a line."""
        with self.db.transaction() as transaction:
            transaction.execute(
                "INSERT INTO audit (at, actor, peer, action, domain, subject, details)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (self.clock(), actor, peer, action, domain, subject, details),
            )

    def note_all(self, actor: str, lines: Iterable[tuple[str, str, str]], *, peer: str = "") -> None:
        """Many lines at once: action, address and details of each."""
        now = self.clock()
        with self.db.transaction() as transaction:
            transaction.executemany(
                "INSERT INTO audit (at, actor, peer, action, domain, subject, details)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (now, actor, peer, action, address.rpartition("@")[2], address, details)
                    for action, address, details in lines
                ],
            )

    def notes(
        self, domain: str | None, *, search: str = "", before: int | None = None, most: int = 50
    ) -> list[Entry]:
        """Lines of a domain (None: all), the latest first, older than `before`."""
        pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rows = self.db.query(
            "SELECT id, at, actor, peer, action, domain, subject, details FROM audit"
            " WHERE (:domain IS NULL OR domain = :domain) AND (:before IS NULL OR id < :before)"
            " AND (:search = '' OR actor LIKE :pattern ESCAPE '\\' OR subject LIKE :pattern ESCAPE '\\'"
            " OR action LIKE :pattern ESCAPE '\\' OR details LIKE :pattern ESCAPE '\\')"
            " ORDER BY id DESC LIMIT :most",
            {"domain": domain, "before": before, "search": search, "pattern": pattern, "most": most},
        )
        return [Entry(*row) for row in rows]


def forget(state: Path, *, account: str = "", domain: str = "") -> None:
    """An account, or all of a domain, is gone: so are its sessions and tokens, and a new one of the same name
    begins without them. Raises sqlite3.Error."""
    if not (state / "panel.sqlite").exists():
        return
    db = _open(state)
    try:
        whose = {"account": account, "domain": domain}
        tables = [
            f"FROM {table} WHERE {owner} = :account"
            f" OR (:domain <> '' AND substr({owner}, -length(:domain) - 1) = '@' || :domain)"
            for table, owner in (("session", "account"), ("token", "owner"))
        ]
        if any(db.query(f"SELECT 1 {table} LIMIT 1", whose) for table in tables):
            with db.transaction() as transaction:
                for table in tables:
                    transaction.execute(f"DELETE {table}", whose)
    finally:
        db.close()


def _open(state: Path) -> StateDb:
    return StateDb(state / "panel.sqlite", SCRIPTS, durable=True)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
