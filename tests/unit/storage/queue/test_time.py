"""Queue time: what happens to the queue when the clock on the wall is set, and when the machine was off."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.message import Message
from storage.queue.admin import QueueAdmin
from storage.queue.queue import LEASE, Queue
from storage.queue.queued import Addressee, Outcome, Select
from storage.queue.time import GAP, QueueTime, boot_id, since_boot
from storage.status import DISK_FULL

DAY = 86_400
START = 1_700_000_000
MESSAGE = Message.of(b"Subject: one\r\n\r\nbody\r\n")
TARO = Addressee("taro@example.test")


class Machine:
    """A machine: the clock on its wall, the one that counts since it was started, and its queue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wall = float(START)
        self.steady = 5000.0
        self.boots = 1
        self.queue = self.open()

    def open(self) -> Queue:
        return Queue(self.folder / "queue", lambda: self.wall, steady=lambda: self.steady, boot=self.boot)

    def boot(self) -> str:
        return f"boot {self.boots}"

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def restart(self, off: float, wrong: float = 0) -> None:
        """Off for so long; the clock on the wall is `wrong` afterwards."""
        self.queue.close()
        self.wall += off + wrong
        self.steady = 10.0
        self.boots += 1
        self.queue = self.open()

    def age(self) -> float:
        (listed,) = QueueAdmin(self.queue).list(Select())
        return self.queue.time.now() - listed.envelope.since


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.queue.close()


@pytest.mark.parametrize("jump", [DAY, -DAY, 100 * DAY, -50 * 365 * DAY, 7200, -7200])
def test_a_clock_that_is_set_neither_flushes_nor_freezes(machine: Machine, jump: float) -> None:
    queue_id = machine.queue.add(MESSAGE, "me@example.test", [TARO], "t", hold_until=START + 600)
    machine.passes(100)
    machine.wall += jump
    assert machine.queue.claim("a") == []
    assert machine.queue.next_due() == START + 600 + jump  # as far from now as before
    assert machine.age() == -500
    machine.passes(500)
    (work,) = machine.queue.claim("a")
    assert work.envelope.queue_id == queue_id
    machine.queue.record("a", queue_id, [Outcome(0, DISK_FULL, 300)])
    machine.passes(299)
    machine.wall -= jump
    assert machine.queue.claim("a") == []
    machine.passes(1)
    assert len(machine.queue.claim("a")) == 1
    assert machine.age() == 300


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_leases_end_by_the_time_that_passes(machine: Machine, jump: float) -> None:
    machine.queue.add(MESSAGE, "", [TARO], "t")
    machine.queue.claim("a")
    machine.wall += jump
    assert machine.queue.claim("b") == []
    machine.passes(LEASE)
    assert len(machine.queue.claim("b")) == 1


def test_another_process_sees_the_same_time(machine: Machine) -> None:
    machine.passes(50)
    machine.wall -= 3 * DAY
    other = machine.open()
    assert other.time.now() == machine.queue.time.now()
    machine.wall += 30 * DAY  # in the moment in which the time was noted
    third = machine.open()
    assert third.time.now() == other.time.now() == machine.queue.time.now() == START + 50
    other.add(MESSAGE, "", [TARO], "t")
    assert len(machine.queue.claim("a")) == 1
    other.close()
    third.close()


@pytest.mark.parametrize(
    ("off", "wrong", "counted"),
    [
        (600, 0, 600),
        (10 * DAY, 0, GAP),  # a long stop does not bounce what waits
        (600, 20 * DAY, GAP),  # neither does a clock that is far ahead after it
        (600, -30 * 365 * DAY, 0),  # nor does one that begins in 1993 make time go back
    ],
)
def test_between_two_boots_the_wall_is_believed_within_bounds(
    machine: Machine, off: float, wrong: float, counted: float
) -> None:
    machine.queue.add(MESSAGE, "me@example.test", [TARO], "t", hold_until=START + 60)
    machine.passes(30)
    machine.queue.renew("nobody", [])  # a runner that lives notes the time
    machine.restart(off, wrong)
    assert machine.age() == pytest.approx(-30 + counted)
    assert bool(machine.queue.claim("a")) is (counted >= 30)
    machine.wall -= wrong  # and when the clock is put right nothing happens either
    assert machine.age() == pytest.approx(-30 + counted)
    machine.passes(30)
    assert machine.age() == pytest.approx(counted)


def test_of_short_boots_each_counts(machine: Machine) -> None:
    """The clock that counts since the start may be as far as it was before."""
    machine.queue.add(MESSAGE, "me@example.test", [TARO], "t")
    for _ in range(3):
        machine.restart(600)
    assert machine.age() == pytest.approx(3 * 600)


def test_a_time_of_day_is_met_as_long_as_the_clock_is_right(machine: Machine) -> None:
    machine.passes(100)
    machine.wall += DAY
    machine.queue.add(MESSAGE, "me@example.test", [TARO], "t", hold_until=int(machine.wall) + 50)
    machine.passes(49)
    assert machine.queue.claim("a") == []
    machine.passes(1)
    assert len(machine.queue.claim("a")) == 1


def test_the_kernel_s_clock(tmp_path: Path) -> None:
    assert len(boot_id()) == 36 and since_boot() > 0
    queue = Queue(tmp_path / "queue")
    assert isinstance(queue.time, QueueTime) and abs(queue.time.ahead) <= 1
    queue.close()
