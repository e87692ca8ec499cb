"""Members in bulk: what is shown beforehand is what happens, and who goes loses the rights with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.load import load_list, load_settings
from storage import admin_domains, admin_lists, admin_members
from storage.admin_domains import DomainChange
from storage.admin_files import Refused
from storage.admin_lists import ListChange
from storage.admin_members import Planned
from storage.list_csv import Row
from storage.people.directory import Directory
from storage.state.list_bounces import ListBounces

SALES = "sales@example.test"
OWNER = "owner@example.test"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    file = tmp_path / "kwcmaild.yaml"
    file.write_text(
        "hostname: mail.example.test\ndata: ./data\nrun: ./run\ndomains: ./domains\nservice: {list_members: 5}\n"
    )
    for folder in ("data", "run", "domains"):
        (tmp_path / folder).mkdir()
    directory = Directory(load_settings(file))
    admin_domains.add_domain(directory, "example.test", DomainChange())
    admin_lists.add_list(directory, SALES, ListChange(owner=OWNER))
    rows = [Row("a@x.example", "A", True, True), Row("b@x.example"), Row("c@x.example", receives=False)]
    admin_members.import_members(directory, SALES, rows, replace=False)
    yield directory
    directory.close()


def said(planned: list[Planned]) -> dict[str, str]:
    return {each.member.address: each.what for each in planned}


def test_what_is_planned_is_what_happens(directory: Directory) -> None:
    rows = [
        Row("A@X.example", may_post=False),
        Row("b@x.example"),
        Row("d@x.example", "新人"),
        Row(OWNER, may_post=False),
    ]
    planned = admin_members.plan_import(directory, SALES, rows, replace=True)
    assert said(planned) == {
        "a@x.example": "changed",
        "b@x.example": "same",
        "d@x.example": "new",
        OWNER: "same",
        "c@x.example": "leaves",
    }
    assert len(admin_members.export_members(directory, SALES)) == 4
    assert admin_members.import_members(directory, SALES, rows, replace=True) == (1, 1, 1)
    assert [each.address for each in admin_members.export_members(directory, SALES)] == [
        OWNER,
        *(planned[number].member.address for number in range(3)),
    ]


def test_one_that_changes(directory: Directory) -> None:
    rows = [Row("a@x.example", may_post=False), Row("c@x.example", receives=True), Row("b@x.example", "B")]
    planned = admin_members.plan_import(directory, SALES, rows, replace=False)
    assert set(said(planned).values()) == {"changed"}
    assert planned[0].member == Row("a@x.example", "A", True, False)
    assert admin_members.import_members(directory, SALES, rows, replace=False) == (0, 3, 0)
    again = admin_members.plan_import(directory, SALES, rows, replace=False)
    assert set(said(again).values()) == {"same"}


def test_too_many_are_refused_before_anything_is_done(directory: Directory) -> None:
    rows = [Row(f"{number}@y.example") for number in range(5)]
    with pytest.raises(Refused):
        admin_members.plan_import(directory, SALES, rows, replace=False)
    with pytest.raises(Refused):
        admin_members.import_members(directory, SALES, rows, replace=False)
    assert len(admin_members.export_members(directory, SALES)) == 4


def test_who_is_taken_out_loses_rights_and_marks(directory: Directory) -> None:
    bounces = ListBounces(directory.settings.data / "state")
    for day in range(10):
        bounces.count(SALES, "a@x.example", "550 nobody", day * 86_400.0, 3)
    assert admin_lists.show_list(directory, SALES).bouncing
    gone = ["a@X.example", "c@x.example", OWNER, "stranger@x.example"]
    assert admin_members.remove_members(directory, SALES, gone) == 2
    file = load_list(directory.settings.domains / "example.test/lists/sales.yaml")
    assert [each.address for each in file.members] == ["b@x.example"]
    assert file.posters == ()
    assert admin_lists.show_list(directory, SALES).bouncing == ()
    bounces.close()
