"""The soak of `make soak`, for some seconds: its work is done without a surprise, and its verdict can fail."""

import os
from pathlib import Path

import pytest

from tests.clients.daemons import ROOMS
from tests.soak.run import soak
from tests.soak.watch import Bounds, Watched, judge

SECONDS = float(os.environ.get("KWCMAILD_SOAK", "20"))
KINDS = {
    "APPEND", "COPY", "FETCH", "HTTP", "IDLE", "IMAP", "MOVE", "POP3", "SEARCH", "SIGHUP", "SMTP in", "STORE",
    "account made and deleted", "edited", "queued", "replaced", "set", "submission",
}  # fmt: skip


def test_mixed_load(tmp_path: Path) -> None:
    """So short a time says little of leaks: descriptors, and what is large."""
    bounds = Bounds(memory=32, descriptors=40)
    result = soak(tmp_path / "server", SECONDS, every=0.5, bounds=bounds, kinds=frozenset(KINDS))
    assert result.done.keys() >= KINDS
    assert {finding.process for finding in result.findings} == {*ROOMS, "serve"}
    assert result.flat, str(result)


@pytest.mark.parametrize(("leak", "flat"), [(0.0, True), (0.05, True), (0.2, False), (1.0, False)])
def test_a_leak_shows_through_what_goes_up_and_down(leak: float, flat: bool) -> None:
    """`leak` MiB a minute for half an hour, of which ten minutes are warm-up; login after login takes 19 MiB."""
    watched = Watched("imap", 1)
    for second in range(0, 1800, 2):
        watched.times.append(second)
        warm = min(second, 500) / 20  # caches fill
        watched.memory.append(50 + warm + (19 if second % 14 == 0 else 0) + leak * second / 60)
        watched.descriptors.append(40 + second % 6)
    memory, descriptors = judge(watched, 600, Bounds())
    assert memory.flat is flat
    assert descriptors.flat
    watched.descriptors = [40 + second / 300 for second in watched.times]
    assert judge(watched, 600, Bounds())[1].flat, "four in twenty minutes"
    watched.descriptors = [40 + second / 150 for second in watched.times]
    assert not judge(watched, 600, Bounds())[1].flat
