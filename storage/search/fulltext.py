"""fulltext.sqlite of an account: what its messages say, and by which words they are found.

A cache as the index is: it may be deleted, or switched off (`imap.fulltext`), and nothing but time is lost. A
message is known by its base name, which COPY and MOVE keep, so they cost nothing here. Its text is kept in the form
in which texts are compared, for a candidate counts only if the text says so; where the file has more of it than is
kept (`whole` is false), the file has the last word.

FTS5 keeps no positions and no text of its own (`detail=none`, `content=''`): what is forgotten has to be named
again, token by token.
"""

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.index import damaged
from storage.mime.header import BLOCK
from storage.mime.parts import parse
from storage.mime.text import fold, header_text, texts
from storage.octets import Octets
from storage.search.words import tokens

FILE = "fulltext.sqlite"
SHAPE = 2  # PRAGMA user_version; another one means: make it again
KEPT = 1024 * 1024  # octets of one message's text that are kept
PLAIN = 16 * 1024  # octets up to which a text is kept as it is: to unpack it costs more than to look into it
PAGE = 16 * 1024  # octets: most texts lie in one, and a search reads thousands

# Every sign of ASCII is part of a token; all above it are for this tokenizer anyway.
_SIGNS = "".join(chr(code) for code in range(0x21, 0x7F) if not chr(code).isalnum())
_SCHEMA = f"""
CREATE TABLE documents (id INTEGER PRIMARY KEY AUTOINCREMENT, base TEXT NOT NULL UNIQUE, whole INTEGER NOT NULL);
CREATE TABLE texts (id INTEGER PRIMARY KEY, head BLOB NOT NULL, body BLOB NOT NULL);
CREATE VIRTUAL TABLE words USING fts5(
    tokens, content='', detail=none, columnsize=0,
    tokenize="ascii tokenchars '{_SIGNS.replace("'", "''").replace('"', '""')}'"
);
CREATE TABLE progress (             -- rows of a mailbox up to this MODSEQ (and of it, up to this UID) were taken in
    mailboxid TEXT PRIMARY KEY, modseq INTEGER NOT NULL, uid INTEGER NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Document:
    """What a message says, folded."""

    head: str
    body: str  # its pieces, a line each: no search text has a line end
    whole: bool


def read(data: Octets) -> Document:
    """The text of a message, as `imap.search` would read it. Never raises."""
    root = parse(data)
    head = fold(header_text(data, root))
    whole = root.body_start - root.header_start <= BLOCK
    room = KEPT - len(head)
    pieces: list[str] = []
    for piece in texts(data, root):
        if room <= 0:
            whole = False
            break
        folded = fold(piece)
        whole = whole and len(folded) <= room
        pieces.append(folded[:room])
        room -= len(folded)
    return Document(head[:KEPT], "\n".join(pieces), whole and len(head) <= KEPT)


def open_for_reading(folder: Path) -> sqlite3.Connection | None:
    """None where there is none, or none that can be used: then everything has to be read."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        db = sqlite3.connect(
            f"file:{path}?mode=ro", uri=True, timeout=5, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error:
        return None
    try:
        if db.execute("PRAGMA user_version").fetchone()[0] == SHAPE:
            return db
    except sqlite3.Error:
        pass
    db.close()
    return None


def open_for_writing(folder: Path) -> sqlite3.Connection:
    """Made afresh where it is missing, of an older shape or damaged."""
    path = folder / FILE
    if path.exists():
        db = _connect(path)
        try:
            if db.execute("PRAGMA user_version").fetchone()[0] == SHAPE:
                return db
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                db.close()
                raise
        db.close()
        remove(folder)
    db = _connect(path)
    mark = int.from_bytes(os.urandom(4), signed=True)
    db.executescript(
        f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {mark}; PRAGMA user_version = {SHAPE}; COMMIT"
    )
    return db


