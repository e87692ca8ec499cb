"""Which language a page is in."""

import pytest

from web.language import choose


@pytest.mark.parametrize(
    ("asked", "accept", "language"),
    [
        (None, "", "en"),
        (None, "ja", "ja"),
        (None, "ja-JP,ja;q=0.9,en-US;q=0.8", "ja"),
        (None, "en-US,en;q=0.9,ja;q=0.8", "en"),
        (None, "de,fr;q=0.9", "en"),
        (None, "de, ja;q=0.1", "ja"),
        (None, "ja;q=0", "en"),
        (None, "ja;q=nonsense, en", "en"),
        (None, "ja;level=1", "en"),
        (None, ",;q=,;;=" * 1000, "en"),
        ("ja", "en", "ja"),
        ("en", "ja", "en"),
        ("xx", "ja", "ja"),
    ],
)
def test_choice(asked: str | None, accept: str, language: str) -> None:
    assert choose(asked, accept) == language
