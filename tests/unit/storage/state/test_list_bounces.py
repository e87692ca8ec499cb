"""Members whose mail comes back: a day counts once, old days do not, and who is paused is paused once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.state.list_bounces import DAY, WINDOW, Bouncing, ListBounces

SALES, TARO, HANAKO = "sales@example.test", "taro@example.net", "hanako@example.net"
NOW = 20_000.0 * DAY
MOST = 3


@pytest.fixture
def bounces(tmp_path: Path) -> Iterator[ListBounces]:
    bounces = ListBounces(tmp_path)
    yield bounces
    bounces.close()


def test_so_many_days_pause_a_member_and_the_last_says_so(bounces: ListBounces) -> None:
    came = [bounces.count(SALES, TARO, f"no {day}", NOW + day * DAY, MOST) for day in range(MOST + 1)]
    assert came == [False, False, True, False]  # who hears True tells the owner
    assert bounces.paused(SALES) == {TARO}
    assert bounces.bouncing(SALES) == [Bouncing(TARO, 4, NOW + 2 * DAY, "no 2", True)]


def test_an_hour_without_a_server_is_one_day(bounces: ListBounces) -> None:
    assert not any(bounces.count(SALES, TARO, "no", NOW + second, MOST) for second in range(100))
    assert bounces.bouncing(SALES) == [Bouncing(TARO, 1, NOW + 99, "no", False)]


def test_days_long_ago_do_not_count(bounces: ListBounces) -> None:
    for at in (0, DAY, WINDOW + 1):
        assert not bounces.count(SALES, TARO, "no", NOW + at, MOST)
    assert bounces.count(SALES, TARO, "no", NOW + WINDOW + DAY, MOST)  # with the second and the third
    assert bounces.bouncing(SALES)[0].days == 3


def test_lists_and_members_are_counted_each_for_itself(bounces: ListBounces) -> None:
    for day, (address, member) in enumerate([(SALES, TARO), (SALES, HANAKO), ("other@example.test", TARO)]):
        assert not bounces.count(address, member, "no", NOW + day * DAY, MOST)
    assert [each.member for each in bounces.bouncing(SALES)] == [HANAKO, TARO]


def test_who_is_taken_back_begins_from_nothing_and_a_list_that_is_gone_leaves_nothing(
    bounces: ListBounces,
) -> None:
    for day in range(MOST):
        bounces.count(SALES, TARO, "no", NOW + day * DAY, MOST)
        bounces.count(SALES, HANAKO, "no", NOW + day * DAY, MOST)
    assert bounces.resume(SALES, TARO) and not bounces.resume(SALES, TARO)
    assert bounces.paused(SALES) == {HANAKO} and len(bounces.bouncing(SALES)) == 1
    assert not bounces.count(SALES, TARO, "no", NOW + 4 * DAY, MOST)
    bounces.forget(SALES)
    assert bounces.paused(SALES) == frozenset() and bounces.bouncing(SALES) == []