def identity(folder: Path, db: sqlite3.Connection) -> tuple[int, int]:
    """Of the file that is open: one that is made afresh may get the inode of the one before."""
    (mark,) = db.execute("PRAGMA application_id").fetchone()
    return os.stat(folder / FILE).st_ino, mark


def _connect(path: Path) -> sqlite3.Connection:
    with contextlib.suppress(
        FileExistsError
    ):  # one that is there SQLite alone may open: see storage/state/statedb.py
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA page_size = {PAGE}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA journal_size_limit = 4194304")  # the log of a large turn is given back
    except sqlite3.DatabaseError:
        pass  # not a database: who opens it finds out by its user_version
    return db


def remove(folder: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (folder / (FILE + suffix)).unlink(missing_ok=True)


def size(folder: Path) -> int:
    """Octets on the disk."""
    total = 0
    for suffix in ("", "-wal"):
        try:
            total += os.stat(folder / (FILE + suffix)).st_size
        except FileNotFoundError:
            continue
    return total


def count(folder: Path) -> int:
    """Messages that are taken in."""
    db = open_for_reading(folder)
    if db is None:
        return 0
    with contextlib.closing(db):
        (found,) = db.execute("SELECT COUNT(*) FROM documents").fetchone()
        return int(found)


def known(db: sqlite3.Connection, bases: Iterable[str]) -> dict[str, tuple[int, bool]]:
    """Number and `whole` of those of the messages that are taken in, by base name."""
    wanted = set(bases)
    (most,) = db.execute("SELECT MAX(id) FROM documents").fetchone()
    if (most or 0) <= 4 * len(wanted):  # to read them all is sooner done than to look for each
        found = db.execute("SELECT base, id, whole FROM documents")
        return {base: (number, bool(whole)) for base, number, whole in found if base in wanted}
    here: dict[str, tuple[int, bool]] = {}
    for base in wanted:
        row = db.execute("SELECT id, whole FROM documents WHERE base = ?", (base,)).fetchone()
        if row is not None:
            here[base] = row[0], bool(row[1])
    return here


def add(db: sqlite3.Connection, documents: Mapping[str, Document]) -> None:
    """Take messages in, by base name; those that are here already stay as they are. In the caller's transaction."""
    for base, document in documents.items():
        inserted = db.execute(
            "INSERT OR IGNORE INTO documents (base, whole) VALUES (?, ?)", (base, document.whole)
        )
        if inserted.rowcount != 1:
            continue
        number = inserted.lastrowid
        db.execute(
            "INSERT INTO texts VALUES (?, ?, ?)", (number, _packed(document.head), _packed(document.body))
        )
        db.execute(
            "INSERT INTO words (rowid, tokens) VALUES (?, ?)", (number, _words(document.head, document.body))
        )


def forget(db: sqlite3.Connection, bases: Sequence[str]) -> None:
    """Messages that are no more. In the caller's transaction."""
    for base in bases:
        row = db.execute("SELECT id FROM documents WHERE base = ?", (base,)).fetchone()
        if row is None:
            continue
        head, body = db.execute("SELECT head, body FROM texts WHERE id = ?", row).fetchone()
        words = _words(unpacked(head).decode(), unpacked(body).decode())
        db.execute("INSERT INTO words (words, rowid, tokens) VALUES ('delete', ?, ?)", (row[0], words))
        db.execute("DELETE FROM texts WHERE id = ?", row)
        db.execute("DELETE FROM documents WHERE id = ?", row)


def _words(head: str, body: str) -> str:
    return " ".join(tokens(head) | tokens(body))


def _packed(text: str) -> bytes:
    """A text as it is kept: with a mark in front that no UTF-8 begins with, where it is packed."""
    octets = text.encode("utf-8", "replace")
    return octets if len(octets) <= PLAIN else b"\xff" + zlib.compress(octets, 1)


def unpacked(kept: bytes) -> bytes:
    return zlib.decompress(kept[1:]) if kept[:1] == b"\xff" else kept
