"""The queue: durable before it returns, leased to one, given back by the clock, nothing lost at any crash."""

import errno
import fcntl
import itertools
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storage.bus import Hint
from storage.errors import DiskFull
from storage.message import Message
from storage.queue import rows as queue_rows
from storage.queue import schema as queue_schema
from storage.queue.admin import QueueAdmin
from storage.queue.db import LaterVersion
from storage.queue.files import GRACE
from storage.queue.queue import ADDED, LEASE, TELL_WITHIN, TRY_ALL, Queue
from storage.queue.queued import Addressee, Envelope, Listed, Notice, Outcome, Parcel, Select, State
from storage.queue.young import MOST
from storage.status import DELIVERED, DISK_FULL, UNKNOWN_RECIPIENT

TEXT = b"Subject: one\r\n\r\nbody\r\n"
MESSAGE = Message.of(TEXT)
TARO = Addressee("taro@example.test")
HANAKO = Addressee("hanako@example.test")


class Clock:
    def __init__(self, now: float = 1_700_000_000) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(tmp_path: Path, clock: Clock, request: pytest.FixtureRequest) -> Iterator[Queue]:
    queue = Queue(tmp_path / "queue", clock, small=getattr(request, "param", MOST))
    yield queue
    queue.close()


as_files = pytest.mark.parametrize("queue", [0], indirect=True, ids=["file"])  # every message is one at once


def files(queue: Queue) -> list[str]:
    return sorted(path.name for path in queue.directory.glob("*.eml"))


def listed(queue: Queue) -> list[Listed]:
    return list(QueueAdmin(queue).list(Select()))


def take(queue: Queue, holder: str = "a") -> dict[str, list[int]]:
    return {work.envelope.queue_id: [each.number for each in work.recipients] for work in queue.claim(holder)}


def durable(queue: Queue) -> bool:
    """Whether the last transaction was fsynced: what SQLite was told before it is not told again."""
    found: tuple[int] = queue.database._connection.execute("PRAGMA synchronous").fetchone()
    return found == (2,)  # FULL


def left(queue: Queue) -> list[int]:
    """Rows in each table of what is in the queue."""
    with queue.database.reading() as db:
        tables = ("message", "recipient", "young", "lane")
        return [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]


def test_what_is_added_is_there_for_another_process(queue: Queue, clock: Clock) -> None:
    full = Addressee("taro@example.test", "Taro@Example.TEST", "Work", "FAILURE", "rfc822;t", DISK_FULL)
    queue_id = queue.add(
        MESSAGE.prepend(b"X: y\r\n"), "me@example.test", [full, HANAKO], "tr1",
        envid="e", ret="HDRS", smtputf8=True, require_tls=True,
    )  # fmt: skip
    other = Queue(queue.directory, clock)
    (work,) = other.claim("b")
    now = int(clock.now)
    assert work.envelope == Envelope(
        queue_id, "me@example.test", "tr1", now, len(TEXT) + 6, "e", "HDRS", True, True, False, now
    )
    first, second = work.recipients
    assert (first.address, first.original, first.mailbox) == (
        "taro@example.test",
        "Taro@Example.TEST",
        "Work",
    )
    assert (first.notify, first.orcpt, first.attempts, first.status) == ("FAILURE", "rfc822;t", 1, DISK_FULL)
    assert (second.address, second.attempts, second.status) == ("hanako@example.test", 0, None)
    assert other.message(queue_id).read() == b"X: y\r\n" + TEXT
    other.close()


