"""The log of who changed what. It is only read here; every act writes its line itself (`Office.audit`)."""

from storage.state.panel import Entry
from web.office import Office
from web.person import Person, Right, allow

MOST = 50_000  # lines of an export


async def entries(
    office: Office, person: Person, domain: str | None, *, search: str = "", before: int | None, most: int
) -> list[Entry]:
    """Lines of a domain, or of everything, the latest first."""
    if domain:
        allow(person, Right.AUDIT_SEE, domain)
    else:
        allow(person, Right.SERVER_AUDIT)
    return await office.run(
        office.panel.notes, domain or None, search=search, before=before, most=min(most, MOST)
    )
