"""Sessions end when they should, a code is taken once, the log is read page by page, who is gone leaves nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.state.panel import AUDIT_KEPT, MOST_SESSIONS, TOUCH_EVERY, Panel, Session, forget
from storage.state.panel_tokens import Tokens

TARO, HANAKO = "taro@example.test", "hanako@example.test"
IDLE, MOST = 1_000.0, 10_000.0


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def panel(tmp_path: Path, clock: Clock) -> Iterator[Panel]:
    panel = Panel(tmp_path, clock)
    yield panel
    panel.close()


def begin(panel: Panel, account: str = TARO) -> str:
    return panel.begin(account, "mark", "192.0.2.7", "browser")


def look(panel: Panel, secret: str) -> Session | None:
    return panel.session(secret, idle=IDLE, most=MOST)


def test_a_session_ends_when_it_was_idle_for_too_long(panel: Panel, clock: Clock) -> None:
    secret = begin(panel)
    clock.now += IDLE
    assert (found := look(panel, secret)) is not None and found.account == TARO
    clock.now += IDLE
    assert look(panel, secret) is not None  # it was used meanwhile
    clock.now += IDLE + 1
    assert look(panel, secret) is None
    clock.now -= IDLE + 1
    assert look(panel, secret) is None and panel.sessions(TARO) == []


def test_a_session_ends_when_it_was_open_for_too_long(panel: Panel, clock: Clock) -> None:
    secret = begin(panel)
    for _ in range(20):
        clock.now += MOST / 20
        assert look(panel, secret) is not None
    clock.now += 1
    assert look(panel, secret) is None


def test_that_it_was_used_is_written_down_now_and_then(panel: Panel, clock: Clock) -> None:
    began, secret = clock.now, begin(panel)
    clock.now += TOUCH_EVERY
    look(panel, secret)
    assert [each.used for each in panel.sessions(TARO)] == [began]
    clock.now += 1
    look(panel, secret)
    assert [each.used for each in panel.sessions(TARO)] == [clock.now]


def test_of_too_many_sessions_the_one_unused_for_longest_goes(panel: Panel, clock: Clock) -> None:
    secrets = []
    for _ in range(MOST_SESSIONS):
        clock.now += 1
        secrets.append(begin(panel))
    other = begin(panel, HANAKO)
    clock.now += TOUCH_EVERY + 1
    assert look(panel, secrets[0]) is not None
    clock.now += 1
    secrets.append(begin(panel))
    there = [look(panel, secret) is not None for secret in secrets]
    assert there == [True, False] + [True] * (MOST_SESSIONS - 1)
    assert look(panel, other) is not None


def test_one_session_ends_or_all_others_or_all(panel: Panel) -> None:
    first, second, third, hers = begin(panel), begin(panel), begin(panel), begin(panel, HANAKO)
    numbers = [each.id for secret in (first, second, third) if (each := look(panel, secret))]
    assert panel.end(HANAKO, numbers[0]) == 0  # it is not hers
    assert panel.end(TARO, numbers[0]) == 1
    assert panel.end(TARO, other_than=numbers[1]) == 1
    assert [bool(look(panel, secret)) for secret in (first, second, third, hers)] == [
        False,
        True,
        False,
        True,
    ]
    panel.keep(numbers[1], "another mark")
    assert [each.mark for each in panel.sessions(TARO)] == ["another mark"]
    assert panel.end(TARO) == 1 and look(panel, hers) is not None


def test_a_code_is_taken_once_and_none_before_it_afterwards(panel: Panel) -> None:
    """RFC 6238 §5.2."""
    taken = [panel.use_step(TARO, step) for step in (100, 100, 99, 101, 101)]
    assert taken == [True, False, False, True, False]
    assert panel.use_step(HANAKO, 100)


def test_the_log_is_read_page_by_page_the_latest_first(panel: Panel) -> None:
    for number in range(5):
        panel.note(TARO, "changed", domain="example.test", subject=f"u{number}%", details="_")
    panel.note_all(TARO, [("made", "x@other.test", "")])
    first = panel.notes("example.test", most=2)
    second = panel.notes("example.test", before=first[-1].id, most=2)
    assert [each.subject for each in (*first, *second)] == ["u4%", "u3%", "u2%", "u1%"]
    assert [each.subject for each in panel.notes("example.test", search="3%")] == ["u3%"]
    assert panel.notes("example.test", search="%3") == []
    assert [each.domain for each in panel.notes(None, most=1)] == ["other.test"]


def test_what_is_too_old_goes_and_no_more(panel: Panel, clock: Clock) -> None:
    old, began = begin(panel), clock.now
    panel.note(TARO, "old")
    clock.now += MOST
    panel.tidy(most=MOST)
    assert len(panel.sessions(TARO)) == 1
    young = begin(panel)
    clock.now += 1
    panel.tidy(most=MOST)
    assert look(panel, old) is None and look(panel, young) is not None
    clock.now = began + AUDIT_KEPT
    panel.note(TARO, "new")
    panel.tidy(most=MOST)
    assert len(panel.notes(None)) == 2
    clock.now += 1
    panel.tidy(most=MOST)
    assert [each.action for each in panel.notes(None)] == ["new"]


def test_who_is_gone_leaves_no_session_and_no_token(panel: Panel, tmp_path: Path, clock: Clock) -> None:
    tokens = Tokens(panel.db, clock)
    names = (TARO, HANAKO, "taro@other.example.test", "taro@sub-example.test")
    for name in names:
        begin(panel, name)
        tokens.add(name, "a program", ["accounts:read"])

    def left() -> list[str]:
        return [name for name in names if panel.sessions(name) and tokens.of(name)]

    forget(tmp_path, account=TARO)
    assert left() == [HANAKO, *names[2:]] and not panel.sessions(TARO) and not tokens.of(TARO)
    forget(tmp_path, domain="example.test")
    assert left() == [*names[2:]] and not panel.sessions(HANAKO) and not tokens.of(HANAKO)