def test_who_opens_a_queue_while_another_makes_it_waits(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself does not, where both begin the write-ahead log."""
    (tmp_path / "queue").mkdir()
    flock = fcntl.flock
    with closing(sqlite3.connect(tmp_path / "queue/queue.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def waits(fd: Any, what: int) -> None:
            if other.in_transaction:  # it has made the queue
                other.execute("ROLLBACK")
            flock(fd, what)

        monkeypatch.setattr(fcntl, "flock", waits)
        queue = Queue(tmp_path / "queue", clock)
    assert take(queue) == {}
    queue.close()


@as_files
def test_one_file_for_a_thousand_recipients(queue: Queue) -> None:
    queue.add(MESSAGE, "me@example.test", [Addressee(f"u{n}@d{n % 300}.test") for n in range(1000)], "t")
    assert len(files(queue)) == 1
    assert sum(len(work.recipients) for work in queue.claim("a", most=600)) == 600
    assert sum(len(work.recipients) for work in queue.claim("b", most=600)) == 400


@as_files
def test_file_is_fsynced_before_the_rows_and_rows_are_committed_durably(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        assert listed(queue) == []
        fsync(fd)

    queue.sort(lambda _, domain: domain)
    assert not durable(queue)  # it may be lost with the power
    monkeypatch.setattr(os, "fsync", note)
    queue_id = queue.add(MESSAGE, "", [TARO], "t")
    assert synced == [str(queue.directory / f"{queue_id}.eml"), str(queue.directory)] and durable(queue)


def test_an_outcome_is_durable_and_a_lease_need_not_be(queue: Queue) -> None:
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO, HANAKO], "t")
    take(queue)
    assert not durable(queue)
    queue.record("a", queue_id, [Outcome(0, DELIVERED)])
    assert durable(queue)
    queue.renew("a", [queue_id])
    queue.record("a", queue_id, [Outcome(1, UNKNOWN_RECIPIENT)])
    assert durable(queue)
    queue.sort(lambda _, domain: domain)
    queue.settle(queue_id, [1], Notice(MESSAGE, "me@example.test"))
    assert durable(queue)


def test_a_new_queue_is_in_its_folder_before_anything_is_in_it(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", note)
    Queue(tmp_path / "a" / "queue", clock).close()
    assert synced == [str(tmp_path / "a"), str(tmp_path / "a" / "queue")]


def test_a_lease_is_for_one_and_comes_back_when_it_ends(queue: Queue, clock: Clock) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO, HANAKO], "t")
    other = Queue(queue.directory, clock)
    assert take(queue, "a") == {queue_id: [0, 1]}
    assert take(other, "b") == {}
    assert queue.next_due() == clock.now + LEASE
    clock.now += LEASE
    assert take(other, "b") == {queue_id: [0, 1]}
    other.close()


def test_a_renewed_lease_lasts_and_a_stopping_runner_gives_back(queue: Queue, clock: Clock) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO], "t")
    take(queue, "a")
    clock.now += LEASE - 1
    queue.renew("a", [queue_id])
    clock.now += 1
    assert take(queue, "b") == {}
    assert queue.give_back("b") == 0
    assert queue.give_back("a") == 1
    assert take(queue, "b") == {queue_id: [0]}


def test_who_renews_prolongs_no_lease_of_another(queue: Queue, clock: Clock) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO], "t")
    take(queue, "a")
    clock.now += LEASE
    take(queue, "b")
    clock.now += LEASE - 1
    queue.renew("a", [queue_id])
    clock.now += 1
    assert take(queue, "c") == {queue_id: [0]}


def test_who_leaves_a_lane_gives_back_what_it_holds_there_alone(queue: Queue) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO, Addressee("x@other.test")], "t")
    assert queue.sort(lambda _, domain: domain) == 2
    take(queue, "a")
    assert queue.give_back("a", "other.test") == 1
    assert take(queue, "b") == {queue_id: [1]}


def test_a_postponed_lane_is_passed_over_until_then_and_looked_at_when_asked(
    queue: Queue, clock: Clock
) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO], "t")
    queue.sort(lambda _, domain: domain)
    queue.postpone({"example.test": 60})
    assert take(queue) == {} and queue.next_due() == clock.now + 60
    clock.now += 59
    assert take(queue) == {}
    queue.look_at_all()
    assert take(queue) == {queue_id: [0]}


def test_not_due_before_its_time(queue: Queue, clock: Clock) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO], "t", due=int(clock.now) + 60)
    assert take(queue) == {}
    assert queue.next_due() == clock.now + 60
    clock.now += 60
    assert take(queue) == {queue_id: [0]}


def test_temporary_waits_and_done_ends(queue: Queue, clock: Clock) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO, HANAKO], "t")
    take(queue)
    queue.record("a", queue_id, [Outcome(0, DISK_FULL, 300), Outcome(1, DELIVERED)])
    (message,) = listed(queue)
    assert [each.state for each in message.recipients] == [State.WAITING, State.DELIVERED]
    assert (message.recipients[0].status, message.recipients[0].attempts) == (DISK_FULL, 1)
    clock.now += 300
    assert take(queue) == {queue_id: [0]}
    assert queue.record("a", queue_id, [Outcome(0, DELIVERED)]).done
    assert listed(queue) == [] and files(queue) == []
    queue.claim("a", lanes=["", "example.test"])  # nobody is there any more
    assert left(queue) == [0, 0, 0, 0] and queue.next_due() is None


def test_late_news_of_a_lost_lease(queue: Queue, clock: Clock) -> None:
    """What is done is done, whoever says it; a temporary failure counts only from the holder."""
    queue_id = queue.add(MESSAGE, "", [TARO, HANAKO], "t")
    take(queue, "a")
    clock.now += LEASE
    take(queue, "b")
    queue.record("a", queue_id, [Outcome(0, DISK_FULL, 0), Outcome(1, DELIVERED)])
    first, second = listed(queue)[0].recipients
    assert (first.holder, first.attempts) == ("b", 0)
    assert second.state is State.DELIVERED
    queue.record("b", queue_id, [Outcome(1, UNKNOWN_RECIPIENT)])
    assert listed(queue)[0].recipients[1].state is State.DELIVERED


def untold(queue: Queue) -> list[tuple[str, list[int]]]:
    return [(work.envelope.queue_id, [each.number for each in work.recipients]) for work in queue.untold()[0]]


@as_files
def test_failed_stays_until_the_sender_is_told_once(queue: Queue) -> None:
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO], "tr7")
    take(queue)
    assert queue.record("a", queue_id, [Outcome(0, UNKNOWN_RECIPIENT)]).untold
    assert untold(queue) == [(queue_id, [0])]
    notice = Notice(Message.of(b"Subject: failed\r\n\r\n"), "me@example.test")
    notice_id = queue.settle(queue_id, [0], notice)
    assert notice_id is not None
    assert files(queue) == [f"{notice_id}.eml"]
    (work,) = queue.claim("a")
    assert (work.envelope.reverse_path, work.envelope.trace) == ("", "tr7")
    assert work.recipients[0].address == "me@example.test"
    assert queue.settle(queue_id, [0], notice) is None
    assert files(queue) == [f"{notice_id}.eml"] and untold(queue) == []


@as_files
def test_of_two_that_tell_the_same_sender_one_does_nothing(queue: Queue) -> None:
    """Also where the other has told of some only: nobody is told of a recipient twice."""
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO, HANAKO], "t")
    take(queue)
    queue.record("a", queue_id, [Outcome(0, UNKNOWN_RECIPIENT), Outcome(1, UNKNOWN_RECIPIENT)])
    notice = Notice(Message.of(b"Subject: failed\r\n\r\n"), "me@example.test")
    assert queue.settle(queue_id, [0], notice)
    assert queue.settle(queue_id, [0, 1], notice) is None
    assert len(files(queue)) == 2 and untold(queue) == [(queue_id, [1])]


def test_a_notice_waits_for_the_other_recipients_but_not_for_long(queue: Queue, clock: Clock) -> None:
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO, HANAKO], "t")
    take(queue)
    queue.record("a", queue_id, [Outcome(0, UNKNOWN_RECIPIENT)])
    assert queue.untold() == ([], True)
    clock.now += TELL_WITHIN
    assert untold(queue) == [(queue_id, [0])]
    clock.now -= TELL_WITHIN
    queue.record("a", queue_id, [Outcome(1, DISK_FULL, 600)])
    assert untold(queue) == [(queue_id, [0])]


def test_giving_up_is_a_temporary_status_without_a_next_time(queue: Queue) -> None:
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO], "t")
    take(queue)
    queue.record("a", queue_id, [Outcome(0, DISK_FULL)])
    ((work,), _) = queue.untold()
    assert [each.status for each in work.recipients] == [DISK_FULL]


@as_files
@pytest.mark.parametrize(
    ("notify", "sender", "outcome", "expected"),
    [
        ("", "me@example.test", Outcome(0, UNKNOWN_RECIPIENT), True),
        ("FAILURE", "me@example.test", Outcome(0, UNKNOWN_RECIPIENT), True),
        ("NEVER", "me@example.test", Outcome(0, UNKNOWN_RECIPIENT), False),
        ("SUCCESS,DELAY", "me@example.test", Outcome(0, UNKNOWN_RECIPIENT), False),
        ("", "", Outcome(0, UNKNOWN_RECIPIENT), False),
        ("", "me@example.test", Outcome(0, DELIVERED), False),
        ("success", "me@example.test", Outcome(0, DELIVERED), True),
        ("SUCCESS", "me@example.test", Outcome(0, DELIVERED, told=True), False),
        ("SUCCESS", "", Outcome(0, DELIVERED), False),
        ("", "me@example.test", Outcome(0, DISK_FULL, 600), False),
        ("", "me@example.test", Outcome(0, DISK_FULL, 600, delayed=True), True),
    ],
)
def test_who_is_to_be_told(queue: Queue, notify: str, sender: str, outcome: Outcome, expected: bool) -> None:
    queue_id = queue.add(MESSAGE, sender, [Addressee("taro@example.test", notify=notify)], "t")
    take(queue)
    assert queue.record("a", queue_id, [outcome]).untold is expected
    assert untold(queue) == ([(queue_id, [0])] if expected else [])
    assert bool(files(queue)) is (expected or outcome.pause is not None)


def test_of_a_delay_the_sender_is_told_once(queue: Queue, clock: Clock) -> None:
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO], "t")
    take(queue)
    late = Outcome(0, DISK_FULL, 600, delayed=True)
    queue.record("a", queue_id, [late])
    assert listed(queue)[0].recipients[0].delayed
    assert queue.settle(queue_id, [0], Notice(MESSAGE, "me@example.test"))
    clock.now += 600
    assert queue_id in take(queue)
    assert not queue.record("a", queue_id, [late]).untold
    clock.now += 600
    take(queue)
    assert queue.record("a", queue_id, [Outcome(0, UNKNOWN_RECIPIENT)]).untold


def test_what_is_final_when_it_is_added_is_only_told(queue: Queue) -> None:
    """A copy that is in a mailbox already, whose sender asked to hear of that (RFC 3461 §4.1)."""
    done = Addressee("taro@example.test", notify="SUCCESS", status=DELIVERED, action="expanded")
    queue_id = queue.add(MESSAGE, "me@example.test", [done], "t")
    assert take(queue) == {} and untold(queue) == [(queue_id, [0])]
    ((work,), _) = queue.untold()
    assert (work.recipients[0].action, work.recipients[0].state) == ("expanded", State.DELIVERED)


def test_who_adds_may_keep_a_lease_on_what_it_delivers_itself(queue: Queue, clock: Clock) -> None:
    here = Addressee("taro@example.test", here=True)
    queue_id = queue.add(MESSAGE, "me@example.test", [here, HANAKO], "t", holder="door")
    assert take(queue) == {queue_id: [1]}
    queue.record("door", queue_id, [Outcome(0, DELIVERED)])
    assert queue.record("a", queue_id, [Outcome(1, DELIVERED)]).done
    queue_id = queue.add(MESSAGE, "me@example.test", [here], "t", holder="a door that is killed")
    clock.now += LEASE
    assert take(queue) == {queue_id: [0]}
    queue_id = queue.add(MESSAGE, "me@example.test", [here], "t")  # nobody delivers it himself
    assert take(queue) == {queue_id: [0]}


def test_several_messages_are_added_all_or_none(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    parcels = [Parcel(MESSAGE, "a@example.test", [TARO]), Parcel(MESSAGE, "b@example.test", [HANAKO])]
    assert len(queue.add_all(parcels, "t")) == 2 and len(take(queue)) == 2
    before = files(queue)
    with pytest.raises(AttributeError):
        queue.add_all([parcels[0], Parcel(MESSAGE, "b@example.test", [None])], "t")  # type: ignore[list-item]
    assert files(queue) == before and take(queue) == {}


def test_a_recipient_may_have_a_reverse_path_of_its_own(queue: Queue) -> None:
    own = Addressee("taro@example.test", reverse_path="list+taro@example.test")
    queue_id = queue.add(MESSAGE, "list@example.test", [own, HANAKO], "t")
    works = queue.claim("a")
    assert sorted((work.envelope.reverse_path, len(work.recipients)) for work in works) == [
        ("list+taro@example.test", 1),
        ("list@example.test", 1),
    ]
    queue.record("a", queue_id, [Outcome(0, UNKNOWN_RECIPIENT), Outcome(1, UNKNOWN_RECIPIENT)])
    assert {work.envelope.reverse_path for work in queue.untold()[0]} == {
        "list+taro@example.test",
        "list@example.test",
    }


def test_what_is_held_back_is_not_tried_before_and_not_too_old_then(queue: Queue, clock: Clock) -> None:
    until = int(clock.now) + 86400
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO], "t", hold_until=until)
    assert take(queue) == {} and queue.next_due() == until
    clock.now = until
    (work,) = queue.claim("a")
    assert (work.envelope.queue_id, work.envelope.since) == (queue_id, until)


@pytest.mark.parametrize(
    ("message", "eightbit"),
    [
        (MESSAGE, False),
        (Message.of("Subject: 日本\r\n\r\nbody\r\n".encode()), True),
        (Message.of("日本\r\n".encode()).prepend(b"Subject: ascii\r\n\r\n"), True),
        (MESSAGE.prepend("Subject: 日本\r\n".encode()), True),
    ],
)
def test_whether_the_next_host_must_take_eight_bits(queue: Queue, message: Message, eightbit: bool) -> None:
    """RFC 6152: wherever in the message they are."""
    queue.add(message, "", [TARO], "t")
    assert [each.envelope.eightbit for each in listed(queue)] == [eightbit]


@as_files
def test_rows_that_come_while_a_runner_starts_keep_their_file(
    queue: Queue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file had lain there for long: its writer was stopped, and goes on at the last moment."""
    stat = Path.stat
    added: list[str] = []

    def add_meanwhile(path: Path, **how: Any) -> os.stat_result:
        found = stat(path, **how)
        if path.suffix == ".eml" and not added:
            added.append(path.stem)
            envelope = Envelope(path.stem, "", "t", int(clock.now), len(TEXT), "", "", False, False, False, 0)
            with queue.database.writing() as db:
                queue_rows.insert(db, [queue_rows.New(envelope, [TARO], int(clock.now))], int(clock.now))
        return found

    (queue.directory / "late.eml").write_bytes(TEXT)
    os.utime(queue.directory / "late.eml", (clock.now - GRACE - 1,) * 2)
    monkeypatch.setattr(Path, "stat", add_meanwhile)
    queue.recover()
    monkeypatch.undo()
    assert added == ["late"] and files(queue) == ["late.eml"]
    assert take(queue) == {"late": [0]}


@as_files
def test_killed_before_the_rows_leaves_a_file_that_goes_after_a_grace(
    queue: Queue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr("storage.queue.rows.insert", die)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # a killed process cleans nothing
    with pytest.raises(Killed):
        queue.add(MESSAGE, "", [TARO], "t")
    monkeypatch.undo()
    (orphan,) = queue.directory.glob("*.eml")
    os.utime(orphan, (clock.now, clock.now))
    queue.recover()
    assert orphan.exists()
    clock.now += GRACE + 1
    queue.recover()
    assert not orphan.exists()


@as_files
def test_killed_between_rows_and_file_of_a_settled_message(
    queue: Queue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO], "t")
    take(queue)
    monkeypatch.setattr(queue.files, "remove", lambda *_: None)
    assert queue.record("a", queue_id, [Outcome(0, DELIVERED)]).done
    assert files(queue) == [f"{queue_id}.eml"] and listed(queue) == []
    os.utime(queue.directory / f"{queue_id}.eml", (clock.now, clock.now))
    clock.now += GRACE + 1
    queue.recover()
    assert files(queue) == []


@as_files
def test_rows_without_a_file_are_held_and_logged(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO], "t")
    (queue.directory / f"{queue_id}.eml").unlink()
    queue.recover()
    assert take(queue) == {}
    (recipient,) = listed(queue)[0].recipients
    assert recipient.state is State.HELD and "missing" in str(recipient.status)
    assert "queue.file_missing" in caplog.messages


