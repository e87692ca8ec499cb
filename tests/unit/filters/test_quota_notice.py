"""When a mailbox has filled up, and what is said of it."""

import email
import email.policy

import pytest

from config.units import GIB, MIB
from filters.quota_notice import crossed, notice


@pytest.mark.parametrize(
    ("before", "after", "limit", "level"),
    [
        (0, 79, 100, None),
        (79, 80, 100, 80),
        (80, 81, 100, None),
        (0, 94, 100, 80),
        (94, 95, 100, 95),
        (0, 95, 100, 95),
        (95, 100, 100, None),
        (90, 79, 100, None),
        (79, 80, None, None),
        (0, 800 * GIB, 1000 * GIB, 80),
    ],
)
def test_crossed(before: int, after: int, limit: int | None, level: int | None) -> None:
    assert crossed(before, after, limit) == level


@pytest.mark.parametrize("percent", [80, 95, 100])
def test_notice(percent: int) -> None:
    message = notice("mx.example", "taro@example.test", ["a@example.test"], percent, 850 * MIB, GIB, 0)
    parsed = email.message_from_bytes(message.read(), policy=email.policy.default)
    assert parsed["To"] == "taro@example.test"
    assert parsed["Cc"] == "a@example.test"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert f"{percent} %" in parsed["Subject"]
    assert "メールボックス" in parsed["Subject"]
    text = parsed.get_content()
    assert f"容量の {percent} % に達しました" in text
    assert f"has reached {percent} % of its capacity" in text
    assert "850.0 MB" in text
    assert "1.00 GB" in text
    assert ("could not be accepted" in text) is (percent == 100)
    assert not parsed.defects
    assert b"\n" not in message.read().replace(b"\r\n", b"")
