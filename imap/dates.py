"""INTERNALDATE on the wire (RFC 9051 §9 `date-time`): `"17-Jul-1996 02:44:25 -0700"`.

The store keeps seconds since 1970; the wall clock of this machine's zone is what clients see, so that a
SEARCH by date and the dates shown by FETCH agree. Pure but for the zone.
"""

import re
import time
from calendar import timegm
from functools import lru_cache

from imap.scanner import BadSyntax, Scanner
from storage.filename import made_at
from storage.rows import Row

MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")

_DATE_TIME = re.compile(
    rb'"( [0-9]|[0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})'
    rb' ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"'
)
_NUMBER_OF_MONTH = {name.upper(): number for number, name in enumerate(MONTHS, 1)}
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def internal_date(seconds: int) -> bytes:
    """A date-time with its quotes."""
    quarter, rest = divmod(seconds, 900)
    before, minute, after = _quarter(quarter)
    return b"%b%02d:%02d%b" % (before, minute + rest // 60, rest % 60, after)


def saved_at(row: Row) -> int | None:
    """When a message was put into its mailbox (RFC 8514 §2); None where nobody knows: another program did."""
    if row.saved:
        return row.saved
    return None if row.base.find(".KW") < 0 else made_at(row.base)


def save_date(row: Row) -> bytes:
    """The same as a date-time, or NIL."""
    saved = saved_at(row)
    return b"NIL" if saved is None else internal_date(saved)


@lru_cache(maxsize=4096)
def _quarter(quarter: int) -> tuple[bytes, int, bytes]:
    """What all times of one quarter of an hour share: zones differ from UTC by whole quarters."""
    local = time.localtime(quarter * 900)
    sign, away = ("-", -local.tm_gmtoff) if local.tm_gmtoff < 0 else ("+", local.tm_gmtoff)
    month = MONTHS[local.tm_mon - 1].decode()
    before = f'"{local.tm_mday:2d}-{month}-{local.tm_year:04d} {local.tm_hour:02d}:'
    return (
        before.encode("ascii"),
        local.tm_min,
        f' {sign}{away // 3600:02d}{away // 60 % 60:02d}"'.encode("ascii"),
    )


def date_time(scanner: Scanner) -> int:
    """Read a date-time with its quotes: seconds since 1970."""
    match = _DATE_TIME.match(scanner.data, scanner.position)
    if match is None:
        raise BadSyntax("expected a date and time")
    month = _NUMBER_OF_MONTH.get(match.group(2).upper(), 0)
    day, year, hour, minute, second = (int(match.group(n)) for n in (1, 3, 4, 5, 6))
    zone = int(match.group(8)) * 3600 + int(match.group(9)) * 60
    # RFC 3501 §9 has no bounds of its own; these are RFC 5322 §3.3's. A leap second is the next minute's first.
    if not month or not 1 <= day <= _DAYS[month - 1] or hour > 23 or minute > 59 or second > 60 or year < 1:
        raise BadSyntax("no such date or time")
    scanner.position = match.end()
    stamp = timegm((year, month, day, hour, minute, second))
    return stamp - zone if match.group(7) == b"+" else stamp + zone
