"""What a domain publishes in DNS, whether it is there, and the DKIM keys that sign for it."""

import asyncio
import functools
from collections.abc import Sequence

from filters.publish import Found, Record, look, records
from storage import admin_dkim
from storage.admin_dkim import DkimKey
from storage.admin_domains import find_domain
from web.dns_looks import Look
from web.office import Office
from web.person import Person, Right, allow
from web.turns import away

PATIENCE = 4.0  # seconds for an answer; all are asked at once, and what has not come by then is unknown


async def wanted(office: Office, person: Person, domain: str) -> list[Record]:
    """The records to publish; nobody is asked."""
    allow(person, Right.DNS_SEE, domain)
    return await office.run(_records, office, domain)


async def check(office: Office, person: Person, domain: str) -> list[Found]:
    """The same, and what DNS has for each."""
    to_publish = await wanted(office, person, domain)
    async with away():
        return list(await asyncio.gather(*(_look(office, record) for record in to_publish)))


async def begin(office: Office, person: Person, domain: str) -> Look:
    """The same without waiting for all: what is known so far."""
    to_publish = await wanted(office, person, domain)
    return await office.dns_looks.at(domain, to_publish, functools.partial(_look, office))


async def _look(office: Office, record: Record) -> Found:
    try:
        (found,) = await asyncio.wait_for(look(office.resolver, [record]), PATIENCE)
    except TimeoutError:
        return Found(record, "unknown", advice="DNS did not answer in time")
    return found


async def keys(office: Office, person: Person, domain: str) -> list[DkimKey]:
    allow(person, Right.DNS_SEE, domain)
    return await office.run(admin_dkim.list_keys, office.directory, domain)


async def add_keys(office: Office, person: Person, domain: str, prefix: str, *, use: bool) -> list[DkimKey]:
    """An RSA and an Ed25519 key."""
    allow(person, Right.DOMAIN_SETTINGS, domain)
    made = await office.run(admin_dkim.add_keys, office.directory, domain, prefix, use=use)
    names = ",".join(key.selector for key in made)
    details = f"dkim add {names}{' in use' if use else ''}"
    await office.audit(person, Right.DOMAIN_SETTINGS, subject=domain, details=details)
    return made


async def use_keys(office: Office, person: Person, domain: str, selectors: Sequence[str]) -> list[DkimKey]:
    """These sign from now on, and no other."""
    allow(person, Right.DOMAIN_SETTINGS, domain)
    found = await office.run(admin_dkim.use_keys, office.directory, domain, selectors)
    await office.audit(
        person, Right.DOMAIN_SETTINGS, subject=domain, details=f"dkim use {','.join(selectors)}"
    )
    return found


async def delete_key(office: Office, person: Person, domain: str, selector: str) -> None:
    allow(person, Right.DOMAIN_SETTINGS, domain)
    await office.run(admin_dkim.delete_key, office.directory, domain, selector)
    await office.audit(person, Right.DOMAIN_SETTINGS, subject=domain, details=f"dkim delete {selector}")


def _records(office: Office, domain: str) -> list[Record]:
    find_domain(office.directory, domain)
    found = [(key.name, key.record) for key in admin_dkim.list_keys(office.directory, domain)]
    return records(office.settings(), domain, found, office.directory.domain(domain))
