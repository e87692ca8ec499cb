"""The queue: durable before it returns, leased to one, given back by the clock, nothing lost at any crash."""

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.errors import DiskFull
from storage.message import Message
from storage.queue import GRACE, LEASE, Queue
from storage.queue_admin import QueueAdmin
from storage.queued import Addressee, Notice, Outcome, Select, State
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
def queue(tmp_path: Path, clock: Clock) -> Iterator[Queue]:
    queue = Queue(tmp_path / "queue", clock)
    yield queue
    queue.close()


def files(queue: Queue) -> list[str]:
    return sorted(path.name for path in queue.directory.glob("*.eml"))


def take(queue: Queue, holder: str = "a") -> dict[str, list[int]]:
    return {work.envelope.queue_id: [each.number for each in work.recipients] for work in queue.claim(holder)}


def test_what_is_added_is_there_for_another_process(queue: Queue, clock: Clock) -> None:
    full = Addressee("taro@example.test", "Taro@Example.TEST", "Work", "FAILURE", "rfc822;t", DISK_FULL)
    queue_id = queue.add(
        MESSAGE.prepend(b"X: y\r\n"), "me@example.test", [full, HANAKO], "tr1", envid="e", ret="HDRS"
    )
    other = Queue(queue.directory, clock)
    (work,) = other.claim("b")
    assert work.envelope == (
        type(work.envelope)(queue_id, "me@example.test", "tr1", int(clock.now), len(TEXT) + 6, "e", "HDRS")
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


def test_one_file_for_a_thousand_recipients(queue: Queue) -> None:
    queue.add(MESSAGE, "me@example.test", [Addressee(f"u{n}@d{n % 300}.test") for n in range(1000)], "t")
    assert len(files(queue)) == 1
    assert sum(len(work.recipients) for work in queue.claim("a", most=600)) == 600
    assert sum(len(work.recipients) for work in queue.claim("b", most=600)) == 400


def test_file_is_fsynced_before_the_rows_and_rows_are_committed_durably(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        assert QueueAdmin(queue).list(Select()) == []
        fsync(fd)

    monkeypatch.setattr(os, "fsync", note)
    queue_id = queue.add(MESSAGE, "", [TARO], "t")
    assert synced == [str(queue.directory / f"{queue_id}.eml"), str(queue.directory)]
    with queue.database.reading() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


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
    queue.renew("a", queue_id)
    clock.now += 1
    assert take(queue, "b") == {}
    assert queue.give_back("b") == 0
    assert queue.give_back("a") == 1
    assert take(queue, "b") == {queue_id: [0]}


def test_not_due_before_its_time(queue: Queue, clock: Clock) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO], "t", due=int(clock.now) + 60)
    assert take(queue) == {}
    assert queue.next_due() == clock.now + 60
    clock.now += 60
    assert take(queue) == {queue_id: [0]}


def test_temporary_waits_and_done_ends(queue: Queue, clock: Clock) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO, HANAKO], "t")
    take(queue)
    later = int(clock.now) + 300
    queue.record("a", queue_id, [Outcome(0, DISK_FULL, later), Outcome(1, DELIVERED)])
    assert queue.settle(queue_id) is None
    (listed,) = QueueAdmin(queue).list(Select())
    assert [each.state for each in listed.recipients] == [State.WAITING, State.DELIVERED]
    assert (listed.recipients[0].status, listed.recipients[0].attempts) == (DISK_FULL, 1)
    clock.now = later
    assert take(queue) == {queue_id: [0]}
    queue.record("a", queue_id, [Outcome(0, DELIVERED)])
    queue.settle(queue_id)
    assert QueueAdmin(queue).list(Select()) == [] and files(queue) == []


def test_late_news_of_a_lost_lease(queue: Queue, clock: Clock) -> None:
    """What is done is done, whoever says it; a temporary failure counts only from the holder."""
    queue_id = queue.add(MESSAGE, "", [TARO, HANAKO], "t")
    take(queue, "a")
    clock.now += LEASE
    take(queue, "b")
    queue.record("a", queue_id, [Outcome(0, DISK_FULL, int(clock.now)), Outcome(1, DELIVERED)])
    first, second = QueueAdmin(queue).list(Select())[0].recipients
    assert (first.holder, first.attempts) == ("b", 0)
    assert second.state is State.DELIVERED
    queue.record("b", queue_id, [Outcome(1, UNKNOWN_RECIPIENT)])
    assert QueueAdmin(queue).list(Select())[0].recipients[1].state is State.DELIVERED


def test_failed_stays_until_the_sender_is_told_once(queue: Queue) -> None:
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO], "tr7")
    take(queue)
    queue.record("a", queue_id, [Outcome(0, UNKNOWN_RECIPIENT)])
    assert [envelope.queue_id for envelope in queue.unsettled()] == [queue_id]
    assert [each.number for each in queue.untold(queue_id)] == [0]
    notice = Notice(Message.of(b"Subject: failed\r\n\r\n"), "me@example.test")
    notice_id = queue.settle(queue_id, [0], notice)
    assert notice_id is not None
    assert files(queue) == [f"{notice_id}.eml"]
    (work,) = queue.claim("a")
    assert (work.envelope.reverse_path, work.envelope.trace) == ("", "tr7")
    assert work.recipients[0].address == "me@example.test"
    assert queue.settle(queue_id, [0], notice) is None
    assert files(queue) == [f"{notice_id}.eml"] and queue.unsettled() == []


def test_giving_up_is_a_temporary_status_without_a_next_time(queue: Queue) -> None:
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO], "t")
    take(queue)
    queue.record("a", queue_id, [Outcome(0, DISK_FULL)])
    assert [each.status for each in queue.untold(queue_id)] == [DISK_FULL]


