"""Mailboxes elsewhere, kept in the account's file: no password there can be read, or opened for another mailbox."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.check import check
from config.load import load_account, load_settings
from storage import admin, admin_domains, admin_fetch
from storage.admin import AccountChange, Refused
from storage.admin_domains import DomainChange
from storage.admin_fetch import MOST, Fetch, purpose
from storage.people.directory import Directory
from storage.state.sealed import NotOpened, open_sealed, seal

TARO = "taro@example.test"
OLD = Fetch("pop.example.com", "taro@example.com")


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    file = tmp_path / "kwcmaild.yaml"
    file.write_text("hostname: mail.example.test\ndata: ./data\nrun: ./run\ndomains: ./domains\n")
    for folder in ("data", "run", "domains"):
        (tmp_path / folder).mkdir()
    directory = Directory(load_settings(file))
    admin_domains.add_domain(directory, "example.test", DomainChange())
    admin.add_account(directory, TARO, AccountChange(comment="営業部"))
    yield directory
    directory.close()


def path(directory: Directory) -> Path:
    return directory.settings.domains / "example.test/accounts/taro.yaml"


def opened(directory: Directory, number: int, fetch: Fetch, address: str = TARO) -> str:
    entry = load_account(path(directory)).pop_fetch[number]
    return open_sealed(directory.settings.data / "state", entry.password, purpose(address, fetch))


def test_the_password_is_sealed_for_this_account_and_mailbox(directory: Directory) -> None:
    admin_fetch.add_fetch(directory, TARO, replace(OLD, server="POP.Example.com"), "パスワード1")
    assert admin_fetch.list_fetches(directory, TARO) == [OLD]
    assert "パスワード" not in path(directory).read_text()
    assert opened(directory, 0, OLD) == "パスワード1"
    for other in (replace(OLD, login="hanako@example.com"), replace(OLD, server="evil.example.com")):
        with pytest.raises(NotOpened):
            opened(directory, 0, other)
    with pytest.raises(NotOpened):
        opened(directory, 0, OLD, "hanako@example.test")
    key = directory.settings.data / "state/sealed.key"
    assert os.stat(key).st_mode & 0o777 == 0o600
    key.unlink()  # lost: another one is made, which opens nothing
    with pytest.raises(NotOpened):
        opened(directory, 0, OLD)


def test_changing_what_the_password_is_for_asks_for_it_again(directory: Directory) -> None:
    admin_fetch.add_fetch(directory, TARO, OLD, "secret1")
    admin_fetch.set_fetch(directory, TARO, OLD.key, replace(OLD, keep=False, port=110, tls="starttls"), None)
    assert admin_fetch.list_fetches(directory, TARO) == [replace(OLD, keep=False, port=110, tls="starttls")]
    assert opened(directory, 0, OLD) == "secret1"
    moved = replace(OLD, server="pop2.example.com")
    with pytest.raises(Refused, match="needs its password"):
        admin_fetch.set_fetch(directory, TARO, OLD.key, moved, None)
    admin_fetch.set_fetch(directory, TARO, OLD.key, moved, "secret2")
    assert opened(directory, 0, moved) == "secret2"
    assert admin_fetch.delete_fetch(directory, TARO, moved.key) == moved
    assert admin_fetch.list_fetches(directory, TARO) == []
    with pytest.raises(Refused, match="not fetched any more"):
        admin_fetch.set_fetch(directory, TARO, moved.key, moved, "x")


def test_what_is_wrong_is_refused_and_nothing_is_written(directory: Directory) -> None:
    admin_fetch.add_fetch(directory, TARO, OLD, "secret1")
    before = path(directory).read_text()
    second = Fetch("pop.example.org", "x")
    for fetch, password in (
        (OLD, "again"),
        (second, ""),
        (second, "x" * 1001),
        (replace(second, server="no host"), "x"),
        (replace(second, port=0), "x"),
        (replace(second, login="a\r\nDELE 1"), "x"),
    ):
        with pytest.raises(Refused):
            admin_fetch.add_fetch(directory, TARO, fetch, password)
    for number in range(1, MOST):
        admin_fetch.add_fetch(directory, TARO, Fetch(f"pop{number}.example.org", "x"), "secret")
    with pytest.raises(Refused, match=f"{MOST} mailboxes"):
        admin_fetch.add_fetch(directory, TARO, second, "secret")
    with pytest.raises(Refused, match="is fetched already"):
        admin_fetch.set_fetch(directory, TARO, OLD.key, Fetch("pop1.example.org", "x"), "secret")
    text = path(directory).read_text()
    assert before.split("pop_fetch")[0] in text
    assert "営業部" in text
    assert [
        str(one)
        for one in check(directory.settings.domains.parent / "kwcmaild.yaml")
        if "domains" in str(one.file)
    ] == []


@pytest.mark.parametrize("wrong", ["", "sealed:", "sealed:!!!", "sealed:AAAA", "plain"])
def test_what_was_not_sealed_here_does_not_open(tmp_path: Path, wrong: str) -> None:
    seal(tmp_path, "text", "a purpose")
    with pytest.raises(NotOpened):
        open_sealed(tmp_path, wrong, "a purpose")


def test_a_password_written_by_hand_is_refused_and_not_repeated(directory: Directory) -> None:
    path(directory).write_text("pop_fetch:\n  - {server: pop.example.com, login: taro, password: hunter2}\n")
    problems = [str(one) for one in check(directory.settings.domains.parent / "kwcmaild.yaml")]
    wrong = [one for one in problems if "pop_fetch" in one]
    assert wrong
    assert "hunter2" not in "".join(problems)
