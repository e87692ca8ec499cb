"""Mailboxes on other servers whose mail an account fetches. Passwords go in and never come out."""

from storage import admin_fetch
from storage.admin_fetch import Fetch
from web.office import Office
from web.person import Person, Right, allow


async def every(office: Office, person: Person, address: str) -> list[Fetch]:
    allow(person, Right.ACCOUNT_SEE, address=address)
    return await office.run(admin_fetch.list_fetches, office.directory, address)


async def add(office: Office, person: Person, address: str, fetch: Fetch, password: str) -> Fetch:
    allow(person, Right.ACCOUNT_POP_FETCH, address=address)
    made = await office.run(admin_fetch.add_fetch, office.directory, address, fetch, password)
    await _audit(office, person, address, f"add {_said(made)}")
    return made


async def change(
    office: Office, person: Person, address: str, key: str, fetch: Fetch, password: str | None
) -> Fetch:
    """Without a password the old one stays, as long as server and user name do."""
    allow(person, Right.ACCOUNT_POP_FETCH, address=address)
    changed = await office.run(admin_fetch.set_fetch, office.directory, address, key, fetch, password)
    await _audit(office, person, address, f"change {_said(changed)}")
    return changed


async def delete(office: Office, person: Person, address: str, key: str) -> Fetch:
    allow(person, Right.ACCOUNT_POP_FETCH, address=address)
    gone = await office.run(admin_fetch.delete_fetch, office.directory, address, key)
    await _audit(office, person, address, f"delete {_said(gone)}")
    return gone


async def _audit(office: Office, person: Person, address: str, details: str) -> None:
    await office.audit(person, Right.ACCOUNT_POP_FETCH, subject=address, details=details)


def _said(fetch: Fetch) -> str:
    return (
        f"{fetch.login} at {fetch.server}:{fetch.port} tls={fetch.tls} keep={fetch.keep} on={fetch.enabled}"
    )
