"""Runners that live and runners that were killed are told apart by the kernel's locks."""

import subprocess
import sys
from pathlib import Path

from smtp.relay import presence

HOLD = "import sys, pathlib; from smtp.relay import presence; presence.enter(pathlib.Path(sys.argv[1]), 'other'); print('in', flush=True); sys.stdin.read()"  # noqa: E501


def test_the_killed_one_is_dead_once_and_the_living_are_not(tmp_path: Path) -> None:
    mine = presence.enter(tmp_path, "mine")
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        assert presence.dead(tmp_path) == []
    finally:
        other.kill()
        other.wait()
    assert presence.dead(tmp_path) == ["other"]
    assert presence.dead(tmp_path) == []
    presence.leave(tmp_path, "mine", mine)
    assert list((tmp_path / "relay").iterdir()) == []


def test_nobody_was_there_yet(tmp_path: Path) -> None:
    assert presence.dead(tmp_path) == []
