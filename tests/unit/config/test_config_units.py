"""Sizes and times, there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import LARGEST, format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("1", 1), (7, 7), ("100M", 100 << 20), ("5G", 5 << 30), ("5g", 5 << 30), ("5 GB", 5 << 30),
        ("5GiB", 5 << 30), ("1T", 1 << 40), ("1K", 1024), ("512B", 512), (" 2M ", 2 << 20),
    ],
)  # fmt: skip
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "M",
        "1.5G",
        "-1",
        -1,
        "5X",
        "5 G B",
        "1M2K",
        "９M",
        True,
        None,
        1.5,
        "9" * 30,
        "8388608T",
        [1],
        "0x10",
    ],
)
def test_no_sizes(text: object) -> None:
    with pytest.raises(ValueError, match=r"size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("2h", 7200), ("31d", 2678400), ("0", 0), (90, 90), ("90", 90)],
)
def test_durations(text: object, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "5M", "1h30m", "-5s", "5ms", "1w", "1.5h", True, None, "9" * 19 + "d"]
)
def test_no_durations(text: object) -> None:
    with pytest.raises(ValueError, match=r"time"):
        parse_duration(text)


def test_sentences_say_what_to_write() -> None:
    with pytest.raises(
        ValueError, match=r'^"5X" is not a size: write a whole number and K, M, G or T, such as'
    ):
        parse_size("5X")


@given(st.integers(0, LARGEST))
def test_what_is_written_is_read_back(number: int) -> None:
    assert parse_size(format_size(number)) == number
    assert parse_duration(format_duration(number)) == number


@given(st.integers(1, 1023), st.sampled_from("KMGT"))
def test_the_shortest_form_is_written(number: int, unit: str) -> None:
    assert format_size(parse_size(f"{number}{unit}")) == f"{number}{unit}"


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_a_sentence(text: str) -> None:
    for parse in (parse_size, parse_duration):
        try:
            assert 0 <= parse(text) <= LARGEST
        except ValueError as error:
            assert "\n" not in str(error) or "\n" in text
