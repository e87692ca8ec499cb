"""Mailing lists from the command line, against the files of a site."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from config.list import Member
from config.load import load_list
from kwcmaild.command import application
from storage.state import list_number
from storage.state.list_bounces import ListBounces
from tests.house import DOMAIN, Site, put

SALES = "sales@example.test"


def run(site: Site, *words: str, text: bytes | None = None) -> Result:
    command = ["list", *words, "-c", str(site.folder / "kwcmaild.yaml")]
    return CliRunner().invoke(application("list"), command, input=text)


def path(site: Site, local: str = "sales") -> Path:
    return site.folder / f"domains/{DOMAIN}/lists/{local}.yaml"


@pytest.fixture
def sales(site: Site) -> Site:
    result = run(site, "add", SALES, "--owner", "taro@example.test", "--member", "hanako@example.test")
    assert result.exit_code == 0, result.output
    assert "2 members" in result.output
    return site


def test_a_list_is_made_changed_and_deleted(sales: Site) -> None:
    assert load_list(path(sales)).members == (Member(address="hanako@example.test"),)
    put(path(sales), "# ours\n" + path(sales).read_text())
    changed = run(
        sales, "set", SALES, "--posting", "members", "--moderation", "strangers", "--prefix", "[営業]"
    )
    assert changed.exit_code == 0, changed.output
    assert path(sales).read_text().startswith("# ours\n")
    assert load_list(path(sales)).prefix == "[営業]"
    shown = json.loads(run(sales, "show", SALES, "--json").output)
    assert (shown["summary"]["posting"], shown["summary"]["members"], shown["last_number"]) == (
        "members",
        2,
        0,
    )
    assert "sales@example.test" in run(sales, "list").output
    assert run(sales, "del", SALES).exit_code == 0
    assert not path(sales).exists()
    assert run(sales, "show", SALES).exit_code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "taro@example.test", "--owner", "taro@example.test"], "is an account already"),
        (["add", "new@other.test", "--owner", "taro@example.test"], "there is no domain"),
        (["add", "new@example.test"], "needs an owner"),
        (["add", "new@example.test", "--owner", "nonsense"], "mail address"),
        (["set", SALES], "nothing to change"),
        (["set", SALES, "--posting", "everybody"], "posting"),
        (["set", SALES, "--poster", "stranger@x.example"], "posters who are not members"),
        (["set", SALES, "--prefix", "{x}"], "knows {name} and {number}"),
        (["set", "nolist@example.test", "--comment", "x"], "there is no list"),
        (["export", SALES, "-", "--encoding", "latin-1"], "utf-8 and cp932"),
    ],
)
def test_what_is_refused(sales: Site, words: list[str], said: str) -> None:
    before = path(sales).read_bytes()
    result = run(sales, *words)
    assert result.exit_code == 1
    assert said in result.output
    assert path(sales).read_bytes() == before
    assert not path(sales, "new").exists()


def test_members_go_out_and_come_in(sales: Site) -> None:
    table = "メールアドレス,名前,受信,投稿\nhanako@example.test,花子,○,○\nb@x.example,,×,\n".encode("cp932")
    result = run(sales, "import", SALES, "-", text=table)
    assert result.exit_code == 0, result.output
    assert "1 members came, 1 changed, 0 went" in result.output
    content = load_list(path(sales))
    assert content.members == (
        Member(address="hanako@example.test", name="花子"),
        Member(address="b@x.example", receives=False),
    )
    assert content.posters == ("hanako@example.test",)
    file = sales.folder / "members.csv"
    for encoding in ("utf-8", "cp932"):
        assert run(sales, "export", SALES, str(file), "--encoding", encoding).exit_code == 0
        before = path(sales).read_bytes()
        again = run(sales, "import", SALES, str(file), "--replace")
        assert "0 members came, 0 changed, 0 went" in again.output
        assert path(sales).read_bytes() == before
    gone = run(sales, "import", SALES, "-", "--replace", text=b"b@x.example\n")
    assert "0 members came, 0 changed, 1 went" in gone.output
    assert load_list(path(sales)).posters == ()


def test_a_table_with_a_fault_changes_nothing(sales: Site) -> None:
    before = path(sales).read_bytes()
    result = run(sales, "import", SALES, "-", text=b"c@x.example\nwrong\n")
    assert result.exit_code == 1
    assert "line 2" in result.output
    too_many = b"".join(b"m%d@x.example\n" % number for number in range(1000))
    assert (
        "1002 members with the owner; 1000 are the most"
        in run(sales, "import", SALES, "-", text=too_many).output
    )
    posters = b"".join(b"m%d@x.example,,,yes\n" % number for number in range(101))
    assert "101 posters; 100 are the most" in run(sales, "import", SALES, "-", text=posters).output
    assert path(sales).read_bytes() == before


def test_two_hundred_lists_are_the_most(sales: Site) -> None:
    for number in range(199):
        put(path(sales, f"l{number}"), "owner: taro@example.test\n")
    assert "200 lists" in run(sales, "add", "more@example.test", "--owner", "taro@example.test").output


def test_a_paused_member_is_shown_and_resumed(sales: Site) -> None:
    state = sales.settings.data / "state"
    bounces = ListBounces(state)
    for day in range(2):
        bounces.count(SALES, "hanako@example.test", "5.1.1", 1_700_000_000 + day * 86_400, 2)
    bounces.close()
    list_number.take(state, SALES)
    shown = run(sales, "show", SALES).output
    assert "paused:" in shown
    assert "last number:   1" in shown
    assert "gets the posts again" in run(sales, "resume", SALES, "Hanako@example.test").output
    assert "was not paused" in run(sales, "resume", SALES, "hanako@example.test").output
