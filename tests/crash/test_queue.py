"""The queue is killed, loses its power, or finds the disk full between any two calls of what is done to it.

A message that was acknowledged is there, byte for byte, with all its recipients; one that was not is there as a
whole or not at all. An outcome that was recorded is never forgotten, so that nobody gets a message again; a
sender is told of a failure once. Leases are no promise: what was leased comes back by the time.
"""

import itertools
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.errors import DiskFull, neutral
from storage.message import Message
from storage.queue.admin import QueueAdmin
from storage.queue.queue import LEASE, Queue
from storage.queue.queued import Addressee, Notice, Outcome, Parcel, Select, State
from storage.queue.young import MOST
from storage.status import Status
from tests.crash import calls
from tests.crash.calls import Say
from tests.crash.disk import ALL, NONE, SOME, TWICE, Disk
from tests.crash.rounds import LONG, SEED
from tests.crash.state import Clock

pytestmark = pytest.mark.usefixtures("quick")

OLD = b"Subject: old\r\n\r\nbody\r\n"
NEW = [b"Subject: new %d\r\n\r\nbody %d\r\n" % (n, n) for n in range(3)]
NOTICE = b"Subject: it failed\r\n\r\n"
SENDER, FIRST, SECOND, THIRD = (f"{name}@example.net" for name in ("sender", "first", "second", "third"))
OK, LATER, NEVER = Status("2.0.0", "ok"), Status("4.0.0", "later"), Status("5.0.0", "never")
KINDS = list(itertools.product((NONE, SOME, ALL, TWICE), (False, True)))


@dataclass(frozen=True)
class Seen:
    """A message as the next process finds it."""

    text: bytes
    sender: str
    states: dict[str, State]  # by recipient


World = dict[str, Seen]  # by queue id


def opened(folder: Path, clock: Clock, small: int = MOST) -> "closing[Queue]":
    return closing(Queue(folder / "queue", clock, small=small))


def look(folder: Path, clock: Clock) -> World:
    with opened(folder, clock) as queue:
        queue.recover(grace=0)
        found = {
            each.envelope.queue_id: Seen(
                queue.message(each.envelope.queue_id).read(),
                each.envelope.reverse_path,
                {one.address: one.state for one in each.recipients},
            )
            for each in QueueAdmin(queue).list(Select())
        }
        files = {path.stem for path in (folder / "queue").glob("*.eml")}
        with queue.database.reading() as db:
            young = {row[0] for row in db.execute("SELECT id FROM young")}
        assert files | young == found.keys(), "files and rows differ"
        assert not list((folder / "queue").glob("*.new"))
        assert not (folder / "queue" / "lost").exists()
        return found


def check_goes_on(folder: Path, clock: Clock, world: World) -> None:
    """What waits can be had when the leases have ended, and new mail as well."""
    waiting = {(i, a) for i, seen in world.items() for a, s in seen.states.items() if s == State.WAITING}
    with opened(folder, clock) as queue:
        fresh = queue.add(Message.of(NEW[0]), SENDER, [Addressee(FIRST)], "t")
        clock.now += LEASE + 120
        work = [each for _ in range(3) for each in queue.claim("next")]
        had = Counter((each.envelope.queue_id, one.address) for each in work for one in each.recipients)
        assert had == Counter(waiting | {(fresh, FIRST)})


# What is done


def with_three(queue: Queue) -> None:
    queue.add_all([Parcel(Message.of(text), SENDER, [Addressee(FIRST)]) for text in NEW], "t")


def grow_up(queue: Queue, say: Say) -> None:
    assert queue.grow_up(age=0) == 3
    say("grown")
    (first, *_) = queue.claim("me")
    queue.record("me", first.envelope.queue_id, [Outcome(0, OK)])
    say("sent")


def all_or_one_less(before: World, after: World, said: list[str]) -> None:
    assert all(before[queue_id] == seen for queue_id, seen in after.items())
    assert len(after) == 2 if "sent" in said else len(after) == 3 if not said else len(after) in (2, 3)


def with_old(queue: Queue) -> None:
    queue.add(Message.of(OLD), SENDER, [Addressee(FIRST), Addressee(SECOND), Addressee(THIRD)], "t")


