"""Mailboxes on other servers whose mail an account fetches (POP3): kept in the account's YAML, as `storage.admin`
keeps the rest of it.

Invariants: a password is written sealed (`storage.state.sealed`) for this account, server and login, so changing
one of those needs the password again; it is never given back to whoever asks. Of one mailbox there is one entry.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from config import edit
from config.account import AccountFile
from config.pop_fetch import PopFetch
from config.values import host_name
from storage.admin import find_account
from storage.admin_files import Missing, Refused, contract_lock, read_text, refusal, write_checked
from storage.people.directory import Directory
from storage.people.directory_cache import Name
from storage.state.sealed import seal

MOST = 5  # of one account

Tls = Literal["implicit", "starttls", "none"]


@dataclass(frozen=True, slots=True)
class Fetch:
    """One mailbox elsewhere, without its password. `key` names it among the account's."""

    server: str
    login: str
    port: int = 995
    tls: Tls = "implicit"
    keep: bool = True
    enabled: bool = True

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.server}\0{self.login}".encode()).hexdigest()[:16]


def list_fetches(directory: Directory, address: str) -> list[Fetch]:
    """In the order of the file."""
    return [_fetch(each) for each in _file(directory, find_account(directory, address)).pop_fetch]


def add_fetch(directory: Directory, address: str, fetch: Fetch, password: str, *, most: int = MOST) -> Fetch:
    """One more."""
    name, fetch = find_account(directory, address), _checked(fetch)
    with contract_lock(directory, name.domain):
        there = _file(directory, name).pop_fetch
        if len(there) >= most:
            raise Refused(f"an account may fetch from {most} mailboxes at most")
        if any(_fetch(each).key == fetch.key for each in there):
            raise Refused(f"{fetch.login} at {fetch.server} is fetched already")
        entry = _entry(fetch, _sealed(directory, name, fetch, password))
        _write(directory, name, [*(_written(each) for each in there), entry])
    return fetch


def set_fetch(directory: Directory, address: str, key: str, fetch: Fetch, password: str | None) -> Fetch:
    """Change one; without a password the old one stays, as long as it is for the same mailbox."""
    name, fetch = find_account(directory, address), _checked(fetch)
    with contract_lock(directory, name.domain):
        there = list(_file(directory, name).pop_fetch)
        number = _number(there, key)
        if password is None and fetch.key != key:
            raise Refused("another server or user name needs its password")
        if fetch.key != key and any(_fetch(each).key == fetch.key for each in there):
            raise Refused(f"{fetch.login} at {fetch.server} is fetched already")
        sealed = there[number].password if password is None else _sealed(directory, name, fetch, password)
        entries: list[dict[str, Any]] = [_written(each) for each in there]
        entries[number] = _entry(fetch, sealed)
        _write(directory, name, entries)
    return fetch


def delete_fetch(directory: Directory, address: str, key: str) -> Fetch:
    """Take one away, with its password; returns what it was."""
    name = find_account(directory, address)
    with contract_lock(directory, name.domain):
        there = list(_file(directory, name).pop_fetch)
        gone = there.pop(_number(there, key))
        _write(directory, name, [_written(each) for each in there])
    return _fetch(gone)


def purpose(address: str, fetch: Fetch) -> str:
    """What a password is sealed for."""
    return f"pop_fetch {address} {fetch.login}@{fetch.server}"


def _sealed(directory: Directory, name: Name, fetch: Fetch, password: str) -> str:
    if not password or len(password) > 1000:
        raise Refused("the password has between 1 and 1,000 characters")
    try:
        state = directory.settings.data / "state"
        return seal(state, password, purpose(f"{name.local}@{name.domain}", fetch))
    except OSError as error:
        raise refusal(error) from error


def _checked(fetch: Fetch) -> Fetch:
    try:
        server = host_name(fetch.server.strip())
    except ValueError as error:
        raise Refused(str(error)) from error
    if not 1 <= fetch.port <= 65535:
        raise Refused("a port is a number from 1 to 65535")
    if not 1 <= len(fetch.login) <= 255 or not fetch.login.isprintable():
        raise Refused("the user name has between 1 and 255 characters")
    return replace(fetch, server=server)


def _entry(fetch: Fetch, sealed: str) -> dict[str, Any]:
    return {**asdict(fetch), "password": sealed}


def _written(each: PopFetch) -> dict[str, Any]:
    return each.model_dump(mode="json")


def _write(directory: Directory, name: Name, entries: list[dict[str, Any]]) -> None:
    text = read_text(directory, name)
    write_checked(directory, name, text, {"pop_fetch": entries}, edit.digest(text))


def _number(there: list[PopFetch], key: str) -> int:
    for number, each in enumerate(there):
        if _fetch(each).key == key:
            return number
    raise Missing("this mailbox is not fetched any more")


def _fetch(each: PopFetch) -> Fetch:
    fetch = Fetch(each.server, each.login)
    return replace(fetch, port=each.port, tls=each.tls, keep=each.keep, enabled=each.enabled)


def _file(directory: Directory, name: Name) -> AccountFile:
    known = directory.files.look(name)
    if known is None or not isinstance(known.content, AccountFile):
        raise Refused(f"{name.path(directory.files.domains)}: {known.problem if known else 'is missing'}")
    return known.content
