"""What is written down of an answer: when its recipient is tried again, and whether its sender hears of it."""

import pytest

from config.settings import Queue
from smtp.relay.letter import Answered
from smtp.relay.outcomes import outcome
from storage.queue.queued import Envelope, Outcome
from storage.status import Status
from tests.unit.smtp.relay.conftest import queued

SCHEDULE = Queue(retry=[60], delay_notice=3600, give_up=7200)


def tried(status: str, *, age: float = 0, sender: str = "a@example.test", notify: str = "") -> Outcome:
    envelope, one = Envelope("q1", sender, "t", 0, 1), queued(0, "b@example.com", notify=notify)
    return outcome(SCHEDULE, envelope, one, Answered(0, Status(status)), age, 0.5, False)


@pytest.mark.parametrize(
    ("age", "sender", "notify", "told"),
    [
        (3599, "a@example.test", "", False),
        (3600, "a@example.test", "", True),
        (3600, "a@example.test", "DELAY,FAILURE", True),
        (3600, "a@example.test", "FAILURE", False),  # RFC 3461 §4.1
        (3600, "a@example.test", "NEVER", False),
        (3600, "", "", False),  # nobody is told of a bounce
    ],
)
def test_who_hears_of_a_delay(age: float, sender: str, notify: str, told: bool) -> None:
    done = tried("4.2.1", age=age, sender=sender, notify=notify)
    assert done.delayed is told


def test_it_ends_with_a_last_attempt() -> None:
    assert tried("4.2.1", age=7170).pause == 30
    assert tried("4.2.1", age=7200).pause is None
    assert tried("5.1.1").pause is None and not tried("5.1.1", age=3600).delayed
    assert tried("2.0.0").action == "relayed"
