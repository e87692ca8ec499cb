"""Writing files of the directory for a person who asked for it.

What is refused is refused with a sentence for that person (`Refused`), before anything is written. A change
is taken over into a copy of the text, the outcome validated as a whole, and written only if the file still is
what was read; then it counts in every process at once.
"""

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from config import edit
from config.forwards import ForwardsFile
from config.load import validate
from config.problem import ConfigError
from storage.people.directory import Directory
from storage.people.directory_cache import Name
from storage.people.directory_files import MODELS
from storage.state.statedb import open_state


class Refused(Exception):
    """What was asked for cannot be done; the text is for the person who asked."""


class Missing(Refused):
    """There is no such account, domain, list, …"""


class Stale(Refused):
    """It is not any more what the person had seen: somebody else was quicker."""


@contextmanager
def contract_lock(directory: Directory, domain: str) -> Iterator[None]:
    """One at a time hands out what a contract holds. The cache knows all files of the domain inside."""
    # a domain may have 253 letters, a file's name 255 octets
    name = domain if len(domain) < 200 else hashlib.sha256(domain.encode()).hexdigest()
    lock = open_state(directory.settings.data / "state" / f"contract-{name}.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            directory.refresh(domain)
        except (sqlite3.Error, OSError) as error:
            raise refusal(error) from error
        yield
    finally:
        os.close(lock)


def check_free(directory: Directory, name: Name, *, alias_of: str = "") -> None:
    """Refuse an address that somebody has: account before list before forward before alias."""
    domains, written = directory.files.domains, f"{name.local}@{name.domain}"
    if name.local != alias_of and Name("account", name.domain, name.local).path(domains).exists():
        raise Refused(f"{written} is an account already")
    if Name("list", name.domain, name.local).path(domains).exists():
        raise Refused(f"{written} is a mailing list")
    forwards = directory.files.look(Name("forwards", name.domain))
    if forwards is not None and forwards.problem is not None:
        raise Refused(f"forwards.yaml of {name.domain} cannot be read: {forwards.problem}")
    content = forwards.content if forwards is not None else None
    if isinstance(content, ForwardsFile) and name.local in content.root:
        raise Refused(f"{written} is a forward")
    for owner in directory.cache.owners(name.domain, name.local):
        if owner != alias_of:
            raise Refused(f"{written} is an alias of {owner}@{name.domain}")


def write_checked(
    directory: Directory, name: Name, text: str, changes: Mapping[edit.Key, Any], expected: str | None
) -> None:
    """Change keys of a file if the outcome is right; what is written counts at once."""
    path = name.path(directory.files.domains)
    try:
        if expected is not None and not text:
            validate(MODELS[name.kind], b"", path)  # an editor that has cut it, and is about to fill it?
        changed = edit.edit(text, changes)
        directory.write(name, changed, expected)
    except edit.Unchangeable as error:
        raise Refused(f"{path}: {error}") from error
    except (edit.Changed, ConfigError, OSError) as error:
        raise refusal(error) from error


def read_text(directory: Directory, name: Name) -> str:
    path = name.path(directory.files.domains)
    try:
        return edit.read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(error) from error


def seen_text(directory: Directory, name: Name, seen: str | None) -> str:
    """The same for a change; with `seen`, the digest of what the person looked at, only if it still is that."""
    text = read_text(directory, name)
    if seen is not None and edit.digest(text) != seen:
        raise Stale(f"{name.path(directory.files.domains).name} was changed meanwhile: look at it again")
    return text


def digest_of(directory: Directory, name: Name) -> str:
    """What `seen_text` compares."""
    return edit.digest(read_text(directory, name))


def refusal(error: Exception) -> Refused:
    """An error as a sentence for the person who asked."""
    if isinstance(error, edit.Changed):
        return Stale(f"{error.path} was changed meanwhile; nothing is written:\n{error.diff}")
    if isinstance(error, OSError):
        return Refused(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return Refused(str(error))
