"""Which mail a domain had, and when: a row for each mail and each domain of ours that sent or received it.

By this an administrator finds a mail by time, subject or a part of an address; what became of it is the story of
its trace (`storage.state.stories`). Rows are written by the process's traces thread (`storage.state.traces`), about
once a second, under the same promises; they are kept as long as the traces are.

Bounded, whatever is asked: a domain's rows of the period are looked at from the newest on, at most `MOST_SEEN`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from storage.mime.charset import decode_header
from storage.mime.text import fold
from storage.state.statedb import StateDb

MOST_SEEN = 30_000  # rows that one search looks at: some 60 ms
LONGEST = 300  # characters of a subject or of the recipients
STEP = 500  # rows deleted in one transaction
PAGES = 512  # KiB in memory: rows come in the order of time, and what was written is not looked at again
MOST_ROWS = 5_000_000  # some 2 GB; the oldest go first

SCHEMA = (
    "CREATE TABLE mail (id INTEGER PRIMARY KEY, at REAL NOT NULL, domain TEXT NOT NULL, trace TEXT NOT NULL,"
    " taken INTEGER NOT NULL, sender TEXT NOT NULL, recipients TEXT NOT NULL, subject TEXT NOT NULL,"
    " words TEXT NOT NULL);"
    "CREATE INDEX mail_domain ON mail (domain, at);"
    "CREATE INDEX mail_at ON mail (at)",
)

_INSERT = "INSERT INTO mail VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)"
_FIND = """
    SELECT at, trace, taken, sender, recipients, subject FROM (
        SELECT * FROM mail WHERE {domain} at >= :since AND at < :until ORDER BY at DESC LIMIT :seen
    ) WHERE :words = '' OR words LIKE :pattern ESCAPE '\\' LIMIT :most OFFSET :offset
"""


class Arrived(NamedTuple):
    """A mail as the pipeline knows it: the subject is the field's octets."""

    at: float
    domains: tuple[str, ...]
    trace: str
    taken: bool
    sender: str
    recipients: tuple[str, ...]
    subject: bytes
    sent_by: str = ""  # the domain of the account that sent it; empty: it came from outside


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in a list."""

    at: float
    trace: str
    taken: bool  # not refused as a whole
    sender: str
    recipients: str  # the first ones
    subject: str


class Mails:
    """The list, for who writes it. Blocks on the disk."""

    def __init__(self, state: Path) -> None:
        self._db = database(state)

    def add(self, mails: Sequence[Arrived]) -> None:
        """Raises sqlite3.Error."""
        with self._db.transaction() as transaction:
            transaction.executemany(_INSERT, [row for mail in mails for row in _rows(mail)])

    def delete_some(self, before: float) -> bool:
        """A step towards forgetting what is older, or too much; True when there may be more to do."""
        with self._db.transaction() as transaction:
            first, last = transaction.execute(
                "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM mail"
            ).fetchone()
            surplus = last - MOST_ROWS
            return (
                transaction.execute(
                    "DELETE FROM mail WHERE id < ? AND (at < ? OR id <= ?)", (first + STEP, before, surplus)
                ).rowcount
                == STEP
            )

    def close(self) -> None:
        self._db.close()


def find(
    state: Path,
    domain: str | None,
    words: str = "",
    *,
    since: float = 0.0,
    until: float = 1e12,
    most: int = 50,
    offset: int = 0,
) -> list[Mail]:
    """The mails of a domain (None: of all, and one may come twice) in a time, the newest first, in whose addresses
    or subject `words` stand.

    Nothing is made where there is nothing yet. Raises sqlite3.Error. Blocks on the disk."""
    if not (state / "mails.sqlite").exists():
        return []
    db = database(state)
    folded = fold(words)
    pattern = folded.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    try:
        rows = db.query(
            _FIND.format(domain="" if domain is None else "domain = :domain AND"),
            {
                "domain": domain,
                "since": since,
                "until": until,
                "seen": MOST_SEEN,
                "words": folded,
                "pattern": f"%{pattern}%",
                "most": most,
                "offset": offset,
            },
        )
    finally:
        db.close()
    return [Mail(at, trace, bool(taken), *texts) for at, trace, taken, *texts in rows]


def database(state: Path) -> StateDb:
    """The file; made when it is first used."""
    return StateDb(state / "mails.sqlite", SCHEMA, pages=PAGES)


def _rows(mail: Arrived) -> list[tuple[object, ...]]:
    subject, sender = _text(decode_header(mail.subject)), _text(mail.sender)
    rows: list[tuple[object, ...]] = []
    for domain in mail.domains:
        # whom else it was for is not a recipient's to know: not even by searching
        seen = [each for each in mail.recipients if domain in (mail.sent_by, each.rpartition("@")[2].lower())]
        recipients = _text(" ".join(seen))
        words = fold(f"{sender} {recipients} {subject}")
        rows.append((mail.at, domain, mail.trace, mail.taken, sender, recipients, subject, words))
    return rows


def _text(text: str) -> str:
    """In one line, of bounded length, and surely UTF-8."""
    return " ".join(text.split())[:LONGEST].encode("utf-8", "replace").decode()
