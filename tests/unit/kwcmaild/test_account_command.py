"""`kwcmaild account …` and `kwcmaild domain …` as an operator types them."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from config.load import load_account, load_settings
from config.settings import Auth
from kwcmaild.command import application
from storage import admin_deleted
from storage.people import passwords
from storage.people.directory import Directory
from storage.people.lockout import Lockout

TARO = "taro@example.test"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "kwcmaild.yaml").write_text(
        "hostname: mail.example.test\ndata: data\nrun: run\ndomains: domains\n"
    )
    for folder in ("data", "run", "domains"):
        (tmp_path / folder).mkdir()
    run(tmp_path, "domain", "add", "example.test")
    return tmp_path


def run(root: Path, *words: str, typed: str = "", status: int = 0) -> Result:
    result = CliRunner().invoke(application(), [*words, "-c", str(root / "kwcmaild.yaml")], input=typed)
    assert result.exit_code == status, result.output
    return result


def answer(root: Path, *words: str, typed: str = "") -> object:
    return json.loads(run(root, *words, "--json", typed=typed).stdout)


def test_an_accounts_life(root: Path) -> None:
    words = ("--quota", "5G", "--comment", "営業部", "--alias", "t", "--password-stdin")
    made = answer(root, "account", "add", TARO, *words, typed="correct horse\n")
    assert made == {
        "address": TARO,
        "quota": 5 << 30,
        "quota_messages": None,
        "comment": "営業部",
        "aliases": ["t"],
        "forward_to": [],
        "keep_copy": True,
        "receive": True,
        "suspended": False,
        "problem": None,
    }
    stored = load_account(root / "domains/example.test/accounts/taro.yaml").password
    assert isinstance(stored, str)
    assert passwords.verify(stored, "correct horse")

    run(root, "account", "set", TARO, "--suspend", "--no-aliases", "--quota", "2G")
    lines = run(root, "account", "list").stdout.splitlines()
    assert lines[0].split() == ["ADDRESS", "QUOTA", "STATE", "COMMENT"]
    assert lines[1].split() == [TARO, "2G", "suspended", "営業部"]

    shown = run(root, "account", "show", TARO).stdout
    assert "quota:         2G\n" in shown
    assert "aliases" not in shown
    run(root, "account", "del", TARO, "--remove-mail")
    assert answer(root, "account", "list", "example.test") == []


def test_a_password_is_never_an_argument_and_no_output_has_it(root: Path) -> None:
    assert "no such option" in run(root, "account", "add", TARO, "--password", "x", status=2).output.lower()
    result = run(root, "account", "add", TARO, "--password-stdin", typed="correct horse\n")
    assert "correct horse" not in result.output
    assert "argon2" not in run(root, "account", "show", TARO, "--json").stdout
    result = run(root, "account", "add", "b@example.test", status=1)
    assert "--password-stdin" in result.output
    result = run(root, "account", "add", "b@example.test", "--password-stdin", status=1)
    assert "no password came" in result.output
    run(root, "account", "add", "b@example.test", "--no-password")
    assert load_account(root / "domains/example.test/accounts/b.yaml").password is None


def test_a_password_is_typed_twice(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kwcmaild.commands.directory._is_terminal", lambda: True)
    run(root, "account", "add", TARO, typed="one\ntwo\ncorrect horse\ncorrect horse\n")
    stored = load_account(root / "domains/example.test/accounts/taro.yaml").password
    assert isinstance(stored, str)
    assert passwords.verify(stored, "correct horse")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("account", "add", "x@日本語.jp", "--no-password"), "internationalised"),
        (("account", "add", "x@example.test", "--no-password", "--quota", "500M"), "500M is less than 1G"),
        (("account", "add", "x@example.test", "--no-password", "--quota", "2T"), "2T is more than 1T"),
        (("account", "add", "x@example.test", "--no-password", "--quota", "5X"), "not a size"),
        (
            ("account", "add", "x@example.test", "--no-password", "--quota", "101G"),
            "more than the contract's",
        ),
        (("account", "add", "x@other.test", "--no-password"), "no domain other.test"),
        (("account", "set", "x@example.test", "--quota", "2G"), "no account x@example.test"),
        (("account", "set", "x@example.test"), "nothing to change"),
        (("account", "del", "x@example.test", "--keep-mail"), "no account x@example.test"),
        (("account", "del", "x@example.test"), "--keep-mail or --remove-mail"),
        (("account", "show", "x"), "no @"),
        (("account", "list", "other.test"), "no domain other.test"),
        (("domain", "add", "日本語.jp"), "internationalised"),
        (("domain", "add", "new.test", "--capacity", "150G"), "not a multiple of 100G"),
        (("domain", "set", "example.test", "--administrator", "x@example.test"), "no account x@example.test"),
    ],
)
def test_what_is_refused_is_one_sentence_on_standard_error(
    root: Path, words: tuple[str, ...], why: str
) -> None:
    result = run(root, *words, status=1)
    assert why in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_unlock(root: Path) -> None:
    run(root, "account", "add", TARO, "--no-password")
    lockout = Lockout(root / "data/state", Auth(), time.time)
    for number in range(10):
        lockout.failed(TARO, "192.0.2.7", f"guess{number}")
    assert "from 192.0.2.7, after 10 wrong passwords" in run(root, "account", "show", TARO).stdout
    assert "unlocked: from 192.0.2.7" in run(root, "account", "unlock", TARO).stdout
    assert lockout.locked(TARO, "192.0.2.7") is None
    assert "was not locked" in run(root, "account", "unlock", TARO).stdout


def test_a_domains_life(root: Path) -> None:
    made = answer(root, "domain", "add", "new.test", "--capacity", "200G", "--administrator", "boss@new.test")
    assert made == {
        "domain": "new.test",
        "capacity": 200 << 30,
        "given": 0,
        "accounts": 0,
        "lists": 0,
        "administrators": ["boss@new.test"],
        "catch_all": None,
        "problem": None,
        "parts": {},
        "archive_after": 180 * 86_400,
        "trash": 31 * 86_400,
    }
    run(root, "account", "add", "boss@new.test", "--no-password", "--quota", "30G")
    run(root, "domain", "set", "new.test", "--catch-all", "boss@new.test")
    assert [line.split()[:4] for line in run(root, "domain", "list").stdout.splitlines()] == [
        ["DOMAIN", "CAPACITY", "GIVEN", "ACCOUNTS"],
        ["example.test", "100G", "0", "0"],
        ["new.test", "200G", "30G", "1"],
    ]
    shown = run(root, "domain", "show", "new.test").stdout
    assert "left:           170G\n" in shown
    assert "catch-all:      boss@new.test\n" in shown
    assert "still has 1 accounts" in run(root, "domain", "del", "new.test", "--keep-mail", status=1).stderr
    run(root, "domain", "del", "new.test", "--with-accounts", "--remove-mail")
    assert [domain["domain"] for domain in answer(root, "domain", "list")] == ["example.test"]  # type: ignore[attr-defined]


def test_an_automatic_reply_is_set_part_by_part(root: Path) -> None:
    run(root, "account", "add", TARO, "--no-password")
    local, _, domain = TARO.partition("@")
    path = root / f"domains/{domain}/accounts/{local}.yaml"
    run(root, "account", "set", TARO, "--autoreply", "--autoreply-text", "不在です。\\n太郎")
    run(root, "account", "set", TARO, "--autoreply-from", "2026-08-10", "--autoreply-until", "2026-08-20")
    reply = load_account(path).autoreply
    assert (reply.enabled, reply.text) == (True, "不在です。\n太郎")
    assert (str(reply.from_), str(reply.until)) == ("2026-08-10", "2026-08-20")
    wrong = run(root, "account", "set", TARO, "--autoreply-until", "2026-08-01", status=1)
    assert "is before from" in wrong.output
    assert run(root, "account", "set", TARO, "--autoreply-from", "tomorrow", status=1).output
    run(root, "account", "set", TARO, "--no-autoreply", "--autoreply-from", "", "--autoreply-subject", "休み")
    reply = load_account(path).autoreply
    assert (reply.enabled, reply.from_, reply.subject, reply.text) == (
        False,
        None,
        "休み",
        "不在です。\n太郎",
    )


def test_app_password_is_shown_once_and_taken_back(root: Path) -> None:
    run(root, "account", "add", TARO, "--no-password")
    shown = run(root, "account", "app-password", TARO, "iPhone").stdout.strip()
    path = root / "domains/example.test/accounts/taro.yaml"
    assert passwords.verify_app_password([each.sha256 for each in load_account(path).app_passwords], shown)
    run(root, "account", "app-password", TARO, "iPhone", status=1)
    run(root, "account", "app-password", TARO, "iPhone", "--delete")
    assert not load_account(path).app_passwords
    run(root, "account", "two-factor-off", TARO)


def test_an_account_deleted_in_the_panel_comes_back(root: Path) -> None:
    run(root, "account", "add", TARO, "--no-password", "--comment", "back")
    directory = Directory(load_settings(root / "kwcmaild.yaml"))
    admin_deleted.delete(directory, TARO)
    directory.close()
    run(root, "account", "show", TARO, status=1)
    assert "is back" in run(root, "account", "undelete", TARO).stdout
    assert "back" in run(root, "account", "show", TARO).stdout
    run(root, "account", "undelete", TARO, status=1)
