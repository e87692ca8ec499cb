"""What an operator asks of the queue: look at it, hold, release, try now, delete, count.

Works on a queue that runners use at the same time, and holds none of them up: what is long is done in pieces, each
with a short transaction of its own, and with a pause between those that write. Held recipients keep their place and
are not tried; a recipient that is being tried while it is held ends as that attempt ends. Deleted messages vanish
without a notice to the sender: rows first, then the file, as everywhere in the queue.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

from storage.queue.queue import TRY_ALL, Queue
from storage.queue.queued import LaneStats, Listed, QueueStats, Select
from storage.queue.rows import drop, envelope_from, queued_from
from storage.status import Status

BATCH = 500  # messages looked at or changed in one transaction
PAUSE = 0.005  # seconds between two that write: a runner that waits for the lock gets it
Progress = Callable[[int, int], None]  # done, of so many
Ids = list[str]
Rows = list[tuple[Any, ...]]


def quiet(done: int, of: int) -> None:
    """Progress that nobody looks at."""


class QueueAdmin:
    """The operator's hands on a queue."""

    def __init__(self, queue: Queue, pause: float = PAUSE) -> None:
        self._queue = queue
        self._pause = pause

    def list(self, select: Select) -> Iterator[Listed]:
        """The messages meant, the oldest first, each with all its recipients."""
        for batch in _batches(self._meant(select)):
            with self._queue.database.reading() as db:
                envelopes = db.execute(ENVELOPES, (json.dumps(batch),)).fetchall()
                recipients = db.execute(RECIPIENTS, (json.dumps(batch),)).fetchall()
            yield from self._together(batch, envelopes, recipients)

    def count(self, select: Select) -> int:
        """How many messages are meant."""
        return len(self._meant(select))

    def show(self, queue_id: str) -> Listed | None:
        """One message, or None."""
        with self._queue.database.reading() as db:
            envelopes = db.execute("SELECT * FROM envelope WHERE id = ?", (queue_id,)).fetchall()
            recipients = db.execute(RECIPIENTS, (json.dumps([queue_id]),)).fetchall()
        return next(self._together([queue_id], envelopes, recipients), None)

    def hold(self, select: Select, progress: Progress = quiet) -> int:
        """Stop the waiting recipients of the messages meant; how many messages were stopped."""
        return self._change(
            select,
            "UPDATE recipient SET state = 'held' WHERE message = ? AND state = 'waiting'",
            (),
            progress,
        )

    def release(self, select: Select, progress: Progress = quiet) -> int:
        """Let held recipients go on, at once."""
        return self._change(
            select,
            "UPDATE recipient SET state = 'waiting', due = ?, holder = '' WHERE message = ? AND state = 'held'",
            (int(self._queue.time.now()),),
            progress,
        )

    def retry(self, select: Select, progress: Progress = quiet) -> int:
        """Make waiting recipients due now, also where nobody answered of late. Some are being tried already, and
        what its sender holds back until later stays (RFC 4865)."""
        return self._change(
            select,
            """UPDATE recipient SET due = ?1 WHERE message = ?2 AND state = 'waiting' AND holder = ''
               AND (SELECT since FROM message WHERE id = ?2) <= ?1""",
            (int(self._queue.time.now()),),
            progress,
        )

    def delete(self, select: Select, progress: Progress = quiet) -> int:
        """Take messages out of the queue without a word to their senders."""
        meant = self._meant(select)
        deleted = 0
        for batch in _batches(meant):
            with self._queue.database.writing() as db:
                for queue_id in batch:
                    drop(db, queue_id)
            self._queue.files.remove(batch)
            deleted += len(batch)
            progress(deleted, len(meant))
            time.sleep(self._pause)
        return deleted

    def stats(self, most: int = 20) -> QueueStats:
        """The queue in numbers, with the `most` busiest destinations."""
        now = int(self._queue.time.now())
        with self._queue.database.reading() as db:
            messages, octets, oldest = db.execute(
                "SELECT count(*), coalesce(sum(size), 0), min(added) FROM message"
            ).fetchone()
            states = dict(db.execute("SELECT state, count(*) FROM recipient GROUP BY state").fetchall())
            (leased,) = db.execute(
                "SELECT count(*) FROM recipient WHERE state = 'waiting' AND holder != '' AND due > ?", (now,)
            ).fetchone()
            (failed,) = db.execute("SELECT count(*) FROM untold WHERE state = 'failed'").fetchone()
            (due,) = db.execute("SELECT min(due) FROM recipient WHERE state = 'waiting'").fetchone()
            lanes = db.execute(LANES, (most,)).fetchall()
            stats = tuple(self._lane(db, row) for row in lanes)
        waiting = states.get("waiting", 0) - leased
        held, next_due = states.get("held", 0), None if due is None else due + self._queue.time.ahead
        return QueueStats(messages, octets, waiting, leased, held, failed, oldest, next_due, stats)

    def _lane(self, db: sqlite3.Connection, row: tuple[Any, ...]) -> LaneStats:
        name, recipients, oldest, due, last_failed = row
        error = (None, "", "")
        if last_failed is not None:
            error = db.execute(LAST_ERROR, (name, last_failed)).fetchone()
        code, text, remote = error
        return LaneStats(
            name,
            recipients,
            oldest,
            None if due is None else due + self._queue.time.ahead,
            None if code is None else Status(code, text),
            remote,
        )

    def _change(self, select: Select, statement: str, values: tuple[int, ...], progress: Progress) -> int:
        meant = self._meant(select)
        changed = seen = 0
        for batch in _batches(meant):
            with self._queue.database.writing() as db:
                changed += sum(db.execute(statement, (*values, queue_id)).rowcount > 0 for queue_id in batch)
            seen += len(batch)
            progress(seen, len(meant))
            time.sleep(self._pause)
        self._queue.wake(TRY_ALL)
        return changed

    def _meant(self, select: Select) -> Ids:
        with self._queue.database.reading() as db:
            return [row[0] for row in _messages(db, select)]

    def _together(self, order: Ids, envelopes: Rows, recipients: Rows) -> Iterator[Listed]:
        ahead = self._queue.time.ahead
        of: dict[str, Rows] = {row[0]: [] for row in envelopes}
        for row in recipients:
            of[row[0]].append(row)
        heads = {row[0]: row for row in envelopes}
        for queue_id in order:
            if queue_id in heads:
                found = tuple(queued_from(row, ahead) for row in of[queue_id])
                yield Listed(envelope_from(heads[queue_id]), found)


