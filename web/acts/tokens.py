"""Tokens of the API: everybody's own, and for the operator those of all.

A token can be given no more than its owner may at that time; what he may later is looked up at each request.
"""

from collections.abc import Iterable

from storage.admin_files import Missing, Refused
from storage.state.panel_tokens import Token, Tokens
from web.office import Office
from web.person import Person, Right, allow, may
from web.scopes import expanded


async def own(office: Office, person: Person) -> list[Token]:
    """This person's tokens, the newest first."""
    allow(person, Right.OWN_TOKENS, address=person.address)
    return await office.run(_tokens(office).of, person.address)


async def every(office: Office, person: Person) -> list[Token]:
    """Everybody's."""
    allow(person, Right.TOKENS_EDIT)
    return await office.run(_tokens(office).all)


async def add(
    office: Office, person: Person, name: str, scopes: Iterable[str], expires: float | None
) -> tuple[Token, str]:
    """A new token of this person's, and its secret, which is shown once. No token makes one that may more."""
    allow(person, Right.OWN_TOKENS, address=person.address)
    wanted = expanded(scopes)
    if person.scopes is not None and (more := wanted - person.scopes):
        raise Refused(f"this token cannot give what it does not have: {', '.join(sorted(more))}")
    token, secret = await office.run(_tokens(office).add, person.address, name, wanted, expires)
    details = f"{token.id} {token.name}: {' '.join(sorted(token.scopes))}"
    await office.audit(person, Right.OWN_TOKENS, subject=person.address, details=f"add {details}")
    return token, secret


async def delete(office: Office, person: Person, which: str) -> None:
    """One's own, or for the operator anybody's."""
    allow(person, Right.OWN_TOKENS, address=person.address)
    token = await office.run(_tokens(office).get, which)
    if token is not None and token.owner != person.address and not may(person, Right.TOKENS_EDIT):
        token = None
    if token is None or not await office.run(_tokens(office).delete, which):
        raise Missing(f"there is no token {which}")
    details = f"delete {token.id} {token.name}"
    await office.audit(person, Right.OWN_TOKENS, subject=token.owner, details=details)


def _tokens(office: Office) -> Tokens:
    return Tokens(office.panel.db, office.panel.clock)