def add(queue: Queue, say: Say) -> None:
    queue.add(Message.of(NEW[0]), SENDER, [Addressee(FIRST), Addressee(SECOND)], "t")
    say("one")
    parcels = [Parcel(Message.of(text), SENDER, [Addressee(FIRST), Addressee(THIRD)]) for text in NEW[1:]]
    queue.add_all(parcels, "t")
    say("both")


def added_whole_or_not(before: World, after: World, said: list[str]) -> None:
    assert all(after[queue_id] == seen for queue_id, seen in before.items())
    news = {queue_id: seen for queue_id, seen in after.items() if queue_id not in before}
    texts = Counter(seen.text for seen in news.values())
    one, both = Counter(NEW[:1]), Counter(NEW)
    assert texts in ((both,) if "both" in said else (one, both) if said else (Counter(), one, both))
    for seen in news.values():
        assert seen.states == dict.fromkeys((FIRST, SECOND if seen.text == NEW[0] else THIRD), State.WAITING)


def record(queue: Queue, say: Say) -> None:
    (work,) = queue.claim("me")
    queue.record("me", work.envelope.queue_id, [Outcome(0, OK)])
    say("first")
    queue.record("me", work.envelope.queue_id, [Outcome(1, LATER, 60), Outcome(2, NEVER)])
    say("others")


def recorded_or_not(before: World, after: World, said: list[str]) -> None:
    ((queue_id, seen),) = after.items()
    assert seen.text == OLD and queue_id in before
    first = (State.DELIVERED, State.WAITING, State.WAITING)
    others = (State.DELIVERED, State.WAITING, State.FAILED)
    states = tuple(seen.states[name] for name in (FIRST, SECOND, THIRD))
    allowed = (
        (others,) if "others" in said else (first, others) if said else ((State.WAITING,) * 3, first, others)
    )
    assert states in allowed


def with_failure(queue: Queue) -> None:
    with_old(queue)
    (work,) = queue.claim("me")
    queue.record("me", work.envelope.queue_id, [Outcome(0, OK), Outcome(1, LATER, 60), Outcome(2, NEVER)])


def settle(queue: Queue, say: Say) -> None:
    (envelope,) = [each.envelope for each in QueueAdmin(queue).list(Select())]
    queue.settle(envelope.queue_id, [2], Notice(Message.of(NOTICE), SENDER))
    say("told")


def told_once(before: World, after: World, said: list[str]) -> None:
    notices = [seen for seen in after.values() if seen.sender == ""]
    others = {queue_id: seen for queue_id, seen in after.items() if seen.sender}
    assert len(notices) == 1 if said else len(notices) <= 1
    assert others.keys() == before.keys()
    for seen in notices:
        assert (seen.text, seen.states) == (NOTICE, {SENDER: State.WAITING})


def untold(folder: Path, clock: Clock) -> int:
    """Recipients of whom the sender has still to be told."""
    clock.now += 120
    with opened(folder, clock) as queue:
        return sum(len(each.recipients) for each in queue.untold()[0])


def with_one_left(queue: Queue) -> None:
    queue.add(Message.of(OLD), SENDER, [Addressee(FIRST), Addressee(SECOND)], "t")
    (work,) = queue.claim("me")
    queue.record("me", work.envelope.queue_id, [Outcome(0, OK)])


def finish(queue: Queue, say: Say) -> None:
    (envelope,) = [each.envelope for each in QueueAdmin(queue).list(Select())]
    queue.record("me", envelope.queue_id, [Outcome(1, OK)])
    say("done")


def gone_or_as_before(before: World, after: World, said: list[str]) -> None:
    assert after == {} if said else after in ({}, before)


@dataclass(frozen=True)
class Work:
    name: str
    prepare: Callable[[Queue], None]
    do: Callable[[Queue, Say], None]
    check: Callable[[World, World, list[str]], None]
    small: int = 0  # octets up to which a message is no file at first


