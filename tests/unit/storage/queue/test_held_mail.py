"""An account is held: what it has sent and what still waits stops with it, and nobody else's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.account import AccountFile
from config.traces import Traces as Limits
from storage.message import Message
from storage.people.directory import AccountEntry
from storage.people.directory_cache import Stamp
from storage.queue import held_mail
from storage.queue.admin import QueueAdmin
from storage.queue.queue import Queue
from storage.queue.queued import Addressee, Select, State
from storage.state.traces import Traces

TARO = AccountEntry("taro@example.test", AccountFile(aliases=("info",)), "current", Stamp(0, 0, 0, 0))


class Clock:
    now = 1_700_000_000.0

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


def add(queue: Queue, reverse_path: str, trace: str = "t") -> str:
    return queue.add(Message.of(b"x"), reverse_path, [Addressee("a@elsewhere.test")], trace)


def held(queue: Queue) -> set[str]:
    return {each.envelope.queue_id for each in QueueAdmin(queue).list(Select(state=State.HELD))}


@pytest.mark.parametrize(
    ("reverse_path", "its"),
    [
        ("taro@example.test", True),
        ("Taro+shop@Example.TEST", True),
        ("info@example.test", True),
        ("taro@other.test", False),
        ("hanako@example.test", False),
        ("", False),
    ],
)
def test_whose_a_message_is_by_its_reverse_path(
    queue: Queue, tmp_path: Path, clock: Clock, reverse_path: str, its: bool
) -> None:
    queue_id = add(queue, reverse_path)
    assert held_mail.hold(queue, tmp_path, TARO, clock) == its
    assert held(queue) == ({queue_id} if its else set())
    assert held_mail.release(queue, tmp_path, TARO) == its
    assert held(queue) == set()


def test_whose_it_is_by_its_trace(queue: Queue, tmp_path: Path, clock: Clock) -> None:
    """Who had logged in says more than a reverse-path that he may use besides."""
    traces = Traces(tmp_path, Limits(), clock)
    traces.note("his", "accepted", detail={"account": "taro@example.test"})
    traces.note("hers", "accepted", detail={"account": "hanako@example.test"})
    traces.close()
    mine, _ = add(queue, "sales@example.test", "his"), add(queue, "sales@example.test", "hers")
    assert held_mail.hold(queue, tmp_path, TARO, clock) == 1
    assert held(queue) == {mine}


def test_what_came_long_before_goes_its_way(queue: Queue, tmp_path: Path, clock: Clock) -> None:
    add(queue, "taro@example.test")
    clock.now += held_mail.RECENT + 1
    late = add(queue, "taro@example.test")
    assert held_mail.hold(queue, tmp_path, TARO, clock) == 1
    assert held(queue) == {late}