@as_files
def test_files_whose_rows_were_lost_are_put_aside(queue: Queue, clock: Clock) -> None:
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO], "t")
    queue.close()
    for path in queue.directory.glob("queue.sqlite*"):
        path.unlink()
    again = Queue(queue.directory, clock)
    clock.now += GRACE * 10
    again.recover()
    assert (queue.directory / "lost" / f"{queue_id}.eml").read_bytes() == TEXT
    again.close()


@as_files
@pytest.mark.parametrize("where", ["file", "rows"])
def test_a_full_disk_is_said_and_leaves_nothing(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*_: object) -> None:
        if where == "file":
            raise OSError(errno.ENOSPC, "full")
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(*((Message, "write_to") if where == "file" else ("storage.queue.rows.insert",)), full)
    with pytest.raises(DiskFull):
        queue.add(MESSAGE, "", [TARO], "t")
    monkeypatch.undo()
    assert files(queue) == []
    assert queue.add(MESSAGE, "", [TARO], "t")


def test_runners_are_woken_by_add_release_and_retry(tmp_path: Path, clock: Clock) -> None:
    woken: list[Hint] = []
    queue = Queue(tmp_path / "queue", clock, woken.append)
    queue.add(MESSAGE, "", [TARO], "t")
    assert woken == [ADDED]
    QueueAdmin(queue).retry(Select())
    assert woken == [ADDED, TRY_ALL]
    queue.close()


