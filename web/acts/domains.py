"""Domains and their contracts: made by the operator, looked after by their administrators.

An administrator may name as administrator or catch-all only accounts of the domain itself (and whoever has the part
already): else the answer would tell which accounts other domains have.
"""

from collections.abc import Iterable

from config.domain import Administrator, DomainFile
from storage import admin_domains
from storage.admin_domains import DomainChange, DomainSummary
from storage.admin_files import Refused, digest_of
from web.office import Office
from web.person import Person, Right, allow


async def every(office: Office, person: Person) -> list[DomainSummary]:
    """The domains that are this person's to see, by name."""
    allow(person, Right.DOMAINS_SEE)
    if person.operator:
        return await office.run(admin_domains.contracts, office.directory)
    mine = sorted(person.domains)
    return await office.run(
        lambda: [admin_domains.show_domain(office.directory, each, exact=False) for each in mine]
    )


async def show(office: Office, person: Person, domain: str) -> DomainSummary:
    """One domain with its contract."""
    allow(person, Right.DOMAIN_SEE, domain)
    return await office.run(admin_domains.show_domain, office.directory, domain, exact=False)


async def digest(office: Office, person: Person, domain: str) -> str:
    """Of the domain's file, by which a later change knows that it still is the same."""
    allow(person, Right.DOMAIN_SEE, domain)
    return await office.run(_digest, office, domain)


async def add(office: Office, person: Person, domain: str, change: DomainChange) -> DomainSummary:
    """A new domain without accounts."""
    allow(person, Right.DOMAIN_CREATE)
    made = await office.run(admin_domains.add_domain, office.directory, domain, change)
    office.roles.forget()
    await office.audit(person, Right.DOMAIN_CREATE, subject=made.domain, details=_details(change))
    return made


async def change(
    office: Office, person: Person, domain: str, wanted: DomainChange, *, seen: str | None = None
) -> DomainSummary:
    """Capacity, administrators, catch-all, retention: each needs its own right."""
    rights = needed(wanted)
    for right in rights:
        allow(person, right, domain)
    if not person.operator:
        await office.run(_refuse_strangers, office, domain, wanted)
    changed = await office.run(admin_domains.set_domain, office.directory, domain, wanted, seen=seen)
    office.roles.forget()
    for right in rights:
        await office.audit(person, right, subject=changed.domain, details=_details(wanted))
    return changed


async def delete(
    office: Office, person: Person, domain: str, *, with_accounts: bool, keep_mail: bool
) -> None:
    """The domain goes, with all that is in it where that is wanted."""
    allow(person, Right.DOMAIN_DELETE, domain)
    await office.run(
        admin_domains.delete_domain,
        office.directory,
        domain,
        with_accounts=with_accounts,
        keep_mail=keep_mail,
    )
    details = "mail kept" if keep_mail else "mail deleted"
    await office.audit(person, Right.DOMAIN_DELETE, subject=domain, details=details)


def needed(wanted: DomainChange) -> list[Right]:
    """The rights that a change needs; also a change of nothing needs one."""
    rights = []
    if wanted.capacity is not None:
        rights.append(Right.DOMAIN_CAPACITY)
    if wanted.administrators is not None:
        rights.append(Right.DOMAIN_ADMINISTRATORS)
    others = (wanted.catch_all, wanted.archive_after, wanted.trash)
    if not rights or any(each is not None for each in others):
        rights.append(Right.DOMAIN_SETTINGS)
    return rights


def _digest(office: Office, domain: str) -> str:
    return digest_of(office.directory, admin_domains.find_domain(office.directory, domain))


def _refuse_strangers(office: Office, domain: str, wanted: DomainChange) -> None:
    file = office.directory.domain(domain) or DomainFile()
    known = {*file.administrator_addresses, file.catch_all}
    for address in (*_addresses(wanted.administrators or ()), *filter(None, [wanted.catch_all])):
        if address.lower() not in known and address.lower().rpartition("@")[2] != domain:
            raise Refused(f"{address} is not an account of {domain}")


def _addresses(administrators: Iterable[str | Administrator]) -> list[str]:
    return [each if isinstance(each, str) else each.address for each in administrators]


def _details(change: DomainChange) -> str:
    """What was set, for the audit log."""
    said = []
    if change.capacity is not None:
        said.append(f"capacity={change.capacity}")
    if change.administrators is not None:
        said.append("administrators=" + ",".join(_written(each) for each in change.administrators))
    for name in ("catch_all", "archive_after", "trash"):
        if (value := getattr(change, name)) is not None:
            said.append(f"{name}={value}")
    return " ".join(said)


def _written(administrator: str | Administrator) -> str:
    if isinstance(administrator, str) or not administrator.may:
        return administrator if isinstance(administrator, str) else administrator.address
    return f"{administrator.address}({'+'.join(administrator.may)})"
