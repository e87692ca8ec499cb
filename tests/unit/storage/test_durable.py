"""Small files: whole and on the disk before they have their names, and no failure is kept quiet."""

import os
from pathlib import Path

import pytest

from storage import durable


def test_a_small_file_is_whole_and_durable_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, rename, write = os.fsync, os.rename, os.write

    def synced(fd: int) -> None:
        done.append("fsync " + os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
        fsync(fd)

    def renamed(old: Path, new: Path) -> None:
        done.append(f"rename {old.name} {new.name} {old.read_text()}")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    monkeypatch.setattr(os, "write", lambda fd, octets: write(fd, bytes(octets)[:2]))  # a disk takes a part
    durable.write(tmp_path / "x", b"content")
    new = f".x.{os.getpid()}.new"
    assert done == [f"fsync {new}", f"rename {new} x content", f"fsync {tmp_path.name}"]
    descriptors = [durable.begin(f"{tmp_path}/{name}", b"content") for name in "abc"]
    durable.sync_files(descriptors)
    assert done[3:] == ["fsync a", "fsync b", "fsync c"]
    assert {(tmp_path / name).read_text() for name in "abc"} == {"content"}
    for descriptor in descriptors:
        os.close(descriptor)


def test_what_cannot_be_written_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable.write(tmp_path / "x", b"old")
    for call in ("write", "fsync", "rename"):
        with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
            patch.setattr(os, call, full)
            durable.write(tmp_path / "x", b"new")
        assert [path.name for path in tmp_path.iterdir()] == ["x"]
        assert (tmp_path / "x").read_bytes() == b"old"


def full(*_: object) -> None:
    raise OSError("full")


def test_of_many_done_at_once_a_failure_is_told() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 30:
            raise ZeroDivisionError
        done.append(number)

    with pytest.raises(ZeroDivisionError):
        durable.each_at_once(work, range(100))
    assert sorted(done) == [number for number in range(100) if number != 30]