WORKS = [
    Work("add", with_old, add, added_whole_or_not),
    Work("record", with_old, record, recorded_or_not),
    Work("settle", with_failure, settle, told_once),
    Work("finish", with_one_left, finish, gone_or_as_before),
    Work("add as rows", with_old, add, added_whole_or_not, MOST),
    Work("settle as rows", with_failure, settle, told_once, MOST),
    Work("finish as rows", with_one_left, finish, gone_or_as_before, MOST),
    Work("grow up", with_three, grow_up, all_or_one_less, MOST),
]
every_work = pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)


def prepared(work: Work, folder: Path, clock: Clock) -> World:
    folder.mkdir(parents=True)
    with opened(folder, clock, work.small) as queue:
        work.prepare(queue)
    return look(folder, clock)


def do(work: Work, folder: Path, clock: Clock, say: Say) -> None:
    with opened(folder, clock, work.small) as queue:
        work.do(queue, say)


def check(work: Work, folder: Path, clock: Clock, before: World, said: list[str]) -> None:
    after = look(folder, clock)
    work.check(before, after, said)
    if work.do is settle:
        assert untold(folder, clock) == (0 if len(after) == 2 else 1), "told and not settled, or the reverse"
    check_goes_on(folder, clock, after)


@every_work
def test_killed_between_any_two_calls(work: Work, ground: Path) -> None:
    for count in itertools.count(1):
        folder, clock = ground / str(count), Clock()
        before = prepared(work, folder, clock)
        ended, said = calls.run(
            lambda say, folder=folder, clock=clock: do(work, folder, clock, say), calls.stop_before(count)
        )
        try:
            check(work, folder, clock, before, said)
        except Exception as error:
            error.add_note(f"stopped before call {count} of {work.name}: see {folder}")
            raise
        shutil.rmtree(folder)
        if ended:
            assert said and count > 3
            return


@every_work
def test_full_from_any_call_on(work: Work, ground: Path) -> None:
    for count in itertools.count(1):
        folder, clock = ground / str(count), Clock()
        before = prepared(work, folder, clock)
        said: list[str] = []
        try:
            with calls.hooked(calls.fail_at(count)):
                do(work, folder, clock, said.append)
        except Exception as error:
            assert isinstance(neutral(error), DiskFull), repr(error)
        check(work, folder, clock, before, said)
        shutil.rmtree(folder)
        if len(said) == (2 if work.do in (add, record, grow_up) else 1):
            return


class QueueDisk(Disk):
    """Keeps the database as it was at its last commit that was fsynced."""

    def __init__(self, root: Path, durable: Path, cut: Callable[[int], None]) -> None:
        super().__init__(root, cut)
        self._durable = durable
        copy_database(root, durable)

    def _commit(self, real: Callable[..., Any], sql: str) -> sqlite3.Cursor:
        done: sqlite3.Cursor = real(sql)
        (level,) = done.connection.cursor().execute("PRAGMA synchronous").fetchone()
        if level >= 2:
            copy_database(self.root, self._durable)
        return done


def copy_database(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for path in source.glob("queue.sqlite*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, target / path.name)


@every_work
def test_power_fails_between_any_two_calls(work: Work, ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "_use_fd_functions", False)  # rmtree by whole paths
    clock = Clock()
    folder = ground / "now"
    before = prepared(work, folder, clock)
    said: list[str] = []
    cuts: list[tuple[Path, list[str], str]] = []
    rng = random.Random(SEED)

    def cut(number: int, last: bool = False) -> None:
        for kind, now in KINDS if last or LONG else [KINDS[number * 3 % len(KINDS)], (NONE, False)]:
            left = ground / f"cut{len(cuts)}"
            left.mkdir()
            disk.survive(left / "queue", kind, rng)
            copy_database(folder / "queue" if now else ground / "durable", left / "queue")
            cuts.append(
                (left, list(said), f"before call {number}, {kind}, database {'now' if now else 'durable'}")
            )

    disk = QueueDisk(folder / "queue", ground / "durable", cut)
    with calls.hooked(disk.hook):
        do(work, folder, clock, said.append)
    cut(0, last=True)
    assert said
    for left, told, what in cuts:
        try:
            check(work, left, clock, before, told)
        except Exception as error:
            error.add_note(f"power failed at {work.name}, {what}, acknowledged {told}: see {left}")
            raise
        shutil.rmtree(left)
