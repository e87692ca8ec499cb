"""What the control panel keeps is killed or finds the disk full between any two calls.

A session that was begun, a token that was given and a line of the audit log are there once they were acknowledged;
what was ended or taken back stays so. An account that was deleted leaves nothing by which anybody could get into a
new one of the same name, wherever the process that deleted it was killed. Commits are fsynced (`StateDb(durable)`),
so the power leaves what a kill leaves.
"""

import itertools
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage import admin
from storage.admin import AccountChange, Refused
from storage.people.directory import Directory
from storage.state.panel import Panel
from storage.state.panel_tokens import Tokens
from tests.crash import calls
from tests.crash.calls import Say
from tests.crash.state import TARO
from tests.crash.test_account_file import make
from tests.promises.world import settings_at

pytestmark = pytest.mark.usefixtures("quick")

OTHER = "hanako@example.test"


@contextmanager
def panel(folder: Path) -> Iterator[tuple[Panel, Tokens]]:
    """As a process has it that was started just now."""
    opened = Panel(folder / "data" / "state", time.time)
    try:
        yield opened, Tokens(opened.db, time.time)
    finally:
        opened.close()


@dataclass(frozen=True)
class Work:
    name: str
    prepare: Callable[[Path], str]  # what it returns, the others are handed
    do: Callable[[Path, str, Say], None]
    check: Callable[[Path, str, list[str]], None]


def nothing(folder: Path) -> str:
    make(folder)
    return ""


def alive(opened: Panel, secret: str) -> bool:
    return opened.session(secret, idle=3600, most=3600) is not None


# Sessions, tokens, the audit log


def let_in(folder: Path, _: str, say: Say) -> None:
    with panel(folder) as (opened, tokens):
        say("session " + opened.begin(TARO, "mark", "192.0.2.1", "Firefox"))
        say("token " + tokens.add(TARO, "script", ["accounts:read"])[1])
        opened.note(TARO, "account.set", subject=OTHER, details="quota 1G")
        say("noted")


def is_in(folder: Path, _: str, said: list[str]) -> None:
    with panel(folder) as (opened, tokens):
        for kind, _, secret in (word.partition(" ") for word in said):
            if kind == "session":
                assert alive(opened, secret)
            elif kind == "token":
                assert tokens.find(secret) is not None
        assert len(opened.sessions(TARO)) <= 1 and len(tokens.all()) <= 1
        assert len(opened.notes(None)) == 1 if "noted" in said else len(opened.notes(None)) <= 1


def was_let_in(folder: Path) -> str:
    nothing(folder)
    said: list[str] = []
    let_in(folder, "", said.append)
    return said[0].partition(" ")[2] + " " + said[1].partition(" ")[2]


def shut_out(folder: Path, secrets: str, say: Say) -> None:
    with panel(folder) as (opened, tokens):
        assert opened.end(TARO) == 1
        say("ended")
        assert tokens.delete(tokens.all()[0].id)
        say("deleted")


def is_out(folder: Path, secrets: str, said: list[str]) -> None:
    session, token = secrets.split()
    with panel(folder) as (opened, tokens):
        assert not ("ended" in said and alive(opened, session))
        assert not ("deleted" in said and tokens.find(token))
        assert len(opened.notes(None)) == 1


# An account that goes, and another one of its name


def delete(folder: Path, secrets: str, say: Say) -> None:
    directory = Directory(settings_at(folder))
    try:
        admin.delete_account(directory, TARO, keep_mail=True)
        say("deleted")
    finally:
        directory.close()


def another_gets_in_alone(folder: Path, secrets: str, said: list[str]) -> None:
    session, token = secrets.split()
    directory = Directory(settings_at(folder), lambda: time.time() + 10)
    there = (folder / "domains" / "example.test" / "accounts" / "taro.yaml").exists()
    assert not (there and said)
    try:
        if not there:
            admin.add_account(directory, TARO, AccountChange(comment="another"))
            with panel(folder) as (opened, tokens):
                assert not alive(opened, session), "somebody else's session"
                assert tokens.find(token) is None, "somebody else's token"
    finally:
        directory.close()


WORKS = [
    Work("let in", nothing, let_in, is_in),
    Work("shut out", was_let_in, shut_out, is_out),
    Work("account deleted", was_let_in, delete, another_gets_in_alone),
]
every_work = pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)


def check(work: Work, folder: Path, given: str, said: list[str], what: str) -> None:
    try:
        work.check(folder, given, said)
        with panel(folder) as (opened, _):  # and it goes on
            assert alive(opened, opened.begin(OTHER, "mark", "", ""))
    except Exception as error:
        error.add_note(f"{work.name}, {what}, acknowledged {said}: see {folder}")
        raise
    shutil.rmtree(folder)


@every_work
def test_killed_between_any_two_calls(work: Work, ground: Path) -> None:
    for count in itertools.count(1):
        folder = ground / str(count)
        given = work.prepare(folder)
        ended, said = calls.run(
            lambda say, folder=folder, given=given: work.do(folder, given, say), calls.stop_before(count)
        )
        check(work, folder, given, said, f"stopped before call {count}")
        if ended:
            assert said and count > 2
            return


@every_work
def test_full_from_any_call_on(work: Work, ground: Path) -> None:
    for count in itertools.count(1):
        folder = ground / str(count)
        given = work.prepare(folder)
        said: list[str] = []
        ended = False
        try:
            with calls.hooked(calls.fail_at(count)):
                work.do(folder, given, said.append)
            ended = True
        except (sqlite3.OperationalError, OSError, Refused):
            pass
        check(work, folder, given, said, f"full from call {count} on")
        if ended:
            return
