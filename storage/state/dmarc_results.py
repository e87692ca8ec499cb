"""What DMARC found of received mail, counted by day and domain: the numbers in the reports that domains ask for
(RFC 9990, RFC 7489 §7.2).

Noting a result is an entry in memory. Once a minute a thread adds what was noted to `<data>/state/dmarc.sqlite`,
where all SMTP processes count together and from which the relay process reports; a kill loses a minute of
statistics. Memory and disk are bounded, for whoever sends mail chooses the names in it: kinds of result that find
no room are not counted, and the log says how many.
"""

import asyncio
import json
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from storage.state.daily import CLAIMS, DAY, claim, done
from storage.state.statedb import StateDb

FLUSH = 60.0  # seconds between writes of what was noted
MOST_KINDS = 5_000  # of results that memory tells apart between two flushes
MOST_ROWS = 500_000  # on the disk, some 150 MB
MOST_REPORTED = 20_000  # kinds of one domain and day in its report, those that came most often
LONGEST = 253  # characters of a name that somebody else has chosen

SCRIPTS = (
    """CREATE TABLE result (day INTEGER NOT NULL, domain TEXT NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL,
       PRIMARY KEY (day, domain, what)) WITHOUT ROWID;"""
    + CLAIMS,
)

logger = logging.getLogger("storage.dmarc")

Threads = Callable[..., Awaitable[Any]]  # storage.store.Store.run


@dataclass(frozen=True, slots=True)
class Published:
    """The policy that was found, and where."""

    domain: str
    policy: str
    subdomain_policy: str
    missing_policy: str
    strict_dkim: bool
    strict_spf: bool
    testing: bool
    tree_walk: bool  # how it was found; else by the public suffix list


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What was found of one message, and what became of it."""

    published: Published
    source: str  # the IP address that it came from
    disposition: str  # pass, none, quarantine or reject
    dkim_aligned: bool
    spf_aligned: bool
    override: str  # why it was treated otherwise than asked for: a type of RFC 9990; empty: it was not
    header_from: str
    envelope_from: str
    signatures: tuple[tuple[str, str, str], ...]  # domain, selector, result
    spf: tuple[str, str]  # domain, result


@dataclass(frozen=True, slots=True)
class Counted:
    """A kind of result, and how often it came."""

    evaluated: Evaluated
    count: int


@dataclass(frozen=True, slots=True)
class Due:
    """The results of a day that is over, for one domain."""

    day: int  # days since 1970, UTC
    domain: str
    results: tuple[Counted, ...]


Counts = Counter[tuple[int, Evaluated]]  # by day


class DmarcResults:
    """One for each process."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.time) -> None:
        self._db = StateDb(state / "dmarc.sqlite", SCRIPTS)
        self._clock = clock
        self._counts: Counts = Counter()
        self._passed_over = 0

    def note(self, evaluated: Evaluated) -> None:
        """Count it. Never waits."""
        key = (int(self._clock()) // DAY, evaluated)
        if len(self._counts) >= MOST_KINDS and key not in self._counts:
            self._passed_over += 1
            return
        self._counts[key] += 1

    async def run(self, threads: Threads) -> None:
        """Write down what was noted, once a minute, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH)
            try:
                await threads(self.write)
            except sqlite3.Error as error:
                logger.error("dmarc.not_counted", extra={"fields": {"error": str(error)}})

    def write(self) -> None:
        """Add what was noted to what is on the disk. For a thread."""
        counts, self._counts = self._counts, Counter()
        passed_over, self._passed_over = self._passed_over, 0
        if counts:
            with self._db.transaction() as db:
                passed_over += _add(db, counts)
        if passed_over:
            logger.warning("dmarc.too_many_kinds", extra={"fields": {"not_counted": passed_over}})

    def due(self, most: int = 100) -> list[Due]:
        """Claim results of days that are over, each domain at a time of its own within four hours, so that not all
        the world's reports come at midnight. For a thread."""
        with self._db.transaction() as db:
            ready = claim(db, int(self._clock()), most)
            return [Due(day, domain, tuple(_results(db, day, domain))) for day, domain in ready]

    def done(self, due: Due) -> None:
        """They were reported, or nobody wants them. For a thread."""
        with self._db.transaction() as db:
            done(db, due.day, due.domain)

    def rest(self) -> None:
        """Close the file until it is needed again. For a thread."""
        self._db.close()

    def close(self) -> None:
        """Write down what is left. Blocks on the disk."""
        try:
            self.write()
        except sqlite3.Error as error:
            logger.error("dmarc.not_counted", extra={"fields": {"error": str(error)}})
        self._db.close()


def _add(db: sqlite3.Connection, counts: Counts) -> int:
    """Returns how many messages were not counted because there are too many kinds already."""
    (rows,) = db.execute("SELECT count(*) FROM result").fetchone()
    passed_over = 0
    for (day, evaluated), count in counts.items():
        key = (day, evaluated.published.domain, json.dumps(astuple(evaluated), ensure_ascii=False))
        known = db.execute(
            "UPDATE result SET count = count + ? WHERE day = ? AND domain = ? AND what = ?", (count, *key)
        )
        if known.rowcount:
            continue
        if rows >= MOST_ROWS:
            passed_over += count
            continue
        db.execute("INSERT INTO result VALUES (?, ?, ?, ?)", (*key, count))
        rows += 1
    return passed_over


def _results(db: sqlite3.Connection, day: int, domain: str) -> list[Counted]:
    rows = db.execute(
        "SELECT what, count FROM result WHERE day = ? AND domain = ? ORDER BY count DESC LIMIT ?",
        (day, domain, MOST_REPORTED),
    )
    return [Counted(_evaluated(json.loads(what)), count) for what, count in rows]


def _evaluated(values: list[Any]) -> Evaluated:
    """What `astuple` had made of it."""
    published, *plain, signatures, spf = values
    results: tuple[Any, ...] = (tuple(map(tuple, signatures)), tuple(spf))
    return Evaluated(Published(*published), *plain, *results)
