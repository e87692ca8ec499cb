"""Who administers what, without looking at every domain for every click.

Of the domains that somebody administers the file is looked at each time, so whoever is relieved is so at the next
click. All others are looked at every two seconds, together for everybody: a right that is given counts then.
"""

import os
import time
from collections.abc import Callable

from config.domain import DomainFile
from storage.errors import Broken
from storage.people.directory import Directory
from storage.people.directory_cache import Name

EVERY = 2.0  # seconds between two looks at all domains


class Roles:
    """Of one process. For threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked: float | None = None
        self._domains: dict[str, list[str]] = {}  # of each administrator

    def forget(self) -> None:
        """A contract was written here: look again."""
        self._looked = None

    def of(self, directory: Directory, address: str) -> list[tuple[str, DomainFile]]:
        """The domains that an account administers, with their contracts as they are now."""
        now = self._clock()
        if self._looked is None or not 0 <= now - self._looked < EVERY:
            self._domains = _administered(directory)
            self._looked = now
        found = ((domain, _contract(directory, domain)) for domain in self._domains.get(address, ()))
        return [(domain, file) for domain, file in found if file and address in file.administrator_addresses]


def _administered(directory: Directory) -> dict[str, list[str]]:
    with os.scandir(directory.settings.domains) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".")]
    found: dict[str, list[str]] = {}
    for domain in names:
        contract = _contract(directory, domain)
        for address in contract.administrator_addresses if contract else ():
            found.setdefault(address, []).append(domain)
    return found


def _contract(directory: Directory, domain: str) -> DomainFile | None:
    known = directory.files.known(Name("domain", domain))
    if known is not None and isinstance(known.content, DomainFile):
        return known.content
    try:
        return directory.domain(domain)
    except Broken:
        return None  # nobody is let in on the strength of a file that cannot be read