def test_hold_and_release(queue: Queue, clock: Clock) -> None:
    admin = QueueAdmin(queue)
    queue_id = queue.add(MESSAGE, "", [TARO], "t")
    assert admin.hold(Select(recipient="TARO@example.test")) == 1
    assert take(queue) == {} and queue.next_due() is None
    assert admin.hold(Select()) == 0
    assert admin.release(Select(queue_ids=(queue_id,))) == 1
    assert take(queue) == {queue_id: [0]}


def test_release_brings_nothing_back_that_has_ended(queue: Queue) -> None:
    admin = QueueAdmin(queue)
    queue_id = queue.add(MESSAGE, "", [TARO, HANAKO], "t")
    take(queue)
    queue.record("a", queue_id, [Outcome(0, DELIVERED)])
    admin.hold(Select())
    assert admin.release(Select()) == 1
    assert take(queue, "b") == {queue_id: [1]}


def test_held_while_it_is_tried_ends_as_the_attempt_ends(queue: Queue, clock: Clock) -> None:
    admin = QueueAdmin(queue)
    queue_id = queue.add(MESSAGE, "", [TARO, HANAKO], "t")
    take(queue)
    admin.hold(Select())
    queue.record("a", queue_id, [Outcome(0, DELIVERED), Outcome(1, DISK_FULL, 0)])
    assert [each.state for each in listed(queue)[0].recipients] == [State.DELIVERED, State.HELD]


