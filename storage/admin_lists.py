"""Creating, changing and deleting mailing lists. As `storage.admin` does accounts: the same files that a person
would write, and a `Refused` for what `kwcmaild check` would find wrong. (`storage.admin_members`: members by the
dozen.)

Invariant: the number of lists and members is counted and the file written under the domain's lock.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

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
        _write(directory, name, text, file_of(directory, name), change, edit.digest(text))
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
    with bounces_of(directory) as bounces:
        bounces.forget(address_of(name))


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
    content = file_of(directory, name)
    with bounces_of(directory) as bounces:
        bouncing = bounces.bouncing(address_of(name))
    return ListDetails(
        _summary(name, _known(directory, name)),
        content.prefix,
        content.reply_to,
        content.max_message,
        content.posters,
        tuple(members_of(content)),
        list_number.last(directory.settings.data / "state", address_of(name)),
        tuple(bouncing),
        tuple(HeldPosts(directory.settings.data).waiting(address_of(name)).values()),
    )


def find_list(directory: Directory, address: str) -> Name:
    """The file of a list that exists (also one that is broken)."""
    name = _new_name(directory, address)
    if directory.files.look(name) is None:
        raise Missing(f"there is no list {address_of(name)}")
    return name


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
        known = {key_of(each.address): each for each in content.members}
        members = [known.get(key_of(each)) or Member(address=_checked(each)) for each in change.members]
        changes |= member_changes(content, members, list(content.posters))
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
    check_limits(directory, content.model_copy(update={"owner": owner}), posters)
    write_checked(directory, name, text, changes, expected)


def member_changes(content: ListFile, members: list[Member], posters: list[str]) -> dict[edit.Key, Any]:
    """The keys that differ. Who is no member any more loses the right to post with it."""
    changes: dict[edit.Key, Any] = {}
    if tuple(members) != content.members:
        changes["members"] = [_written(each) for each in members]
    known = {key_of(each.address) for each in members} | {key_of(content.owner)}
    kept = [each for each in posters if key_of(each) in known]
    if tuple(kept) != content.posters:
        changes["posters"] = kept
    return changes


def _written(member: Member) -> Any:
    """A member as it stands in the file: the address alone where nothing else is to be said."""
    said = member.model_dump(exclude_defaults=True)
    return member.address if len(said) == 1 else said


def check_limits(directory: Directory, content: ListFile, posters: Iterable[str]) -> None:
    """Raises Refused for what `kwcmaild check` would find wrong in the list as it is to be."""
    for _, text in wrong_list(content.owner, content.members, tuple(posters), directory.settings.service):
        raise Refused(text)


def members_of(content: ListFile) -> Iterator[Row]:
    """All members with their rights; the owner is one."""
    posters = {key_of(each) for each in content.posters}
    owner = key_of(content.owner)
    if owner not in {key_of(each.address) for each in content.members}:
        yield Row(content.owner, "", True, True)
    for each in content.members:
        key = key_of(each.address)
        yield Row(each.address, each.name, each.receives, key in posters or key == owner)


def file_of(directory: Directory, name: Name) -> ListFile:
    """What stands in a list's file. Raises Missing, and Refused where it is broken."""
    known = _known(directory, name)
    if not isinstance(known.content, ListFile):
        raise Refused(f"{name.path(directory.files.domains)}: {known.problem}")
    return known.content


def _known(directory: Directory, name: Name) -> Known:
    known = directory.files.look(name)
    if known is None:
        raise Missing(f"there is no list {address_of(name)}")
    return known


def _rows(directory: Directory, domain: str) -> list[Name]:
    return [row.name for row in directory.cache.rows(domain, "list")]


def _summary(name: Name, known: Known) -> ListSummary:
    file = known.content if isinstance(known.content, ListFile) else None
    return ListSummary(
        address_of(name),
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
    return len({key_of(each) for each in addresses})


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
def bounces_of(directory: Directory) -> Iterator[ListBounces]:
    """What is remembered of members that mail comes back from."""
    bounces = ListBounces(directory.settings.data / "state")
    try:
        yield bounces
    except sqlite3.Error as error:
        raise refusal(error) from error
    finally:
        bounces.close()


def key_of(address: str) -> str:
    """What is the same for all ways to write an address."""
    try:
        return canonical(address)
    except AddressError:
        return address.lower()


def address_of(name: Name) -> str:
    return f"{name.local}@{name.domain}"
