"""Questions to the heads of a mailbox's messages (storage/mime/head.py), answered by the index in one go.

For threads. The text of a search is looked for by SQLite: no row comes up that does not hold it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.account_files import AccountFiles
from storage.folder import Folder
from storage.look import current
from storage.mime.head import Head
from storage.records import snapshot


@dataclass(frozen=True, slots=True)
class Holds:
    """A field (a column of `Head`) holds this text, which is folded."""

    column: str
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The day of Date lies in first..last (20240131)."""

    first: int
    last: int


Question = Holds | Sent


def lacking(files: AccountFiles, folder: Folder, uids: Sequence[int]) -> tuple[set[int], set[int]]:
    """Those of the mailbox's `uids` whose heads are not there, and all UIDs whose fields were cut."""
    with files.reading() as db, snapshot(db):
        now = current(db, files, folder)
        count, cut = db.execute(
            "SELECT COUNT(*), COALESCE(SUM(NOT whole), 0) FROM heads WHERE mailbox = ?", (now.id,)
        ).fetchone()
        if count == now.messages and not cut:  # one for each row, as is usual: no UID need be looked at
            return set(), set()
        found = db.execute("SELECT uid, whole FROM heads WHERE mailbox = ?", (now.id,)).fetchall()
    return set(uids).difference([uid for uid, _ in found]), {uid for uid, whole in found if not whole}


def ask(
    files: AccountFiles, folder: Folder, span: tuple[int, int], questions: Sequence[Question]
) -> list[frozenset[int]]:
    """For each question the UIDs of `span` (both ends included) of which it is true."""
    with files.reading() as db:
        number = current(db, files, folder).id
        return [_answer(db, number, span, question) for question in questions]


def _answer(db: sqlite3.Connection, number: int, span: tuple[int, int], question: Question) -> frozenset[int]:
    values: tuple[str | int, ...]
    if isinstance(question, Holds):
        assert question.column in Head._fields
        test, values = f"instr({question.column}, ?)", (question.text,)
    else:
        test, values = "day BETWEEN ? AND ?", (max(question.first, 1), question.last)
    found = db.execute(
        f"SELECT uid FROM heads WHERE mailbox = ? AND uid BETWEEN ? AND ? AND {test}",  # noqa: S608
        (number, *span, *values),
    )
    return frozenset([uid for (uid,) in found])


def columns(
    files: AccountFiles, folder: Folder, span: tuple[int, int], names: Sequence[str]
) -> dict[int, tuple[Any, ...]]:
    """These columns of the heads in `span`, by UID."""
    assert set(names) <= set(Head._fields)
    with files.reading() as db:
        found = db.execute(
            f"SELECT uid, {', '.join(names)} FROM heads WHERE mailbox = ? AND uid BETWEEN ? AND ?",  # noqa: S608
            (current(db, files, folder).id, *span),
        )
        return {row[0]: row[1:] for row in found}
