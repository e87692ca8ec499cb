"""Deleting an account so that it can be had back for some days.

The account's file goes first: from then on nobody logs in and nobody delivers. What it said is kept as
`account.yaml` in the folder of mail, and that folder is moved aside as `.<local>.deleted-<time>`, in which
form nobody finds it: a new account of the same name begins empty. Undeleting is the same backwards. When the days
are over, or at once where that is wanted, the folder goes for good.

Every step may be the last one (`_finish`): a folder that holds an `account.yaml` while there is no such account is
one whose deletion was cut off, and is moved aside by the relay process's timed work.
"""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config import edit
from config.account import AccountFile
from config.load import validate
from config.problem import ConfigError
from storage import admin_shares
from storage.admin import check_quota, find_account, forget_account, needed_for
from storage.admin_files import Refused, check_free, contract_lock, read_text, refusal, write_checked
from storage.durable import sync_dir
from storage.layout import account_dir
from storage.lock import AccountLock
from storage.people.directory import Directory
from storage.people.directory_cache import Name

KEPT = 7 * 86_400  # seconds
FILE = "account.yaml"

_ASIDE = re.compile(r"\.(?P<local>.+)\.deleted-(?P<at>[0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Deleted:
    """An account that can still be had back."""

    address: str
    at: float
    until: float
    comment: str
    quota: int
    folder: Path


def delete(directory: Directory, address: str) -> None:
    """Take an account away; for `KEPT` seconds `undelete` brings it back."""
    name = find_account(directory, address)
    with contract_lock(directory, name.domain):
        if reason := needed_for(directory, name):
            raise Refused(f"{name.local}@{name.domain} {reason}: change that first")
        text = read_text(directory, name)
        folder = account_dir(directory.settings.data, f"{name.local}@{name.domain}")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _keep_text(folder, text)
            admin_shares.take_back(directory, name, folder)
            edit.remove(name.path(directory.files.domains), edit.digest(text))
        except (edit.Changed, OSError) as error:
            raise refusal(error) from error
        forget_account(directory, name)
        _move_aside(folder, directory.clock())


def deleted(directory: Directory, domain: str) -> list[Deleted]:
    """Those of a domain, the latest first."""
    if not directory.is_local(domain):
        raise Refused(f"there is no domain {domain}")
    aside = _aside(directory.settings.data, domain)
    found = [_told(domain, local, at, folder) for local, at, folder in aside if (folder / FILE).exists()]
    return sorted(found, key=lambda each: -each.at)


def undelete(directory: Directory, address: str) -> None:
    """Bring back the account that was deleted last under an address, with its mail."""
    local, _, domain = address.rpartition("@")
    one = latest(directory, address)
    name = Name("account", domain, local)
    with contract_lock(directory, domain):
        check_free(directory, name)
        check_quota(directory, name, one.quota)
        folder = account_dir(directory.settings.data, address)
        text = _kept_text(one.folder)
        try:
            if folder.exists():  # of somebody who was still signed in: kept as long, but not mixed
                _move_aside(folder, directory.clock())
            os.rename(one.folder, folder)
            sync_dir(folder.parent)
            write_checked(directory, name, text, {}, None)
            admin_shares.give_again(directory, name, folder)
            (folder / FILE).unlink(missing_ok=True)
        except OSError as error:
            raise refusal(error) from error


def remove_deleted(directory: Directory, address: str) -> None:
    """Its mail goes for good, now."""
    _remove(latest(directory, address).folder)


def sweep(directory: Directory) -> int:
    """Remove what was kept long enough, and finish deletions that were cut off; how many were removed."""
    data, removed = directory.settings.data, 0
    with contextlib.suppress(FileNotFoundError):
        for domain in sorted(os.listdir(data / "mail")):
            _finish(directory, domain)
            for _, at, folder in _aside(data, domain):
                if at + KEPT < directory.clock():
                    _remove(folder)
                    removed += 1
    return removed


def latest(directory: Directory, address: str) -> Deleted:
    for each in deleted(directory, address.rpartition("@")[2]):
        if each.address == address:
            return each
    raise Refused(f"{address} was not deleted within the last days")


def _aside(data: Path, domain: str) -> Iterator[tuple[str, float, Path]]:
    """Local part, time and folder of what was moved aside."""
    try:
        names = os.listdir(data / "mail" / domain)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        if match := _ASIDE.fullmatch(name):
            yield match["local"], int(match["at"]) / 1e9, data / "mail" / domain / name


def _finish(directory: Directory, domain: str) -> None:
    """Move aside what a deletion has left at its place."""
    mail = directory.settings.data / "mail" / domain
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(mail):
            if not name.startswith(".") and (mail / name / FILE).exists():
                with contract_lock(directory, domain):
                    account = Name("account", domain, name)
                    if account.path(directory.files.domains).exists():  # undeleted, and cut off before this
                        admin_shares.give_again(directory, account, mail / name)
                        (mail / name / FILE).unlink(missing_ok=True)
                    else:
                        _move_aside(mail / name, directory.clock())


def _move_aside(folder: Path, now: float) -> None:
    """Out of the way of a new account of the same name.

    The lock becomes another file with the same words in it: whoever still has the account open finds that the one
    he knows is gone, and what a dead process left half done is still said."""
    with contextlib.suppress(FileNotFoundError):
        lock = AccountLock(folder / "lock")
        try:
            lock.acquire()
            try:
                (folder / ".lock.new").write_bytes((folder / "lock").read_bytes())
                os.rename(folder / ".lock.new", folder / "lock")
                os.rename(folder, folder.with_name(f".{folder.name}.deleted-{int(now * 1e9)}"))
                sync_dir(folder.parent)
            finally:
                lock.release()
        finally:
            lock.close()


def _remove(folder: Path) -> None:
    going = folder.with_name(f"{folder.name}.removed-{time.time_ns()}")
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder, going)
        sync_dir(folder.parent)
        shutil.rmtree(going)


def _keep_text(folder: Path, text: str) -> None:
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    sync_dir(folder)


def _kept_text(folder: Path) -> str:
    try:
        return edit.read_text(folder / FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(error) from error


def _told(domain: str, local: str, at: float, folder: Path) -> Deleted:
    try:
        account = validate(AccountFile, (folder / FILE).read_bytes(), folder / FILE)
    except (OSError, ConfigError):
        account = AccountFile()
    return Deleted(f"{local}@{domain}", at, at + KEPT, account.comment, account.quota, folder)
