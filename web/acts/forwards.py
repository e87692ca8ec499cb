"""Addresses that only forward."""

from collections.abc import Sequence

from storage import admin_forwards
from storage.admin_forwards import Forward
from web.office import Office
from web.person import Person, Right, allow


async def every(office: Office, person: Person, domain: str) -> list[Forward]:
    """Those of a domain, by name."""
    allow(person, Right.FORWARDS_SEE, domain)
    return await office.run(admin_forwards.list_forwards, office.directory, domain)


async def show(office: Office, person: Person, address: str) -> Forward:
    allow(person, Right.FORWARDS_SEE, _domain(address))
    return await office.run(admin_forwards.show_forward, office.directory, address)


async def add(office: Office, person: Person, address: str, to: Sequence[str]) -> Forward:
    allow(person, Right.FORWARDS_EDIT, _domain(address))
    made = await office.run(admin_forwards.add_forward, office.directory, address, to)
    await office.audit(person, Right.FORWARDS_EDIT, subject=made.address, details=f"add {' '.join(made.to)}")
    return made


async def change(office: Office, person: Person, address: str, to: Sequence[str]) -> Forward:
    """Other targets; all of them are given."""
    allow(person, Right.FORWARDS_EDIT, _domain(address))
    changed = await office.run(admin_forwards.set_forward, office.directory, address, to)
    details = f"change {' '.join(changed.to)}"
    await office.audit(person, Right.FORWARDS_EDIT, subject=changed.address, details=details)
    return changed


async def delete(office: Office, person: Person, address: str) -> Forward:
    allow(person, Right.FORWARDS_EDIT, _domain(address))
    gone = await office.run(admin_forwards.delete_forward, office.directory, address)
    await office.audit(
        person, Right.FORWARDS_EDIT, subject=gone.address, details=f"delete {' '.join(gone.to)}"
    )
    return gone


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
