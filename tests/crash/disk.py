"""A disk that keeps only what was fsynced, and what of the rest it likes.

`Disk` stands in front of the system calls (as `calls.Hook`), lets them happen, and keeps the books of a second
tree: the content of a file is there when the file was fsynced, a name when its folder was. A rename is one thing:
it is there whole when either of its two folders was fsynced. `survive` builds what is found after a power cut:

    NONE   nothing else          ALL    everything else as well
    SOME   some of it            TWICE  as NONE, but the old name of a rename is still there as long as the old
                                        folder was not fsynced (a file system without a journal)

The index is not of that kind: it may be lost, as it was before, or as it is now; nor is the queue's database, which
is as it was at its last durable commit, or as it is now.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DATABASES = ("index.sqlite", "queue.sqlite")
NONE, SOME, ALL, TWICE = "none", "some", "all", "twice"


@dataclass
class _Node:
    """A file or folder as the disk has it (`data`, `names`), and as the processes see it (`now`)."""

    folder: bool
    names: dict[str, int] = field(default_factory=dict)
    data: bytes = b""
    now: bytes = b""
    dirty: bytes = b""  # a lock's file as it was half way, which may have been written back
    mtime: int = 0


@dataclass
class _Change:
    """Names that come and go together: (folder, name, node)."""

    comes: tuple[int, str, int] | None = None
    goes: tuple[int, str, int] | None = None

    def touches(self, folder: int) -> bool:
        return any(place is not None and place[0] == folder for place in (self.comes, self.goes))

    def apply(self, nodes: dict[int, _Node]) -> None:
        if self.goes is not None and nodes[self.goes[0]].names.get(self.goes[1]) == self.goes[2]:
            del nodes[self.goes[0]].names[self.goes[1]]
        if self.comes is not None:
            nodes[self.comes[0]].names[self.comes[1]] = self.comes[2]


class Disk:
    """`cut` is called before each change with the number of the call."""

    def __init__(self, root: Path, cut: Callable[[int], None]) -> None:
        self.root = root
        self._cut = cut
        self._calls = 0
        self._nodes: dict[int, _Node] = {}
        self._inodes: dict[int, int] = {}  # of the real tree
        self._waiting: list[_Change] = []
        self._old_names: list[tuple[int, str, int]] = []  # of renames whose old folder was not fsynced
        self._mine = False
        self._take(root)

    def hook(self, name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if self._mine:
            return real(*args)
        self._calls += 1
        self._mine = True
        try:
            self._cut(self._calls)
            return getattr(self, f"_{name}", self._pass)(real, *args)
        finally:
            self._mine = False

    @property
    def building(self) -> bool:
        """Whether calls are the disk's own, which builds what a power cut leaves."""
        return self._mine

    # What is found after a power cut

    def survive(self, data: Path, kind: str, rng: random.Random) -> None:
        nodes = {
            number: _Node(node.folder, dict(node.names), node.data, node.now, node.dirty, node.mtime)
            for number, node in self._nodes.items()
        }
        for change in self._waiting:
            if kind == ALL or (kind == SOME and rng.random() < 0.5):
                change.apply(nodes)
        if kind == TWICE:
            for folder, name, node in self._old_names:
                nodes[folder].names.setdefault(name, node)
        for node in nodes.values():
            if kind == ALL or (kind == SOME and rng.random() < 0.5):
                node.data = node.now
        self._build(nodes, self._inodes[os.stat(self.root).st_ino], data, {}, kind)

    def _build(
        self, nodes: dict[int, _Node], number: int, path: Path, built: dict[int, Path], kind: str
    ) -> None:
        node = nodes[number]
        if number in built:
            os.link(built[number], path)
        elif node.folder:
            os.mkdir(path)
            for name, child in node.names.items():
                self._build(nodes, child, path / name, built, kind)
        else:
            path.write_bytes(node.dirty if path.name == "lock" and kind == TWICE else node.data)
            os.utime(path, ns=(node.mtime, node.mtime))
            built[number] = path

    # The system calls

    def _take(self, path: Path) -> int:
        """What was there before is on the disk."""
        number = self._new(path)
        node = self._nodes[number]
        if node.folder:
            for child in path.iterdir():
                if not child.name.startswith(DATABASES):
                    known = self._inodes.get(child.lstat().st_ino)
                    node.names[child.name] = self._take(child) if known is None else known
        else:
            node.data = node.now = path.read_bytes()
        return number

    def _new(self, path: Path) -> int:
        stat = path.lstat()
        number = len(self._nodes) + 1
        self._nodes[number] = _Node(path.is_dir(), mtime=stat.st_mtime_ns)
        self._inodes[stat.st_ino] = number
        return number

    def _place(self, path: Any) -> tuple[int, str, int] | None:
        """Where a name is; None for what this disk does not hold (the index, another folder)."""
        path = Path(path)
        if self.root not in path.parents or path.name.startswith(DATABASES):
            return None
        return (
            self._inodes[path.parent.stat().st_ino],
            path.name,
            self._inodes[path.lstat().st_ino],
        )

    def _pass(self, real: Callable[..., Any], *args: Any) -> Any:
        return real(*args)

    def _comes(self, path: Any) -> None:
        if self.root in Path(path).parents:
            self._new(Path(path))
            self._waiting.append(_Change(comes=self._place(path)))

    def _open(self, real: Callable[..., Any], path: Any, *args: Any) -> Any:
        there = os.path.lexists(path)
        fd = real(path, *args)
        if not there:
            self._comes(path)
        return fd

    def _mkdir(self, real: Callable[..., Any], path: Any, *args: Any) -> None:
        real(path, *args)
        self._comes(path)

    def _link(self, real: Callable[..., Any], old: Any, new: Any) -> None:
        real(old, new)
        self._waiting.append(_Change(comes=self._place(new)))

    def _rename(self, real: Callable[..., Any], old: Any, new: Any) -> None:
        goes = self._place(old)
        real(old, new)
        self._waiting.append(_Change(self._place(new), goes))

    def _unlink(self, real: Callable[..., Any], path: Any) -> None:
        goes = self._place(path) if os.path.lexists(path) else None
        real(path)
        if goes is not None:
            self._waiting.append(_Change(goes=goes))

    _rmdir = _unlink

    def _write(self, real: Callable[..., Any], fd: int, *args: Any) -> Any:
        done = real(fd, *args)
        node = self._node(fd)
        if node is not None:
            node.now = Path(f"/proc/self/fd/{fd}").read_bytes()
            if node.now.startswith(b"1"):
                node.dirty = node.now
        return done

    _pwrite = _write

    def _copy_file_range(self, real: Callable[..., Any], source: int, fd: int, *args: Any) -> Any:
        return self._write(lambda _, *rest: real(source, fd, *rest), fd, *args)

    def _fsync(self, real: Callable[..., Any], fd: int) -> None:
        node = self._node(fd)
        if node is None:
            return
        if not node.folder:
            node.data, node.mtime = node.now, os.fstat(fd).st_mtime_ns
            return
        folder = self._inodes[os.fstat(fd).st_ino]
        self._old_names = [place for place in self._old_names if place[0] != folder]
        for change in [each for each in self._waiting if each.touches(folder)]:
            self._settle(change, folder)

    def _settle(self, change: _Change, folder: int) -> None:
        change.apply(self._nodes)
        before = self._waiting.index(change)
        if change.goes is not None:
            # The name that went need not come first.
            earlier = [
                each for each in self._waiting[:before] if each.goes is None and each.comes == change.goes
            ]
            self._waiting = [each for each in self._waiting if not any(each is one for one in earlier)]
            if change.goes[0] != folder and not self._nodes[change.goes[2]].folder:
                self._old_names.append(change.goes)
        self._waiting = [each for each in self._waiting if each is not change]

    def _node(self, fd: int) -> _Node | None:
        number = self._inodes.get(os.fstat(fd).st_ino)
        return None if number is None else self._nodes[number]