ENVELOPES = "SELECT * FROM envelope WHERE id IN (SELECT value FROM json_each(?))"
RECIPIENTS = """
    SELECT * FROM queued WHERE message IN (SELECT value FROM json_each(?)) ORDER BY message, number
"""
# A recipient that nobody has looked at has no lane yet: its domain stands for it.
LANES = """
    SELECT coalesce(nullif(lane, ''), domain) AS name, count(*), min(added),
           min(CASE WHEN state = 'waiting' THEN due END),
           max(CASE WHEN code >= '4' THEN last_attempt END)
    FROM open JOIN message ON id = message GROUP BY name ORDER BY count(*) DESC, name LIMIT ?
"""
LAST_ERROR = """
    SELECT code, text, remote FROM open
    WHERE coalesce(nullif(lane, ''), domain) = ? AND last_attempt = ? AND code >= '4' LIMIT 1
"""


def _batches(queue_ids: Ids) -> Iterator[Ids]:
    for start in range(0, len(queue_ids), BATCH):
        yield queue_ids[start : start + BATCH]


def _messages(db: sqlite3.Connection, select: Select) -> list[tuple[str]]:
    """The ids of the messages that are meant."""
    return db.execute(
        """SELECT id FROM message WHERE
           (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
           AND (:sender IS NULL OR reverse_path = :sender COLLATE NOCASE)
           AND (:before IS NULL OR added < :before)
           AND (:after IS NULL OR added >= :after)
           AND (:recipient IS NULL OR EXISTS
               (SELECT 1 FROM recipient WHERE message = id AND address = :recipient COLLATE NOCASE))
           AND (:domain IS NULL OR EXISTS
               (SELECT 1 FROM recipient WHERE message = id AND domain = :domain))
           AND (:state IS NULL OR EXISTS
               (SELECT 1 FROM recipient WHERE message = id AND state = :state))
           ORDER BY added, id LIMIT :most""",
        {
            "ids": json.dumps(select.queue_ids) if select.queue_ids else None,
            "sender": "" if select.sender == "<>" else select.sender or None,
            "before": select.added_before,
            "after": select.added_after,
            "recipient": select.recipient or None,
            "domain": select.domain.lower() or None,
            "state": select.state,
            "most": -1 if select.most is None else select.most,  # SQLite: no limit
        },
    ).fetchall()
