"""Making, changing and deleting addresses that only forward. As `storage.admin` does accounts: they stand together
in the domain's `forwards.yaml`, in which people write too, so only the line of the address is changed.

Invariants: an address that somebody has already is refused, and so is one that leads to itself; nothing is written
into a file that cannot be read as it is.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from config import edit
from config.forwards import ForwardsFile
from config.splice import tree_of
from config.tree import Pairs
from config.values import mail_address, own_address
from storage.admin_files import Missing, Refused, check_free, contract_lock, read_text, refusal, write_checked
from storage.people.address import AddressError, canonical
from storage.people.directory import Directory
from storage.people.directory_cache import Name


@dataclass(frozen=True, slots=True)
class Forward:
    """An address that only forwards, and the addresses that get its mail."""

    address: str
    to: tuple[str, ...]


def add_forward(directory: Directory, address: str, to: Sequence[str]) -> Forward:
    """A new address."""
    local, name = _parsed(directory, address)
    targets = _targets(f"{local}@{name.domain}", to)
    with contract_lock(directory, name.domain):
        check_free(directory, Name("account", name.domain, local))
        _write(directory, name, local, list(targets))
    return Forward(f"{local}@{name.domain}", targets)


def set_forward(directory: Directory, address: str, to: Sequence[str]) -> Forward:
    """Other addresses for one that there is; all of them are given."""
    local, name = _parsed(directory, address)
    targets = _targets(f"{local}@{name.domain}", to)
    with contract_lock(directory, name.domain):
        _existing(directory, name, local)
        _write(directory, name, local, list(targets))
    return Forward(f"{local}@{name.domain}", targets)


def delete_forward(directory: Directory, address: str) -> Forward:
    """Take an address away; returns what it was."""
    local, name = _parsed(directory, address)
    with contract_lock(directory, name.domain):
        gone = _existing(directory, name, local)
        _write(directory, name, local, None)
    return gone


def show_forward(directory: Directory, address: str) -> Forward:
    local, name = _parsed(directory, address)
    return _existing(directory, name, local)


def list_forwards(directory: Directory, domain: str) -> list[Forward]:
    """All that a domain has, in the order of their names."""
    domain = domain.lower()
    if not directory.is_local(domain):
        raise Missing(f"there is no domain {domain}")
    content = _content(directory, Name("forwards", domain))
    return [Forward(f"{local}@{domain}", to) for local, to in sorted(content.root.items())]


def _write(directory: Directory, name: Name, local: str, to: list[str] | None) -> None:
    """Set (None: take away) one address, under the name by which the file knows it."""
    exists = name.path(directory.files.domains).exists()
    text = read_text(directory, name) if exists else ""
    try:
        tree = tree_of(text.removeprefix("\ufeff"))
    except edit.Unchangeable as error:
        raise refusal(error) from error
    keys = [key.text for key, _ in tree.pairs] if isinstance(tree, Pairs) else []
    written = [key for key in keys if key.lower() == local] or [local]
    if len(written) > 1:
        raise Refused(f"{local} is given twice in forwards.yaml of {name.domain}: mend that by hand")
    changes: dict[edit.Key, object] = {(written[0],): edit.REMOVE if to is None else to}
    write_checked(directory, name, text, changes, edit.digest(text) if exists else None)


def _existing(directory: Directory, name: Name, local: str) -> Forward:
    to = _content(directory, name).root.get(local)
    if to is None:
        raise Missing(f"{local}@{name.domain} is no address that only forwards")
    return Forward(f"{local}@{name.domain}", to)


def _content(directory: Directory, name: Name) -> ForwardsFile:
    try:
        known = directory.files.look(name)
    except (sqlite3.Error, OSError) as error:
        raise refusal(error) from error
    if known is None:
        return ForwardsFile()
    if known.problem is not None or not isinstance(known.content, ForwardsFile):
        raise Refused(f"{name.path(directory.files.domains)}: {known.problem}")
    return known.content


def _targets(address: str, to: Sequence[str]) -> tuple[str, ...]:
    """The addresses as they are written into the file, each once."""
    targets: dict[str, str] = {}
    for each in to:
        try:
            written = mail_address(each.strip())
            targets.setdefault(canonical(written), written)
        except (ValueError, AddressError) as error:
            raise Refused(str(error)) from error
    if not targets:
        raise Refused("an address that only forwards needs at least one address to forward to")
    if address in targets:
        raise Refused(f"{address} would forward to itself")
    return tuple(targets.values())


def _parsed(directory: Directory, address: str) -> tuple[str, Name]:
    """The local part, and the file that its domain has."""
    try:
        local, _, domain = own_address(address).rpartition("@")
    except ValueError as error:
        raise Refused(str(error)) from error
    if not directory.is_local(domain):
        raise Missing(f"there is no domain {domain}")
    return local, Name("forwards", domain)
