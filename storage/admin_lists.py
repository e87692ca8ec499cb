"""Creating, changing and deleting mailing lists, and taking members in and out in bulk. As `storage.admin` does
accounts: the same files that a person would write, and a `Refused` for what `kwcmaild check` would find wrong.

Invariants: the number of lists and members is counted and the file written under the domain's lock; a bulk change
is taken over whole or not at all.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from config import edit
from config.contract import wrong_list
from config.list import ListFile, Member
from config.units import format_size
from config.values import own_address
from storage.admin_domains import make_folder
from storage.admin_files import (
    Missing,
    Refused,
    check_free,
    contract_lock,
    read_text,
    refusal,
    seen_text,
    write_checked,
)
from storage.list_csv import Row
from storage.people.address import AddressError, canonical
from storage.people.directory import Directory
from storage.people.directory_cache import Name
from storage.people.directory_files import Known
from storage.state import list_number
from storage.state.held_posts import HeldPost, HeldPosts
from storage.state.list_bounces import Bouncing, ListBounces


@dataclass(frozen=True, slots=True)
class ListChange:
    """What is to be set; None leaves a thing as it is."""

    owner: str | None = None
    members: tuple[str, ...] | None = None  # addresses: all of them, known ones keep their rights
    posting: str | None = None
    posters: tuple[str, ...] | None = None
    moderation: str | None = None
    prefix: str | None = None
    reply_to: str | None = None
    max_message: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class ListSummary:
    """A list among others. `problem` says why its file is not used as it is now."""

    address: str
    owner: str
    members: int  # the owner counted
    posting: str
    moderation: str
    comment: str
    problem: str | None


What = Literal["new", "changed", "same", "leaves"]


@dataclass(frozen=True, slots=True)
class Planned:
    """What would become of one member by an import."""

    member: Row
    what: What


@dataclass(frozen=True, slots=True)
class ListDetails:
    """All that is known of one list."""

    summary: ListSummary
    prefix: str
    reply_to: str
    max_message: int
    posters: tuple[str, ...]
    members: tuple[Row, ...]
    last_number: int
    bouncing: tuple[Bouncing, ...]
    waiting: tuple[HeldPost, ...]


def add_list(directory: Directory, address: str, change: ListChange) -> ListSummary:
    """A new list. Its owner must be given."""
    name = _new_name(directory, address)
    if not change.owner:
        raise Refused("a list needs an owner, who gets its bounces and decides about its posts")
    with contract_lock(directory, name.domain):
        check_free(directory, name)
        most = directory.settings.service.lists
        if len(_rows(directory, name.domain)) >= most:
            raise Refused(f"{name.domain} has {most} lists, which are the most in a domain")
        try:
            make_folder(name.path(directory.files.domains).parent)  # a domain made by hand may have none
        except OSError as error:
            raise refusal(error) from error
        _write(directory, name, "", None, change, None)
    return _summary(name, _known(directory, name))


def set_list(
    directory: Directory, address: str, change: ListChange, *, seen: str | None = None
) -> ListSummary:
    """`seen` is the digest of the file that the person looked at, where it must still be that."""
    name = find_list(directory, address)
    if change.owner == "":
        raise Refused("a list needs an owner, who gets its bounces and decides about its posts")
    with contract_lock(directory, name.domain):
        text = seen_text(directory, name, seen)
        _write(directory, name, text, _content(directory, name), change, edit.digest(text))
    return _summary(name, _known(directory, name))


def delete_list(directory: Directory, address: str, *, seen: str | None = None) -> None:
    """Take a list away; the running number stays, so that one made again goes on from it."""
    name = find_list(directory, address)
    with contract_lock(directory, name.domain):
        text = seen_text(directory, name, seen)
        try:
            edit.remove(name.path(directory.files.domains), edit.digest(text))
            directory.files.forget(name)
        except (edit.Changed, OSError, sqlite3.Error) as error:
            raise refusal(error) from error
    with _bounces(directory) as bounces:
        bounces.forget(_address(name))


def list_lists(directory: Directory, domain: str, *, exact: bool = True) -> list[ListSummary]:
    """All lists of a domain, in the order of their names. `exact`: see `storage.admin_domains.show_domain`."""
    if not directory.is_local(domain):
        raise Missing(f"there is no domain {domain}")
    try:
        directory.refresh(domain) if exact else directory.look_lately(domain)
    except (sqlite3.Error, OSError) as error:
        raise refusal(error) from error
    return [_summary(name, _known(directory, name)) for name in _rows(directory, domain)]


def show_list(directory: Directory, address: str) -> ListDetails:
    name = find_list(directory, address)
    content = _content(directory, name)
    with _bounces(directory) as bounces:
        bouncing = bounces.bouncing(_address(name))
    return ListDetails(
        _summary(name, _known(directory, name)),
        content.prefix,
        content.reply_to,
        content.max_message,
        content.posters,
        tuple(_exported(content)),
        list_number.last(directory.settings.data / "state", _address(name)),
        tuple(bouncing),
        tuple(HeldPosts(directory.settings.data).waiting(_address(name)).values()),
    )


def export_members(directory: Directory, address: str) -> list[Row]:
    """All members with their rights, the owner first."""
    return list(_exported(_content(directory, find_list(directory, address))))


def import_members(
    directory: Directory, address: str, rows: Sequence[Row], *, replace: bool
) -> tuple[int, int, int]:
    """Take members over from a table: how many came, changed, and (with `replace`) went."""
    name = find_list(directory, address)
    with contract_lock(directory, name.domain):
        content = _content(directory, name)
        _take_over(directory, name, content, _merged(content, rows, replace=replace))
    return _counted(content, rows, replace=replace)


def plan_import(directory: Directory, address: str, rows: Sequence[Row], *, replace: bool) -> list[Planned]:
    """What `import_members` would do with each row, and who would leave; nothing is written. Raises Refused for
    what it would refuse."""
    content = _content(directory, find_list(directory, address))
    after, may_post = _merged(content, rows, replace=replace)
    _check_limits(directory, content.model_copy(update={"members": tuple(after.values())}), may_post.values())
    before = {_canonical(each.address): each for each in _exported(content)}
    outcome = content.model_copy(
        update={"members": tuple(after.values()), "posters": tuple(may_post.values())}
    )
    planned = []
    later = {_canonical(each.address): each for each in _exported(outcome)}
    for row in rows:
        key = _canonical(row.address)
        what: What = "new" if key not in before else "same" if before[key] == later[key] else "changed"
        planned.append(Planned(later[key], what))
    return planned + [Planned(each, "leaves") for key, each in before.items() if key not in later]


def remove_members(directory: Directory, address: str, members: Sequence[str]) -> int:
    """Take members out, with their right to post; how many there were of them. The owner stays."""
    name = find_list(directory, address)
    gone = {_canonical(each) for each in members}
    with contract_lock(directory, name.domain):
        content = _content(directory, name)
        after = {
            key: each
            for each in content.members
            if (key := _canonical(each.address)) not in gone or key == _canonical(content.owner)
        }
        posters = {key: each for each in content.posters if (key := _canonical(each)) not in gone}
        _take_over(directory, name, content, (after, posters))
    with _bounces(directory) as bounces:
        for each in gone - after.keys():
            bounces.resume(_address(name), each)  # nothing is remembered against who comes back
    return len(content.members) - len(after)


def resume_member(directory: Directory, address: str, member: str) -> bool:
    """Send to a paused member again; whether it was paused."""
    name = find_list(directory, address)
    with _bounces(directory) as bounces:
        return bounces.resume(_address(name), _canonical(member))


def find_list(directory: Directory, address: str) -> Name:
    """The file of a list that exists (also one that is broken)."""
    name = _new_name(directory, address)
    if directory.files.look(name) is None:
        raise Missing(f"there is no list {_address(name)}")
    return name


# ---- many members at once


def _merged(
    content: ListFile, rows: Sequence[Row], *, replace: bool
) -> tuple[dict[str, Member], dict[str, str]]:
    """The members and those with the right to post after a table is taken over, by canonical address."""
    before = {_canonical(each.address): each for each in content.members}
    posters = {_canonical(each): each for each in content.posters}
    after: dict[str, Member] = {} if replace else dict(before)
    may_post = {} if replace else dict(posters)
    owner = _canonical(content.owner)
    for row in rows:
        key = _canonical(row.address)
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
    before = {_canonical(each.address): each for each in content.members}
    posters = {_canonical(each) for each in content.posters}
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
    _check_limits(directory, content.model_copy(update={"members": tuple(after)}), may_post)
    if changes := _member_changes(content, after, may_post):
        text = read_text(directory, name)
        write_checked(directory, name, text, changes, edit.digest(text))


# ---- the file


def _write(
    directory: Directory,
    name: Name,
    text: str,
    content: ListFile | None,
    change: ListChange,
    expected: str | None,
) -> None:
    """Set what is to be changed in a list's file; without `content` it is a new one."""
    content = content or ListFile(owner=_checked(change.owner or ""))
    changes: dict[edit.Key, Any] = {}
    if change.members is not None:
        known = {_canonical(each.address): each for each in content.members}
        members = [known.get(_canonical(each)) or Member(address=_checked(each)) for each in change.members]
        changes |= _member_changes(content, members, list(content.posters))
        content = content.model_copy(update={"members": tuple(members)})
    plain = {
        "owner": change.owner,
        "posting": change.posting,
        "posters": None if change.posters is None else list(change.posters),
        "moderation": change.moderation,
        "prefix": change.prefix,
        "reply_to": change.reply_to,
        "max_message": None if change.max_message is None else format_size(change.max_message),
        "comment": change.comment,
    }
    changes |= {key: value for key, value in plain.items() if value is not None}
    posters = content.posters if change.posters is None else change.posters
    owner = content.owner if change.owner is None else change.owner
    _check_limits(directory, content.model_copy(update={"owner": owner}), posters)
    write_checked(directory, name, text, changes, expected)


