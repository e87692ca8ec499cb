"""The power fails between any two system calls of a change: what was acknowledged was fsynced before.

The change runs over a `Disk` that knows what was fsynced. Before each call, and after the last one, the tree that a
power cut would leave is built; then the account is opened as after a boot (another boot id), with the index lost,
as it was before the change, or as it is now.
"""

import itertools
import random
import shutil
import sys
from pathlib import Path

import pytest

from tests.crash import calls, state
from tests.crash.disk import ALL, NONE, SOME, TWICE, Disk
from tests.crash.rounds import LONG, SEED
from tests.crash.state import Place, World
from tests.crash.works import WORKS, Work

pytestmark = pytest.mark.usefixtures("small", "quick")

LOST, BEFORE, NOW = "index lost", "index as before", "index as now"
KINDS = list(itertools.product((NONE, SOME, ALL, TWICE), (LOST, BEFORE, NOW)))


def put_index(source: Path, target: Place) -> None:
    """The indexes of one store into another, where the account has survived."""
    for index in source.glob("mail/*/*/index.sqlite*"):
        account = target.data / index.parent.relative_to(source)
        if account.is_dir() and not index.name.endswith("-shm"):
            shutil.copy(index, account / index.name)


def put_shares(source: Path, target: Place, lost: bool) -> None:
    """Who has given anything to whom is lost as well, or as it is now: its commits are fsynced."""
    for file in target.data.glob("state/shares.sqlite*"):
        file.unlink()
    for file in source.glob("state/shares.sqlite*") if not lost else ():
        if not file.name.endswith("-shm"):
            (target.data / "state").mkdir(exist_ok=True)
            shutil.copy(file, target.data / "state" / file.name)


def cut_at_each_call(work: Work, ground: Path) -> tuple[World, list[tuple[Place, list[str], str]]]:
    """What was there before; the trees that power cuts leave, each with what had been acknowledged by then."""
    place, rng = Place(ground / "data"), random.Random(SEED)
    work.prepare(place)
    before = place.look()
    work.disturb(place)
    was = place.copy_to(ground / "was")
    said: list[str] = []
    cuts: list[tuple[Place, list[str], str]] = []

    def cut(number: int, last: bool = False) -> None:
        for kind, index in KINDS if last or LONG else [KINDS[number * 5 % len(KINDS)]]:
            left = Place(ground / f"cut{len(cuts)}" / "data")
            left.data.parent.mkdir()
            left.clock.now = was.clock.now
            disk.survive(left.data, kind, rng)
            if index != LOST:
                put_index(was.data if index == BEFORE else place.data, left)
            put_shares(place.data, left, lost=index == LOST)
            cuts.append((left, list(said), f"before call {number}, {kind} of the rest, {index}"))

    disk = Disk(place.data, cut)
    with calls.hooked(disk.hook):
        work.do(place, said.append)
    cut(0, last=True)
    assert said
    return before, cuts


def reboot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every room's file that knows the boot id takes this for another one."""
    found = [module for name, module in sys.modules.items() if name.startswith("storage.")]
    for module in found:
        if hasattr(module, "BOOT"):
            monkeypatch.setattr(module, "BOOT", "after the power cut")


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_power_fails_between_any_two_calls(work: Work, ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "_use_fd_functions", False)  # rmtree by whole paths
    ground.mkdir()
    before, cuts = cut_at_each_call(work, ground)
    shown = Place(ground / "data").look()
    reboot(monkeypatch)
    for place, said, what in cuts:
        try:
            after = state.check_sound(place, before)
            work.check(before, after, said, True)
            work.also(place)
            state.check_index_is_a_cache(place)
            state.check_goes_on(place, before, after, *([shown] if said else []))
        except Exception as error:
            error.add_note(f"power failed at {work.name}, {what}, acknowledged {said}: see {place.data}")
            raise
        shutil.rmtree(place.data)
