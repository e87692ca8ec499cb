"""Changes single keys of a YAML file and leaves every other byte of it alone.

People write comments into the files of accounts, and programs write passwords and limits into the same
files. So a change is a replaced span of the text, never a file written anew: lines that are not concerned
keep their bytes, comments between removed lines stay. Each result is read again and must hold exactly the
expected values; a text shaped so oddly that it would not is refused, not guessed at.

`write` is atomic (temporary file, fsync, rename, fsync of the folder) under the folder's lock, and only if
the file still is what its writer had read.
"""

import difflib
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.render import normal
from config.splice import REMOVE, Unchangeable, change, tree_of
from config.tree import plain

__all__ = ["REMOVE", "Changed", "Key", "Unchangeable", "digest", "edit", "read_text", "remove", "write"]

Key = str | tuple[str, ...]


_LEFT = re.compile(r"\.[0-9a-f]{16}")  # what follows the name of a file that is being written


class Changed(Exception):
    """The file is not what the writer had read; `diff` leads from what it is now to what was to be written."""

    def __init__(self, path: Path, diff: str) -> None:
        super().__init__(f"{path} has been changed meanwhile")
        self.path = path
        self.diff = diff


def edit(text: str, changes: Mapping[Key, Any]) -> str:
    """The text with keys set or, with `REMOVE`, taken out.

    A key is `quota`, or dotted (`forward.to`) for one inside a section; a tuple (`("taro.yamada",)`) where a
    name holds a dot itself. A mapping as a value replaces the section, key by key.
    """
    mark, text = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    for key, value in changes.items():
        path = tuple(key.split(".")) if isinstance(key, str) else key
        wanted = _expected(plain(tree_of(text)), path, value)
        text = change(text, path, value)
        # At the top an empty mapping and no content are the same.
        if (plain(tree_of(text)) or {}) != wanted:
            raise Unchangeable(f"{'.'.join(path)} cannot be changed in this file; edit it by hand")
    return mark + text


def digest(text: str) -> str:
    """What `write` compares: the SHA-256 of a file's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_text(path: Path) -> str:
    """A file's text with its own line ends."""
    return path.read_bytes().decode()


def write(path: Path, text: str, expected: str | None) -> int:
    """Replaces a file whose `digest` still is `expected`; None: it must not exist. Else raises `Changed`.
    Returns the inode of the new one."""
    path = Path(os.path.realpath(path))
    with _locked(path.parent):
        _refuse_if_changed(path, text, expected)
        _sweep(path)
        temporary = _beside(path, text.encode())
        try:
            # Once more: an editor knows nothing of our lock, and the disk has taken its time.
            _refuse_if_changed(path, text, expected)
            inode = temporary.stat().st_ino
            os.rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync(path.parent)
    return inode


def remove(path: Path, expected: str) -> None:
    """Deletes a file under the same terms."""
    with _locked(path.parent):
        _refuse_if_changed(path, "", expected)
        path.unlink()
        _sync(path.parent)


def _expected(value: Any, path: tuple[str, ...], new: Any) -> Any:
    """What the plain values are to be after the change."""
    if not path:
        return normal(new)
    result = dict(value) if isinstance(value, dict) else {}
    if new is not REMOVE:
        result[path[0]] = _expected(result.get(path[0]), path[1:], new)
    elif len(path) == 1:
        result.pop(path[0], None)
    elif isinstance(result.get(path[0]), dict):
        result[path[0]] = _expected(result[path[0]], path[1:], new)
    return result


def _refuse_if_changed(path: Path, text: str, expected: str | None) -> None:
    try:
        now = path.read_bytes()
    except FileNotFoundError:
        now = None
    if (hashlib.sha256(now).hexdigest() if now is not None else None) == expected:
        return
    lines = difflib.unified_diff(
        (now or b"").decode(errors="replace").splitlines(),
        text.splitlines(),
        f"{path} (as it is)",
        f"{path} (as it was to be)",
        lineterm="",
    )
    raise Changed(path, "\n".join(lines))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Programs that write into the folder do so one after the other; the kernel frees the lock on death."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _beside(path: Path, data: bytes) -> Path:
    """The new file, on the disk under another name. It has owner and mode of the old one; without an old one it
    is its folder's owner's, 0600."""
    like = path.stat() if path.exists() else path.parent.stat()
    mode = like.st_mode & 0o777 if path.exists() else 0o600
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb", buffering=0):
            if os.geteuid() == 0:
                os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, mode)
            left = memoryview(data)
            while left:  # a disk that fills up takes a part
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _sweep(path: Path) -> None:
    """Take away what killed writers left beside it; under the lock nobody else is writing."""
    for name in os.listdir(path.parent):
        if _LEFT.fullmatch(name.removeprefix(f".{path.name}")) and name.startswith(f".{path.name}."):
            path.with_name(name).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
