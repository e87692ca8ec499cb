"""What the operator tells people: incidents, maintenance, news. In Japanese and English, with the time it is about.

A notice is *current* from when it was written until its end, and as long as it has none; then it stays on the
page for a year, as the history of the service. Who is shown it is everybody or only the administrators.
Mail about it is sent by whoever wrote it (`web.acts.notices`); here is only noted when that was done.

Blocks on the disk.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from storage.admin_files import Refused
from storage.state.statedb import StateDb

TABLES = (
    "CREATE TABLE notice (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, audience TEXT NOT NULL,"
    " begins REAL NOT NULL, ends REAL, title_ja TEXT NOT NULL, title_en TEXT NOT NULL, text_ja TEXT NOT NULL,"
    " text_en TEXT NOT NULL, author TEXT NOT NULL, created REAL NOT NULL, changed REAL NOT NULL, mailed REAL);"
    "CREATE INDEX notice_begins ON notice (begins)"
)

Kind = Literal["incident", "maintenance", "news"]
Audience = Literal["everybody", "administrators"]
KINDS: tuple[Kind, ...] = get_args(Kind)
AUDIENCES: tuple[Audience, ...] = get_args(Audience)

LONGEST_TITLE = 200
LONGEST_TEXT = 20_000
MOST = 1_000  # notices kept
KEPT = 365 * 86_400  # seconds after its end

_COLUMNS = (
    "id, kind, audience, begins, ends, title_ja, title_en, text_ja, text_en, author, created, changed, mailed"
)


@dataclass(frozen=True, slots=True)
class Words:
    """What a notice says. One language may be left empty: then all read the other."""

    kind: Kind
    audience: Audience
    begins: float  # of what it is about
    ends: float | None  # None: not known yet
    title_ja: str
    title_en: str
    text_ja: str = ""
    text_en: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as it is published."""

    id: int
    words: Words
    author: str
    created: float
    changed: float
    mailed: float | None

    def current(self, now: float) -> bool:
        return self.words.ends is None or now < self.words.ends

    def title(self, language: str) -> str:
        first, second = self.words.title_en, self.words.title_ja
        return (second or first) if language == "ja" else (first or second)

    def text(self, language: str) -> str:
        first, second = self.words.text_en, self.words.text_ja
        return (second or first) if language == "ja" else (first or second)


class Notices:
    """The notices in the panel's file."""

    def __init__(self, db: StateDb, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock

    def add(self, words: Words, author: str) -> Notice:
        """Raises Refused."""
        _check(words)
        now = self._clock()
        with self._db.transaction() as db:
            db.execute("DELETE FROM notice WHERE ends < ?", (now - KEPT,))
            (count,) = db.execute("SELECT count(*) FROM notice").fetchone()
            if count >= MOST:
                raise Refused(f"there are {MOST} notices, which are the most: delete old ones first")
            cursor = db.execute(
                f"INSERT INTO notice ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",  # noqa: S608
                (*_values(words), author, now, now),
            )
        return Notice(cursor.lastrowid or 0, words, author, now, now, None)

    def change(self, which: int, words: Words) -> Notice | None:
        """Raises Refused; None if there is no such notice."""
        _check(words)
        with self._db.transaction() as db:
            db.execute(
                "UPDATE notice SET kind = ?, audience = ?, begins = ?, ends = ?, title_ja = ?, title_en = ?,"
                " text_ja = ?, text_en = ?, changed = ? WHERE id = ?",
                (*_values(words), self._clock(), which),
            )
        return self.get(which)

    def delete(self, which: int) -> bool:
        with self._db.transaction() as db:
            return db.execute("DELETE FROM notice WHERE id = ?", (which,)).rowcount > 0

    def mailed(self, which: int) -> None:
        """The administrators have been told by mail, now."""
        with self._db.transaction() as db:
            db.execute("UPDATE notice SET mailed = ? WHERE id = ?", (self._clock(), which))

    def get(self, which: int) -> Notice | None:
        rows = self._db.query(f"SELECT {_COLUMNS} FROM notice WHERE id = ?", (which,))  # noqa: S608
        return _notice(rows[0]) if rows else None

    def shown(self, audience: Audience, *, current: bool = False, most: int = MOST) -> list[Notice]:
        """Those for these people, the latest first; `administrators` see all. Only the current ones if so asked."""
        rows = self._db.query(
            f"SELECT {_COLUMNS} FROM notice WHERE audience IN ('everybody', ?)"  # noqa: S608
            " AND (NOT ? OR ends IS NULL OR ends > ?) ORDER BY begins DESC, id DESC LIMIT ?",
            (audience, current, self._clock(), most),
        )
        return [_notice(row) for row in rows]


def _check(words: Words) -> None:
    if not words.title_ja.strip() and not words.title_en.strip():
        raise Refused("a notice needs a title, in Japanese or in English")
    if max(len(words.title_ja), len(words.title_en)) > LONGEST_TITLE:
        raise Refused(f"a title has at most {LONGEST_TITLE} characters")
    if max(len(words.text_ja), len(words.text_en)) > LONGEST_TEXT:
        raise Refused(f"a text has at most {LONGEST_TEXT} characters")
    if words.ends is not None and words.ends <= words.begins:
        raise Refused("the end is not after the beginning")
    if words.kind not in KINDS or words.audience not in AUDIENCES:
        raise Refused(f"a notice is one of {', '.join(KINDS)}, for {' or '.join(AUDIENCES)}")


def _values(words: Words) -> tuple[str | float | None, ...]:
    return (
        words.kind,
        words.audience,
        words.begins,
        words.ends,
        words.title_ja.strip(),
        words.title_en.strip(),
        words.text_ja.strip(),
        words.text_en.strip(),
    )


def _notice(row: tuple[object, ...]) -> Notice:
    (
        which,
        kind,
        audience,
        begins,
        ends,
        title_ja,
        title_en,
        text_ja,
        text_en,
        author,
        created,
        changed,
        mailed,
    ) = row
    words = Words(kind, audience, begins, ends, title_ja, title_en, text_ja, text_en)  # type: ignore[arg-type]
    return Notice(which, words, author, created, changed, mailed)  # type: ignore[arg-type]
