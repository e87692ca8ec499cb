"""Creating, changing and deleting domains, each with its customer's contract. As `storage.admin` does accounts."""

import os
import shutil
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config import edit
from config.contract import over_capacity, wrong_capacity
from config.domain import Administrator, DomainFile, Part
from config.units import GIB, format_duration, format_size
from config.values import own_domain
from storage.admin_files import Missing, Refused, contract_lock, refusal, seen_text, write_checked
from storage.admin_mail import remove_mail
from storage.durable import sync_dir
from storage.people.directory import Directory
from storage.people.directory_cache import Name
from storage.state import panel

NEVER = 0  # in place of a time


@dataclass(frozen=True, slots=True)
class DomainChange:
    """What is to be set; None leaves a thing as it is."""

    capacity: int | None = None
    administrators: tuple[str | Administrator, ...] | None = None  # an address: everything
    catch_all: str | None = None  # the empty text takes it away
    archive_after: int | None = None  # seconds; NEVER: no archive
    trash: int | None = None


@dataclass(frozen=True, slots=True)
class DomainSummary:
    """A contract, and how much of it is given out. `problem` says why its file is not used as it is now."""

    domain: str
    capacity: int
    given: int
    accounts: int
    lists: int
    administrators: tuple[str, ...]
    catch_all: str | None
    problem: str | None
    parts: Mapping[str, tuple[Part, ...]] = field(
        default_factory=dict
    )  # of administrators who have only a part
    archive_after: int | None = None
    trash: int | None = None


def add_domain(directory: Directory, domain: str, change: DomainChange) -> DomainSummary:
    """A new domain without accounts. Its administrators may be made afterwards."""
    try:
        name = Name("domain", own_domain(domain))
    except ValueError as error:
        raise Refused(str(error)) from error
    if directory.is_local(name.domain):
        raise Refused(f"the domain {name.domain} exists already")
    capacity = DomainFile().capacity if change.capacity is None else change.capacity
    _check_capacity(directory, name, capacity)
    if change.catch_all:
        raise Refused("a domain without accounts has none for catch_all: set it when there is one")
    folder = name.path(directory.files.domains).parent
    try:
        for below in (folder, folder / "accounts", folder / "lists"):
            make_folder(below)
    except OSError as error:
        raise refusal(error) from error
    changes = {"capacity": format_size(capacity), **_changes(change)}
    write_checked(directory, name, "", changes, None)
    return show_domain(directory, name.domain)


def set_domain(
    directory: Directory, domain: str, change: DomainChange, *, seen: str | None = None
) -> DomainSummary:
    """`seen` is the digest of the file that the person looked at, where it must still be that."""
    name = find_domain(directory, domain)
    with contract_lock(directory, name.domain):
        if change.capacity is not None:
            _check_capacity(directory, name, change.capacity)
        named = [_address(each) for each in change.administrators or ()]
        for address in (*named, *filter(None, [change.catch_all])):
            if directory.account(address.lower()) is None:
                raise Refused(f"there is no account {address}")
        text = seen_text(directory, name, seen)
        write_checked(directory, name, text, _changes(change), edit.digest(text))
    return show_domain(directory, name.domain)


def delete_domain(directory: Directory, domain: str, *, with_accounts: bool, keep_mail: bool) -> None:
    """Take a domain away, with its accounts, lists, forwards and DKIM keys if it has any and that is wanted."""
    name = find_domain(directory, domain)
    folder = name.path(directory.files.domains).parent
    operators = [one for one in directory.settings.operators if one.endswith(f"@{name.domain}")]
    if operators:
        raise Refused(f"{', '.join(operators)} operates this server (kwcmaild.yaml): change that first")
    with contract_lock(directory, name.domain):
        summary = show_domain(directory, name.domain)
        if (summary.accounts or summary.lists) and not with_accounts:
            raise Refused(
                f"{name.domain} still has {summary.accounts} accounts and {summary.lists} lists:"
                " delete them first, or ask for the domain with all of them"
            )
        going = folder.with_name(f".{folder.name[:200]}.removed-{time.time_ns()}")
        try:
            os.rename(folder, going)  # from here on it is no domain of ours, as a whole
            sync_dir(folder.parent)
            directory.cache.forget_domain(name.domain)
            panel.forget(directory.settings.data / "state", domain=name.domain)
            shutil.rmtree(going)
        except (OSError, sqlite3.Error) as error:
            raise refusal(error) from error
    if not keep_mail:
        _remove_mail(directory.settings.data, name.domain)


