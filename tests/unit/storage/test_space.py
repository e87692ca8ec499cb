"""Room on the disk: asked once a second, told once when it gets low and once when it is back."""

import logging
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from storage.space import Space

MIB = 1 << 20


class Disk:
    """What statvfs says of a made-up disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free, self.files, self.asked, self.now = 100 * MIB, 1000, 0, 0.0
        monkeypatch.setattr(os, "statvfs", self._statvfs)

    def _statvfs(self, path: Path) -> SimpleNamespace:
        self.asked += 1
        return SimpleNamespace(f_bavail=self.free // 4096, f_frsize=4096, f_files=2000, f_favail=self.files)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_room(disk: Disk) -> None:
    space = Space(Path("/data"), lambda: disk.now)
    assert space.has_room(0, 100 * MIB)
    assert space.has_room(40 * MIB, 60 * MIB)
    assert not space.has_room(41 * MIB, 60 * MIB)
    assert disk.asked == 1
    disk.now, disk.files = 1.0, 0
    assert not space.has_room(0, 1)
    assert disk.asked == 2


def test_the_log_hears_of_it_once(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    space = Space(Path("/data"), lambda: disk.now)
    caplog.set_level(logging.INFO)
    for disk.now, disk.free in enumerate((100 * MIB, 10 * MIB, 9 * MIB, 100 * MIB)):
        space.has_room(0, 50 * MIB)
    assert [record.message for record in caplog.records] == ["disk.low", "disk.has_room"]


def test_a_disk_that_cannot_be_asked_refuses_nobody(tmp_path: Path) -> None:
    assert Space(tmp_path / "not there").has_room(0, 1 << 40)
