"""The running number of a mailing list's posts: `<data>/state/lists/<domain>/<local>.number`, the last one given.

Taken by an exclusive lock and fsynced before use, so no number is given twice, whatever crashes; a post that
then fails leaves a gap. A file that holds a number is one whose name is on the disk: whoever finds it empty, made
by somebody who may be dead or not that far yet, sees to the name first. A list made again under the same name goes
on where the former one ended.
"""

import fcntl
import os
from pathlib import Path

from storage.durable import sync_dir


def take(state: Path, address: str) -> int:
    """The next number of a list, from 1. Raises OSError. Blocks on the disk."""
    path = _path(state, address)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        number = _read(fd) + 1
        if number == 1:
            for folder in (path.parent, state / "lists", state, state.parent):
                sync_dir(folder)
        os.pwrite(fd, b"%-15d\n" % number, 0)
        os.fsync(fd)
    finally:
        os.close(fd)
    return number


def last(state: Path, address: str) -> int:
    """The last number given; 0 before the first post."""
    try:
        fd = os.open(_path(state, address), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        return _read(fd)
    finally:
        os.close(fd)


def _read(fd: int) -> int:
    text = os.pread(fd, 16, 0).strip()
    if text and not text.isdigit():
        raise OSError(
            "the running number of the list cannot be read"
        )  # to begin at 1 would give numbers twice
    return int(text or b"0")


def _path(state: Path, address: str) -> Path:
    local, _, domain = address.rpartition("@")
    return state / "lists" / domain / f"{local}.number"
