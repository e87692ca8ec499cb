"""INTERNALDATE both ways."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap import dates
from imap.scanner import BadSyntax, Scanner


@pytest.fixture(params=["UTC", "Asia/Tokyo", "Asia/Kolkata", "America/St_Johns"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    dates._quarter.cache_clear()
    yield request.param
    monkeypatch.undo()
    time.tzset()
    dates._quarter.cache_clear()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b'"17-Jul-1996 02:44:25 -0700"', 837596665),
        (b'" 1-Jan-1970 00:00:00 +0000"', 0),
        (b'"01-jan-1970 09:00:00 +0900"', 0),
        (b'"29-Feb-2024 23:59:60 +0000"', 1709251200),
    ],
)
def test_read(text: bytes, seconds: int) -> None:
    assert dates.date_time(Scanner(text)) == seconds


@pytest.mark.parametrize(
    "text",
    [b'"32-Jan-2020 00:00:00 +0000"', b'"01-Foo-2020 00:00:00 +0000"', b'"01-Jan-2020 24:00:00 +0000"',
     b'"01-Jan-0000 00:00:00 +0000"', b'"01-Jan-2020 00:00:00"', b'"01-Jan-2020"', b"01-Jan-2020", b'""'],
)  # fmt: skip
def test_what_is_no_date(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        dates.date_time(Scanner(text))


def test_written_as_read(zone: str) -> None:
    for seconds in (0, 1, 899, 900, 951782399, 1_700_000_000, 1_719_999_999):
        assert dates.date_time(Scanner(dates.internal_date(seconds))) == seconds


def test_tokyo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    dates._quarter.cache_clear()
    try:
        assert dates.internal_date(1_700_000_000) == b'"15-Nov-2023 07:13:20 +0900"'
    finally:
        monkeypatch.undo()
        time.tzset()
        dates._quarter.cache_clear()


@given(st.binary(max_size=40))
def test_garbage(text: bytes) -> None:
    try:
        dates.date_time(Scanner(text))
    except BadSyntax:
        pass