def _member_changes(content: ListFile, members: list[Member], posters: list[str]) -> dict[edit.Key, Any]:
    """The keys that differ. Who is no member any more loses the right to post with it."""
    changes: dict[edit.Key, Any] = {}
    if tuple(members) != content.members:
        changes["members"] = [_written(each) for each in members]
    known = {_canonical(each.address) for each in members} | {_canonical(content.owner)}
    kept = [each for each in posters if _canonical(each) in known]
    if tuple(kept) != content.posters:
        changes["posters"] = kept
    return changes


def _written(member: Member) -> Any:
    """A member as it stands in the file: the address alone where nothing else is to be said."""
    said = member.model_dump(exclude_defaults=True)
    return member.address if len(said) == 1 else said


def _check_limits(directory: Directory, content: ListFile, posters: Iterable[str]) -> None:
    for _, text in wrong_list(content.owner, content.members, tuple(posters), directory.settings.service):
        raise Refused(text)


def _exported(content: ListFile) -> Iterator[Row]:
    posters = {_canonical(each) for each in content.posters}
    owner = _canonical(content.owner)
    if owner not in {_canonical(each.address) for each in content.members}:
        yield Row(content.owner, "", True, True)
    for each in content.members:
        key = _canonical(each.address)
        yield Row(each.address, each.name, each.receives, key in posters or key == owner)


