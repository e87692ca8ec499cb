"""What an account signs in with besides its password: app passwords, and the second factor for the panel.

Written into the account's file like everything that an administrator may want to see and take away by hand; kept
so that a thief of the file can sign in with none of it but the second factor's secret, which is worth nothing
without the password.
"""

import re
from collections.abc import Sequence
from datetime import date

from config import edit
from config.account import AccountFile, AppPassword, TwoFactor
from storage.admin import find_account
from storage.admin_files import Missing, Refused, read_text, write_checked
from storage.people import passwords
from storage.people.directory import Directory
from storage.people.directory_cache import Name

MOST_APP_PASSWORDS = 50  # each is tried at a login


def add_app_password(directory: Directory, address: str, label: str, today: date) -> str:
    """A new app password, which nobody can be shown again."""
    label = re.sub(r"\s+", " ", label).strip()
    if not label or len(label) > 100:
        raise Refused("give the app password a name of at most 100 characters")
    name, account = _account(directory, address)
    if any(each.name == label for each in account.app_passwords):
        raise Refused(f"there is an app password {label} already")
    if len(account.app_passwords) >= MOST_APP_PASSWORDS:
        raise Refused(f"an account has at most {MOST_APP_PASSWORDS} app passwords")
    shown, kept = passwords.new_app_password()
    made = AppPassword(name=label, sha256=kept, created=today)
    _write_app_passwords(directory, name, (*account.app_passwords, made))
    return shown


def delete_app_password(directory: Directory, address: str, label: str) -> None:
    name, account = _account(directory, address)
    left = tuple(each for each in account.app_passwords if each.name != label)
    if len(left) == len(account.app_passwords):
        raise Missing(f"there is no app password {label}")
    _write_app_passwords(directory, name, left)


def set_two_factor(directory: Directory, address: str, factor: TwoFactor | None) -> None:
    """Ask for a one-time password at the panel from now on, or no longer."""
    name, _ = _account(directory, address)
    value = edit.REMOVE if factor is None else _factor(factor)
    text = read_text(directory, name)
    write_checked(directory, name, text, {"two_factor": value}, edit.digest(text))


def use_recovery_code(directory: Directory, address: str, digest: str) -> bool:
    """Whether it was a code that was not used yet; from now on it is."""
    name, account = _account(directory, address)
    factor = account.two_factor
    if factor is None or digest not in factor.recovery_codes:
        return False
    left = tuple(each for each in factor.recovery_codes if each != digest)
    text = read_text(directory, name)
    kept = _factor(factor.model_copy(update={"recovery_codes": left}))
    write_checked(directory, name, text, {"two_factor": kept}, edit.digest(text))
    return True


def _account(directory: Directory, address: str) -> tuple[Name, AccountFile]:
    name = find_account(directory, address)
    known = directory.files.look(name)
    if known is None or not isinstance(known.content, AccountFile) or known.problem:
        raise Refused(f"the file of {address} cannot be read as it is: see `kwcmaild check`")
    return name, known.content


def _write_app_passwords(directory: Directory, name: Name, wanted: Sequence[AppPassword]) -> None:
    values = [
        {"name": each.name, "sha256": each.sha256, **({"created": each.created} if each.created else {})}
        for each in wanted
    ]
    text = read_text(directory, name)
    write_checked(directory, name, text, {"app_passwords": values}, edit.digest(text))


def _factor(factor: TwoFactor) -> dict[str, object]:
    return {"secret": factor.secret, "recovery_codes": list(factor.recovery_codes)}
