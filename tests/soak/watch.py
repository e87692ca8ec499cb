"""What each process holds, looked at again and again, and whether that is flat.

Flat is not "it looks so": after a warm-up a straight line is fitted (least squares) through the lows, the lowest
of each ten samples, for checking a password takes 19 MiB and gives them back. What the line rises over the time
that it covers must stay below a bound, which says how large a leak would have been missed: so much in so many
minutes, while so many operations were done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOW_OF = 10  # samples


@dataclass(frozen=True)
class Bounds:
    """By how much the fitted line of a process may rise: memory in MiB, or in parts of its mean; descriptors."""

    memory: float = 2.0
    part: float = 0.04
    descriptors: float = 6.0


@dataclass
class Watched:
    """The samples of one process."""

    name: str
    pid: int
    times: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)  # RSS in MiB
    descriptors: list[float] = field(default_factory=list)

    def look(self, now: float) -> None:
        status = Path(f"/proc/{self.pid}/status").read_text()
        self.times.append(now)
        self.memory.append(int(status.partition("VmRSS:")[2].split()[0]) / 1024)
        self.descriptors.append(len(list(Path(f"/proc/{self.pid}/fd").iterdir())))


@dataclass(frozen=True)
class Finding:
    """One figure of one process: where it stood, the line's rise over the fitted time, and what that may be."""

    process: str
    what: str
    first: float  # mean of the first tenth of the fitted samples
    last: float
    most: float
    rise: float
    bound: float

    @property
    def flat(self) -> bool:
        return self.rise <= self.bound

    def __str__(self) -> str:
        return (
            f"{self.process:<10} {self.what:<12} {self.first:8.1f} {self.last:8.1f} {self.most:8.1f}"
            f" {self.rise:+8.2f} {self.bound:7.2f}  {'flat' if self.flat else 'RISES'}"
        )


HEAD = f"{'process':<10} {'what':<12} {'first':>8} {'last':>8} {'most':>8} {'rise':>8} {'bound':>7}"


def course(watched: Watched) -> str:
    """How memory went, as means of tenths of the whole time."""
    tenth = max(1, len(watched.memory) // 10)
    parts = [watched.memory[at : at + tenth] for at in range(0, tenth * 10, tenth)]
    return " ".join(f"{sum(part) / len(part):5.1f}" for part in parts if part)


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Of the line that fits best, in units a second."""
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((time - middle) ** 2 for time in times)
    return sum((t - middle) * (v - mean) for t, v in zip(times, values, strict=True)) / spread


def judge(watched: Watched, warm_up: float, bounds: Bounds) -> list[Finding]:
    """`warm_up`: the samples before that time do not count."""
    begin = next(at for at, time in enumerate(watched.times) if time >= warm_up)
    times = _tens(watched.times[begin:], lambda ten: sum(ten) / len(ten))
    tenth = max(1, len(times) // 10)
    found = []
    for what, samples in (("RSS, MiB", watched.memory), ("descriptors", watched.descriptors)):
        values = _tens(samples[begin:], min)
        mean = sum(values) / len(values)
        bound = max(bounds.memory, bounds.part * mean) if what.startswith("RSS") else bounds.descriptors
        first, last = sum(values[:tenth]) / tenth, sum(values[-tenth:]) / tenth
        rise = slope(times, values) * (times[-1] - times[0])
        found.append(Finding(watched.name, what, first, last, max(samples[begin:]), rise, bound))
    return found


def _tens(samples: Sequence[float], of: Callable[[Sequence[float]], float]) -> list[float]:
    """One for each ten samples; of few samples, for fewer, so that there is a line to fit."""
    ten = max(1, min(LOW_OF, len(samples) // LOW_OF))
    return [of(samples[at : at + ten]) for at in range(0, len(samples) - ten + 1, ten)]
