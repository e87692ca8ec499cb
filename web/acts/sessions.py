"""Signing in and out, and the list of one's own sessions."""

from storage.errors import LoginRefused
from storage.panel import Session
from web.office import Office, mark_of
from web.person import Person, Right, allow


async def sign_in(office: Office, login: str, password: str, *, peer: str, agent: str, trace: str) -> str:
    """The secret of a new session. Raises LoginRefused, LoginUnavailable."""
    address = await office.store.logins.check(login, password, peer=peer, protocol="web", trace=trace)

    def begin() -> str:
        entry = office.directory.account(address)
        if entry is None:
            raise LoginRefused("gone")
        return office.panel.begin(address, mark_of(entry.file), peer, agent)

    secret = await office.run(begin)
    await office.audit(address, "session.begin", subject=address, peer=peer)
    return secret


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