def test_retry_makes_due_what_waits_and_leaves_what_is_leased(queue: Queue, clock: Clock) -> None:
    admin = QueueAdmin(queue)
    waiting = queue.add(MESSAGE, "", [TARO], "t")
    take(queue)
    queue.record("a", waiting, [Outcome(0, DISK_FULL, 1000)])
    leased = queue.add(MESSAGE, "", [TARO], "t")
    take(queue)
    assert admin.retry(Select()) == 1
    assert take(queue, "b") == {waiting: [0]}
    assert leased not in take(queue, "b")


def test_retry_leaves_alone_what_its_sender_holds_back(queue: Queue, clock: Clock) -> None:
    queue.add(MESSAGE, "", [TARO], "t", hold_until=int(clock.now) + 1000)
    assert QueueAdmin(queue).retry(Select()) == 0 and take(queue) == {}


def test_a_queue_of_the_version_before_goes_on(tmp_path: Path, clock: Clock) -> None:
    now = int(clock.now)
    (tmp_path / "queue").mkdir()
    with closing(sqlite3.connect(tmp_path / "queue/queue.sqlite")) as db:
        for statement in queue_schema.FIRST:
            db.execute(statement)
        db.execute("PRAGMA user_version=1")
        for name, path in (("a", "me@example.test"), ("b", "me@example.test"), ("c", "me@example.test")):
            db.execute("INSERT INTO message VALUES (?, ?, 't', ?, 4, '', '')", (name, path, now - 50))
            (tmp_path / f"queue/{name}.eml").write_bytes(b"body")
        for row in (
            ("a", 0, "x@else.test", "waiting", 0, now - 10),
            ("a", 1, "y@else.test", "delivered", 0, 0),
            ("b", 0, "x@else.test", "failed", 0, 0),
            ("c", 0, "x@else.test", "waiting", 0, now + 60),
            ("c", 1, "y@else.test", "failed", 1, 0),
        ):
            db.execute(
                """INSERT INTO recipient (message, number, address, domain, original, mailbox, notify, orcpt,
                   state, reported, due) VALUES (?, ?, ?, 'else.test', '', 'INBOX', '', '', ?, ?, ?)""",
                row,
            )
        db.commit()
    queue = Queue(tmp_path / "queue", clock)
    assert untold(queue) == [("b", [0])]
    assert take(queue) == {"a": [0]}
    clock.now += 60
    assert take(queue) == {"c": [0]}
    assert queue.record("a", "a", [Outcome(0, DELIVERED)]).done
    queue.close()
    again = Queue(tmp_path / "queue", clock)
    assert len(listed(again)) == 2
    again.close()


