"""Everything that is wrong in `kwcmaild.yaml` and all the files below `domains`, at once.

The models judge each file by itself (`config.load`); here the files are held against one another and against
the machine: clashes of names, limits past the contract's capacity, addresses that nobody has, certificates
that are missing or do not fit, names of files that nobody reads. Of two that clash the one that would lose is
the problem: account before list before forward before alias.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from config.account import AccountFile
from config.contract import over_capacity, wrong_capacity, wrong_list, wrong_quota
from config.domain import DomainFile
from config.fields import Location
from config.forwards import ForwardsFile
from config.list import ListFile
from config.load import line_of, read
from config.machine import machine_problems
from config.problem import ConfigError, Problem
from config.settings import Service, Settings
from config.tree import Fault, Node, parse, plain
from config.values import own_domain, own_local_part

Model = TypeVar("Model", bound=BaseModel)

_IN_A_DOMAIN = ("domain.yaml", "accounts", "lists", "forwards.yaml", "dkim")


@dataclass(slots=True)
class _Domain:
    """What is known of a domain once its files are read."""

    name: str
    folder: Path
    accounts: dict[str, AccountFile | None] = field(default_factory=dict)  # None: its file is broken
    taken: dict[str, Path] = field(default_factory=dict)  # local part → the file that has it


class _Found:
    """The problems found so far, and the trees that tell their lines, parsed only when there is one."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._last: tuple[Path, Node | None] | None = None

    def add(self, path: Path, location: Location, text: str) -> None:
        """A problem of a key; the line is looked up in the file."""
        if self._last is None or self._last[0] != path:
            self._last = (path, _tree(path))
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(
            "."
        )
        self.problems.append(Problem(path, line_of(self._last[1], location), key, text))

    def file(self, path: Path, text: str) -> None:
        """A problem of a file or folder as a whole."""
        self.problems.append(Problem(path, 1, "", text))

    def read(self, model: type[Model], path: Path) -> Model | None:
        try:
            return read(model, path)
        except ConfigError as error:
            self.problems.extend(error.problems)
            return None


def check(path: Path) -> list[Problem]:
    """Every problem of an installation, by its `kwcmaild.yaml`."""
    found = _Found()
    settings = found.read(Settings, path)
    if settings is not None:
        for location, text in machine_problems(settings):
            found.add(path, location, text)
        service, folder = settings.service, settings.domains
    else:
        # The domains can be judged although the settings cannot be used yet.
        service, folder = Service(), _domains_of(path)
        if not folder.is_dir():
            return found.problems
    if not folder.is_dir():
        found.add(path, ("domains",), f"there is no folder {folder}")
        return found.problems
    domains = [
        _check_domain(found, entry, service)
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    ]
    known = {f"{local}@{domain.name}" for domain in domains for local in domain.accounts}
    if settings is not None:
        for number, address in enumerate(settings.operators):
            if address not in known:
                found.add(path, ("operators", number), f"there is no account {address}")
        if settings.default_domain and settings.default_domain not in {domain.name for domain in domains}:
            found.add(path, ("default_domain",), f"there is no domain {settings.default_domain} in {folder}")
    for domain in domains:
        _check_references(found, domain, known)
    return found.problems


def _domains_of(path: Path) -> Path:
    tree = _tree(path)
    value = plain(tree) if tree else None
    named = value.get("domains") if isinstance(value, dict) else None
    return path.absolute().parent / (named if isinstance(named, str) else "domains")


def _tree(path: Path) -> Node | None:
    try:
        return parse(path.read_text("utf-8-sig"))
    except (OSError, UnicodeError, Fault):
        return None


def _check_domain(found: _Found, folder: Path, service: Service) -> _Domain:
    domain = _Domain(folder.name.lower(), folder)
    _check_name(found, folder, folder.name, own_domain)
    for entry in sorted(folder.iterdir()):
        if entry.name not in _IN_A_DOMAIN and not _left_over(entry.name):
            near = difflib.get_close_matches(entry.name, _IN_A_DOMAIN, n=1)
            found.file(entry, f'is not read (did you mean "{near[0]}"?)' if near else "is not read")
    contract = folder / "domain.yaml"
    file = None
    if contract.exists():
        file = found.read(DomainFile, contract)
    else:
        found.file(contract, "is missing")
    _check_accounts(found, domain, service)
    _check_lists(found, domain, service)
    _check_forwards(found, domain)
    _check_aliases(found, domain)
    if file is not None:
        _check_contract(found, domain, contract, file, service)
    return domain


def _check_name(found: _Found, path: Path, name: str, valid: Callable[[str], str]) -> None:
    """A domain's folder or an address's file has a name that is an address."""
    try:
        if valid(name) != name:
            found.file(path, f'the name must be in lower case: "{valid(name)}"')
    except ValueError as error:
        found.file(path, str(error))


