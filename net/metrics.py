"""How much of what happens: counters of all processes, added up for Prometheus.

Each process counts in a file of its own in `<run>/metrics/`, mapped into memory: counting is an addition there, and
a killed process loses nothing. It holds a lock on the file as long as it lives (flock(2)). Whoever answers
Prometheus (`net.metrics_door`, in the relay process) adds all files up; what a dead process has counted it takes
over into its own and deletes the file, so counters never go back while `<run>` exists. Gauges of a dead process go
with it.

Why not prometheus-client: with several processes it wants a variable in the environment before it is imported,
keeps the files of dead processes for ever, and its server is a thread; what it would do for us is what stands here.

Invariants: a label has few values, all of them ours (never an address, never what a peer says); a count that finds
no room is lost, and nothing else is.
"""

import contextlib
import fcntl
import mmap
import os
import secrets
import struct
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

WIDTH = 128  # octets of a slot: a number and the sample's name
MOST = 1024  # slots of a process
BOUNDS = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
)  # seconds

_NUMBER = struct.Struct("d")


@dataclass(frozen=True, slots=True)
class Family:
    """What is counted under one name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str


FAMILIES = (
    Family(
        "kwcmaild_mail_events_total",
        "counter",
        "What happened to mail, as the traces name it, one for each copy.",
    ),
    Family("kwcmaild_checks_total", "counter", "How often a check was asked, by what it said."),
    Family("kwcmaild_check_seconds", "histogram", "How long a check took to answer."),
    Family(
        "kwcmaild_engine_away_total", "counter", "Messages for which the engine of a check did not answer."
    ),
    Family("kwcmaild_connections", "gauge", "Connections inside a door."),
    Family(
        "kwcmaild_connections_total",
        "counter",
        "Connections that came to a door, by whether they were let in.",
    ),
    Family("kwcmaild_logins_total", "counter", "Attempts to log in, by how they ended."),
    Family(
        "kwcmaild_lockouts_total", "counter", "Locks put on an account or an address after wrong passwords."
    ),
    Family("kwcmaild_queue_messages", "gauge", "Messages in the queue."),
    Family("kwcmaild_queue_octets", "gauge", "Octets of the messages in the queue."),
    Family("kwcmaild_queue_recipients", "gauge", "Recipients in the queue, by their state."),
    Family("kwcmaild_queue_oldest_seconds", "gauge", "Age of the oldest message in the queue."),
    Family("kwcmaild_processes", "gauge", "Processes that run."),
)
_GAUGES = frozenset(each.name for each in FAMILIES if each.kind == "gauge")


class _Check(NamedTuple):
    """The samples of a check that said something."""

    total: str
    buckets: tuple[str, ...]  # one for each of `BOUNDS`, and one for what is above
    sum: str

    @classmethod
    def of(cls, check: str, action: str) -> "_Check":
        bounds = (*(f"{each:g}" for each in BOUNDS), "+Inf")
        return cls(
            f'kwcmaild_checks_total{{check="{check}",action="{action}"}}',
            tuple(f'kwcmaild_check_seconds_bucket{{check="{check}",le="{bound}"}}' for bound in bounds),
            f'kwcmaild_check_seconds_sum{{check="{check}"}}',
        )


class Metrics:
    """The counts of one process. From any thread."""

    def __init__(self, run: Path, room: str) -> None:
        self._slots: dict[str, int] = {}  # by sample; -1: there is no room
        self._lock = threading.Lock()
        self._open = True
        folder = run / "metrics"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{room}-{os.getpid()}-{secrets.token_hex(4)}"
        self._file = os.open(
            path.with_name(f".{path.name}"), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
        fcntl.flock(self._file, fcntl.LOCK_EX)
        os.ftruncate(self._file, WIDTH * MOST)
        self._memory = mmap.mmap(self._file, WIDTH * MOST)
        self._numbers = memoryview(self._memory).cast("d")  # a slot's number is the first of its doubles
        self._checks: dict[tuple[str, str], _Check] = {}
        os.rename(path.with_name(f".{path.name}"), path)  # nobody sees it unlocked
        self.add(sample("kwcmaild_processes", room=room))

    def add(self, key: str, amount: float = 1.0) -> None:
        """Count; `key` is a `sample`."""
        with self._lock:
            self._count(key, amount)

    def _count(self, key: str, amount: float) -> None:
        at = self._slots.get(key)
        if at is None:
            at = self._slots[key] = self._made(key)
        if at >= 0 and self._open:
            self._numbers[at] += amount

    def _made(self, key: str) -> int:
        """Which of the numbers it is."""
        name = key.encode()
        at = sum(each >= 0 for each in self._slots.values()) * WIDTH
        if not self._open or at >= len(self._memory) or len(name) > WIDTH - _NUMBER.size:
            return -1
        start = at + _NUMBER.size
        self._memory[start : start + len(name)] = name
        return at // _NUMBER.size

    def close(self) -> None:
        """What was counted stays for whoever adds up."""
        with self._lock:
            self._open = False
            self._numbers.release()
            self._memory.close()
            os.close(self._file)

    # ---- what there is to count

    def happened(self, what: str) -> None:
        """Something was noted in a mail's trace."""
        self.add(f'kwcmaild_mail_events_total{{event="{what}"}}')

    def judged(self, check: str, action: str, seconds: float) -> None:
        """A check has looked at a message."""
        keys = self._checks.get((check, action))
        if keys is None:
            keys = self._checks[check, action] = _Check.of(check, action)
        with self._lock:
            self._count(keys.total, 1.0)
            self._count(keys.buckets[bisect_left(BOUNDS, seconds)], 1.0)
            self._count(keys.sum, seconds)

    def away(self, check: str) -> None:
        """The engine of a check did not answer."""
        self.add(f'kwcmaild_engine_away_total{{check="{check}"}}')

    def login(self, protocol: str, outcome: str) -> None:
        """Somebody tried to log in."""
        self.add(f'kwcmaild_logins_total{{protocol="{protocol}",outcome="{outcome}"}}')

    def lockout(self, kind: str) -> None:
        self.add(f'kwcmaild_lockouts_total{{kind="{kind}"}}')

    def connection(self, door: str, what: Literal["in", "out", "away"]) -> None:
        """Somebody came to a door and was let in or sent away, or left."""
        if what != "out":
            self.add(
                f'kwcmaild_connections_total{{door="{door}",let_in="{"yes" if what == "in" else "no"}"}}'
            )
        if what != "away":
            self.add(f'kwcmaild_connections{{door="{door}"}}', 1.0 if what == "in" else -1.0)


