"""Addresses that only forward, made, changed and taken away from the command line, against the files of a site."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from config.check import check
from config.load import load_forwards
from kwcmaild.command import application
from storage.people.directory import Directory, ForwardEntry
from tests.house import DOMAIN, Site, put

INFO = "info@example.test"
BY_HAND = (
    "# ours\nInfo: taro@example.test   # the front desk\n"
    "office:\n  - taro@example.test  # first\n  - b@x.example\n# end\n"
)


def run(site: Site, *words: str) -> Result:
    return CliRunner().invoke(
        application("forward"), ["forward", *words, "-c", str(site.folder / "kwcmaild.yaml")]
    )


def path(site: Site) -> Path:
    return site.folder / f"domains/{DOMAIN}/forwards.yaml"


def targets(running: Directory, address: str = INFO) -> tuple[str, ...] | None:
    found = running.lookup(address)
    return found.targets if isinstance(found, ForwardEntry) else None


@pytest.fixture
def running(site: Site) -> Iterator[Directory]:
    """Another process, which has been running all the time."""
    directory = Directory(site.settings)
    yield directory
    directory.close()


def test_an_address_is_made_changed_and_taken_away(site: Site, running: Directory) -> None:
    assert targets(running) is None
    assert not path(site).exists()
    made = run(site, "add", "Info@example.test", "--to", "taro@example.test", "--to", "B@X.example")
    assert made.exit_code == 0, made.output
    assert targets(running) == ("taro@example.test", "B@x.example")
    assert path(site).stat().st_mode & 0o777 == 0o600
    assert run(site, "set", INFO, "--to", "b@x.example", "--to", "B@x.example").exit_code == 0
    assert load_forwards(path(site)) == {"info": ("b@x.example",)}
    assert json.loads(run(site, "list", "--json").output) == [{"address": INFO, "to": ["b@x.example"]}]
    assert [one for one in check(site.folder / "kwcmaild.yaml") if "forwards" in str(one.file)] == []
    assert run(site, "del", INFO).exit_code == 0
    assert targets(running) is None
    assert load_forwards(path(site)) == {}
    assert run(site, "add", INFO, "--to", "b@x.example").exit_code == 0
    assert targets(running) == ("b@x.example",)


def test_what_a_person_has_written_stays(site: Site) -> None:
    put(path(site), BY_HAND)
    assert run(site, "set", INFO, "--to", "hanako@example.test").exit_code == 0
    assert run(site, "add", "no@example.test", "--to", "c@x.example").exit_code == 0
    assert run(site, "add", "a.b@example.test", "--to", "c@x.example").exit_code == 0
    assert run(site, "set", "office@example.test", "--to", "taro@example.test").exit_code == 0
    text = path(site).read_text()
    for kept in ("# ours\n", "# the front desk\n", "  - taro@example.test  # first\n", "# end\n"):
        assert kept in text
    assert load_forwards(path(site)) == {
        "info": ("hanako@example.test",),
        "office": ("taro@example.test",),
        "no": ("c@x.example",),
        "a.b": ("c@x.example",),
    }
    assert run(site, "del", INFO).exit_code == 0
    assert "# ours\n" in path(site).read_text()
    assert "info" not in load_forwards(path(site))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "taro@example.test", "--to", "b@x.example"], "is an account already"),
        (["add", INFO, "--to", "b@x.example"], "is a forward"),
        (["add", "new@other.test", "--to", "b@x.example"], "there is no domain"),
        (["add", "new@example.test", "--to", "nonsense"], "is not a mail address"),
        (["add", "new@example.test", "--to", "New@Example.test"], "would forward to itself"),
        (["add", "new+x@example.test", "--to", "b@x.example"], "cannot stand before the @"),
        (["set", "new@example.test", "--to", "b@x.example"], "no address that only forwards"),
        (["del", "taro@example.test"], "no address that only forwards"),
        (["list", "other.test"], "there is no domain"),
    ],
)
def test_what_is_refused(site: Site, words: list[str], said: str) -> None:
    put(path(site), BY_HAND)
    result = run(site, *words)
    assert result.exit_code == 1
    assert said in result.output
    assert path(site).read_text() == BY_HAND


@pytest.mark.parametrize("text", ["info: [", "info: nonsense\n", "info: a@x.example\nInfo: b@x.example\n"])
def test_a_file_that_is_broken_is_left_to_its_author(site: Site, text: str) -> None:
    put(path(site), text)
    result = run(site, "set", INFO, "--to", "b@x.example")
    assert result.exit_code == 1
    assert "forwards.yaml" in result.output
    assert path(site).read_text() == text
