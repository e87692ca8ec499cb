"""The traces of mail, read again: what is known of a message id, an address, a queue id or a trace.

A story is everything that happened under one trace, in order: from the connection that brought the mail, over
checks, copies and the queue, to each answer of another host. Attempts hours later, the notice to the sender
and forwarded copies stand in the same story, for they keep the trace. What was refused before there was a
message (a recipient at RCPT) stands under the trace of the connection, and is shown in the stories of the
messages that the same sender got through on it.

Bounded, whatever is asked: the newest stories first, of each its first `MOST_EVENTS` events.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.people.address import AddressError, canonical
from storage.state.statedb import StateDb
from storage.state.traces import database
from storage.status import Status

MOST_EVENTS = 5_000  # of one story
MOST_SEEN = 20_000  # rows of one key that are looked at for their traces, the newest

# What may be said last of a recipient; the other events are about the message, or on the way.
OUTCOMES = frozenset(
    {"stored", "queued", "sent", "deferred", "failed", "refused", "held", "expanded", "forwarded"}
)

_COLUMNS = "at, trace, what, queue_id, message_id, sender, recipient, account, peer, code, text, detail"
# `!= ''` is in the partial indices' condition and has to be in the question's
_KEYS = (
    "trace = :exact",
    "trace > :exact || '.' AND trace < :exact || '/'",
    "message_id = :exact AND message_id != ''",
    "queue_id = :exact AND queue_id != ''",
    "sender = :address COLLATE NOCASE AND sender != ''",
    "recipient = :address COLLATE NOCASE AND recipient != ''",
    "account = :address COLLATE NOCASE AND account != ''",
)
_TRACES = (
    "SELECT trace, max(at) FROM ("  # noqa: S608
    + " UNION ALL ".join(
        f"SELECT * FROM (SELECT trace, at FROM event WHERE {key} ORDER BY id DESC LIMIT :seen)"  # noqa: S608
        for key in _KEYS
    )
    + ") WHERE at >= :since AND at < :until GROUP BY trace ORDER BY 2 DESC LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. Empty texts: not known, or nobody's."""

    at: float
    trace: str
    what: str
    queue_id: str
    message_id: str
    sender: str
    recipient: str
    account: str
    peer: str
    status: Status | None
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Story:
    """What happened under one trace, in order."""

    trace: str
    events: tuple[Event, ...]

    @property
    def sender(self) -> str | None:
        """The reverse-path; None where nothing says it."""
        return next((event.sender for event in self.events if event.what == "accepted"), None)

    @property
    def message_id(self) -> str:
        return next((event.message_id for event in self.events if event.message_id), "")

    @property
    def outcomes(self) -> dict[str, Event]:
        """What each recipient got: the last word on it."""
        return {event.recipient: event for event in self.events if event.recipient and event.what in OUTCOMES}


def stories(
    state: Path, wanted: str, *, since: float = 0.0, until: float = 1e12, most: int = 10
) -> list[Story]:
    """The stories in which `wanted` (message id, address, queue id, trace) occurs in that time, newest first.

    Nothing is made where there is nothing yet. Raises sqlite3.Error. Blocks on the disk."""
    if not (state / "traces.sqlite").exists():
        return []
    db = database(state)
    try:
        exact = wanted.strip().removeprefix("<").removesuffix(">")
        question = {
            "exact": exact,
            "address": _address(exact),
            "since": since,
            "until": until,
            "seen": MOST_SEEN,
            "most": most,
        }
        found = [_story(db, row[0]) for row in db.query(_TRACES, question)]
    finally:
        db.close()
    told = [event for story in found if "." in story.trace for event in story.events]
    return [story for story in found if "." in story.trace or any(each not in told for each in story.events)]


def told(state: Path, traces: Iterable[str]) -> dict[str, Story]:
    """The stories of these traces. Raises sqlite3.Error. Blocks on the disk."""
    if not (state / "traces.sqlite").exists():
        return {}
    db = database(state)
    try:
        return {trace: _story(db, trace) for trace in traces}
    finally:
        db.close()


def _address(wanted: str) -> str:
    try:
        return canonical(wanted)
    except AddressError:
        return wanted


def _story(db: StateDb, trace: str) -> Story:
    story = Story(trace, tuple(_events(db, trace)))
    connection, dot, _ = trace.partition(".")
    if not dot or story.sender is None:
        return story
    refused = [event for event in _events(db, connection) if event.sender == story.sender]
    return Story(trace, tuple(sorted((*refused, *story.events), key=lambda event: event.at)))


def _events(db: StateDb, trace: str) -> Iterable[Event]:
    rows = db.query(
        f"SELECT {_COLUMNS} FROM event WHERE trace = ? ORDER BY at, id LIMIT ?",  # noqa: S608
        (trace, MOST_EVENTS),
    )
    return map(_event, rows)


def _event(row: tuple[object, ...]) -> Event:
    *head, code, text, detail = row
    status = None if code is None else Status(str(code), str(text or ""))
    return Event(*head, status, json.loads(str(detail)) if detail else {})  # type: ignore[call-arg, arg-type]


def traces_of(state: Path, account: str) -> frozenset[str]:
    """The traces of what an account has sent, as far as is known."""
    if not (state / "traces.sqlite").exists():
        return frozenset()
    db = database(state)
    try:
        rows = db.query(
            "SELECT trace FROM event WHERE account = ? COLLATE NOCASE AND account != '' AND what = 'accepted'",
            (account,),
        )
    finally:
        db.close()
    return frozenset(row[0] for row in rows)