def sample(name: str, **labels: str) -> str:
    """The name of a number: `name{label="value"}`."""
    inside = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inside}}}" if inside else name


def gather(run: Path, own: Metrics) -> dict[str, float]:
    """The numbers of all processes together; what dead ones have counted goes over to `own`."""
    alive = [path for path in sorted((run / "metrics").glob("[!.]*")) if not _took_over(path, own)]
    total: dict[str, float] = defaultdict(float)
    for path in alive:
        with contextlib.suppress(FileNotFoundError):
            for key, value in _read(path.read_bytes()):
                total[key] += value
    return total


def _took_over(path: Path, own: Metrics) -> bool:
    """Add a dead process's counters to ours; false, and nothing done, where the process lives."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        if not _locked(file):
            return False
        found = list(_read(os.pread(file, WIDTH * MOST, 0)))
        path.unlink(missing_ok=True)  # first: what is counted twice would be worse than what is lost
        for key, value in found:
            if key.partition("{")[0] not in _GAUGES:
                own.add(key, value)
        return True
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(data: bytes) -> Iterator[tuple[str, float]]:
    for at in range(0, len(data), WIDTH):
        name = data[at + _NUMBER.size : at + WIDTH].rstrip(b"\0")
        if not name:
            return
        yield name.decode("utf-8", "replace"), _NUMBER.unpack_from(data, at)[0]


def text(values: Mapping[str, float]) -> str:
    """The page that Prometheus reads (text exposition format 0.0.4)."""
    lines = []
    for family in FAMILIES:
        own = {key: value for key, value in values.items() if _family(key, family)}
        if not own:
            continue
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
        shown = _histogram(family.name, own) if family.kind == "histogram" else sorted(own.items())
        lines += [f"{key} {value:g}" if value % 1 else f"{key} {int(value)}" for key, value in shown]
    return "".join(f"{line}\n" for line in lines)


def _family(key: str, family: Family) -> bool:
    name = key.partition("{")[0]
    if family.kind == "histogram":
        name = name.removesuffix("_bucket").removesuffix("_sum")
    return name == family.name


def _histogram(name: str, values: Mapping[str, float]) -> Iterable[tuple[str, float]]:
    """Each bucket was counted by itself; Prometheus wants them with all that is below."""
    bounds = [*(f"{each:g}" for each in BOUNDS), "+Inf"]
    sums = sorted(key for key in values if key.startswith(f"{name}_sum"))
    for key in sums:
        labels = key[len(name) + len("_sum{") : -1]
        below = 0.0
        for bound in bounds:
            below += values.get(f'{name}_bucket{{{labels},le="{bound}"}}', 0.0)
            yield f'{name}_bucket{{{labels},le="{bound}"}}', below
        yield key, values[key]
        yield f"{name}_count{{{labels}}}", below
