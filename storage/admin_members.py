"""Taking members of a mailing list in and out by the dozen: from a table, to a table, or by their addresses.

Invariants: the members are counted and the file written under the domain's lock; a bulk change is taken over whole
or not at all, and what an import would do can be asked before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from config import edit
from config.list import ListFile, Member
from storage.admin_files import Refused, contract_lock, read_text, write_checked
from storage.admin_lists import (
    address_of,
    bounces_of,
    check_limits,
    file_of,
    find_list,
    key_of,
    member_changes,
    members_of,
)
from storage.list_csv import Row
from storage.people.directory import Directory
from storage.people.directory_cache import Name

What = Literal["new", "changed", "same", "leaves"]


@dataclass(frozen=True, slots=True)
class Planned:
    """What would become of one member by an import."""

    member: Row
    what: What


def export_members(directory: Directory, address: str) -> list[Row]:
    """All members with their rights, the owner first."""
    return list(members_of(file_of(directory, find_list(directory, address))))


def import_members(
    directory: Directory, address: str, rows: Sequence[Row], *, replace: bool
) -> tuple[int, int, int]:
    """Take members over from a table: how many came, changed, and (with `replace`) went."""
    name = find_list(directory, address)
    with contract_lock(directory, name.domain):
        content = file_of(directory, name)
        _take_over(directory, name, content, _merged(content, rows, replace=replace))
    return _counted(content, rows, replace=replace)


def plan_import(directory: Directory, address: str, rows: Sequence[Row], *, replace: bool) -> list[Planned]:
    """What `import_members` would do with each row, and who would leave; nothing is written. Raises Refused for
    what it would refuse."""
    content = file_of(directory, find_list(directory, address))
    after, may_post = _merged(content, rows, replace=replace)
    check_limits(directory, content.model_copy(update={"members": tuple(after.values())}), may_post.values())
    before = {key_of(each.address): each for each in members_of(content)}
    outcome = content.model_copy(
        update={"members": tuple(after.values()), "posters": tuple(may_post.values())}
    )
    planned = []
    later = {key_of(each.address): each for each in members_of(outcome)}
    for row in rows:
        key = key_of(row.address)
        what: What = "new" if key not in before else "same" if before[key] == later[key] else "changed"
        planned.append(Planned(later[key], what))
    return planned + [Planned(each, "leaves") for key, each in before.items() if key not in later]


def remove_members(directory: Directory, address: str, members: Sequence[str]) -> int:
    """Take members out, with their right to post; how many there were of them. The owner stays."""
    name = find_list(directory, address)
    gone = {key_of(each) for each in members}
    with contract_lock(directory, name.domain):
        content = file_of(directory, name)
        after = {
            key: each
            for each in content.members
            if (key := key_of(each.address)) not in gone or key == key_of(content.owner)
        }
        posters = {key: each for each in content.posters if (key := key_of(each)) not in gone}
        _take_over(directory, name, content, (after, posters))
    with bounces_of(directory) as bounces:
        for each in gone - after.keys():
            bounces.resume(address_of(name), each)  # nothing is remembered against who comes back
    return len(content.members) - len(after)


def resume_member(directory: Directory, address: str, member: str) -> bool:
    """Send to a paused member again; whether it was paused."""
    name = find_list(directory, address)
    with bounces_of(directory) as bounces:
        return bounces.resume(address_of(name), key_of(member))


def _merged(
    content: ListFile, rows: Sequence[Row], *, replace: bool
) -> tuple[dict[str, Member], dict[str, str]]:
    """The members and those with the right to post after a table is taken over, by canonical address."""
    before = {key_of(each.address): each for each in content.members}
    posters = {key_of(each): each for each in content.posters}
    after: dict[str, Member] = {} if replace else dict(before)
    may_post = {} if replace else dict(posters)
    owner = key_of(content.owner)
    for row in rows:
        key = key_of(row.address)
        known = before.get(key)
        if key == owner and known is None and not row.name and row.receives is not False:
            continue  # is a member with all rights as the owner
        after[key] = _member(row, known)
        if key == owner:
            continue
        if row.may_post or (row.may_post is None and key in posters):
            may_post[key] = posters.get(key, row.address)
        elif row.may_post is False:
            may_post.pop(key, None)
    return after, may_post


def _member(row: Row, known: Member | None) -> Member:
    """What is not said stays as it was."""
    try:
        return Member(
            address=known.address if known else row.address,
            name=(known.name if known else "") if row.name is None else row.name,
            receives=(known.receives if known else True) if row.receives is None else row.receives,
        )
    except ValueError as error:
        raise Refused(f"{row.address[:320]} cannot be a member as it is written") from error


def _counted(content: ListFile, rows: Sequence[Row], *, replace: bool) -> tuple[int, int, int]:
    """How many come, change and go."""
    before = {key_of(each.address): each for each in content.members}
    posters = {key_of(each) for each in content.posters}
    after, may_post = _merged(content, rows, replace=replace)
    changed = sum(
        after[key] != before[key] or (key in posters) != (key in may_post)
        for key in after.keys() & before.keys()
    )
    return len(after.keys() - before.keys()), changed, len(before.keys() - after.keys())


def _take_over(
    directory: Directory, name: Name, content: ListFile, merged: tuple[dict[str, Member], dict[str, str]]
) -> None:
    after, may_post = list(merged[0].values()), list(merged[1].values())
    check_limits(directory, content.model_copy(update={"members": tuple(after)}), may_post)
    if changes := member_changes(content, after, may_post):
        text = read_text(directory, name)
        write_checked(directory, name, text, changes, edit.digest(text))
