"""Small messages that came a moment ago: durable with their rows, found in either place, files some seconds on."""

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.errors import DiskFull
from storage.message import Message
from storage.queue.admin import QueueAdmin
from storage.queue.files import GRACE
from storage.queue.queue import Queue
from storage.queue.queued import Addressee, Outcome, Parcel, Select
from storage.queue.young import AGE, MOST, TOGETHER
from storage.status import DELIVERED

TARO = Addressee("taro@example.test")
TEXT = b"Subject: one\r\n\r\nbody\r\n"


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

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


def add(queue: Queue, text: bytes = TEXT) -> str:
    return queue.add(Message.of(text), "me@example.test", [TARO], "t")


def files(queue: Queue) -> list[str]:
    return sorted(path.name for path in queue.directory.iterdir() if path.suffix in (".eml", ".new"))


def young(queue: Queue) -> list[str]:
    with queue.database.reading() as db:
        return [row[0] for row in db.execute("SELECT id FROM young")]


def test_a_small_message_waits_for_one_fsync_which_is_its_rows(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: pytest.fail("no file, no folder"))
    queue_id = add(queue)
    assert files(queue) == [] and young(queue) == [queue_id]
    # SQLite's own: the commit was fsynced
    assert queue.database._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_large_one_and_one_that_was_spooled_are_files_at_once(queue: Queue, tmp_path: Path) -> None:
    spooled = tmp_path / "spooled"
    spooled.write_bytes(TEXT)
    ids = queue.add_all(
        [
            Parcel(Message.of(b"x" * MOST), "", [TARO]),
            Parcel(Message.of(b"x" * MOST).prepend(b"y"), "", [TARO]),
            Parcel(Message(spooled, len(TEXT)), "", [TARO]),
        ],
        "t",
    )
    assert young(queue) == ids[:1]
    assert files(queue) == sorted(f"{queue_id}.eml" for queue_id in ids[1:])
    assert [queue.messages(ids)[queue_id].size for queue_id in ids] == [MOST, MOST + 1, len(TEXT)]


def test_it_becomes_a_file_when_it_is_some_seconds_old(queue: Queue, clock: Clock) -> None:
    old = add(queue)
    header = queue.header(old, 100)
    assert header.startswith(b"Subject: one\r\n") and b"body" not in header
    clock.now += AGE - 1
    new = add(queue, b"another")
    assert queue.grow_up() == 0 and files(queue) == []
    clock.now += 1
    assert queue.grow_up() == 1
    assert files(queue) == [f"{old}.eml"] and young(queue) == [new]
    assert queue.message(old).source == queue.directory / f"{old}.eml"
    assert {name: message.read() for name, message in queue.messages([old, new, "no"], 100).items()} == {
        old: TEXT,
        new: b"another",
    }
    assert queue.header(old, 100) == header


def test_on_a_full_disk_it_stays_what_it_was(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    queue_id = add(queue)
    monkeypatch.setattr("storage.durable.sync_files", full)
    with pytest.raises(DiskFull):
        queue.grow_up(age=0)
    monkeypatch.undo()
    assert files(queue) == [] and young(queue) == [queue_id]
    assert queue.grow_up(age=0) == 1


def test_many_become_files_some_at_a_time(queue: Queue) -> None:
    queue.add_all([Parcel(Message.of(TEXT), "", [TARO])] * (TOGETHER + 3), "t")
    assert [queue.grow_up(age=0) for _ in range(3)] == [TOGETHER, 3, 0]
    assert len(files(queue)) == TOGETHER + 3 and young(queue) == []


@pytest.mark.parametrize("grown", [False, True])
def test_what_is_done_leaves_nothing(queue: Queue, grown: bool) -> None:
    queue_id, other = add(queue), add(queue)
    if grown:
        assert queue.grow_up(age=0) == 2
    queue.claim("a")
    done = queue.record("a", queue_id, [Outcome(0, DELIVERED)])
    assert done.done and done.file is grown
    assert QueueAdmin(queue).delete(Select((other,))) == 1
    assert files(queue) == [] and young(queue) == []


def test_done_while_it_became_a_file(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue_id, stays = add(queue), add(queue)
    queue.claim("a")
    write = queue.files.grown

    def slowly(messages: list[tuple[str, bytes]]) -> None:
        write(messages)
        queue.record("a", queue_id, [Outcome(0, DELIVERED)])

    monkeypatch.setattr(queue.files, "grown", slowly)
    assert queue.grow_up(age=0) == 2
    assert files(queue) == [f"{stays}.eml"] and young(queue) == []


def test_two_processes_that_make_files_of_the_same(queue: Queue, clock: Clock) -> None:
    ids = [add(queue, b"%d" % number) for number in range(30)]
    other = Queue(queue.directory, clock)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda each: each.grow_up(age=0), [queue, other] * 3))
    other.close()
    assert files(queue) == sorted(f"{queue_id}.eml" for queue_id in ids) and young(queue) == []
    assert [queue.message(queue_id).read() for queue_id in ids] == [b"%d" % number for number in range(30)]


def test_a_runner_that_starts_finds_nothing_missing_and_what_was_not_finished_goes(
    queue: Queue, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    queue_id = add(queue)
    (unfinished := queue.directory / f"{queue_id}.abcd.new").write_bytes(b"half")
    os.utime(unfinished, (clock.now, clock.now))
    queue.recover()
    assert unfinished.exists() and "queue.file_missing" not in caplog.messages
    clock.now += GRACE + 1
    queue.recover()
    assert files(queue) == [] and queue.message(queue_id).read() == TEXT
    queue.hold_missing(queue_id)  # who looked for a file and did not find it was late
    assert len(queue.claim("a")) == 1
