"""Small files that the event loop reads itself: whole, or not at all."""

import os
from pathlib import Path

import pytest

from storage import at_hand


def test_a_file_in_memory_is_read_or_left_to_a_thread(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(b"Subject: x\r\n\r\ntext\r\n")
    assert at_hand.read(str(path), 20) in (
        b"Subject: x\r\n\r\ntext\r\n",
        None,
    )  # None: as the file system says
    assert at_hand.read(str(path), 10) in (b"Subject: x", None)


def test_what_is_shorter_gone_or_a_link_is_left_to_a_thread(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(b"short")
    link = tmp_path / "link"
    link.symlink_to(path)
    assert at_hand.read(str(path), 6) is None
    assert at_hand.read(str(link), 5) is None
    assert at_hand.read(str(tmp_path / "none"), 5) is None


def test_no_descriptor_is_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "message"
    path.write_bytes(b"text")

    def refuses(*_: object) -> int:
        raise OSError

    monkeypatch.setattr(os, "preadv", refuses)
    before = len(os.listdir("/proc/self/fd"))
    assert at_hand.read(str(path), 4) is None
    assert len(os.listdir("/proc/self/fd")) == before
