"""What an operator asks of the queue: look at it, hold, release, try now, delete, count.

Works on a queue that runners use at the same time. Held recipients keep their place and are not tried; a
recipient that is being tried while it is held ends as that attempt ends. Deleted messages vanish without a
notice to the sender: rows first, then the file, as everywhere in the queue.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator

from storage.queue import Queue
from storage.queue_rows import drop, queued_from
from storage.queued import Envelope, Listed, QueueStats, Select

BATCH = 500  # messages changed in one transaction, so that a long command delays no runner


class QueueAdmin:
    """The operator's hands on a queue."""

    def __init__(self, queue: Queue, clock: Callable[[], float] = time.time) -> None:
        self._queue = queue
        self._clock = clock

    def list(self, select: Select) -> list[Listed]:
        """The messages meant, the oldest first, each with all its recipients."""
        with self._queue.database.reading() as db:
            return [_listed(db, row) for row in _messages(db, select)]

    def show(self, queue_id: str) -> Listed | None:
        """One message, or None."""
        with self._queue.database.reading() as db:
            row = db.execute("SELECT * FROM envelope WHERE id = ?", (queue_id,)).fetchone()
            return None if row is None else _listed(db, row)

    def hold(self, select: Select) -> int:
        """Stop the waiting recipients of the messages meant; how many messages were stopped."""
        return self._change(
            select, "UPDATE recipient SET state = 'held' WHERE message = ? AND state = 'waiting'", ()
        )

    def release(self, select: Select) -> int:
        """Let held recipients go on, at once."""
        now = int(self._clock())
        return self._change(
            select,
            "UPDATE recipient SET state = 'waiting', due = ?, holder = ''"
            " WHERE message = ? AND state = 'held'",
            (now,),
        )

    def retry(self, select: Select) -> int:
        """Make waiting recipients due now. Those leased at this moment are being tried already."""
        now = int(self._clock())
        return self._change(
            select,
            "UPDATE recipient SET due = ? WHERE message = ? AND state = 'waiting' AND holder = ''",
            (now,),
        )

    def delete(self, select: Select) -> int:
        """Take messages out of the queue without a word to their senders."""
        deleted = 0
        for batch in self._batches(select):
            with self._queue.database.writing() as db:
                for queue_id in batch:
                    drop(db, queue_id)
            self._queue.forget_files(batch)
            deleted += len(batch)
        return deleted

    def stats(self, domains: int = 20) -> QueueStats:
        """The queue in numbers, with its `domains` busiest recipient domains."""
        now = int(self._clock())
        with self._queue.database.reading() as db:
            messages, octets, oldest = db.execute(
                "SELECT count(*), coalesce(sum(size), 0), min(added) FROM message"
            ).fetchone()
            states = dict(db.execute("SELECT state, count(*) FROM recipient GROUP BY state").fetchall())
            (leased,) = db.execute(
                "SELECT count(*) FROM recipient WHERE state = 'waiting' AND holder != '' AND due > ?", (now,)
            ).fetchone()
            (failed,) = db.execute("SELECT count(*) FROM untold").fetchone()
            (due,) = db.execute("SELECT min(due) FROM recipient WHERE state = 'waiting'").fetchone()
            busiest = db.execute(
                "SELECT domain, count(*) FROM open GROUP BY domain ORDER BY count(*) DESC, domain LIMIT ?",
                (domains,),
            ).fetchall()
        waiting = states.get("waiting", 0) - leased
        return QueueStats(
            messages, octets, waiting, leased, states.get("held", 0), failed, oldest, due, tuple(busiest)
        )

    def _change(self, select: Select, statement: str, values: tuple[int, ...]) -> int:
        changed = 0
        for batch in self._batches(select):
            with self._queue.database.writing() as db:
                changed += sum(db.execute(statement, (*values, queue_id)).rowcount > 0 for queue_id in batch)
        self._queue.wake()
        return changed

    def _batches(self, select: Select) -> Iterator[tuple[str, ...]]:
        with self._queue.database.reading() as db:
            queue_ids = [row[0] for row in _messages(db, select)]
        for start in range(0, len(queue_ids), BATCH):
            yield tuple(queue_ids[start : start + BATCH])


def _listed(db: sqlite3.Connection, row: tuple[str, str, str, int, int, str, str]) -> Listed:
    recipients = db.execute("SELECT * FROM queued WHERE message = ? ORDER BY number", (row[0],)).fetchall()
    return Listed(Envelope(*row), tuple(queued_from(each) for each in recipients))


def _messages(db: sqlite3.Connection, select: Select) -> list[tuple[str, str, str, int, int, str, str]]:
    """The rows of the view `envelope` that are meant."""
    return db.execute(
        """SELECT * FROM envelope WHERE
           (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
           AND (:sender IS NULL OR reverse_path = :sender COLLATE NOCASE)
           AND (:before IS NULL OR added < :before)
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
            "recipient": select.recipient or None,
            "domain": select.domain.lower() or None,
            "state": select.state,
            "most": -1 if select.most is None else select.most,  # SQLite: no limit
        },
    ).fetchall()
