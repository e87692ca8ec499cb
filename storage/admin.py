"""Creating, changing and deleting accounts: what the command line, the panel and the API do alike.

Plain functions that write the same YAML files a person would, and leave the person's comments in them. Each
refuses, with a sentence for whoever asked (`Refused`), what `kwcmaild check` would find wrong afterwards: a
limit outside the contract, an address that somebody has, a file that was changed meanwhile by hand.

Invariants: the sum of the limits is taken and the file written under one lock for the domain, so two
administrators cannot share out the last gigabyte twice; what was written counts in every process when the
function returns. Deleting takes the file away before the mail: nobody delivers into a folder that is going.
All of it blocks on the disk: for threads. Domains: `storage.admin_domains`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from config import edit
from config.account import AccountFile, Autoreply
from config.contract import over_capacity, wrong_quota
from config.domain import DomainFile
from config.units import GIB, format_size
from config.values import own_address
from storage import admin_shares
from storage.admin_files import Missing, check_free, contract_lock, refusal, seen_text, write_checked
from storage.admin_files import Refused as Refused
from storage.admin_mail import remove_mail, used
from storage.errors import Broken
from storage.people import passwords
from storage.people.address import AddressError, names_a_file, parse
from storage.people.directory import Directory
from storage.people.directory_cache import Name
from storage.people.directory_files import Known
from storage.people.lockout import Lock, Lockout, Seen
from storage.state import panel
from storage.state.holds import Hold
from storage.state.sending import Sending


class Hashed(NamedTuple):
    """A password as it is kept: computed beforehand, where many are."""

    argon2id: str
    scram_sha_256: str


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What is to be set; None leaves a thing as it is."""

    password: str | Hashed | None = None
    quota: int | None = None
    quota_messages: int | None = None  # 0 takes the limit away
    comment: str | None = None
    aliases: tuple[str, ...] | None = None
    send_as: tuple[str, ...] | None = None
    forward_to: tuple[str, ...] | None = None
    keep_copy: bool | None = None
    autoreply: Autoreply | None = None
    tag_subject: bool | None = None
    to_junk: bool | None = None
    receive: bool | None = None
    suspended: bool | None = None


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """An account in a list. `problem` says why its file is not used as it is now."""

    address: str
    quota: int
    quota_messages: int | None
    comment: str
    aliases: tuple[str, ...]
    forward_to: tuple[str, ...]
    keep_copy: bool
    receive: bool
    suspended: bool
    problem: str | None


@dataclass(frozen=True, slots=True)
class AccountDetails:
    """All that is known of one account. `used` is bytes and messages, None before the first mail."""

    summary: AccountSummary
    password: bool
    app_passwords: tuple[str, ...]  # their names
    used: tuple[int, int] | None
    locks: tuple[Lock, ...]
    seen: tuple[Seen, ...]
    hold: Hold | None = None  # its sending is held


def add_account(directory: Directory, address: str, change: AccountChange) -> AccountSummary:
    """A new account. Its folder of mail is made with the first mail, or is what a former one left."""
    name = _new_name(directory, address)
    change = hashed(change)
    with contract_lock(directory, name.domain):
        check_free(directory, name)
        quota = GIB if change.quota is None else change.quota
        check_quota(directory, name, quota)
        changes = changes_of(directory, name, change)
        _forget_former(directory, name)
        write_checked(directory, name, "", {"quota": format_size(quota), **changes}, None)
    return _summary(name, _known(directory, name))


def set_account(
    directory: Directory, address: str, change: AccountChange, *, seen: str | None = None
) -> AccountSummary:
    """`seen` is the digest of the file that the person looked at, where it must still be that."""
    name = find_account(directory, address)
    change = hashed(change)
    # What takes nothing from the contract and needs no address makes nobody wait.
    shared = change.quota is not None or bool(change.aliases)
    with contract_lock(directory, name.domain) if shared else nullcontext():
        if change.quota is not None:
            check_quota(directory, name, change.quota)
        text = seen_text(directory, name, seen)
        write_checked(directory, name, text, changes_of(directory, name, change), edit.digest(text))
    return _summary(name, _known(directory, name))


def hashed(change: AccountChange) -> AccountChange:
    """The same with its password as it is kept: 40 ms of CPU, for which no lock is held."""
    if not isinstance(change.password, str):
        return change
    try:
        kept = Hashed(passwords.hash_password(change.password), passwords.scram_sha_256_key(change.password))
    except passwords.PasswordError as error:
        raise Refused(str(error)) from error
    return replace(change, password=kept)


