"""The rows of queue.sqlite and the values of `storage.queue.queued`: one function for each thing that happens.

Each function here is a part of a transaction that `storage.queue.queue` or its neighbours open.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from storage.queue.queued import Addressee, Envelope, Lane, Outcome, Queued, Recorded, State, Work, wants
from storage.status import Status

ENVELOPE = 11  # columns of the view `envelope`
TEXT_MOST = 1000  # characters of what another host said that are kept

Key = Callable[[str, str], str]  # reverse-path and recipient domain to lane
Row = tuple[Any, ...]

DUE = """
    SELECT envelope.*, queued.* FROM queued JOIN envelope ON envelope.id = queued.message
    WHERE queued.lane = ?1 AND queued.state = 'waiting' AND queued.due <= ?2
    ORDER BY queued.due, queued.message, queued.number LIMIT ?3
"""
LEASE = "UPDATE recipient SET due = ?, holder = ? WHERE message = ? AND number = ?"
MOVE = "UPDATE recipient SET lane = ?, holder = '' WHERE message = ? AND number = ?"


def queued_from(row: Row, ahead: int) -> Queued:
    """A recipient from a row of the view `queued`, its due time as the time of day."""
    state, due = row[7:9]
    holder, attempts, last_attempt, code, text = row[9:14]
    reported, reverse_path = row[18:20]
    status = None if code is None else Status(code, text)
    delayed = reported > 0 and state in (State.WAITING, State.HELD)
    head = (*row[1:7], State(state), due + ahead, holder, attempts, last_attempt, status)
    return Queued(*head, *row[14:18], delayed, reverse_path)  # type: ignore[call-arg]


def envelope_from(row: Row, own_path: str = "") -> Envelope:
    """An envelope from a row of the view `envelope`, for recipients with a reverse-path of their own if given."""
    queue_id, reverse_path, *head, smtputf8, require_tls, eightbit, since = row
    flags = (bool(smtputf8), bool(require_tls), bool(eightbit))
    return Envelope(queue_id, own_path or reverse_path, *head, *flags, since)  # type: ignore[call-arg]


def works(rows: Iterable[Row], ahead: int, *, by_lane: bool) -> list[Work]:
    """Rows of both views side by side, as messages with their recipients: one for each reverse-path, and lane."""
    groups: dict[tuple[str, str, str], tuple[Row, list[Queued]]] = {}
    for row in rows:
        one = queued_from(row[ENVELOPE:], ahead)
        key = (row[0], one.reverse_path, one.lane if by_lane else "")
        groups.setdefault(key, (row[:ENVELOPE], []))[1].append(one)
    return [
        Work(envelope_from(head, path), tuple(recipients))
        for (_, path, _), (head, recipients) in groups.items()
    ]


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _recipient_row(
    envelope: Envelope, number: int, each: Addressee, now: int, due: int, holder: str, lease: int
) -> tuple[Any, ...]:
    """A new recipient: waiting, ended before it was queued, or leased to whoever queues it."""
    status = each.status
    state, reported, when, held_by = State.WAITING, 0, due, ""
    if status is not None and not status.temporary:
        state = State.DELIVERED if status.ok else State.FAILED
        reported = _to_tell(each.reverse_path or envelope.reverse_path, each.notify, status)
        when = now
    elif each.here and holder:
        when, held_by = now + lease, holder
    return (
        envelope.queue_id,
        number,
        each.address,
        domain_of(each.address),
        each.original,
        each.mailbox,
        each.notify,
        each.orcpt,
        state,
        reported,
        when,
        held_by,
        0 if status is None else 1,
        None if status is None else envelope.added,
        None if status is None else status.code,
        None if status is None else status.text[:TEXT_MOST],
        each.action,
        each.reverse_path,
    )


class New(NamedTuple):
    """A message whose rows are to be made."""

    envelope: Envelope
    recipients: Sequence[Addressee]
    due: int
    holder: str = ""


def insert(db: sqlite3.Connection, messages: Iterable[New], now: int, lease: int = 0) -> None:
    """All rows of new messages."""
    messages = list(messages)
    db.executemany(
        """INSERT INTO message (id, reverse_path, trace, added, size, envid, ret, smtputf8, require_tls, eightbit,
           since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (
                envelope.queue_id,
                envelope.reverse_path,
                envelope.trace,
                envelope.added,
                envelope.size,
                envelope.envid,
                envelope.ret,
                envelope.smtputf8,
                envelope.require_tls,
                envelope.eightbit,
                envelope.since,
            )
            for envelope, *_ in messages
        ],
    )
    rows = [
        _recipient_row(envelope, number, each, now, due, holder, lease)
        for envelope, recipients, due, holder in messages
        for number, each in enumerate(recipients)
    ]
    db.executemany(
        """INSERT INTO recipient (message, number, address, domain, original, mailbox, notify, orcpt, state,
           reported, due, holder, attempts, last_attempt, code, text, action, reverse_path)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        rows,
    )


def _to_tell(reverse_path: str, notify: str, status: Status) -> bool:
    """Whether the sender is to be told of a final status. Nobody is told of a bounce (RFC 5321 §6.1)."""
    return bool(reverse_path) and wants(notify, "SUCCESS" if status.ok else "FAILURE")


# ---------------------------------------------------------------------- out


def lanes(db: sqlite3.Connection, now: int, most: int) -> list[Lane]:
    rows = db.execute("SELECT name, next FROM lane WHERE next <= ? ORDER BY next LIMIT ?", (now, most))
    return [Lane(*row) for row in rows]


def claim(
    db: sqlite3.Connection, holder: str, lane: str, now: int, most: int, lease: int, key: Key | None
) -> list[Row]:
    """The rows of due recipients of a lane, leased; those that belong into another lane by now go there."""
    rows = db.execute(DUE, (lane, now, most)).fetchall()
    mine, moved = rows, []
    if key is not None:
        keys = [key(row[-1] or row[1], domain_of(row[ENVELOPE + 2])) for row in rows]
        mine = [row for row, name in zip(rows, keys, strict=True) if name == lane]
        moved = [
            (name, row[0], row[ENVELOPE + 1]) for row, name in zip(rows, keys, strict=True) if name != lane
        ]
    db.executemany(LEASE, [(now + lease, holder, row[0], row[ENVELOPE + 1]) for row in mine])
    if moved:
        db.executemany(MOVE, moved)
    settle_lane(db, lane)
    return mine


def sort(db: sqlite3.Connection, now: int, most: int, key: Key) -> int:
    """Give new recipients their lanes; how many."""
    rows = db.execute(DUE, ("", now, most)).fetchall()
    db.executemany(
        MOVE,
        [(key(row[-1] or row[1], domain_of(row[ENVELOPE + 2])), row[0], row[ENVELOPE + 1]) for row in rows],
    )
    settle_lane(db, "")
    return len(rows)


def settle_lane(db: sqlite3.Connection, lane: str, not_before: int = 0) -> None:
    """Set when a lane is to be looked at next; a lane without anybody waiting is gone."""
    (first,) = db.execute(
        "SELECT min(due) FROM recipient WHERE lane = ? AND state = 'waiting'", (lane,)
    ).fetchone()
    if first is None:
        db.execute("DELETE FROM lane WHERE name = ?", (lane,))
    else:
        db.execute(
            "INSERT INTO lane VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET next = ?2",
            (lane, max(first, not_before)),
        )


def look_at_all(db: sqlite3.Connection) -> None:
    db.execute(
        """UPDATE lane SET next = coalesce(
           (SELECT min(due) FROM recipient WHERE recipient.lane = lane.name AND state = 'waiting'), next)"""
    )


# ---------------------------------------------------------------------- how it went


def record(
    db: sqlite3.Connection, holder: str, queue_id: str, outcomes: Iterable[Outcome], now: int, wall: int
) -> Recorded:
    """Write down how attempts ended; the rows of a message that is done are deleted."""
    outcomes = list(outcomes)
    if _all_ended(db, queue_id, outcomes):
        return Recorded(queue_id, True, False, drop(db, queue_id))
    found = db.execute("SELECT reverse_path FROM message WHERE id = ?", (queue_id,)).fetchone()
    if found is None:
        return Recorded(queue_id, True, False, True)
    untold = False
    for outcome in outcomes:
        untold |= _record_one(db, holder, queue_id, found[0], outcome, now, wall)
    done = drop_if_done(db, queue_id)
    return Recorded(queue_id, done, untold, done)


ENDED = """
    SELECT number, state, notify, coalesce(nullif(recipient.reverse_path, ''), message.reverse_path)
    FROM recipient JOIN message ON message.id = recipient.message WHERE recipient.message = ? LIMIT ?
"""


def _all_ended(db: sqlite3.Connection, queue_id: str, outcomes: Sequence[Outcome]) -> bool:
    """Whether these are all recipients that the message has, nobody is left to try and nobody to be told: then how
    it went need not be written down before it is deleted. So it is with nearly every message."""
    if not outcomes or not all(each.status.ok for each in outcomes):
        return False
    rows = db.execute(ENDED, (queue_id, len(outcomes) + 1)).fetchall()
    given = {each.number: each for each in outcomes}
    return all(
        number in given
        and state in (State.WAITING, State.HELD)
        and (given[number].told or not _to_tell(reverse_path, notify, given[number].status))
        for number, state, notify, reverse_path in rows
    )


def _record_one(
    db: sqlite3.Connection,
    holder: str,
    queue_id: str,
    reverse_path: str,
    outcome: Outcome,
    now: int,
    wall: int,
) -> bool:
    """One outcome; whether the sender is to be told of it."""
    row = db.execute(
        "SELECT state, holder, notify, reported, reverse_path FROM recipient WHERE message = ? AND number = ?",
        (queue_id, outcome.number),
    ).fetchone()
    if row is None or row[0] not in (State.WAITING, State.HELD):
        return False
    state, held_by, notify, reported, own_path = row
    status = outcome.status
    again = status.temporary and outcome.pause is not None
    if again and held_by != holder:
        return False
    if again:
        due = now + (outcome.pause or 0)
        tell = outcome.delayed and not reported
        reported = 1 if tell else reported
    else:
        state, due = State.DELIVERED if status.ok else State.FAILED, now
        reported = tell = _to_tell(own_path or reverse_path, notify, status) and not (
            status.ok and outcome.told
        )
    db.execute(
        """UPDATE recipient SET attempts = attempts + 1, last_attempt = ?, code = ?, text = ?, remote = ?,
           reply = ?, action = ?, due = ?, state = ?, reported = ?, holder = '' WHERE message = ? AND number = ?""",
        (
            wall,
            status.code,
            status.text[:TEXT_MOST],
            outcome.remote,
            outcome.reply[:TEXT_MOST],
            outcome.action,
            due,
            state,
            reported,
            queue_id,
            outcome.number,
        ),
    )
    return tell


def drop_if_done(db: sqlite3.Connection, queue_id: str) -> bool:
    """Delete the rows of a message that has nobody left to serve or to tell of."""
    left = db.execute(
        """SELECT 1 FROM recipient
           WHERE message = ? AND (state IN ('waiting', 'held') OR reported = 1) LIMIT 1""",
        (queue_id,),
    ).fetchone()
    if left is not None:
        return False
    drop(db, queue_id)
    return True


def drop(db: sqlite3.Connection, queue_id: str) -> bool:
    """Delete all rows of a message. Whether it has a file, which is to follow after the commit."""
    db.execute("DELETE FROM recipient WHERE message = ?", (queue_id,))
    db.execute("DELETE FROM message WHERE id = ?", (queue_id,))
    return db.execute("DELETE FROM young WHERE id = ?", (queue_id,)).rowcount == 0


# ---------------------------------------------------------------------- what the sender is told

TELLABLE = """
    SELECT message, min(due) FROM untold GROUP BY message HAVING min(due) <= :late OR NOT EXISTS
    (SELECT 1 FROM recipient AS other WHERE other.message = untold.message AND other.state = 'waiting'
     AND (other.holder != '' OR other.due <= :now)) LIMIT :most
"""
UNTOLD = """
    SELECT envelope.*, queued.* FROM queued JOIN envelope ON envelope.id = queued.message
    WHERE envelope.id IN (SELECT value FROM json_each(?)) AND queued.reported = 1 ORDER BY message, number
"""


def tellable(db: sqlite3.Connection, now: int, late: int, most: int) -> list[str]:
    """Messages with somebody to tell of whose recipients are none under way, or that have waited since `late`."""
    return [row[0] for row in db.execute(TELLABLE, {"now": now, "late": late, "most": most})]


def untold(db: sqlite3.Connection, queue_ids: Sequence[str]) -> list[Row]:
    """The recipients to tell of."""
    return db.execute(UNTOLD, (json.dumps(queue_ids),)).fetchall()


def more_untold(db: sqlite3.Connection, queue_ids: Sequence[str]) -> bool:
    """Whether there is anybody to tell of in other messages than these."""
    others = "SELECT 1 FROM untold WHERE message NOT IN (SELECT value FROM json_each(?)) LIMIT 1"
    return db.execute(others, (json.dumps(queue_ids),)).fetchone() is not None


def told(db: sqlite3.Connection, queue_id: str, numbers: Sequence[int]) -> int:
    """Mark recipients as told; how many were not yet."""
    return sum(
        db.execute(
            """UPDATE recipient SET reported = CASE WHEN state IN ('waiting', 'held') THEN 2 ELSE 0 END
               WHERE message = ? AND number = ? AND reported = 1""",
            (queue_id, number),
        ).rowcount
        for number in numbers
    )
