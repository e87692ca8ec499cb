"""An account's file is changed, and the process that does it is killed, loses its power, or finds the disk full.

Whoever reads next finds the file as it was or as it was to be, whole, with the comments in it; what was
acknowledged is there. The directory's cache is no more than that: it may be as old as it likes, or lost.
"""

import itertools
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.load import load_account
from config.settings import Settings
from storage import admin
from storage.admin import AccountChange, Refused
from storage.people.directory import Directory
from tests.crash import calls
from tests.crash.calls import Say
from tests.crash.disk import ALL, NONE, SOME, TWICE, Disk
from tests.crash.rounds import SEED
from tests.crash.state import TARO
from tests.promises.world import settings_at

pytestmark = pytest.mark.usefixtures("quick")

GIB = 1 << 30
HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$+pTHPUVLDi5ZWBfhqbSdqA"
TEXT = f'# 営業部\npassword: "{HASH}"   # by phone\nquota: 1G   # as agreed\n'
NEW = "new@example.test"


@dataclass(frozen=True)
class Change:
    name: str
    do: Callable[[Directory], None]
    before: tuple[str | None, str | None]  # what taro's and new's files hold
    after: tuple[str | None, str | None]


def set_quota(directory: Directory) -> None:
    admin.set_account(directory, TARO, AccountChange(quota=2 * GIB))


def add(directory: Directory) -> None:
    admin.add_account(directory, NEW, AccountChange(comment="new"))


def delete(directory: Directory) -> None:
    admin.delete_account(directory, TARO, keep_mail=True)


CHANGES = [
    Change("quota", set_quota, (TEXT, None), (TEXT.replace("quota: 1G", "quota: 2G"), None)),
    Change("added", add, (TEXT, None), (TEXT, "quota: 1G\ncomment: new\n")),
    Change("deleted", delete, (TEXT, None), (None, None)),
]


def make(folder: Path) -> Settings:
    folder.mkdir(parents=True)
    settings = settings_at(folder)
    accounts = settings.domains / "example.test" / "accounts"
    accounts.mkdir(parents=True)
    (accounts.parent / "domain.yaml").write_text("capacity: 100G\n")
    (accounts / "taro.yaml").write_text(TEXT)
    read(settings)  # the cache is warm
    return settings


def read(settings: Settings) -> list[int | None]:
    """The limits of both accounts as a process knows them that starts some time later: an editor, too, takes a
    file away for a moment."""
    directory = Directory(settings, lambda: time.time() + 10)
    try:
        entries = [directory.account(address) for address in (TARO, NEW)]
        return [None if entry is None else entry.file.quota for entry in entries]
    finally:
        directory.close()


def work(settings: Settings, change: Change, say: Say) -> None:
    directory = Directory(settings)
    try:
        change.do(directory)
        say("done")
    finally:
        directory.close()


def check(settings: Settings, change: Change, said: list[str]) -> None:
    accounts = settings.domains / "example.test" / "accounts"
    paths = [accounts / "taro.yaml", accounts / "new.yaml"]
    texts = tuple(path.read_text() if path.exists() else None for path in paths)
    assert texts == change.after if said else texts in (change.before, change.after)
    known = read(settings)
    assert known == [
        None if text is None else load_account(path).quota for path, text in zip(paths, texts, strict=True)
    ]
    assert {path.name for path in accounts.glob("[!.]*")} <= {"taro.yaml", "new.yaml"}
    if texts[0] is not None:  # and the next one can, and takes away what was left half done
        directory = Directory(settings)
        admin.set_account(directory, TARO, AccountChange(comment="goes on"))
        directory.close()
        assert load_account(paths[0]).comment == "goes on"
        assert not list(accounts.glob(".taro.yaml.*"))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
@pytest.mark.parametrize("lost", [False, True], ids=["cache kept", "cache lost"])
def test_killed_between_any_two_calls(change: Change, lost: bool, ground: Path) -> None:
    for count in itertools.count(1):
        settings = make(ground / str(count))
        ended, said = calls.run(
            lambda say, settings=settings: work(settings, change, say), calls.stop_before(count)
        )
        if lost:
            shutil.rmtree(settings.data / "state")
        check(settings, change, said)
        shutil.rmtree(ground / str(count))
        if ended:
            assert said and count > 5
            return


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_full_from_any_call_on(change: Change, ground: Path) -> None:
    for count in itertools.count(1):
        settings = make(ground / str(count))
        said: list[str] = []
        try:
            with calls.hooked(calls.fail_at(count)):
                work(settings, change, said.append)
        except (Refused, OSError):
            pass
        check(settings, change, said)
        shutil.rmtree(ground / str(count))
        if said:
            return


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_power_fails_between_any_two_calls(
    change: Change, ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache is lost, as before the change, or as it is now."""
    monkeypatch.setattr(shutil, "_use_fd_functions", False)  # rmtree by whole paths
    settings = make(ground / "now")
    shutil.copytree(settings.data, ground / "was")
    rng, said = random.Random(SEED), []  # type: ignore[var-annotated]
    cuts: list[tuple[Settings, list[str], str]] = []

    def cut(number: int) -> None:
        for kind, cache in itertools.product((NONE, SOME, ALL, TWICE), ("lost", "was", "now")):
            (ground / f"cut{len(cuts)}").mkdir()
            left = settings_at(ground / f"cut{len(cuts)}")
            left.domains.rmdir()
            left.data.rmdir()
            disk.survive(left.domains, kind, rng)
            if cache == "lost":
                left.data.mkdir()
            else:
                shutil.copytree(ground / "was" if cache == "was" else settings.data, left.data)
            cuts.append((left, list(said), f"before call {number}, {kind}, cache {cache}"))

    disk = Disk(settings.domains, cut)
    with calls.hooked(disk.hook):
        work(settings, change, said.append)
    cut(0)
    for left, told, what in cuts:
        try:
            check(left, change, told)
        except Exception as error:
            error.add_note(f"power failed at {change.name}, {what}, acknowledged {told}: see {left.domains}")
            raise
