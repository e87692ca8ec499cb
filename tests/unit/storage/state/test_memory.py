"""What was done lately is not done again."""

from pathlib import Path

from storage.state.memory import KEPT, Memory


def test_first_within_a_period(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    assert memory.first("notice", "taro", 1000, 60)
    assert not memory.first("notice", "taro", 1059, 60)
    assert memory.first("notice", "hanako", 1059, 60)
    assert memory.first("reply", "taro", 1059, 60)
    assert memory.first("notice", "taro", 1060, 60)
    assert not memory.first("notice", "taro", 1100, 60)
    memory.close()


def test_it_outlives_the_process_and_a_clock_set_back(tmp_path: Path) -> None:
    Memory(tmp_path).first("notice", "taro", 1000, 60)
    memory = Memory(tmp_path)
    assert not memory.first("notice", "taro", 1001, 60)
    assert memory.first("notice", "taro", 500, 60)  # from the future: it would never end
    assert memory.first("notice", "other", KEPT + 2000, 60)
    assert memory.first("notice", "taro", KEPT + 2000, KEPT * 2)  # forgotten
    memory.close()