def test_a_queue_of_a_version_to_come_is_left_alone(tmp_path: Path, clock: Clock) -> None:
    Queue(tmp_path / "queue", clock).close()
    with closing(sqlite3.connect(tmp_path / "queue/queue.sqlite")) as db:
        db.execute(f"PRAGMA user_version = {len(queue_schema.VERSIONS) + 1}")
    with pytest.raises(LaterVersion, match="install that version again"):
        Queue(tmp_path / "queue", clock)


@as_files
def test_what_several_threads_add_shares_transactions_and_fails_alone(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, count = queue_rows.insert, itertools.count()
    commits = []
    queue.database._connection.set_trace_callback(
        lambda sql: commits.append(sql) if sql == "COMMIT" else None
    )

    def some(*arguments: Any) -> None:
        insert(*arguments)
        if next(count) % 7 == 3:
            raise RuntimeError("a bug")

    def add(number: int) -> str | None:
        try:
            return queue.add(MESSAGE, "", [TARO], f"t{number}")
        except RuntimeError:
            return None

    monkeypatch.setattr(queue_rows, "insert", some)
    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(add, range(70)))
    assert made.count(None) == 10
    assert sorted(each.envelope.queue_id for each in listed(queue)) == sorted(filter(None, made))
    assert len(files(queue)) == 60 and len(commits) < 70