def delete_account(directory: Directory, address: str, *, keep_mail: bool, seen: str | None = None) -> None:
    """Take the account away; its mail stays where it is for one of the same name, or goes for good."""
    name = find_account(directory, address)
    with contract_lock(directory, name.domain):
        if reason := needed_for(directory, name):
            raise Refused(f"{_address(name)} {reason}: change that first")
        text = seen_text(directory, name, seen)
        if not keep_mail:
            admin_shares.take_back(directory, name)
        try:
            edit.remove(name.path(directory.files.domains), edit.digest(text))
        except (edit.Changed, OSError) as error:
            raise refusal(error) from error
        forget_account(directory, name)
    if not keep_mail:
        remove_mail(directory.settings.data, _address(name))


def list_accounts(directory: Directory, domain: str) -> list[AccountSummary]:
    """All accounts of a domain, in the order of their names; only files that have changed are read."""
    if not directory.is_local(domain):
        raise Missing(f"there is no domain {domain}")
    try:
        directory.refresh(domain)
        rows = directory.cache.rows(domain, "account")
    except (sqlite3.Error, OSError) as error:
        raise refusal(error) from error
    summaries = []
    for row in rows:
        content = AccountFile.model_validate_json(row.content) if row.content else None
        summaries.append(_summary(row.name, Known(row.stamp, content, row.problem, True)))
    return summaries


def show_account(
    directory: Directory, address: str, lockout: Lockout | None = None, sending: Sending | None = None
) -> AccountDetails:
    """A process that has these memories open hands them in."""
    name = find_account(directory, address)
    known = _known(directory, name)
    account = known.content if isinstance(known.content, AccountFile) else AccountFile()
    with nullcontext(lockout) if lockout else _lockout(directory) as memory:
        locks, seen = memory.locks(_address(name)), memory.seen(_address(name))
    with nullcontext(sending) if sending else _sending(directory) as counts:
        hold = counts.holds.of(_address(name))
    return AccountDetails(
        _summary(name, known),
        account.password is not None,
        tuple(one.name for one in account.app_passwords),
        used(directory.settings.data, _address(name)),
        tuple(locks),
        tuple(seen),
        hold,
    )


def unlock(directory: Directory, address: str) -> list[Lock]:
    """End every lock that keeps the account's owner out; returns those there were."""
    name = find_account(directory, address)
    with _lockout(directory) as lockout:
        return lockout.unlock(_address(name))


def hold_sending(directory: Directory, address: str, reason: str) -> bool:
    """Let the account send nothing more; whether it was not held yet."""
    name = find_account(directory, address)
    with _sending(directory) as sending:
        return sending.holds.hold(_address(name), directory.clock(), reason)


def held_accounts(directory: Directory) -> list[Hold]:
    """Every account whose sending is held, the longest held first."""
    with _sending(directory) as sending:
        return sending.holds.all()


def unhold_sending(directory: Directory, address: str) -> Hold | None:
    """Let the account send again, its counts begun anew; the hold there was."""
    name = find_account(directory, address)
    with _sending(directory) as sending:
        return sending.unhold(_address(name))


def find_account(directory: Directory, address: str) -> Name:
    """The file of an account that exists (also one that is broken)."""
    try:
        wanted = parse(address).folded
    except AddressError as error:
        raise Refused(f"{address}: {error}") from error
    if not directory.is_local(wanted.domain):
        raise Missing(f"there is no domain {wanted.domain}")
    name = Name("account", wanted.domain, wanted.local)
    if names_a_file(wanted.local) and directory.files.look(name) is not None:
        return name
    found = directory.login(wanted)
    if found is not None:
        raise Refused(f"{wanted} is an alias of {found.address}")
    raise Missing(f"there is no account {wanted}")


def _new_name(directory: Directory, address: str) -> Name:
    try:
        local, _, domain = own_address(address).rpartition("@")
    except ValueError as error:
        raise Refused(str(error)) from error
    if not directory.is_local(domain):
        raise Missing(f"there is no domain {domain}: make it first (kwcmaild domain add {domain})")
    return Name("account", domain, local)


