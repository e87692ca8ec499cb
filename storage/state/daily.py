"""Which results of a day that is over are to be reported now, where several processes count and report.

For databases with a table `result`, counts by `day` (since 1970, UTC) and `domain` among others, and the table
`CLAIMS`. Who takes the results of a day and domain has some minutes to report them; then another one may. Each
domain has a time of its own within four hours, so that not all the world's reports come at midnight (RFC 8460
§5.5).
"""

import sqlite3

DAY = 86_400
CLAIM = 600  # seconds that one process has for the report of a day and domain
OLDEST = 3 * DAY  # seconds after which results are of no interest any more

CLAIMS = """CREATE TABLE claim (day INTEGER NOT NULL, domain TEXT NOT NULL, until INTEGER NOT NULL,
       PRIMARY KEY (day, domain)) WITHOUT ROWID"""


def claim(db: sqlite3.Connection, now: int, most: int) -> list[tuple[int, str]]:
    """Days and domains whose results nobody else reports now. In a transaction; what is too old goes."""
    db.execute("DELETE FROM result WHERE day < ?", ((now - OLDEST) // DAY,))
    db.execute("DELETE FROM claim WHERE until < ?", (now,))
    rows = db.execute(
        """SELECT DISTINCT day, domain FROM result WHERE day < ?
           AND NOT EXISTS (SELECT 1 FROM claim WHERE day = result.day AND domain = result.domain)""",
        (now // DAY,),
    ).fetchall()
    ready = [(day, domain) for day, domain in rows if now >= (day + 1) * DAY + delay(domain)][:most]
    db.executemany(
        "INSERT INTO claim VALUES (?, ?, ?)", [(day, domain, now + CLAIM) for day, domain in ready]
    )
    return ready


def done(db: sqlite3.Connection, day: int, domain: str) -> None:
    """They were reported, or nobody wants them."""
    db.execute("DELETE FROM result WHERE day = ? AND domain = ?", (day, domain))


def delay(domain: str) -> int:
    """Seconds after midnight UTC for the report to a domain: from a quarter of an hour, by when the last results of
    the day are on the disk, always the same, and spread over four hours."""
    return 900 + sum(domain.encode()) * 7919 % (4 * 3600 - 900)
