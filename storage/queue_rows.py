"""The rows of queue.sqlite and the values of `storage.queued`: one statement for each thing that happens.

Each function here is a part of a transaction that `storage.queue` or `storage.queue_admin` opens.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from storage.queued import Addressee, Envelope, Outcome, Queued, State
from storage.status import Status

DUE = """
    SELECT envelope.*, queued.* FROM queued JOIN envelope ON envelope.id = queued.message
    WHERE queued.state = 'waiting' AND queued.due <= ?
    ORDER BY queued.due, queued.message, queued.number LIMIT ?
"""


def queued_from(row: tuple[Any, ...]) -> Queued:
    """A recipient from a row of the view `queued`."""
    _, *head, state, due, holder, attempts, last_attempt, code, text = row
    status = None if code is None else Status(code, text)
    return Queued(*head, State(state), due, holder, attempts, last_attempt, status)  # type: ignore[call-arg]


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def insert(db: sqlite3.Connection, envelope: Envelope, recipients: Sequence[Addressee], due: int) -> None:
    db.execute(
        "INSERT INTO message (id, reverse_path, trace, added, size, envid, ret) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            envelope.queue_id,
            envelope.reverse_path,
            envelope.trace,
            envelope.added,
            envelope.size,
            envelope.envid,
            envelope.ret,
        ),
    )
    db.executemany(
        """INSERT INTO recipient (message, number, address, domain, original, mailbox, notify, orcpt, state,
           due, attempts, last_attempt, code, text)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?, ?, ?)""",
        [
            (
                envelope.queue_id,
                number,
                recipient.address,
                domain_of(recipient.address),
                recipient.original,
                recipient.mailbox,
                recipient.notify,
                recipient.orcpt,
                due,
                0 if recipient.status is None else 1,
                None if recipient.status is None else envelope.added,
                None if recipient.status is None else recipient.status.code,
                None if recipient.status is None else recipient.status.text,
            )
            for number, recipient in enumerate(recipients)
        ],
    )


def record(db: sqlite3.Connection, holder: str, queue_id: str, outcome: Outcome, now: int) -> None:
    values = (now, outcome.status.code, outcome.status.text)
    if outcome.status.temporary and outcome.due is not None:
        db.execute(
            """UPDATE recipient SET attempts = attempts + 1, last_attempt = ?, code = ?, text = ?, due = ?,
               holder = ''
               WHERE message = ? AND number = ? AND state IN ('waiting', 'held') AND holder = ?""",
            (*values, outcome.due, queue_id, outcome.number, holder),
        )
        return
    db.execute(
        """UPDATE recipient SET attempts = attempts + 1, last_attempt = ?, code = ?, text = ?, state = ?,
           holder = '' WHERE message = ? AND number = ? AND state IN ('waiting', 'held')""",
        (*values, State.DELIVERED if outcome.status.ok else State.FAILED, queue_id, outcome.number),
    )


def report(db: sqlite3.Connection, queue_id: str, numbers: Sequence[int]) -> int:
    """Mark failed recipients as told; how many were not yet."""
    return sum(
        db.execute(
            """UPDATE recipient SET reported = 1
               WHERE message = ? AND number = ? AND state = 'failed' AND reported = 0""",
            (queue_id, number),
        ).rowcount
        for number in numbers
    )


def drop_if_done(db: sqlite3.Connection, queue_id: str) -> bool:
    """Delete the rows of a message that has nobody left to serve or to tell of."""
    left = db.execute(
        "SELECT 1 FROM open WHERE message = ?1 UNION ALL SELECT 1 FROM untold WHERE message = ?1 LIMIT 1",
        (queue_id,),
    ).fetchone()
    if left is not None:
        return False
    drop(db, queue_id)
    return True


def drop(db: sqlite3.Connection, queue_id: str) -> None:
    """Delete all rows of a message; its file is to follow after the commit."""
    db.execute("DELETE FROM recipient WHERE message = ?", (queue_id,))
    db.execute("DELETE FROM message WHERE id = ?", (queue_id,))
