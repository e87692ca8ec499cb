"""Small files written so that after a crash the old or the new content is there, never a mixture."""

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

ALONE = 8  # things up to which each is done after the other
TOGETHER = 16  # threads for more: their waits end together, for the disk is told once to write what it has

T = TypeVar("T")


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file: new content fsynced, renamed over the old, the folder fsynced."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with open(fd, "wb", buffering=0) as file:
            left = memoryview(content)
            while left:  # a disk that fills up takes a part
                left = left[os.write(file.fileno(), left) :]
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_dir(path.parent)


def write_json(path: Path, value: Any) -> None:
    write(path, as_json(value))


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def begin(path: str, content: bytes, mode: int = 0o600) -> int:
    """A new file with this content; the descriptor, for `sync_files` together with others, and to be closed."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        while content:  # a disk that fills up takes a part
            content = content[os.write(fd, content) :]
    except BaseException:
        os.close(fd)
        raise
    return fd


def sync_files(fds: Sequence[int]) -> None:
    """fsync of several files: they are on their way together before the first is waited for."""
    if len(fds) > 1:
        for fd in fds:
            # "not needed in memory" is how one says to Linux that it is to begin; what is not yet on the disk stays
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    for fd in fds:
        os.fsync(fd)


def sync_dir(path: Path | str) -> None:
    """fsync of a folder: the names in it are on the disk when this returns."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def shares(items: Sequence[T]) -> list[Sequence[T]]:
    """Many things as one share for each thread of `each_at_once`; few as one."""
    number = TOGETHER if len(items) > ALONE * TOGETHER else 1
    return [items[first::number] for first in range(number)]


def each_at_once(work: Callable[[T], None], items: Sequence[T]) -> None:
    """Do the same with each of many, some at a time, where each waits for the disk; few are done one by one. Raises
    the first failure."""
    if len(items) <= ALONE:
        for item in items:
            work(item)
        return
    futures = [_pool().submit(work, item) for item in items]
    failures = [error for each in futures if (error := each.exception()) is not None]
    if failures:
        raise failures[0]


@cache
def _pool() -> ThreadPoolExecutor:
    """One for the process. Its threads ask nothing of others that are in it, so none waits for a place."""
    return ThreadPoolExecutor(TOGETHER, "disk")
