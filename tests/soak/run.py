"""`make soak`: mixed load for some minutes, while memory and descriptors of each process are looked at.

    python -m tests.soak.run [--minutes N] [--pause SECONDS]

Ends with a table and with 0 if all is flat (tests/soak/watch.py says what that means), no worker was answered
what it did not expect, and the server logged no error.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.clients.daemons import ROOMS
from tests.soak import work
from tests.soak.server import Server
from tests.soak.watch import HEAD, Bounds, Finding, Watched, course, judge

SLOW = 300  # seconds more for what was not done yet
WARM_UP = 1 / 3  # of the time: each account has been opened, each mailbox is as full as it gets


@dataclass(frozen=True)
class Result:
    findings: list[Finding]
    courses: dict[str, str]
    done: Counter[str]
    trouble: list[str]
    seconds: float

    def __str__(self) -> str:
        lines = [HEAD, *map(str, self.findings), "", "RSS in MiB, by tenths of the time:"]
        lines += [f"{process:<10} {course}" for process, course in self.courses.items()]
        total = sum(self.done.values())
        lines.append(
            f"{total} operations in {self.seconds:.0f} s, {self.seconds * (1 - WARM_UP):.0f} s fitted:"
        )
        lines.append(", ".join(f"{what} {count}" for what, count in sorted(self.done.items())))
        lines += self.trouble[:20]
        return "\n".join(lines)

    @property
    def flat(self) -> bool:
        return all(finding.flat for finding in self.findings) and not self.trouble


def soak(
    folder: Path,
    seconds: float,
    *,
    pause: float = 0.05,
    every: float = 2.0,
    bounds: Bounds | None = None,
    kinds: frozenset[str] = frozenset(),
) -> Result:
    """For so many seconds, and on a slow machine for longer, until each of these kinds of work was done."""
    server = Server(folder)
    try:
        server.start()
        watched = [Watched(room, server.pid(room)) for room in ROOMS]
        watched.append(Watched("serve", server.process.pid))
        workers = work.Workers(server, pause)
        began = time.monotonic()
        for seed, each in enumerate(work.ALL):
            workers.start(each, seed)
        try:
            while (now := time.monotonic() - began) < seconds or (
                now < seconds + SLOW and any(kind not in workers.done for kind in kinds)
            ):
                if workers.stopping.wait(every):
                    break
                for process in watched:
                    process.look(now)
        finally:
            workers.stop()
    except BaseException as error:
        error.add_note("The server says:\n" + "".join(server.trouble[:20]))
        raise
    finally:
        server.stop()
    findings = [
        finding for process in watched for finding in judge(process, now * WARM_UP, bounds or Bounds())
    ]
    courses = {process.name: course(process) for process in watched}
    return Result(findings, courses, workers.done, server.trouble, now)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--pause", type=float, default=0.05, help="of each worker between two steps")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="kwcmaild-soak-") as folder:
        result = soak(Path(folder) / "server", given.minutes * 60, pause=given.pause)
    print(result, flush=True)
    print("flat" if result.flat else "not flat")
    return 0 if result.flat else 1


if __name__ == "__main__":
    sys.exit(main())
