"""What is noted of a mail is found again, whole and in order; and nothing about it ever hurts a delivery."""

import logging
import multiprocessing
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.traces import Traces as Limits
from storage.state import hourly, mails
from storage.state.mails import Arrived
from storage.state.statedb import StateDb
from storage.state.stories import stories
from storage.state.traces import LONGEST, Traces
from storage.status import Status

DAY = 86_400


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def traces(tmp_path: Path, clock: Clock) -> Iterator[Traces]:
    traces = Traces(tmp_path, Limits(), clock)
    yield traces
    traces.close()


def ids(tmp_path: Path, wanted: str, **bounds: float) -> list[str]:
    return [story.trace for story in stories(tmp_path, wanted, **bounds)]  # type: ignore[arg-type]


def a_story(traces: Traces, clock: Clock, trace: str = "abc.1") -> None:
    traces.note(trace.partition(".")[0], "refused", sender="a@example.com", recipient="nobody@example.test")
    clock.now += 1
    traces.note(trace, "accepted", message_id="<id-1@example.com>", sender="a@example.com", peer="192.0.2.7")
    clock.now += 1
    traces.note(trace, "stored", recipient="info@example.test", detail={"account": "taro@example.test"})
    traces.note(trace, "queued", recipient="Bob@example.net", queue_id="q17")
    clock.now += 60
    traces.note(trace, "deferred", recipient="Bob@example.net", queue_id="q17", status=Status("4.4.1", "no"))
    clock.now += 60
    traces.note(trace, "sent", recipient="Bob@example.net", queue_id="q17", detail={"reply": "250 ok"})


def test_a_story_is_found_by_all_that_is_known_of_it(traces: Traces, clock: Clock, tmp_path: Path) -> None:
    assert stories(tmp_path, "abc.1") == []  # and no file is made by asking
    assert not (tmp_path / "traces.sqlite").exists()
    a_story(traces, clock)
    traces.close()
    for wanted in ("abc.1", "id-1@example.com", "<id-1@example.com>", "q17", "TARO@example.test"):
        assert ids(tmp_path, wanted) == ["abc.1"], wanted
    for wanted in ("a@example.com", "abc"):  # what it was refused on that connection stands in it
        assert ids(tmp_path, wanted) == ["abc.1"], wanted
    traces = Traces(tmp_path, Limits(), clock)
    traces.note("abc", "refused", sender="b@example.com", recipient="nobody@example.test")
    traces.close()
    assert ids(tmp_path, "nobody@example.test") == ["abc"]
    assert ids(tmp_path, "abc") == ["abc.1", "abc"]
    assert ids(tmp_path, "bob@EXAMPLE.net") == ids(tmp_path, "info@example.test") == ["abc.1"]
    assert ids(tmp_path, "q1") == ids(tmp_path, "ab") == ids(tmp_path, "") == []


def test_it_is_told_in_order_and_says_what_each_recipient_got(
    traces: Traces, clock: Clock, tmp_path: Path
) -> None:
    a_story(traces, clock)
    traces.close()
    (story,) = stories(tmp_path, "abc.1")
    whats = ["refused", "accepted", "stored", "queued", "deferred", "sent"]
    assert [event.what for event in story.events] == whats
    assert (story.sender, story.message_id) == ("a@example.com", "id-1@example.com")
    assert {address: event.what for address, event in story.outcomes.items()} == {
        "nobody@example.test": "refused",
        "info@example.test": "stored",
        "Bob@example.net": "sent",
    }
    assert story.events[4].status == Status("4.4.1", "no")
    assert story.events[5].detail == {"reply": "250 ok"}


def test_the_newest_first_within_a_period_and_not_too_many(
    traces: Traces, clock: Clock, tmp_path: Path
) -> None:
    for number in range(5):
        clock.now += 100
        traces.note(f"t{number}", "stored", recipient="taro@example.test")
    traces.close()
    assert ids(tmp_path, "taro@example.test", most=3) == ["t4", "t3", "t2"]
    assert ids(tmp_path, "taro@example.test", since=clock.now - 150) == ["t4", "t3"]


