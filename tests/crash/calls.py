"""The system calls that change a disk, one by one: counted, and stopped at.

`Calls` stands in front of the functions of `os` through which the store changes files, and of SQLite's COMMIT.
`run` does some work in a forked child that ends, as by a SIGKILL, before its n-th call; a write that is stopped
has written half. What the child could say before it died (its acknowledgements) comes back through a pipe. The
kernel frees the locks of the dead, so whoever comes next meets what a killed process leaves.
"""

import errno
import json
import os
import signal
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

KILLED = 77
CHANGES = (
    "open",
    "write",
    "pwrite",
    "copy_file_range",
    "utime",
    "fsync",
    "rename",
    "link",
    "unlink",
    "mkdir",
    "rmdir",
)

Hook = Callable[[str, Callable[..., Any], tuple[Any, ...]], Any]
Say = Callable[[str], None]


@contextmanager
def hooked(hook: Hook) -> Iterator[None]:
    """Every change goes through `hook(name, real, arguments)`, which returns what the call returns."""
    real = {name: getattr(os, name) for name in CHANGES}
    connect = sqlite3.connect

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                return hook("commit", super().execute, (sql,))  # type: ignore[no-any-return]
            return super().execute(sql, *parameters)

        def executescript(self, sql: str) -> sqlite3.Cursor:
            return hook("script", super().executescript, (sql,))  # type: ignore[no-any-return]

    def stand_in(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & (os.O_CREAT | os.O_TRUNC):
                return real[name](*args, **kwargs)
            if kwargs:
                return hook(name, lambda *a: real[name](*a, **kwargs), args)
            return hook(name, real[name], args)

        return call

    for name in CHANGES:
        setattr(os, name, stand_in(name))
    sqlite3.connect = lambda *a, **k: connect(*a, **{"factory": Connection, **k})  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in CHANGES:
            setattr(os, name, real[name])
        sqlite3.connect = connect


def unsynced() -> Hook:
    """No call is stopped; fsync returns at once. A killed process loses nothing that the kernel has."""
    return lambda name, real, args: None if name == "fsync" else real(*args)


def stop_before(count: int) -> Hook:
    """The process ends before its `count`-th call."""
    left = count

    def hook(name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            if name in ("write", "pwrite"):
                real(args[0], bytes(args[1])[: len(args[1]) // 2], *args[2:])
            os._exit(KILLED)
        return None if name == "fsync" else real(*args)

    return hook


def fail_at(count: int, code: int = errno.ENOSPC) -> Hook:
    """From the `count`-th call on, whatever would need room on the disk fails."""
    left = count

    def hook(name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        nonlocal left
        left -= 1
        if left <= 0:
            if name in ("commit", "script"):
                full = sqlite3.OperationalError("database or disk is full")
                full.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise full
            if name in ("open", "write", "pwrite", "copy_file_range", "link", "rename", "mkdir"):
                raise OSError(code, os.strerror(code))
        return None if name == "fsync" else real(*args)

    return hook


def run(work: Callable[[Say], None], hook: Hook) -> tuple[bool, list[str]]:
    """Do `work` in a child under `hook`: whether it came to its end, and what it said."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reader)
            write = os.write
            with hooked(hook):
                work(lambda word: (write(writer, json.dumps(word).encode() + b"\n"), None)[1])
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader, "rb") as pipe:
        said = [json.loads(line) for line in pipe]
    _, status = os.waitpid(pid, 0)
    ended = os.waitstatus_to_exitcode(status)
    assert ended in (0, KILLED, -signal.SIGKILL), f"the child failed ({ended}); its traceback is above"
    return ended == 0, said