def list_domains(directory: Directory) -> list[DomainSummary]:
    return [show_domain(directory, domain) for domain in sorted(directory.domains())]


def contracts(directory: Directory) -> list[DomainSummary]:
    """The same in one look, however many accounts there are: the counts are those of the last pass (5 s)."""
    try:
        accounts = directory.cache.counts("account", GIB)
        lists = directory.cache.counts("list", 0)
        return [
            _summary(directory, domain, accounts.get(domain, (0, 0)), lists.get(domain, (0, 0))[0])
            for domain in sorted(directory.domains())
        ]
    except (sqlite3.Error, OSError) as error:
        raise refusal(error) from error


def show_domain(directory: Directory, domain: str, *, exact: bool = True) -> DomainSummary:
    """`exact`: files that were put there by hand a moment ago count, too; each is looked at."""
    name = find_domain(directory, domain)
    try:
        directory.refresh(name.domain) if exact else directory.look_lately(name.domain)
        given, accounts = directory.cache.given(name.domain, GIB, without="")
        lists = directory.cache.number(name.domain, "list")
    except (sqlite3.Error, OSError) as error:
        raise refusal(error) from error
    return _summary(directory, name.domain, (accounts, given), lists)


def _summary(directory: Directory, domain: str, accounts: tuple[int, int], lists: int) -> DomainSummary:
    known = directory.files.look(Name("domain", domain))
    file = known.content if known and isinstance(known.content, DomainFile) else DomainFile()
    return DomainSummary(
        domain,
        file.capacity,
        accounts[1],
        accounts[0],
        lists,
        file.administrator_addresses,
        file.catch_all,
        known.problem if known else None,
        {each.address: each.may for each in file.administrators if each.may},
        file.retention.archive_after,
        file.retention.trash,
    )


def find_domain(directory: Directory, domain: str) -> Name:
    try:
        name = Name("domain", own_domain(domain))
    except ValueError as error:
        raise Refused(str(error)) from error
    if not directory.is_local(name.domain):
        raise Missing(f"there is no domain {name.domain}")
    return name


def _check_capacity(directory: Directory, name: Name, capacity: int) -> None:
    """The capacity by itself, and against the limits that were given out."""
    if text := wrong_capacity(capacity, directory.settings.service):
        raise Refused(text)
    limits = [row.quota or GIB for row in directory.cache.rows(name.domain, "account")]
    if text := over_capacity(sum(limits), len(limits), capacity):
        raise Refused(f"{name.domain}: {text}")


def _changes(change: DomainChange) -> dict[edit.Key, Any]:
    changes: dict[edit.Key, Any] = {}
    if change.capacity is not None:
        changes["capacity"] = format_size(change.capacity)
    if change.administrators is not None:
        changes["administrators"] = [_written(each) for each in change.administrators]
    if change.catch_all is not None:
        changes["catch_all"] = change.catch_all.lower() or edit.REMOVE
    for key, value in (("archive_after", change.archive_after), ("trash", change.trash)):
        if value is not None:
            changes[f"retention.{key}"] = format_duration(value) if value != NEVER else None
    return changes


def _address(administrator: str | Administrator) -> str:
    return administrator if isinstance(administrator, str) else administrator.address


def _written(administrator: str | Administrator) -> Any:
    """As it stands in the file: the address alone where there is nothing else to say."""
    if isinstance(administrator, str) or not administrator.may:
        return _address(administrator).lower()
    return {"address": administrator.address.lower(), "may": list(administrator.may)}


def make_folder(folder: Path) -> None:
    """A folder that belongs to whom the one above belongs, though the command line may be root's."""
    folder.mkdir(mode=0o750, exist_ok=True)
    if os.geteuid() == 0:
        above = folder.parent.stat()
        os.chown(folder, above.st_uid, above.st_gid)


def _remove_mail(data: Path, domain: str) -> None:
    folder = data / "mail" / domain
    if not folder.is_dir():
        return
    for account in sorted(folder.iterdir()):
        if not account.name.startswith("."):
            remove_mail(data, f"{account.name}@{domain}")
    shutil.rmtree(folder, ignore_errors=True)
