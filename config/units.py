"""Sizes and times as people write them: `100M`, `5G`, `30s`, `31d`.

Sizes are counted in bytes and their letters are powers of 1024; times are counted in seconds. What
`format_size` and `format_duration` write is read back as exactly the same number.
"""

import re

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LARGEST = 2**63 - 1  # what SQLite and the kernel can hold

# Largest first: the order in which the formatters try them.
_SIZES = {"T": TIB, "G": GIB, "M": MIB, "K": KIB, "": 1}
_DURATIONS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": 1}

SIZE_PATTERN = r"^[0-9]{1,19} ?([KMGTkmgt](i?[Bb])?|[Bb])?$"
DURATION_PATTERN = r"^[0-9]{1,19} ?[smhd]?$"

_SIZE = re.compile(r"([0-9]{1,19}) ?(?:([KMGT])(?:I?B)?|B)?", re.IGNORECASE)
_DURATION = re.compile(r"([0-9]{1,19}) ?([smhd]?)")


def parse_size(value: object) -> int:
    """Bytes of `100M`, `5G`, `5 GB` or a plain number of bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(value, "size")
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f"{_shown(value)} is not a size: write a whole number and K, M, G or T, such as 100M or 5G"
        )
    return _bounded(int(match[1]) * _SIZES[(match[2] or "").upper()], "size")


def parse_duration(value: object) -> int:
    """Seconds of `30s`, `5m`, `2h`, `31d` or a plain number of seconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(value, "time")
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f"{_shown(value)} is not a length of time: write a whole number and s, m, h or d,"
            " such as 30s, 5m, 2h or 31d"
        )
    return _bounded(int(match[1]) * _DURATIONS[match[2] or "s"], "time")


def format_size(size: int) -> str:
    """The shortest exact form: 5368709120 is `5G`, 1536 stays `1536`."""
    return _format(size, _SIZES)


def format_duration(seconds: int) -> str:
    """The shortest exact form: 2678400 is `31d`, 90 is `90s`."""
    return _format(seconds, _DURATIONS)


def _format(number: int, units: dict[str, int]) -> str:
    if number < 0:
        raise ValueError(f"{number} is below nothing")
    if number == 0:
        return "0"
    letter, unit = next((letter, unit) for letter, unit in units.items() if number % unit == 0)
    return f"{number // unit}{letter}"


def _bounded(number: int, what: str) -> int:
    if not 0 <= number <= LARGEST:
        raise ValueError(f"{number} cannot be a {what}: it must be from 0 to {LARGEST}")
    return number


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{value[:60]}"'
    return "nothing" if value is None else f"{value!r:.60}"
