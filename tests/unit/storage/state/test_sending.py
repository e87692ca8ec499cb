"""How much an account may send: counted when it is taken, held when it is sudden."""

from pathlib import Path

import pytest

from config.account import AccountFile
from config.sending import AccountSendLimit, SendLimit
from storage.state import holds
from storage.state.holds import Holds
from storage.state.sending import Full, Sending

HOUR, DAY = 3600, 86_400
TARO = "taro@example.test"
LIMIT = SendLimit(messages_per_hour=10, messages_per_day=40, recipients_per_hour=50, recipients_per_day=120)


class Clock:
    def __init__(self) -> None:
        self.now = 20_000.0 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sending(tmp_path: Path, clock: Clock) -> Sending:
    return Sending(tmp_path, clock)


def test_room_grows_less_and_comes_back(sending: Sending, clock: Clock) -> None:
    assert sending.room(TARO, LIMIT) == 50
    assert sending.take(TARO, 20, LIMIT) is None
    assert sending.room(TARO, LIMIT) == 30
    assert sending.room("hanako@example.test", LIMIT) == 50
    clock.now += 2 * HOUR
    assert sending.room(TARO, LIMIT) == 50
    clock.now += 2 * DAY
    assert sending.room(TARO, LIMIT) == 50


def test_what_does_not_pass_is_not_counted(sending: Sending) -> None:
    assert sending.take(TARO, 40, LIMIT) is None
    full = sending.take(TARO, 11, LIMIT)
    assert full is not None
    assert (full.kind, full.window, full.most) == ("recipients", HOUR, 50)
    assert sending.take(TARO, 10, LIMIT) is None
    assert isinstance(sending.room(TARO, LIMIT), Full)


def test_messages_count_too(sending: Sending) -> None:
    assert [sending.take(TARO, 1, LIMIT) for _ in range(10)] == [None] * 10
    full = sending.take(TARO, 1, LIMIT)
    assert full is not None
    assert full.words == "10 messages in an hour"
    assert "this account may send 10 messages in an hour" in full.status("4.7.1").text


def test_it_says_when_it_goes_on(sending: Sending, clock: Clock) -> None:
    sending.take(TARO, 50, LIMIT)
    full = sending.room(TARO, LIMIT)
    assert isinstance(full, Full)
    clock.now = full.until + 1
    assert isinstance(sending.room(TARO, LIMIT), int)


def test_a_limit_of_the_day_is_never_sudden(sending: Sending, clock: Clock) -> None:
    for _ in range(4):
        assert sending.take(TARO, 30, LIMIT) is None
        clock.now += 2 * HOUR
    full = sending.room(TARO, LIMIT)
    assert isinstance(full, Full)
    assert (full.window, full.most, full.sudden) == (DAY, 120, False)


def test_passing_the_hour_is_sudden_for_who_sends_little(sending: Sending, clock: Clock) -> None:
    sending.take(TARO, 20, LIMIT)
    clock.now += 5 * HOUR
    sending.take(TARO, 50, LIMIT)
    assert sending.full(TARO, LIMIT).sudden


def test_and_not_for_who_sends_much_until_it_will_not_hear(sending: Sending, clock: Clock) -> None:
    limit = LIMIT.model_copy(update={"recipients_per_day": 1000})
    for _ in range(3):
        sending.take(TARO, 40, limit)
        clock.now += 2 * HOUR
    sending.take(TARO, 50, limit)
    heard = [sending.full(TARO, limit).sudden for _ in range(51)]
    assert heard == [False] * 50 + [True]


def test_let_go_it_begins_from_nothing(sending: Sending, clock: Clock) -> None:
    sending.take(TARO, 50, LIMIT)
    assert sending.holds.hold(TARO, clock.now, "suddenly")
    assert not sending.holds.hold(TARO, clock.now + 1, "again")
    held = sending.unhold(TARO)
    assert held is not None
    assert (held.since, held.reason) == (clock.now, "suddenly")
    assert sending.holds.of(TARO) is None
    assert sending.room(TARO, LIMIT) == 50
    assert sending.unhold(TARO) is None


def test_all_processes_see_a_hold(tmp_path: Path) -> None:
    Holds(tmp_path).hold(TARO, 5.0, "x")
    assert [hold.account for hold in Holds(tmp_path).all()] == [TARO]


def test_an_account_has_limits_of_its_own() -> None:
    assert AccountFile().send_limit.over(LIMIT) == LIMIT
    own = AccountSendLimit(recipients_per_hour=5000).over(LIMIT)
    assert own == LIMIT.model_copy(update={"recipients_per_hour": 5000})


def test_that_nobody_is_held_is_known_until_somebody_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked of the files' times alone, which are believed when they are not of this very moment."""
    monkeypatch.setattr(holds, "RACY", -(10**12))
    ours, other = Holds(tmp_path), Holds(tmp_path)
    assert not ours.nobody()
    ours.of(TARO)  # makes the file
    ours.of(TARO)
    assert ours.nobody()
    assert other.hold("hanako@example.test", 5.0, "x")
    assert not ours.nobody()
    assert ours.of(TARO) is None
    assert not ours.nobody()  # somebody is, though not this one
    other.release("hanako@example.test")
    ours.of(TARO)
    assert ours.nobody()
    monkeypatch.setattr(holds, "RACY", 10**12)
    other.hold(TARO, 6.0, "y")
    other.release(TARO)
    assert ours.of(TARO) is None and not ours.nobody()  # too young to be believed
    ours.close()
    other.close()


def test_the_room_that_a_message_left_is_believed_for_a_moment_and_what_is_taken_counted(
    tmp_path: Path, clock: Clock
) -> None:
    one, other = Sending(tmp_path, clock), Sending(tmp_path, clock)
    assert one.take(TARO, 10, LIMIT) is None
    assert other.take(TARO, 40, LIMIT) is None
    assert one.room(TARO, LIMIT) == 40
    assert isinstance(one.take(TARO, 1, LIMIT), Full)
    clock.now += 3
    assert isinstance(one.room(TARO, LIMIT), Full)


def test_another_limit_counts_at_once_and_who_is_let_go_begins_from_nothing(sending: Sending) -> None:
    assert sending.take(TARO, 40, LIMIT) is None
    tight = LIMIT.model_copy(update={"recipients_per_hour": 45})
    assert (sending.room(TARO, LIMIT), sending.room(TARO, tight)) == (10, 5)
    sending.holds.hold(TARO, 0.0, "much at once")
    assert sending.unhold(TARO) is not None
    assert sending.room(TARO, LIMIT) == 50 and sending.unhold(TARO) is None
