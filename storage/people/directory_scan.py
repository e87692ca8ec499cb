"""What the files of a domain look like from outside: their stamps, and marks that say whether any has changed.

The background pass asks for marks of a hundred thousand files every few seconds, and nearly always nothing has
changed. So a mark is a hash over what the kernel says, made without a row of the cache, and costs half of what
comparing the stamps does. Marks hold within one process only.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from storage.people.directory_cache import Kind, Name, Stamp

_SINGLES: tuple[Kind, ...] = ("domain", "forwards")  # files that a domain has once
_FOLDERS: tuple[Kind, ...] = ("account", "list")  # those of which it has a folder


def scan(domains: Path, domain: str) -> Iterator[tuple[Kind, str, str]]:
    """Kind, local part and stamp of all files of a domain named `*.yaml`."""
    yield from _singles(domains, domain)
    for kind, entry, stat in _entries(domains, domain):
        yield kind, entry.name[:-5], str(Stamp.of(stat))


def folders_mark(domains: Path, domain: str) -> int:
    """Another one when a file has come, gone or been renamed, and when one of the two single files has changed."""
    above = Name("domain", domain).path(domains).parent
    mark = 0
    for path in (above, *(_folder(domains, domain, kind) for kind in _FOLDERS)):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            continue
        mark = hash((mark, path, found.st_ino, found.st_mtime_ns))
    return hash((mark, *_singles(domains, domain)))


def files_mark(domains: Path, domain: str) -> int:
    """Another one when any file has changed."""
    mark = hash(tuple(_singles(domains, domain)))
    for kind, entry, stat in _entries(domains, domain):
        one = (kind, entry.name, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
        mark = hash((mark, one))
    return mark


def _singles(domains: Path, domain: str) -> Iterator[tuple[Kind, str, str]]:
    for kind in _SINGLES:
        try:
            yield kind, "", str(Stamp.of(os.stat(Name(kind, domain).path(domains))))
        except FileNotFoundError:
            continue


def _entries(domains: Path, domain: str) -> Iterator[tuple[Kind, os.DirEntry[str], os.stat_result]]:
    for kind in _FOLDERS:
        try:
            entries = os.scandir(_folder(domains, domain, kind))
        except FileNotFoundError:
            continue
        with entries:
            for entry in entries:
                if not entry.name.endswith(".yaml"):
                    continue
                try:
                    yield kind, entry, entry.stat()
                except FileNotFoundError:
                    continue


def _folder(domains: Path, domain: str, kind: Kind) -> Path:
    return Name(kind, domain, "x").path(domains).parent
