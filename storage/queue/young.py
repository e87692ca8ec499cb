"""Messages that came a moment ago: their octets lie beside their rows in queue.sqlite, not yet in a file.

Nearly every message has left the queue a second after it came. As a file it costs a commit of the file system's
journal and a change of the folder when it comes, and another when it is deleted; beside its rows it is durable with
them, by the one fsync that they need in any case. A message that is still there after `AGE` seconds becomes a file:
so the database stays small however long the queue is, and what waits does not hang on that one file alone.

Invariants: a message up to `MOST` octets that was in memory is in `young`, or it is a file, or for a moment both;
never neither. The file is whole and durable under its name before the row goes. Who wants the octets looks here
first, so one that grows up meanwhile is found as a file. The row goes with those of the message, in the same
transaction; where it was there, whoever is about to make a file of it finds the message gone and deletes that file.

Each function here is a part of a transaction that `storage.queue.queue` opens.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence

MOST = (
    64 * 1024
)  # octets; a larger message is a file from the first: written twice it would cost more than it saves
AGE = 5  # seconds until it becomes a file
TOGETHER = 64  # messages that become files with one wait for the disk


def insert(db: sqlite3.Connection, messages: Iterable[tuple[str, bytes]], now: int) -> None:
    """The octets of new messages, by queue id."""
    db.executemany(
        "INSERT INTO young VALUES (?, ?, ?)", [(queue_id, now, octets) for queue_id, octets in messages]
    )


def read(db: sqlite3.Connection, queue_ids: Collection[str]) -> dict[str, bytes]:
    """Those of them that are here."""
    wanted = "SELECT id, octets FROM young WHERE id IN (SELECT value FROM json_each(?))"
    return dict(db.execute(wanted, (json.dumps(list(queue_ids)),)).fetchall())


def old(db: sqlite3.Connection, before: int, most: int = TOGETHER) -> list[tuple[str, bytes]]:
    """Some that came until then."""
    return db.execute("SELECT id, octets FROM young WHERE came <= ? LIMIT ?", (before, most)).fetchall()


def grown(db: sqlite3.Connection, queue_ids: Sequence[str]) -> list[str]:
    """These are files now. Those that are done meanwhile, whose files nobody needs."""
    ids = json.dumps(queue_ids)
    db.execute("DELETE FROM young WHERE id IN (SELECT value FROM json_each(?))", (ids,))
    done = "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM message)"
    return [row[0] for row in db.execute(done, (ids,))]