def test_it_is_written_without_being_asked_to(traces: Traces, tmp_path: Path) -> None:
    traces.note("abc.1", "stored", recipient="taro@example.test")
    deadline = time.monotonic() + 60
    while not ids(tmp_path, "abc.1"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_who_writes_leaves_nothing_in_the_hands_of_another(
    traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go_on, transaction = threading.Event(), threading.Event(), traces._db.transaction

    def slowly() -> AbstractContextManager[sqlite3.Connection]:
        inside.set()
        assert go_on.wait(60)
        return transaction()

    monkeypatch.setattr(traces._db, "transaction", slowly)
    traces.note("abc.1", "stored", recipient="taro@example.test")
    first, second = threading.Thread(target=traces._write), threading.Thread(target=traces._write)
    first.start()
    assert inside.wait(60)
    second.start()
    second.join(0.1)
    assert second.is_alive()  # what the first one writes is not there yet
    go_on.set()
    for thread in (first, second):
        thread.join(60)


def test_what_does_not_fit_into_the_buffer_is_counted(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("storage.state.traces.MOST_WAITING", 5)
    for number in range(8):
        traces.note(f"t{number}", "stored", recipient="taro@example.test")
    traces.close()
    assert len(ids(tmp_path, "taro@example.test")) == 5
    (line,) = [record for record in caplog.records if record.message == "traces.dropped"]
    assert line.fields == {"notes": 3}  # type: ignore[attr-defined]


def test_a_busy_file_delays_notes_and_loses_none(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("storage.state.statedb.BUSY_SECONDS", 0.01)
    monkeypatch.setattr("storage.state.traces.EVERY", 0.01)
    traces.tidy()  # makes the file
    other = sqlite3.connect(tmp_path / "traces.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for number in range(100):
        traces.note(f"t{number}", "stored", recipient="taro@example.test")
    deadline = time.monotonic() + 60
    while "traces.not_written" not in caplog.messages:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    other.execute("ROLLBACK")
    other.close()
    traces.close()
    assert set(ids(tmp_path, "taro@example.test", most=1000)) == {f"t{number}" for number in range(100)}


def test_a_damaged_file_is_put_aside_and_a_missing_one_made_again(tmp_path: Path) -> None:
    (tmp_path / "traces.sqlite").write_bytes(b"no database at all " * 1000)
    traces = Traces(tmp_path, Limits())
    traces.note("abc.1", "stored", recipient="taro@example.test")
    traces.close()
    assert ids(tmp_path, "taro@example.test") == ["abc.1"]
    assert len(list(tmp_path.glob("traces.sqlite.damaged-*"))) == 1

    traces = Traces(tmp_path, Limits())
    traces.tidy()
    for file in tmp_path.glob("traces.sqlite*"):
        file.unlink()
    traces.tidy()
    traces.note("abc.2", "stored", recipient="taro@example.test")
    traces.close()
    assert ids(tmp_path, "taro@example.test") == ["abc.2"]


def test_where_nothing_can_be_written_nothing_is_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    traces = Traces(tmp_path / "state", Limits())
    traces.note("abc.1", "stored", recipient="taro@example.test")
    traces.tidy()
    traces.close()
    traces.note("abc.2", "stored")
    assert "traces.not_written" in caplog.messages


def test_what_is_too_old_goes(traces: Traces, clock: Clock, tmp_path: Path) -> None:
    for day in range(100):
        for number in range(20):
            traces.note(f"d{day}.{number}", "stored", recipient="taro@example.test")
        clock.now += DAY
    traces.close()
    late = Traces(tmp_path, Limits(keep=90 * DAY), clock)
    late.tidy()
    late.close()
    kept = ids(tmp_path, "taro@example.test", most=10_000)
    assert {trace.partition(".")[0] for trace in kept} == {f"d{day}" for day in range(10, 100)}


def test_what_is_too_much_goes_the_oldest_first_and_the_room_is_given_back(
    clock: Clock, tmp_path: Path
) -> None:
    traces = Traces(tmp_path, Limits(), clock)
    for number in range(12_000):
        clock.now += 1
        traces.note(f"t{number}", "stored", recipient="taro@example.test", detail={"x": "y" * 400})
    traces.close()
    path = tmp_path / "traces.sqlite"
    before = path.stat().st_size
    limits = Limits(most="1M")
    late = Traces(tmp_path, limits, clock)
    late.tidy()
    late.close()
    kept = ids(tmp_path, "taro@example.test", most=20_000)
    assert kept[0] == "t11999"
    assert kept == [f"t{number}" for number in range(11_999, 11_999 - len(kept), -1)]
    assert 500 < len(kept) < 3_000
    assert before > 5_000_000
    assert path.stat().st_size < limits.most + 1_024 * 4096 + 4096 * 1000


def _write(folder: str, number: int) -> None:
    traces = Traces(Path(folder), Limits())
    for each in range(500):
        traces.note(f"p{number}.{each}", "stored", recipient="taro@example.test")
    traces.close()
    os._exit(0)


def test_many_processes_write_one_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_write, args=(str(tmp_path), number)) for number in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert len(ids(tmp_path, "taro@example.test", most=10_000)) == 3_000


texts = st.text(st.characters(exclude_categories=()), max_size=2 * LONGEST) | st.text(max_size=20)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=30))
def test_any_text_is_kept_in_order_and_cut_to_its_bound(
    tmp_path: Path, notes: list[tuple[str, str, str]]
) -> None:
    for file in tmp_path.glob("traces.sqlite*"):
        file.unlink()
    traces = Traces(tmp_path, Limits(), Clock())
    for recipient, text, detail in notes:
        traces.note("t", "sent", recipient=recipient, status=Status("2.0.0", text), detail={"reply": detail})
    traces.close()
    (story,) = stories(tmp_path, "t")
    assert len(story.events) == len(notes)
    for event, (recipient, text, detail) in zip(story.events, notes, strict=True):
        assert event.status is not None
        for kept, given_text in ((event.recipient, recipient), (event.status.text, text)):
            assert kept == given_text[:LONGEST].encode("utf-8", "replace").decode()
        assert event.detail["reply"][:LONGEST] == detail[:LONGEST]
        assert len(event.detail["reply"]) <= LONGEST + 1


def test_a_note_costs_little(traces: Traces, caplog: pytest.LogCaptureFixture) -> None:
    """Loose, for a machine with other work: a note is a tuple in a list, never a system call. Of this thread
    alone: the one that writes has its own time."""
    caplog.set_level(logging.CRITICAL)
    best = min(_timed(traces) for _ in range(5))
    assert best < 50e-6


def _timed(traces: Traces) -> float:
    began = time.thread_time()
    for _ in range(500):
        traces.note("abc.1", "stored", recipient="taro@example.test", detail={"mailbox": "INBOX"})
    return (time.thread_time() - began) / 500


def _note_and_wait(folder: str) -> None:
    traces = Traces(Path(folder), Limits())
    traces.note("abc.1", "stored", recipient="taro@example.test")
    threading.Event().wait()


def test_a_killed_process_leaves_what_it_has_written(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_note_and_wait, args=(str(tmp_path),))
    process.start()
    deadline = time.monotonic() + 60
    while not ids(tmp_path, "taro@example.test"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.join(60)
    traces = Traces(tmp_path, Limits())
    traces.note("abc.2", "stored", recipient="taro@example.test")
    traces.tidy()
    traces.close()
    assert set(ids(tmp_path, "taro@example.test")) == {"abc.1", "abc.2"}


def test_what_could_not_be_written_is_written_later_in_order_and_once(
    traces: Traces, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> AbstractContextManager[sqlite3.Connection]:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(traces, "_nudge", lambda: None)  # by this thread, not by its own
    hour = int(clock.now) // 3600
    for number in range(3):
        traces.note("abc.1", "stored", recipient=f"u{number}@example.test")
        traces.arrived(Arrived(clock.now + number, ("example.test",), f"t{number}", True, "a@b", (), b"x"))
        traces.count("received", ["example.test"])
    with monkeypatch.context() as patch:
        patch.setattr(StateDb, "transaction", full)
        assert not traces._write() and not traces._write()
    with monkeypatch.context() as patch:
        patch.setattr(mails.Mails, "add", full)
        assert not traces._write() and not traces._write()
    assert traces._write() and traces._write()
    (story,) = stories(tmp_path, "abc.1")
    assert [event.recipient for event in story.events] == [f"u{number}@example.test" for number in range(3)]
    assert [mail.trace for mail in mails.find(tmp_path, "example.test")] == ["t2", "t1", "t0"]
    for domain in ("example.test", hourly.SERVER):
        assert hourly.read(tmp_path, domain, hour, hour) == [hourly.Count(hour, "received", 3)]
    at = clock.now
    assert [mail.trace for mail in mails.find(tmp_path, None, since=at, until=at + 1)] == ["t0"]
