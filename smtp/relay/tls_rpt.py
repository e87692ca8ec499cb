"""What was found with TLS at the servers of each domain, counted by day: the numbers in the reports of RFC 8460.

Noting a result is an entry in memory. About once a minute a thread adds them to `<data>/state/tls_rpt.sqlite`,
where several relay processes count together; a kill loses a minute of statistics. Both are bounded: details beyond
`MOST_KINDS` are counted without their particulars.
"""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from smtp.relay.protection import Policy
from storage.state.daily import CLAIMS, DAY, claim, done
from storage.state.statedb import StateDb

MOST_KINDS = 5_000  # of results that memory tells apart between two flushes

SCRIPTS = (
    """CREATE TABLE result (day INTEGER NOT NULL, domain TEXT NOT NULL, policy TEXT NOT NULL, failure TEXT NOT NULL,
       host TEXT NOT NULL, address TEXT NOT NULL, words TEXT NOT NULL, source TEXT NOT NULL, count INTEGER NOT NULL,
       PRIMARY KEY (day, domain, policy, failure, host, address, words, source)) WITHOUT ROWID;"""
    + CLAIMS,
)


@dataclass(frozen=True, slots=True)
class Result:
    """One attempt at TLS with a host of a domain."""

    domain: str
    policy: Policy
    failure: str = ""  # a result-type of RFC 8460 §4.3; empty: it succeeded
    host: str = ""
    address: str = ""
    words: str = ""
    source: str = ""  # our own address


@dataclass(frozen=True, slots=True)
class Counted:
    """A result, and how often it came."""

    result: Result
    count: int


@dataclass(frozen=True, slots=True)
class Due:
    """The results of a day that is over, for one domain."""

    day: int  # days since 1970, UTC
    domain: str
    results: tuple[Counted, ...]


Counts = Counter[tuple[int, Result]]  # by day


class Reports:
    """One for each process."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.time) -> None:
        self._db = StateDb(state / "tls_rpt.sqlite", SCRIPTS)
        self._clock = clock
        self._counts: Counts = Counter()

    def note(self, result: Result) -> None:
        """Count it. Never waits."""
        key = (int(self._clock()) // DAY, result)
        if len(self._counts) >= MOST_KINDS and key not in self._counts:
            key = (key[0], replace(result, host="", address="", words="", source=""))
            if len(self._counts) >= 2 * MOST_KINDS and key not in self._counts:
                return
        self._counts[key] += 1

    def taken(self) -> Counts:
        """What was noted since the last time; to be written down."""
        counts, self._counts = self._counts, Counter()
        return counts

    def write(self, counts: Counts) -> None:
        """Add it to what is on the disk. For a thread."""
        with self._db.transaction() as db:
            db.executemany(
                "INSERT INTO result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " count = count + excluded.count",
                [
                    (
                        day,
                        result.domain,
                        json.dumps([result.policy.kind, result.policy.lines, result.policy.mx]),
                        result.failure,
                        result.host,
                        result.address,
                        result.words,
                        result.source,
                        count,
                    )
                    for (day, result), count in counts.items()
                ],
            )

    def due(self, most: int = 100) -> list[Due]:
        """Claim results of days that are over, each domain at a time of its own within four hours, so that not all
        the world's reports come at midnight (RFC 8460 §5.5). For a thread."""
        with self._db.transaction() as db:
            ready = claim(db, int(self._clock()), most)
            return [
                Due(day, domain, tuple(_counted(row) for row in db.execute(_RESULTS, (day, domain))))
                for day, domain in ready
            ]

    def done(self, due: Due) -> None:
        """They were reported, or nobody wants them. For a thread."""
        with self._db.transaction() as db:
            done(db, due.day, due.domain)

    def rest(self) -> None:
        """Close the file until it is needed again. For a thread."""
        self._db.close()

    def close(self) -> None:
        """Write down what is left. Blocks on the disk."""
        if self._counts:
            self.write(self.taken())
        self._db.close()


_RESULTS = """SELECT domain, policy, failure, host, address, words, source, count FROM result
              WHERE day = ? AND domain = ?"""


def _counted(row: tuple[str, str, str, str, str, str, str, int]) -> Counted:
    domain, policy, failure, host, address, words, source, count = row
    kind, lines, mx = json.loads(policy)
    return Counted(
        Result(domain, Policy(kind, tuple(lines), tuple(mx)), failure, host, address, words, source), count
    )
