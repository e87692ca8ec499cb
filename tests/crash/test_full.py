"""The disk is full: temporary errors, nothing lost, and it goes on when there is room.

First every change meets a disk that is full from its n-th system call on, for each n; then a real small tmpfs is
filled up (mounting needs root).
"""

import contextlib
import itertools
import os
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import mailbox
from storage.errors import DiskFull, StoreError, neutral
from tests.crash import calls, state
from tests.crash.rounds import LONG
from tests.crash.state import TARO, Place
from tests.crash.works import OLD, WORKS, Work, filled

TEXT = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 12_000
RESERVE = 160 << 10  # room for indexes and their logs, not for a message
ROOM = 4 << 20


@pytest.mark.usefixtures("small", "quick")
@pytest.mark.parametrize("work", [w for w in WORKS if "deliver" not in w.name], ids=lambda work: work.name)
def test_full_from_any_system_call_on(work: Work, ground: Path) -> None:
    """The process lives on: what it has in memory must not be ahead of the disk either."""
    origin = Place(ground / "data")
    work.prepare(origin)
    before = origin.look()
    work.disturb(origin)
    for count in itertools.count(1, 1 if LONG else 3):
        place = origin.copy_to(ground / "now")
        said: list[str] = []
        try:
            with calls.hooked(calls.fail_at(count)):
                work.do(place, said.append)
        except StoreError as error:
            assert isinstance(error, DiskFull)
        except Exception as error:
            assert isinstance(neutral(error), DiskFull), repr(error)
        after = state.check_sound(place, before)
        work.check(before, after, said, False)
        work.also(place)
        state.check_index_is_a_cache(place)
        state.check_goes_on(place, before, after)
        shutil.rmtree(place.data)
        if said:
            return


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """To the last octet."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    assert shutil.disk_usage(disk).free == 0
    return path


def refused(work: Callable[[], object]) -> None:
    """It may succeed, or say that the disk is full; nothing else."""
    try:
        work()
    except (StoreError, OSError, sqlite3.OperationalError) as error:
        assert isinstance(neutral(error), DiskFull), repr(error)


def test_a_disk_that_fills_up_and_has_room_again(small_disk: Path) -> None:
    """Without any room everything is refused; with some, what is expunged makes the room that the rest needs."""
    place = Place(small_disk / "data")
    filled(place)
    stored = Counter(OLD[:4])
    with pytest.raises(DiskFull):
        for _ in range(ROOM // len(TEXT) + 1):
            place.append(TEXT)
            stored[TEXT] += 1
    filler = fill(small_disk)
    with place.files() as files:
        refused(lambda: mailbox.store(files, "INBOX", [1], "add", frozenset({"\\Answered"})))
        refused(lambda: mailbox.move(files, "INBOX", [2], "Archive"))
        refused(lambda: mailbox.expunge(files, "INBOX", [3], flagged_only=False))
    os.truncate(filler, filler.stat().st_size - RESERVE)
    for addresses in ((TARO,), (TARO, TARO)):
        for delivered in place.deliver(TEXT, *addresses):
            assert delivered.status.temporary
    with place.files() as files:
        found = state.look(files)["INBOX"].messages
        large = [uid for uid, (text, _) in found.items() if text == TEXT]
        if 3 not in found:
            stored[OLD[2]] -= 1
        mailbox.expunge(files, "INBOX", large[:5], flagged_only=False)
        stored[TEXT] -= 5
    now = state.check_sound(place, {})[TARO]
    assert now["INBOX"].texts() + now["Archive"].texts() == stored + Counter([b"Subject: archived\r\n\r\n"])
    state.check_index_is_a_cache(place)
    state.check_goes_on(place, {TARO: now})


@pytest.mark.parametrize("lost", [False, True], ids=["index kept", "index lost"])
def test_an_account_that_is_opened_on_a_full_disk(small_disk: Path, lost: bool) -> None:
    """Nothing can be done with it, and nothing is lost: its index neither, which it has no room to make again."""
    place = Place(small_disk / "data")
    filled(place)
    before = place.look()
    if lost:
        place.lose_indexes()
    filler = fill(small_disk)
    index = small_disk / "data/mail/example.test/taro/index.sqlite"
    for work in (
        lambda: place.append(TEXT),
        lambda: place.look(),
        lambda: place.append(OLD[0]),
    ):
        with pytest.raises((StoreError, OSError, sqlite3.OperationalError)) as error:
            work()
        assert isinstance(neutral(error.value), DiskFull), repr(error.value)
    (delivered,) = place.deliver(OLD[0], TARO)
    assert delivered.status.temporary
    assert lost or index.stat().st_size > 0, "thrown away, because it could not be opened"
    filler.unlink()
    assert {name: m.messages for name, m in state.check_sound(place, before)[TARO].items()} == {
        name: m.messages for name, m in before[TARO].items()
    }
    state.check_goes_on(place, before)
