"""Signing in and out, and the list of one's own sessions.

With a second factor signing in has two steps. Between them the browser holds a ticket: who has proved the
password, until when, signed with a key that only this process has. Wrong codes are counted as wrong passwords
are, so they lock.
"""

import hmac
import secrets
from dataclasses import dataclass

from config.account import AccountFile, TwoFactor
from storage import admin_secrets
from storage.errors import LoginRefused
from storage.people import totp
from storage.state.panel import Session
from web.office import Office, mark_of
from web.person import Person, Right, allow
from web.turns import away

TICKET_FOR = 300  # seconds between password and code

_KEY = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The secret of a new session; or, where a code is asked for, the ticket to come back with."""

    secret: str = ""
    ticket: str = ""


async def sign_in(
    office: Office, login: str, password: str, *, peer: str, agent: str, trace: str
) -> SignedIn:
    """The first step. Raises LoginRefused, LoginUnavailable."""
    async with away():
        address = await office.store.logins.check(
            login, password, peer=peer, protocol="web", trace=trace, apps=False
        )
    account = await office.run(_account, office, address)
    if account.two_factor is not None:
        return SignedIn(ticket=_ticket(address, mark_of(account), int(office.now()) + TICKET_FOR))
    return SignedIn(await _begin(office, address, mark_of(account), peer, agent))


async def second_step(office: Office, ticket: str, code: str, *, peer: str, agent: str) -> SignedIn:
    """The second step, with a code of the telephone or a recovery code. Raises LoginRefused."""
    address, mark = _holder(ticket, office.now())
    account = await office.run(_account, office, address)
    if account.two_factor is None or mark_of(account) != mark:
        raise LoginRefused("something was changed meanwhile")
    if not await office.run(_right_code, office, address, account.two_factor, code, peer):
        raise LoginRefused("wrong code")
    account = await office.run(_account, office, address)  # one recovery code less
    return SignedIn(await _begin(office, address, mark_of(account), peer, agent))


async def sign_out(office: Office, person: Person, session: Session) -> None:
    await office.run(office.panel.end, person.address, session.id)
    await office.audit(person, "session.end", subject=person.address)


async def own(office: Office, person: Person) -> list[Session]:
    """Where this person is signed in."""
    allow(person, Right.OWN_SECURITY, address=person.address)
    return await office.run(office.panel.sessions, person.address)


async def end(office: Office, person: Person, session: int | None, *, other_than: int | None = None) -> int:
    """End one of one's own sessions, or all others; how many there were."""
    allow(person, Right.OWN_SECURITY, address=person.address)
    ended = await office.run(office.panel.end, person.address, session, other_than=other_than)
    await office.audit(person, "session.end", subject=person.address, details=str(ended))
    return ended


async def _begin(office: Office, address: str, mark: str, peer: str, agent: str) -> str:
    secret = await office.run(office.panel.begin, address, mark, peer, agent)
    await office.audit(address, "session.begin", subject=address, peer=peer)
    return secret


def _account(office: Office, address: str) -> AccountFile:
    entry = office.directory.account(address)
    if entry is None or entry.file.suspended:
        raise LoginRefused("gone")
    return entry.file


def _right_code(office: Office, address: str, factor: TwoFactor, code: str, peer: str) -> bool:
    lockout = office.store.logins.lockout
    if lockout.locked(address, peer) is not None:
        return False
    step = totp.step_of(factor.secret, code, office.now())
    if step is not None and office.panel.use_step(address, step):
        return True
    if step is None and admin_secrets.use_recovery_code(
        office.directory, address, totp.recovery_digest(code)
    ):
        return True
    lockout.failed(address, peer, f"code:{code}")
    return False


def _ticket(address: str, mark: str, until: int) -> str:
    text = f"{address}|{mark}|{until}"
    return f"{text}|{_signature(text)}"


def _holder(ticket: str, now: float) -> tuple[str, str]:
    text, _, signature = ticket.rpartition("|")
    if not hmac.compare_digest(_signature(text).encode(), signature.encode("utf-8", "replace")):
        raise LoginRefused("no ticket")
    address, mark, until = text.split("|")
    if now > int(until):
        raise LoginRefused("the ticket is too old")
    return address, mark


def _signature(text: str) -> str:
    return hmac.digest(_KEY, text.encode("utf-8", "surrogatepass"), "sha256").hex()
