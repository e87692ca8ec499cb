"""Finds messages by their text, for the mailboxes of a process: candidates by their words, then each one's text.

Says of each message of a mailbox one of three things: its text holds what is looked for, it does not, or nobody
knows, for it is not taken in (yet), or more of it lies in its file than is kept. So what is found is the same with
an index that is up to date, behind, or gone. Blocks on the disk: for threads.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from storage.columns import Part
from storage.search import fulltext
from storage.search import words as fulltext_words

SPARE = 100  # messages that went and are still remembered, beside as many as there are


@dataclass(frozen=True, slots=True)
class Said:
    """A text, folded, in the body of a message; or in its header or its body."""

    text: str
    with_header: bool


@dataclass(frozen=True, slots=True)
class Found:
    """UIDs of messages that hold it, and of those that have to be read."""

    found: frozenset[int]
    unknown: frozenset[int]


@dataclass(slots=True)
class Finder:
    """For one mailbox. Remembers which of its messages are taken in: they stay so while the file is the same."""

    _file: tuple[int, int] = (0, 0)  # what the numbers are from
    _numbers: dict[int, tuple[int, bool]] = field(default_factory=dict)  # UID: number of the document, whole
    _mutex: Lock = field(default_factory=Lock)

    def find(self, folder: Path, part: Part, questions: Sequence[Said]) -> list[Found]:
        """For each question what is known of the rows' messages; `folder` is the account's."""
        nothing = Found(frozenset(), frozenset(part.uids))
        with self._mutex:
            db = fulltext.open_for_reading(folder)
            if db is None:
                return [nothing] * len(questions)
            try:
                here = self._here(db, fulltext.identity(folder, db), part)
                return [_find(db, here, nothing.unknown, question) for question in questions]
            except (sqlite3.DatabaseError, FileNotFoundError):
                return [nothing] * len(questions)  # who writes to it finds out that it is damaged
            finally:
                db.close()

    def _here(self, db: sqlite3.Connection, file: tuple[int, int], part: Part) -> dict[int, tuple[int, bool]]:
        if file != self._file:
            self._file, self._numbers = file, {}
        unknown = set(part.uids) - self._numbers.keys()
        if unknown:
            missing = {row.uid: row.base for row in part.among(unknown).rows()}
            known = fulltext.known(db, missing.values())
            self._numbers |= {uid: known[base] for uid, base in missing.items() if base in known}
            if len(self._numbers) > 2 * len(part.mailbox) + SPARE:  # it may be loaded for months
                here = set(part.mailbox.uids)
                self._numbers = {uid: number for uid, number in self._numbers.items() if uid in here}
        return {uid: self._numbers[uid] for uid in part.uids if uid in self._numbers}


def _find(
    db: sqlite3.Connection, here: Mapping[int, tuple[int, bool]], uids: frozenset[int], question: Said
) -> Found:
    numbers = {number for number, _ in here.values()}
    asked = fulltext_words.query(question.text)
    if asked is not None:
        named = db.execute("SELECT rowid FROM words WHERE words MATCH ?", (asked,))
        numbers &= {number for (number,) in named}
    holding = set(_holding(db, numbers, question))
    found = frozenset([uid for uid, (number, _) in here.items() if number in holding])
    cut = [uid for uid, (_, whole) in here.items() if not whole and uid not in found]
    return Found(found, (uids - here.keys()).union(cut))


def _holding(db: sqlite3.Connection, numbers: Iterable[int], question: Said) -> Iterable[int]:
    """Those of the documents whose text holds it: the last word about each candidate."""
    needle = question.text.encode("utf-8", "replace")
    named = "id IN (SELECT value FROM json_each(?))"
    chosen = (json.dumps(list(numbers)),)
    if question.with_header:
        for number, head, body in db.execute(f"SELECT id, head, body FROM texts WHERE {named}", chosen):  # noqa: S608
            if needle in fulltext.unpacked(body) or needle in fulltext.unpacked(head):
                yield number
    else:
        for number, body in db.execute(f"SELECT id, body FROM texts WHERE {named}", chosen):  # noqa: S608
            if needle in fulltext.unpacked(body):
                yield number