def together(queue: Queue, *writes: Callable[[sqlite3.Connection], None]) -> list[BaseException | None]:
    """What becomes of parts that share a transaction."""
    with ThreadPoolExecutor(len(writes)) as threads:
        with queue.database._lock:  # the first waits for it, the others wait for the first
            parts = [threads.submit(queue.database.grouped, write) for write in writes]
            until = time.monotonic() + 60
            while len(queue.database._waiting) < len(writes) and time.monotonic() < until:
                time.sleep(0.001)
        return [part.exception() for part in parts]


def postponed(*names: str) -> Callable[[sqlite3.Connection], None]:
    return lambda db: [db.execute("INSERT INTO lane VALUES (?, 1)", (name,)) for name in names] and None


def test_a_part_that_fails_is_undone_and_the_others_are_not(queue: Queue) -> None:
    first, second, third = together(queue, postponed("a"), postponed("b", "b"), postponed("c"))
    assert first is third is None and isinstance(second, sqlite3.IntegrityError)
    assert [lane.name for lane in queue.lanes()] == ["a", "c"]


def test_where_a_full_disk_undoes_it_all_nobody_is_told_that_it_is_done(queue: Queue) -> None:
    def full(db: sqlite3.Connection) -> None:
        db.execute("ROLLBACK")  # as SQLite does by itself
        raise sqlite3.OperationalError("database or disk is full")

    errors = together(queue, postponed("a"), full, postponed("c"))
    assert all(isinstance(each, sqlite3.OperationalError) for each in errors) and queue.lanes() == []
    assert together(queue, postponed("d")) == [None]


