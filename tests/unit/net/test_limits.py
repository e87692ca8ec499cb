"""Slots are counted over processes, and a process that dies gives its own back."""

import subprocess
import sys
from pathlib import Path

import pytest

from net.limits import Slots

HOLDER = """
import sys
from pathlib import Path
from net.limits import Slots
slots = Slots(Path(sys.argv[1]))
held = [slots.take("imap", "taro@example.test", 3) for _ in range(2)]
assert all(held)
print("held", flush=True)
sys.stdin.read()
"""


def test_no_more_than_so_many_and_free_gives_back(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    first, second = (slots.take("imap", "taro@example.test", 2) for _ in range(2))
    assert first and second
    assert slots.take("imap", "taro@example.test", 2) is None
    assert slots.take("pop3", "taro@example.test", 2)
    assert slots.take("imap", "hanako@example.test", 2)
    first.free()
    first.free()
    with slots.take("imap", "taro@example.test", 2) as again:
        assert again is not None
        assert slots.take("imap", "taro@example.test", 2) is None
    assert slots.take("imap", "taro@example.test", 2)
    slots.close()


def test_another_process_counts_too_and_its_death_frees(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        mine = slots.take("imap", "taro@example.test", 3)
        assert mine is not None
        assert slots.take("imap", "taro@example.test", 3) is None
        other.kill()
        other.wait()
    assert slots.take("imap", "taro@example.test", 3)
    slots.close()


def test_ten_thousand_accounts_need_few_descriptors(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    taken = [slots.take("imap", f"user{number}@example.test", 1) for number in range(10_000)]
    assert all(taken)
    assert len(list((tmp_path / "limits").iterdir())) <= 256
    assert slots.take("imap", "user77@example.test", 1) is None
    slots.close()


@pytest.mark.parametrize("key", ["", "日本@example.test", "../../etc/passwd", "a\0b"])
def test_any_key_will_do_and_touches_only_the_folder(tmp_path: Path, key: str) -> None:
    slots = Slots(tmp_path / "run")
    (tmp_path / "run").mkdir()
    assert slots.take("imap", key, 1)
    assert slots.take("imap", key, 1) is None
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    slots.close()
