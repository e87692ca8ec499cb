"""What is a good password here, and what only looks like one."""

from pathlib import Path

import pytest

from web import strength as module
from web.strength import strength

NAMES = ("taro.yamada@example-trading.test", "営業部 Tokyo")


@pytest.mark.parametrize(
    "password", ["kumo-to-ame-77", "correct horse battery staple", "x7#Qm2vL", "あめがふるよるのえき"]
)
def test_good_ones_are_taken(password: str) -> None:
    assert strength(password, *NAMES).enough


@pytest.mark.parametrize(
    "password",
    [
        *("", "x7#Qm2v", "password1", "Passw0rd!", "aaaaaaaaaaaa", "abcdefgh1234", "qwertyuiop", "sakura2024"),
        *("yamada1985", "Taro.Yamada1", "example-trading", "tokyo2026!", "kwcmaild1"),  # one's own; the service's
        *("q1w2e3r4t5", "Minecraft", "Minecraft2024!", "ＭＩＮＥＣＲＡＦＴ", "!lightning1"),  # what leaks tell
    ],
)  # fmt: skip
def test_what_is_tried_first_is_not(password: str) -> None:
    assert not strength(password, *NAMES).enough


def test_all_that_leaks_tell_is_refused() -> None:
    lines = Path(module.__file__).with_name("common_passwords.txt").read_text().splitlines()
    leaked = [line for line in lines if not line.startswith("#")]
    assert len(leaked) > 1_000
    assert not [each for each in leaked if strength(each).enough or len(each) < module.LEAST_LENGTH]
