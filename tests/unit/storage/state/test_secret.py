"""A key of the server's own: one for all processes, on the disk before anything is signed with it."""

import os
from pathlib import Path

import pytest

from storage.state.secret import OCTETS, secret


def test_it_is_made_once_and_on_the_disk_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, link = os.fsync, os.link

    def synced(fd: int) -> None:
        done.append("fsync " + os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))[:5])
        fsync(fd)

    def linked(old: Path, new: Path) -> None:
        done.append(f"link {new.name}")
        link(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    key = secret(tmp_path / "state", "srs")
    assert done == ["fsync .srs.", "link srs.key", "fsync state"]
    assert len(key) == OCTETS and secret(tmp_path / "state", "srs") == key
    assert len(done) == 3 and secret(tmp_path / "state", "other") != key
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["other.key", "srs.key"]
    assert (tmp_path / "state" / "srs.key").stat().st_mode & 0o777 == 0o600


def test_of_two_that_make_it_at_once_both_have_the_first_one_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, first = os.link, []

    def meanwhile(old: Path, new: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        first.append(secret(tmp_path, "srs"))
        link(old, new)

    monkeypatch.setattr(os, "link", meanwhile)
    assert [secret(tmp_path, "srs")] == first
    assert [path.name for path in tmp_path.iterdir()] == ["srs.key"]


def test_what_is_no_key_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "srs.key").write_bytes(b"short")
    with pytest.raises(OSError, match="is not a key"):
        secret(tmp_path, "srs")
