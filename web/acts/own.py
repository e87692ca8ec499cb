"""What people do about the security of their own account: password, second factor, app passwords.

Each asks for the current password (ASVS 3.7.1): a browser left open for a minute must not be enough to take over an
account. A wrong one counts as a failed login.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from config.account import AppPassword, TwoFactor
from storage import admin_secrets
from storage.admin import AccountChange
from storage.admin_files import Refused
from storage.errors import LoginRefused, LoginUnavailable
from storage.people import totp
from storage.state.panel import Session
from web.acts import accounts
from web.office import Office, mark_of
from web.person import Person, Right, allow
from web.turns import away


class WrongPassword(Refused):
    """The current password was not right."""


@dataclass(frozen=True, slots=True)
class Security:
    """What an account signs in with, and where it is signed in."""

    sessions: list[Session]
    app_passwords: tuple[AppPassword, ...]
    two_factor: bool
    recovery_codes: int  # that are left


async def show(office: Office, person: Person) -> Security:
    allow(person, Right.OWN_SECURITY, address=person.address)
    account = await accounts.file(office, person, person.address)
    factor = account.two_factor
    return Security(
        await office.run(office.panel.sessions, person.address),
        account.app_passwords,
        factor is not None,
        len(factor.recovery_codes) if factor else 0,
    )


async def set_password(
    office: Office, person: Person, session: Session | None, current: str, new: str
) -> None:
    """Every other session of the account ends with it; by a token (no session), every one."""
    allow(person, Right.ACCOUNT_PASSWORD, address=person.address)
    await _prove(office, person, current)
    if new == current:
        raise Refused("that is the password you have")
    await accounts.change(office, person, person.address, AccountChange(password=new), proved=True)
    await _go_on(office, person, session)


async def set_two_factor(
    office: Office, person: Person, session: Session | None, current: str, secret: str, code: str
) -> list[str]:
    """Ask for codes from now on, if the telephone has shown that it knows them; the recovery codes. Every other
    session ends; by a token (no session), every one."""
    allow(person, Right.OWN_SECURITY, address=person.address)
    await _prove(office, person, current)
    step = totp.step_of(secret, code, office.now())
    if step is None:
        raise Refused("the code is not right: look whether the clock of your telephone is")
    codes = totp.new_recovery_codes()
    factor = TwoFactor(secret=secret, recovery_codes=tuple(map(totp.recovery_digest, codes)))
    await office.run(admin_secrets.set_two_factor, office.directory, person.address, factor)
    await office.run(office.panel.use_step, person.address, step)
    await _go_on(office, person, session)
    await office.audit(person, Right.OWN_SECURITY, subject=person.address, details="two-factor on")
    return codes


async def two_factor_off(office: Office, person: Person, session: Session | None, current: str) -> None:
    allow(person, Right.OWN_SECURITY, address=person.address)
    await _prove(office, person, current)
    await office.run(admin_secrets.set_two_factor, office.directory, person.address, None)
    await _go_on(office, person, session)
    await office.audit(person, Right.OWN_SECURITY, subject=person.address, details="two-factor off")


async def add_app_password(office: Office, person: Person, current: str, label: str) -> str:
    """The new app password, which is shown once."""
    allow(person, Right.OWN_SECURITY, address=person.address)
    await _prove(office, person, current)
    today = datetime.fromtimestamp(office.now()).date()
    shown = await office.run(admin_secrets.add_app_password, office.directory, person.address, label, today)
    await office.audit(person, Right.OWN_SECURITY, subject=person.address, details=f"app password + {label}")
    return shown


async def delete_app_password(office: Office, person: Person, label: str) -> None:
    """Taking one back needs no password: it is what one does in a hurry."""
    allow(person, Right.OWN_SECURITY, address=person.address)
    await office.run(admin_secrets.delete_app_password, office.directory, person.address, label)
    accounts.throw_out(office, person.address)
    await office.audit(person, Right.OWN_SECURITY, subject=person.address, details=f"app password - {label}")


async def _prove(office: Office, person: Person, password: str) -> None:
    trace = secrets.token_hex(6)
    try:
        async with away():
            await office.store.logins.check(
                person.address, password, peer=person.peer, protocol="web", trace=trace, apps=False
            )
    except (LoginRefused, LoginUnavailable) as error:
        raise WrongPassword("the current password is not right") from error


async def _go_on(office: Office, person: Person, session: Session | None) -> None:
    """This session goes on though what it was begun with has changed; the others have ended."""
    if session is None:
        return

    def keep() -> None:
        entry = office.directory.account(person.address)
        if entry is not None:
            office.panel.keep(session.id, mark_of(entry.file))

    await office.run(keep)