def _files(found: _Found, folder: Path) -> Iterator[tuple[str, Path]]:
    """Local parts and files of a folder; what editors leave behind is passed over as the server does."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if _left_over(path.name):
            continue
        if path.suffix != ".yaml":
            found.file(path, "is not read: the name must end in .yaml")
            continue
        _check_name(found, path, path.stem, own_local_part)
        yield path.stem.lower(), path


def _left_over(name: str) -> bool:
    return name.startswith(".") or name.endswith(("~", ".swp", ".bak", ".orig", ".tmp", "#"))


def _check_accounts(found: _Found, domain: _Domain, service: Service) -> None:
    for local, path in _files(found, domain.folder / "accounts"):
        domain.taken[local] = path
        domain.accounts[local] = account = found.read(AccountFile, path)
        if account is None:
            continue
        if text := wrong_quota(account.quota, service):
            found.add(path, ("quota",), text)
        if f"{local}@{domain.name}" in (address.lower() for address in account.forward.to):
            found.add(path, ("forward", "to"), "the account forwards to itself")


def _check_lists(found: _Found, domain: _Domain, service: Service) -> None:
    folder, number = domain.folder / "lists", 0
    for local, path in _files(found, folder):
        number += 1
        _take(found, domain, local, path, ())
        content = found.read(ListFile, path)
        if content is None:
            continue
        for key, text in wrong_list(content.owner, content.members, content.posters, service):
            found.add(path, (key,), text)
        members = [each.address.lower() for each in content.members]
        for position, address in _repeated(members):
            found.add(path, ("members", position), f"{address} is given a second time")
    if number > service.lists:
        found.file(folder, f"{number} lists; {service.lists} are the most in a domain")


def _check_forwards(found: _Found, domain: _Domain) -> None:
    path = domain.folder / "forwards.yaml"
    if not path.exists() or (content := found.read(ForwardsFile, path)) is None:
        return
    written = plain(_tree(path)) or {}
    for number, _ in _repeated(key.lower() for key in written):
        name = list(written)[number]
        found.add(path, (name,), f"{name.lower()} is given a second time")
    for local, targets in content.root.items():
        name = next((key for key in written if key.lower() == local), local)
        _take(found, domain, local, path, (name,))
        if f"{local}@{domain.name}" in (address.lower() for address in targets):
            found.add(path, (name,), "the address forwards to itself")


def _check_aliases(found: _Found, domain: _Domain) -> None:
    for local, account in sorted(domain.accounts.items()):
        path = domain.folder / "accounts" / f"{local}.yaml"
        for number, alias in enumerate(account.aliases if account else ()):
            if domain.taken.get(alias) == path:
                own = "is the account's own name" if alias == local else "is given a second time"
                found.add(path, ("aliases", number), f"{alias} {own}")
            else:
                _take(found, domain, alias, path, ("aliases", number))


def _take(found: _Found, domain: _Domain, local: str, path: Path, location: Location) -> None:
    """The address is the file's, unless another file has it already."""
    first = domain.taken.setdefault(local, path)
    if first != path:
        inside = first.relative_to(domain.folder)
        found.add(path, location, f"{local}@{domain.name} is already taken by {inside}")


def _repeated(names: Iterable[str]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield number, name
        seen.add(name)


def _check_contract(
    found: _Found, domain: _Domain, path: Path, content: DomainFile, service: Service
) -> None:
    quotas = [account.quota for account in domain.accounts.values() if account is not None]
    for text in (
        wrong_capacity(content.capacity, service),
        over_capacity(sum(quotas), len(quotas), content.capacity),
    ):
        if text:
            found.add(path, ("capacity",), text)
    for number, selector in enumerate(content.dkim_selectors):
        key = domain.folder / "dkim" / f"{selector}.pem"
        if not key.is_file():
            found.add(path, ("dkim_selectors", number), f"there is no key {key}")
        elif key.stat().st_mode & 0o007:
            found.file(key, "everybody on this machine can read it; it should be 0600")


def _check_references(found: _Found, domain: _Domain, known: set[str]) -> None:
    """Addresses in `domain.yaml` that must be accounts here."""
    path = domain.folder / "domain.yaml"
    try:
        content = read(DomainFile, path)
    except ConfigError:
        return  # said already
    for number, administrator in enumerate(content.administrators):
        if administrator.address not in known:
            found.add(path, ("administrators", number), f"there is no account {administrator.address}")
    if content.catch_all and content.catch_all not in known:
        found.add(path, ("catch_all",), f"there is no account {content.catch_all}")
