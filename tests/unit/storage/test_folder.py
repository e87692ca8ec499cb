"""What is taken of a mailbox's numbers and letters is below the mark on the disk, whatever else is lost."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage import describe
from storage.describe import Description
from storage.folder import Folder

NOW = 1_800_000_000.0


def made(path: Path) -> Folder:
    return Folder(path, 1, "INBOX", "M1", 7, 1, 1, 0, 0, (), None, 0, 0, 1, 0, "", 0, 0, 0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    monkeypatch.setattr(describe, "UID_BLOCK", 3)
    monkeypatch.setattr(describe, "MODSEQ_BLOCK", 3)
    describe.save(tmp_path, Description("M1", 7))
    return made(tmp_path)


def on_disk(folder: Folder) -> Description:
    found = describe.load(folder.path)
    assert found is not None
    return found


def test_no_uid_is_above_the_mark(folder: Folder) -> None:
    """A mark is the UIDNEXT after a crash: so it is never below the one that was told."""
    taken: list[int] = []
    for count in (1, 1, 1, 1, 1, 2, 5, 1, 3, 4, 1, 1, 1, 1, 1):
        first = folder.take_uids(count)
        taken += range(first, first + count)
        assert on_disk(folder).uidnext_mark == folder.uidnext_mark >= folder.uidnext > taken[-1]
    assert taken == list(range(1, len(taken) + 1))


def test_no_modseq_is_above_the_mark_or_given_twice(folder: Folder) -> None:
    last = 0
    for now in (NOW, NOW, NOW, NOW - 100, NOW - 100, NOW + 1, NOW, NOW, NOW, NOW, NOW):
        modseq = folder.take_modseq(now)
        assert last < modseq <= on_disk(folder).modseq_mark and modseq >= now * 1_000_000
        last = modseq


def test_marks_that_are_higher_on_the_disk_stay_so(folder: Folder) -> None:
    """They were raised after a backup was put back, or by a process of which the index knows nothing."""
    describe.save(folder.path, replace(on_disk(folder), uidnext_mark=1_000_000, modseq_mark=1 << 60))
    folder.take_uids(10)
    folder.take_modseq(NOW)
    assert (on_disk(folder).uidnext_mark, on_disk(folder).modseq_mark) == (1_000_000, 1 << 60)


def test_a_letter_is_on_the_disk_before_it_is_used(folder: Folder) -> None:
    assert folder.letters(frozenset({"$Work", "\\Seen"}), make=True) == "Sa"
    assert on_disk(folder).keywords == folder.keywords == ("$Work",)
    assert folder.letters(frozenset({"$work", "$Other"}), make=False) == "a"
    assert on_disk(folder).keywords == ("$Work",)


def test_what_another_program_has_damaged_is_written_anew_by_what_the_index_knows(folder: Folder) -> None:
    folder.letters(frozenset({"$Work"}), make=True)
    for damage in (b"", b"{", b"[]", b"null", b'{"mailboxid": 1}'):
        (folder.path / describe.FILE).write_bytes(damage)
        folder.take_uids(10)
        found = on_disk(folder)
        assert (found.mailboxid, found.uidvalidity, found.keywords) == ("M1", 7, ("$Work",))
        assert found.uidnext_mark >= folder.uidnext


def test_keys_of_a_later_version_stay(folder: Folder) -> None:
    path = folder.path / describe.FILE
    path.write_bytes(path.read_bytes().replace(b"{", b'{"color": "red",', 1))
    folder.take_uids(10)
    assert b'"color": "red"' in path.read_bytes()
