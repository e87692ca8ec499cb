"""index.sqlite of an account: a cache of what the Maildir says, and nothing else.

WAL with `synchronous=NORMAL`: no promise rests on a commit reaching the disk. Whatever is missing, of an
older shape or damaged is thrown away and made again from the files; the caller holds the account's lock when
it opens, and every writer holds it when it writes.
"""

import sqlite3
from pathlib import Path

SHAPE = 6  # PRAGMA user_version; another one means: make the index again

_SCHEMA = """
CREATE TABLE account (
    used_bytes INTEGER NOT NULL, used_messages INTEGER NOT NULL,
    boot TEXT NOT NULL              -- boot id under which its mailboxes were made to agree with the folders
);
INSERT INTO account VALUES (0, 0, '');
CREATE TABLE mailboxes (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, mailboxid TEXT NOT NULL UNIQUE,
    uidvalidity INTEGER NOT NULL, uidnext INTEGER NOT NULL, uidnext_mark INTEGER NOT NULL,
    modseq INTEGER NOT NULL, modseq_mark INTEGER NOT NULL,
    keywords TEXT NOT NULL, special_use TEXT,
    messages INTEGER NOT NULL, bytes INTEGER NOT NULL,
    recent INTEGER NOT NULL,        -- UIDs from here on were never shown to a read-write session
    floor INTEGER NOT NULL,         -- expunged rows are complete above this modseq
    boot TEXT NOT NULL,             -- boot id under which it was last reconciled; '' = never
    new_mtime INTEGER NOT NULL, cur_mtime INTEGER NOT NULL, looked INTEGER NOT NULL
);
CREATE TABLE rows (
    mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, base TEXT NOT NULL, flags TEXT NOT NULL,
    modseq INTEGER NOT NULL, size INTEGER NOT NULL, date INTEGER NOT NULL, born INTEGER NOT NULL,
    came TEXT NOT NULL, cur INTEGER NOT NULL, lf INTEGER NOT NULL,
    saved INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE INDEX rows_modseq ON rows (mailbox, modseq);
CREATE TABLE expunged (
    mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, base TEXT NOT NULL,
    modseq INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE INDEX expunged_modseq ON expunged (mailbox, modseq);
CREATE TABLE summaries (
    mailbox INTEGER NOT NULL, uid INTEGER NOT NULL,
    envelope BLOB NOT NULL, bodystructure BLOB NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE TABLE heads (                -- storage/mime/head.py; what searches look at comes first
    mailbox INTEGER NOT NULL, uid INTEGER NOT NULL,
    subject TEXT, author TEXT, receiver TEXT, cc TEXT, bcc TEXT, ident TEXT,
    day INTEGER NOT NULL, sent INTEGER, topic TEXT NOT NULL, reply INTEGER NOT NULL,
    by_author TEXT NOT NULL, by_receiver TEXT NOT NULL, by_cc TEXT NOT NULL,
    shown_author TEXT NOT NULL, shown_receiver TEXT NOT NULL, links TEXT NOT NULL, whole INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE TABLE packed (               -- storage/packed.py; all rows of a large mailbox as they were at a modseq
    mailbox INTEGER PRIMARY KEY, modseq INTEGER NOT NULL, rows BLOB NOT NULL
);
CREATE TABLE previews (             -- RFC 8970; made when first asked for
    mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, preview TEXT NOT NULL,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
"""


def open_index(path: Path) -> sqlite3.Connection:
    """The connection. The index may be new and empty: `account.boot` says so. Under the account's lock."""
    if path.exists():
        connection = _connect(path)
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] == SHAPE:
                return connection
        except sqlite3.DatabaseError as error:
            if not damaged(error):  # no room for its log, no descriptor, no permission: it is as good as ever
                connection.close()
                raise
        connection.close()
    # A write-ahead log without its database must not be played into the new one.
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    connection = _connect(path, new=True)
    connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SHAPE}; COMMIT")
    return connection


def damaged(error: BaseException) -> bool:
    """Whether an error says that the file is not a whole database any more."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _connect(path: Path, *, new: bool = False) -> sqlite3.Connection:
    # One thread at a time uses it (Cabinet.mutex), but not always the same one.
    connection = sqlite3.connect(
        path, timeout=20, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    try:
        if new:  # an empty database is not worth waiting for: what a power cut leaves of it is thrown away
            connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -512")  # KiB: up to 500 of these are open in a process
    except sqlite3.DatabaseError:
        pass  # not a database, or no room: open_index finds out by its user_version
    return connection
