"""All processes of one server: what they used of the CPU and of memory, also those that have ended.

With root a control group of the kernel counts (cgroup v1 `cpuacct` or v2): nothing escapes it. Else the figures
are added up from /proc/<pid>/stat over the tree, each with its reaped children.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


class Group:
    """Made before the server starts; `enter` is called in each child between fork and exec."""

    def __init__(self, name: str) -> None:
        self._folder = _make(f"kwcmaild-bench-{os.getpid()}-{name}")
        self._roots: list[int] = []

    def enter(self) -> None:
        if self._folder is not None:
            self._folder.joinpath("cgroup.procs").write_text(str(os.getpid()))

    def started(self, pid: int) -> None:
        """Without a control group the tree below this process counts."""
        self._roots.append(pid)

    @property
    def exact(self) -> bool:
        return self._folder is not None

    def pids(self) -> list[int]:
        if self._folder is not None:
            return [int(line) for line in self._folder.joinpath("cgroup.procs").read_text().split()]
        return _tree(self._roots)

    def cpu(self) -> float:
        """Seconds of CPU, user and system, since the group was made."""
        if self._folder is None:
            return sum(_ticks(pid) for pid in self.pids()) / TICK
        usage = self._folder / "cpuacct.usage"
        if usage.exists():
            return int(usage.read_text()) / 1e9
        first = self._folder.joinpath("cpu.stat").read_text().split("\n", 1)[0]
        return int(first.split()[1]) / 1e6

    def proportional(self) -> int:
        """Octets of memory, pages shared by several processes divided among them (PSS)."""
        return sum(_status(pid, "smaps_rollup", "Pss:") for pid in self.pids())

    def largest(self) -> int:
        """Resident octets of the largest process now."""
        return max(_status(pid, "status", "VmRSS:") for pid in self.pids())

    def forget_peaks(self) -> None:
        for pid in self.pids():
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peaks(self) -> dict[int, int]:
        """The most that each process had resident since `forget_peaks`."""
        return {pid: _status(pid, "status", "VmHWM:") for pid in self.pids()}

    def resident(self) -> dict[int, int]:
        return {pid: _status(pid, "status", "VmRSS:") for pid in self.pids()}

    def end(self) -> None:
        """What did not stop when it was asked to: only processes of this group."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + 10
            while (pids := self.pids()) and time.monotonic() < deadline:
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
                time.sleep(0.2)
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.rmdir()


def _make(name: str) -> Path | None:
    for hierarchy in ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup"):
        folder = Path(hierarchy, name)
        with contextlib.suppress(OSError):
            folder.mkdir()
            if folder.joinpath("cpuacct.usage").exists() or folder.joinpath("cpu.stat").exists():
                return folder
            folder.rmdir()
    return None


def _tree(roots: list[int]) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid for pid in roots if Path(f"/proc/{pid}").exists()]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on (the name may hold blanks)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _ticks(pid: int) -> int:
    try:
        return sum(int(field) for field in _stat(pid)[11:15])  # utime stime cutime cstime
    except OSError:
        return 0


def _status(pid: int, file: str, key: str) -> int:
    try:
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