def _content(directory: Directory, name: Name) -> ListFile:
    known = _known(directory, name)
    if not isinstance(known.content, ListFile):
        raise Refused(f"{name.path(directory.files.domains)}: {known.problem}")
    return known.content


def _known(directory: Directory, name: Name) -> Known:
    known = directory.files.look(name)
    if known is None:
        raise Missing(f"there is no list {_address(name)}")
    return known


def _rows(directory: Directory, domain: str) -> list[Name]:
    return [row.name for row in directory.cache.rows(domain, "list")]


def _summary(name: Name, known: Known) -> ListSummary:
    file = known.content if isinstance(known.content, ListFile) else None
    return ListSummary(
        _address(name),
        file.owner if file else "",
        _number((file.owner, *(each.address for each in file.members))) if file else 0,
        file.posting if file else "",
        file.moderation if file else "",
        file.comment if file else "",
        known.problem,
    )


@lru_cache(1024)
def _number(addresses: tuple[str, ...]) -> int:
    """How many people these are."""
    return len({_canonical(each) for each in addresses})


def _new_name(directory: Directory, address: str) -> Name:
    try:
        local, _, domain = own_address(address).rpartition("@")
    except ValueError as error:
        raise Refused(str(error)) from error
    if not directory.is_local(domain):
        raise Missing(f"there is no domain {domain}")
    return Name("list", domain, local)


def _checked(address: str) -> str:
    try:
        return Member(address=address).address
    except ValueError as error:
        raise Refused(f"{address} is not a mail address") from error


@contextmanager
def _bounces(directory: Directory) -> Iterator[ListBounces]:
    bounces = ListBounces(directory.settings.data / "state")
    try:
        yield bounces
    except sqlite3.Error as error:
        raise refusal(error) from error
    finally:
        bounces.close()


def _canonical(address: str) -> str:
    try:
        return canonical(address)
    except AddressError:
        return address.lower()


def _address(name: Name) -> str:
    return f"{name.local}@{name.domain}"
