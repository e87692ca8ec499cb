"""Every command: its help, what it says of a missing argument, and of a place where it may not write."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kwcmaild.command import PROCESSES, application


def commands() -> Iterator[tuple[str, ...]]:
    """The words of each command, groups among them."""

    def below(app: typer.Typer, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield words
        for command in app.registered_commands:
            yield (*words, str(command.name or getattr(command.callback, "__name__", "")))
        for group in app.registered_groups:
            assert group.typer_instance is not None
            yield from below(group.typer_instance, (*words, str(group.name)))

    return below(application(), ())


ALL = list(commands())


def test_the_walk_finds_them() -> None:
    assert {("check",), ("account", "show"), ("queue", "list"), ("config", "schema")} < set(ALL)
    assert {(name,) for name in PROCESSES} < set(ALL)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_tells_what_it_does_and_shows_no_inside(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(application(), [*words, "--help"])
    assert result.exit_code == 0
    assert "Usage: " in result.stdout
    assert "None" not in result.stdout


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ("account show", "ADDRESS"),
        ("account restored", "ADDRESS"),
        ("account app-password taro@example.test", "NAME"),
        ("domain add", "DOMAIN"),
        ("list add", "LIST"),
        ("queue show", "ID"),
        ("index rebuild", "ADDRESS"),
        ("dns", "DOMAIN"),
        ("trace", "WHAT"),
        ("filter test", "FILE"),
        ("init /nowhere", "--domain"),
        ("token add taro@example.test", "--name"),
    ],
)
def test_what_is_missing_is_named(words: str, missing: str) -> None:
    result = CliRunner().invoke(application(), words.split())
    assert result.exit_code == 2
    assert "Missing" in result.stderr
    assert missing in result.stderr


@pytest.mark.parametrize("words", [("demo", "--dir"), ("init", "--domain", "example.jp")])
def test_where_nothing_can_be_written(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(application(), [*words, str(tmp_path / "file" / "below")])
    assert result.exit_code == 1
    assert result.stderr == f"{tmp_path}/file/below: Not a directory\n"
