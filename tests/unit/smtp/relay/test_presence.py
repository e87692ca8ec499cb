"""Runners that live and runners that were killed are told apart by the kernel's locks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smtp.relay import presence

HOLD = "import sys, pathlib; from smtp.relay import presence; presence.enter(pathlib.Path(sys.argv[1]), 'other'); print('in', flush=True); sys.stdin.read()"  # noqa: E501


def test_the_killed_one_is_dead_once_and_the_living_are_not(tmp_path: Path) -> None:
    given_back: list[str] = []
    mine = presence.enter(tmp_path, "mine")
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        presence.bury(tmp_path, given_back.append)
        assert given_back == []
    finally:
        other.kill()
        other.communicate()
    presence.bury(tmp_path, given_back.append)
    presence.bury(tmp_path, given_back.append)
    assert given_back == ["other"]
    presence.leave(tmp_path, "mine", mine)
    assert list((tmp_path / "relay").iterdir()) == []


def test_who_cannot_give_back_leaves_it_to_the_next(tmp_path: Path) -> None:
    def full(_: str) -> None:
        raise OSError

    os.close(presence.enter(tmp_path, "other"))
    with pytest.raises(OSError):
        presence.bury(tmp_path, full)
    given_back: list[str] = []
    presence.bury(tmp_path, given_back.append)
    assert given_back == ["other"]


def test_nobody_was_there_yet(tmp_path: Path) -> None:
    presence.bury(tmp_path, lambda _: pytest.fail("nobody"))
