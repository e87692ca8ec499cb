"""The disk is full: temporary errors, nothing lost, and it goes on when there is room.

First every change meets a disk that is full from its n-th system call on, for each n; then a real small tmpfs is
filled up (mounting needs root).
"""

import itertools
import os
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import mailbox
from storage.errors import DiskFull, StoreError, neutral
from tests.crash import calls, state
from tests.crash.rounds import LONG
from tests.crash.state import TARO, Place
from tests.crash.works import OLD, WORKS, Work, filled

TEXT = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 3000
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


def test_a_disk_that_fills_up_and_has_room_again(small_disk: Path) -> None:
    place = Place(small_disk / "data")
    filled(place)
    stored = Counter(OLD[:4])
    with pytest.raises(DiskFull):
        for _ in range(ROOM // len(TEXT) + 1):
            place.append(TEXT)
            stored[TEXT] += 1
    (refused,) = place.deliver(TEXT, TARO)
    assert refused.status.temporary
    for delivered in place.deliver(TEXT, TARO, TARO):
        assert delivered.status.temporary
    with place.files() as files:
        for change in (
            lambda: mailbox.store(files, "INBOX", [1], "add", frozenset({"\\Answered"})),
            lambda: mailbox.move(files, "INBOX", [2], "Archive"),
        ):
            try:
                change()
            except (StoreError, OSError, sqlite3.OperationalError) as error:
                assert isinstance(neutral(error), DiskFull), repr(error)
    with place.files() as files:
        large = [uid for uid, (text, _) in state.look(files)["INBOX"].messages.items() if text == TEXT]
        mailbox.expunge(files, "INBOX", large[:10], flagged_only=False)  # which makes the room
        stored[TEXT] -= 10
    now = state.check_sound(place, {})[TARO]
    assert now["INBOX"].texts() + now["Archive"].texts() == stored + Counter([b"Subject: archived\r\n\r\n"])
    state.check_index_is_a_cache(place)
    state.check_goes_on(place, {TARO: now})
