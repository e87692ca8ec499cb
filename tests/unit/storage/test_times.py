"""Whether the time of a directory says that nothing happened since it was looked at."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from storage import folder


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_exact", {})


@pytest.mark.parametrize(
    ("apart", "exact"),
    [
        ((0, 0, 0), False),  # one tick
        ((0, 4_000_000, 0), False),  # a tick passed between the two
        ((0, 1_000_000, 1_000_000), False),
        ((0, 4_000_000, 30_000), True),  # no clock ticks that fast
    ],
)
def test_a_time_that_no_clock_ticks_is_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: tuple[int, ...], exact: bool
) -> None:
    tmp_path.joinpath("tmp").mkdir()
    differences: Iterator[int] = cycle(apart)
    monkeypatch.setattr(folder, "_two_changes", lambda _: next(differences))
    assert folder.exact_times(tmp_path) is exact
    monkeypatch.setattr(folder, "_two_changes", lambda _: pytest.fail("tried twice"))
    assert folder.exact_times(tmp_path) is exact


def test_the_trial_leaves_nothing_behind(tmp_path: Path) -> None:
    tmp = tmp_path / "tmp"
    tmp.mkdir()
    assert folder.exact_times(tmp_path) in (True, False)
    assert list(tmp.iterdir()) == []


def test_where_it_cannot_be_tried_times_are_not_believed(tmp_path: Path) -> None:
    assert not folder.exact_times(tmp_path / "gone")
    tmp_path.joinpath("tmp").mkdir()
    assert folder._exact == {}, "it is tried again"
