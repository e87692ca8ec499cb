"""An account's file in the hands of an editor and of programs at once.

Holds of DESIGN "Accounts are YAML": a file changed in place is used when it has settled, a renamed one at once;
programs write with the hash of what they read, and refuse where the file was changed meanwhile; comments
survive. (A broken file with and without a last good one: tests/unit/storage/people/test_directory.py, and through
the doors tests/clients/test_life.py.)

vi is the real one, as Vim in ex mode. It writes in two ways: the old file renamed to `taro.yaml~` and a
new one made and filled (`backupcopy=no`), or the same file cut to nothing and filled (`backupcopy=yes`).
"""

import itertools
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config import edit
from config.load import load_account
from storage import admin
from storage.admin import AccountChange, Refused
from storage.people import directory_files
from storage.people.directory import Directory
from tests.clients.daemons import needs
from tests.promises.world import TARO, settings_at

GIB = 1 << 30
TEXT = """\
# 営業部
password: "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$+pTHPUVLDi5ZWBfhqbSdqA"   # by phone
quota: 1G   # as agreed
comment: "0"
"""


@pytest.fixture(autouse=True)
def settles_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor on a busy machine, or beside a slow disk, may be away from its file for longer than is waited."""
    monkeypatch.setattr(directory_files, "SETTLE", 3600.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    accounts = tmp_path / "domains/example.test/accounts"
    accounts.mkdir(parents=True)
    (accounts.parent / "domain.yaml").write_text("capacity: 100G\n")
    path = accounts / "taro.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def directories(tmp_path: Path, path: Path) -> Iterator[Callable[[], Directory]]:
    """Each as another process has it."""
    opened: list[Directory] = []

    def open_one() -> Directory:
        opened.append(Directory(settings_at(tmp_path)))
        return opened[-1]

    yield open_one
    for directory in opened:
        directory.close()


def vi(path: Path, quota: int, way: str) -> None:
    # Vim makes no backup of a file in /tmp: empty `backupskip`. `wq!`: the file may have changed meanwhile.
    command = ["vim", "-es", "-u", "NONE", "-i", "NONE", "-N"]
    command += ["-c", f"set writebackup backupskip= backupcopy={way}"]
    command += ["-c", f"%s/^quota: .*G /quota: {quota}G /", "-c", "wq!", str(path)]
    subprocess.run(command, timeout=60, env={**os.environ, "TERM": "dumb"}, stdin=subprocess.DEVNULL)


def test_vi_and_the_command_line_at_once(path: Path, directories: Callable[[], Directory]) -> None:
    """Whoever asks meanwhile gets what one of them wrote, whole; neither leaves the other half a file."""
    needs("vim")
    done = threading.Event()
    wrong: list[object] = []
    seen: set[tuple[int, str]] = set()
    refused = 0

    def look(directory: Directory) -> None:
        while not done.is_set():
            entry = directory.account(TARO)
            if entry is None or not entry.file.password or entry.file.quota not in range(GIB, 10 * GIB, GIB):
                wrong.append(entry)
                return
            seen.add((entry.file.quota, entry.file.comment))

    def administrate(directory: Directory) -> None:
        nonlocal refused
        for number in itertools.count(1):
            if done.is_set():
                return
            try:
                admin.set_account(directory, TARO, AccountChange(comment=str(number)))
            except Refused:
                refused += 1

    looker, writer = directories(), directories()
    looker.account(TARO)
    with ThreadPoolExecutor() as threads:
        at_work = [threads.submit(look, looker), threads.submit(administrate, writer)]
        try:
            for number in range(24):
                vi(path, 2 + number % 8, ("yes", "no")[number % 2])
        finally:
            done.set()
    for each in at_work:
        each.result()
    assert not wrong
    assert len(seen) > 2, "nobody was seen to write"
    assert load_account(path).password
    vi(path, 9, "no")
    admin.set_account(writer, TARO, AccountChange(comment="the last word"))
    text = path.read_text()
    assert text.startswith("# 営業部\n") and "   # by phone\n" in text and "quota: 9G   # as agreed\n" in text
    entry = looker.account(TARO)
    assert entry is not None and (entry.file.quota, entry.file.comment) == (9 * GIB, "the last word")
    # Where Vim met a change it keeps its backup; the next one then gets another name.
    left = {each.name for each in path.parent.iterdir() if not re.fullmatch(r"taro\.yam.~", each.name)}
    assert left == {"taro.yaml"}


@pytest.mark.parametrize("text", ["", "quota: 7G\n"], ids=["cut", "half of it written"])
def test_an_editor_is_at_what_a_program_has_just_written(
    text: str, path: Path, directories: Callable[[], Directory], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program's words stay in force, in its own process and in the others, until the editor's have settled."""
    directory, writer = directories(), directories()

    def comment(of: Directory) -> str:
        entry = of.account(TARO)
        assert entry is not None
        return entry.file.comment

    assert comment(directory) == "0"
    write = edit.write

    def write_and_meet_vi(where: Path, what: str, expected: str | None) -> int:
        inode = write(where, what, expected)
        where.write_text(text)
        return inode

    monkeypatch.setattr(edit, "write", write_and_meet_vi)
    admin.set_account(writer, TARO, AccountChange(comment="by a program"))
    assert comment(writer) == comment(directory) == comment(directories()) == "by a program"


def test_a_file_that_vi_has_made_and_not_yet_filled_counts_for_nothing(
    path: Path, directories: Callable[[], Directory]
) -> None:
    """Vim's own system calls with `backupcopy=no`, and a look between any two of them."""
    directory, writer = directories(), directories()

    def quota() -> int | None:
        entry = directory.account(TARO)
        assert entry is not None and entry.file.password, "the account is empty, or gone, for a moment"
        return entry.file.quota

    assert quota() == GIB
    probe = path.with_name("4913")  # may one write here?
    probe.touch()
    probe.unlink()
    backup = path.with_name("taro.yaml~")
    path.rename(backup)
    assert quota() == GIB
    with pytest.raises(Refused):
        admin.set_account(writer, TARO, AccountChange(comment="x"))
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    assert quota() == GIB
    with pytest.raises(Refused):
        admin.set_account(writer, TARO, AccountChange(comment="x"))
    os.write(fd, TEXT.replace("1G", "2G").encode())
    os.fsync(fd)
    assert quota() == 2 * GIB
    os.close(fd)
    backup.unlink()
    assert quota() == 2 * GIB
    admin.set_account(writer, TARO, AccountChange(comment="after"))
    assert path.read_text() == TEXT.replace("1G", "2G").replace('"0"', "after")


def test_a_file_that_vi_has_cut_and_not_yet_filled_counts_for_nothing(
    path: Path, directories: Callable[[], Directory]
) -> None:
    """The same with `backupcopy=yes`."""
    directory, writer = directories(), directories()
    entry = directory.account(TARO)
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    assert directory.account(TARO) == entry
    with pytest.raises(Refused):
        admin.set_account(writer, TARO, AccountChange(comment="x"))
    os.write(fd, TEXT.replace("1G", "2G").encode())
    os.close(fd)
    admin.set_account(writer, TARO, AccountChange(comment="after"))
    assert path.read_text() == TEXT.replace("1G", "2G").replace('"0"', "after")
    entry = directory.account(TARO)
    assert entry is not None and (entry.file.quota, entry.file.comment) == (2 * GIB, "after")