def check_quota(directory: Directory, name: Name, quota: int) -> None:
    """The limit by itself, and with those of the others against the contract."""
    if text := wrong_quota(quota, directory.settings.service):
        raise Refused(text)
    try:
        contract = directory.domain(name.domain)
        before = directory.cache.get(name)
        others, number = directory.cache.given(name.domain, GIB, without=name.local)
    except (Broken, sqlite3.Error) as error:
        raise refusal(error) from error
    if before is not None and quota <= (before.quota or 0):
        return  # less is always a step towards the contract, also where a hand has passed it
    if contract is None:
        raise Missing(f"there is no domain {name.domain}")
    if text := over_capacity(others + quota, number + 1, contract.capacity):
        raise Refused(f"{name.domain}: {text}")


def changes_of(directory: Directory, name: Name, change: AccountChange) -> dict[edit.Key, Any]:
    """The keys of the file that a change sets."""
    changes: dict[edit.Key, Any] = {}
    if isinstance(change.password, Hashed):
        changes["password"] = change.password.argon2id
        changes["scram_sha_256"] = change.password.scram_sha_256
    if change.aliases is not None:
        for alias in change.aliases:
            if alias.lower() == name.local:
                raise Refused(f"{alias} is the account's own name")
            check_free(directory, Name("account", name.domain, alias.lower()), alias_of=name.local)
    if change.autoreply is not None:
        changes["autoreply"] = change.autoreply.model_dump(mode="json", by_alias=True)
    plain = {
        "quota": None if change.quota is None else format_size(change.quota),
        "quota_messages": change.quota_messages or None,
        "comment": change.comment,
        "aliases": change.aliases,
        "send_as": change.send_as,
        "forward.to": change.forward_to,
        "forward.keep_copy": change.keep_copy,
        "spam.tag_subject": change.tag_subject,
        "spam.to_junk": change.to_junk,
        "receive": change.receive,
        "suspended": change.suspended,
    }
    for key, value in plain.items():
        if value is not None:
            changes[key] = list(value) if isinstance(value, tuple) else value
    if change.quota_messages == 0:
        changes["quota_messages"] = edit.REMOVE
    return changes


def needed_for(directory: Directory, name: Name) -> str | None:
    """What an account is still needed for."""
    contract = directory.files.look(Name("domain", name.domain))
    file = contract.content if contract else None
    if isinstance(file, DomainFile) and _address(name) in file.administrator_addresses:
        return f"is an administrator of {name.domain}"
    if isinstance(file, DomainFile) and file.catch_all == _address(name):
        return f"is the catch-all of {name.domain}"
    return "is an operator (kwcmaild.yaml)" if _address(name) in directory.settings.operators else None


def forget_account(directory: Directory, name: Name) -> None:
    """Gone, in every process, with its failures and locks."""
    try:
        directory.files.forget(name)
        with _lockout(directory) as lockout:
            lockout.forget(_address(name))
        with _sending(directory) as sending:
            sending.unhold(_address(name))
        panel.forget(directory.settings.data / "state", account=_address(name))
    except sqlite3.Error:
        return  # the background pass sees that it is gone


def _forget_former(directory: Directory, name: Name) -> None:
    """Whoever had the address before may have been deleted by hand, or by a process that was killed over it: with a
    token of theirs nobody gets into the new account."""
    try:
        panel.forget(directory.settings.data / "state", account=_address(name))
    except sqlite3.Error as error:
        raise refusal(error) from error


def _known(directory: Directory, name: Name) -> Known:
    known = directory.files.look(name)
    if known is None:
        raise Missing(f"there is no account {_address(name)}")
    return known


def _summary(name: Name, known: Known) -> AccountSummary:
    file = known.content if isinstance(known.content, AccountFile) else AccountFile()
    return AccountSummary(
        _address(name),
        file.quota,
        file.quota_messages,
        file.comment,
        file.aliases,
        file.forward.to,
        file.forward.keep_copy,
        file.receive,
        file.suspended,
        known.problem,
    )


@contextmanager
def _lockout(directory: Directory) -> Iterator[Lockout]:
    lockout = Lockout(directory.settings.data / "state", directory.settings.auth, directory.clock)
    try:
        yield lockout
    finally:
        lockout.close()


@contextmanager
def _sending(directory: Directory) -> Iterator[Sending]:
    sending = Sending(directory.settings.data / "state", directory.clock)
    try:
        yield sending
    finally:
        sending.close()


def _address(name: Name) -> str:
    return f"{name.local}@{name.domain}"