def test_killed_before_the_rows_leaves_a_file_that_goes_after_a_grace(
    queue: Queue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr("storage.queue_rows.insert", die)
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


def test_killed_between_rows_and_file_of_a_settled_message(
    queue: Queue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO], "t")
    take(queue)
    queue.record("a", queue_id, [Outcome(0, DELIVERED)])
    monkeypatch.setattr(Queue, "_unlink", lambda *_: None)
    queue.settle(queue_id)
    assert files(queue) == [f"{queue_id}.eml"] and queue.unsettled() == []
    os.utime(queue.directory / f"{queue_id}.eml", (clock.now, clock.now))
    clock.now += GRACE + 1
    queue.recover()
    assert files(queue) == []


def test_killed_between_the_last_record_and_settle(queue: Queue, clock: Clock) -> None:
    queue_id = queue.add(MESSAGE, "", [TARO], "t")
    take(queue)
    queue.record("a", queue_id, [Outcome(0, DELIVERED)])
    restarted = Queue(queue.directory, clock)
    assert [envelope.queue_id for envelope in restarted.unsettled()] == [queue_id]
    restarted.settle(queue_id)
    assert files(queue) == []
    restarted.close()


def test_rows_without_a_file_are_held_and_logged(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    queue_id = queue.add(MESSAGE, "me@example.test", [TARO], "t")
    (queue.directory / f"{queue_id}.eml").unlink()
    queue.recover()
    assert take(queue) == {}
    (recipient,) = QueueAdmin(queue).list(Select())[0].recipients
    assert recipient.state is State.HELD and "missing" in str(recipient.status)
    assert "queue.file_missing" in caplog.messages


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

    monkeypatch.setattr(*((Message, "write_to") if where == "file" else ("storage.queue_rows.insert",)), full)
    with pytest.raises(DiskFull):
        queue.add(MESSAGE, "", [TARO], "t")
    monkeypatch.undo()
    assert files(queue) == []
    assert queue.add(MESSAGE, "", [TARO], "t")


def test_runners_are_woken_by_add_release_and_retry(tmp_path: Path, clock: Clock) -> None:
    woken: list[int] = []
    queue = Queue(tmp_path / "queue", clock, lambda: woken.append(1))
    queue.add(MESSAGE, "", [TARO], "t")
    assert len(woken) == 1
    QueueAdmin(queue, clock).retry(Select())
    assert len(woken) == 2
    queue.close()


def test_hold_and_release(queue: Queue, clock: Clock) -> None:
    admin = QueueAdmin(queue, clock)
    queue_id = queue.add(MESSAGE, "", [TARO], "t")
    assert admin.hold(Select(recipient="TARO@example.test")) == 1
    assert take(queue) == {} and queue.next_due() is None
    assert admin.hold(Select()) == 0
    assert admin.release(Select(queue_ids=(queue_id,))) == 1
    assert take(queue) == {queue_id: [0]}


def test_held_while_it_is_tried_ends_as_the_attempt_ends(queue: Queue, clock: Clock) -> None:
    admin = QueueAdmin(queue, clock)
    queue_id = queue.add(MESSAGE, "", [TARO, HANAKO], "t")
    take(queue)
    admin.hold(Select())
    queue.record("a", queue_id, [Outcome(0, DELIVERED), Outcome(1, DISK_FULL, int(clock.now))])
    assert [each.state for each in admin.list(Select())[0].recipients] == [State.DELIVERED, State.HELD]


def test_retry_makes_due_what_waits_and_leaves_what_is_leased(queue: Queue, clock: Clock) -> None:
    admin = QueueAdmin(queue, clock)
    later = int(clock.now) + 1000
    leased = queue.add(MESSAGE, "", [TARO], "t")
    take(queue)
    waiting = queue.add(MESSAGE, "", [TARO], "t", due=later)
    assert admin.retry(Select()) == 1
    assert take(queue, "b") == {waiting: [0]}
    assert leased not in take(queue, "b")


def test_delete(queue: Queue, clock: Clock) -> None:
    admin = QueueAdmin(queue, clock)
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
    found = QueueAdmin(queue, clock).list(select)
    assert "".join(names[listed.envelope.queue_id] for listed in found) == expected


def test_stats(queue: Queue, clock: Clock) -> None:
    admin = QueueAdmin(queue, clock)
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
    assert stats.domains == (("example.test", 3), ("other.test", 1))


@pytest.mark.parametrize("act", ["claim", "next_due", "show"])
def test_a_long_queue_costs_due_work_only(queue: Queue, clock: Clock, act: str) -> None:
    """The queries that a runner repeats are answered by an index, whatever waits."""
    queries: dict[str, Callable[[], object]] = {
        "claim": lambda: queue.claim("a"),
        "next_due": queue.next_due,
        "show": lambda: QueueAdmin(queue).show("x"),
    }
    with queue.database.writing() as db:
        db.execute(
            """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
               INSERT INTO message SELECT 'm' || i, '', 't', 1, 1, '', '' FROM n"""
        )
        db.execute(
            """INSERT INTO recipient (message, number, address, domain, original, mailbox, notify, orcpt,
               state, due)
               SELECT id, 0, 'a@b', 'b', '', 'INBOX', '', '', 'waiting', 9999999999 FROM message"""
        )
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    queue.database._connection.set_progress_handler(count, 100)
    queries[act]()
    assert steps < 50


def test_what_a_killed_process_acknowledged_is_there(queue: Queue) -> None:
    program = (
        "import sys; from pathlib import Path; from storage.message import Message;"
        "from storage.queue import Queue; from storage.queued import Addressee;"
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
    found = {listed.envelope.queue_id for listed in QueueAdmin(queue).list(Select())}
    assert found >= set(acknowledged)
    assert len(files(queue)) - len(found) <= 1  # the one that it was about to write