@as_files
def test_delete(queue: Queue, clock: Clock) -> None:
    admin = QueueAdmin(queue)
    keep = queue.add(MESSAGE, "", [HANAKO], "t")
    queue.add(MESSAGE, "", [TARO], "t")
    assert admin.delete(Select(recipient="taro@example.test")) == 1
    assert files(queue) == [f"{keep}.eml"]


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (Select(), "abc"),
        (Select(sender="ME@example.test"), "a"),
        (Select(sender="<>"), "c"),
        (Select(recipient="hanako@example.test"), "b"),
        (Select(domain="Other.test"), "bc"),
        (Select(added_before=1_700_000_100), "a"),
        (Select(added_after=1_700_000_100), "bc"),
        (Select(state=State.HELD), ""),
        (Select(state=State.WAITING, most=2), "ab"),
        (Select(sender="' OR 1=1 --"), ""),
    ],
)
def test_select(queue: Queue, clock: Clock, select: Select, expected: str) -> None:
    other = Addressee("x@other.test")
    names = {}
    for name, sender, recipients in (
        ("a", "me@example.test", [TARO]),
        ("b", "you@example.test", [HANAKO, other]),
        ("c", "", [other]),
    ):
        names[queue.add(MESSAGE, sender, recipients, "t")] = name
        clock.now += 100
    found = QueueAdmin(queue).list(select)
    assert "".join(names[each.envelope.queue_id] for each in found) == expected


def test_stats(queue: Queue, clock: Clock) -> None:
    admin = QueueAdmin(queue)
    assert admin.stats().messages == 0 and admin.stats().oldest is None
    first = int(clock.now)
    queue.add(MESSAGE, "", [TARO, Addressee("x@other.test")], "t")
    take(queue)
    held = queue.add(MESSAGE, "", [HANAKO], "t")
    admin.hold(Select(queue_ids=(held,)))
    clock.now += 10
    queue.add(MESSAGE, "", [TARO], "t")
    stats = admin.stats()
    assert (stats.messages, stats.octets) == (3, 3 * len(TEXT))
    assert (stats.waiting, stats.leased, stats.held, stats.failed) == (1, 2, 1, 0)
    assert (stats.oldest, stats.next_due) == (first, first + 10)
    assert [(lane.name, lane.recipients, lane.oldest) for lane in stats.lanes] == [
        ("example.test", 3, first),
        ("other.test", 1, first),
    ]


@pytest.mark.parametrize("act", ["claim", "lanes", "next_due", "untold", "record", "add", "show"])
def test_a_long_queue_costs_due_work_only(queue: Queue, clock: Clock, act: str) -> None:
    """The queries that a runner repeats are answered by an index, whatever waits."""
    due = queue.add(MESSAGE, "", [TARO], "t")
    if act == "record":
        take(queue)
    with queue.database.writing() as db:
        db.execute(
            """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
               INSERT INTO message (id, reverse_path, trace, added, size, envid, ret)
               SELECT 'm' || i, '', 't', 1, 1, '', '' FROM n"""
        )
        db.execute(
            """INSERT INTO recipient (message, number, address, domain, original, mailbox, notify, orcpt,
               state, due, lane)
               SELECT id, 0, 'a@b', 'b', '', 'INBOX', '', '', 'waiting', 9999999999, 'b' FROM message
               WHERE id LIKE 'm%'"""
        )
    queries: dict[str, Callable[[], object]] = {
        "claim": lambda: queue.claim("a", lanes=["b", ""]),
        "lanes": queue.lanes,
        "next_due": queue.next_due,
        "untold": queue.untold,
        "record": lambda: queue.record("a", due, [Outcome(0, DISK_FULL, 60)]),
        "add": lambda: queue.add(MESSAGE, "", [TARO], "t"),
        "show": lambda: QueueAdmin(queue).show("x"),
    }
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    queue.database._connection.set_progress_handler(count, 100)
    queue.database._reader.set_progress_handler(count, 100)
    queries[act]()
    assert steps < 50


def test_what_a_killed_process_acknowledged_is_there(queue: Queue) -> None:
    program = (
        "import sys; from pathlib import Path; from storage.message import Message;"
        "from storage.queue.queue import Queue; from storage.queue.queued import Addressee;"
        "queue = Queue(Path(sys.argv[1]))\n"
        "while True: print(queue.add(Message.of(b'x' * 5000), 'a@b', [Addressee('c@d')], 't'), flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(queue.directory)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(20)]
        process.kill()
    assert all(queue.message(queue_id).size == 5000 for queue_id in acknowledged)
    found = {each.envelope.queue_id for each in listed(queue)}
    assert found >= set(acknowledged)
    assert len(files(queue)) - len(found) <= 1  # the one that it was about to write
