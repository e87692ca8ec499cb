"""`kwcmaild token …` as an operator types it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kwcmaild.command import application
from storage.state.panel import Panel
from storage.state.panel_tokens import Tokens

ADMIN = "admin@example.test"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "kwcmaild.yaml").write_text(
        "hostname: mail.example.test\ndata: data\nrun: run\ndomains: domains\n"
    )
    for folder in ("data", "run", "domains"):
        (tmp_path / folder).mkdir()
    run(tmp_path, "domain", "add", "example.test")
    run(tmp_path, "account", "add", ADMIN, "--no-password")
    return tmp_path


@pytest.fixture
def panel(root: Path) -> Iterator[Panel]:
    panel = Panel(root / "data/state", time.time)
    yield panel
    panel.close()


def run(root: Path, *words: str, status: int = 0) -> Result:
    result = CliRunner().invoke(application(), [*words, "-c", str(root / "kwcmaild.yaml")])
    assert result.exit_code == status, result.output
    return result


def test_a_tokens_life(root: Path, panel: Panel) -> None:
    words = ("--name", "billing", "--scope", "domains:*", "--scope", "accounts:read", "--expires", "90d")
    secret = run(root, "token", "add", "Admin@Example.TEST", *words).stdout.strip()
    token = Tokens(panel.db, time.time).find(secret)
    assert token is not None
    assert (token.owner, token.name) == (ADMIN, "billing")
    assert sorted(token.scopes) == ["accounts:read", "domains:read", "domains:write"]
    assert token.expires is not None
    assert 89 * 86_400 < token.expires - time.time() <= 90 * 86_400
    listed = run(root, "token", "list").stdout
    assert token.id in listed
    assert secret not in listed
    (plain,) = json.loads(run(root, "token", "list", ADMIN, "--json").stdout)
    assert (plain["id"], plain["scopes"]) == (token.id, sorted(token.scopes))
    run(root, "token", "del", token.id)
    assert Tokens(panel.db, time.time).find(secret) is None
    assert json.loads(run(root, "token", "list", "--json").stdout) == []
    assert [(line.actor, line.action, line.subject) for line in panel.notes("example.test")] == [
        ("command line", "own.tokens", ADMIN)
    ] * 2


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "x@example.test", "--name", "x", "--scope", "accounts:read"), "no account x@example.test"),
        (("add", ADMIN, "--name", "x", "--scope", "cats:read"), "cats:read is no scope"),
        (("add", ADMIN, "--name", "x", "--scope", "accounts"), "accounts is no scope"),
        (("add", ADMIN, "--name", " ", "--scope", "accounts:read"), "needs a name"),
        (("del", "nothing"), "no token nothing"),
    ],
)
def test_refused(root: Path, words: tuple[str, ...], why: str) -> None:
    assert why in run(root, "token", *words, status=1).stderr
