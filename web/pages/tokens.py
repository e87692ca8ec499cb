"""One's own tokens of the API, and for the operator everybody's."""

from starlette.requests import Request
from starlette.responses import Response

from config.units import DAY
from storage.admin_files import Refused
from web.acts import tokens
from web.pages.frame import refused_text, render
from web.pages.page import Page, form, signed_in, text
from web.pages.visit import back
from web.person import RULES, SCOPES, Person, Right

DAYS = ("30", "90", "365", "")  # until a token expires; empty: never


async def own(request: Request, error: str = "", status: int = 200, made: str = "") -> Response:
    """The tokens there are, and the form for a new one; `made` is the new one's secret, shown this once."""
    office, person = await signed_in(request)
    sent = request.method == "POST" and not made
    return render(
        request,
        "tokens/tokens.html",
        status,
        tokens=await tokens.own(office, person),
        now=office.now(),
        subjects=_subjects(person),
        typed={
            "name": text(request, "name") if sent else "",
            "days": text(request, "days") if sent else "90",
        },
        ticked=_scopes(request) if sent else [],
        days=DAYS,
        error=error,
        made=made,
    )


async def add(request: Request) -> Response:
    """The answer is the page itself, for the secret must not stand in a cookie or an address."""
    office, person = await signed_in(request)
    days = text(request, "days")
    expires = office.now() + int(days) * DAY if days in DAYS and days else None
    try:
        _, secret = await tokens.add(office, person, text(request, "name"), _scopes(request), expires)
    except Refused as error:
        return await own(request, refused_text(request, error), 422)
    return await own(request, made=secret)


async def delete(request: Request) -> Response:
    office, person = await signed_in(request)
    await tokens.delete(office, person, text(request, "id"))
    return back(request, "/own/tokens", "tokens.deleted")


async def every(request: Request) -> Response:
    """Everybody's."""
    office, person = await signed_in(request)
    return render(request, "tokens/all.html", tokens=await tokens.every(office, person), now=office.now())


async def delete_any(request: Request) -> Response:
    office, person = await signed_in(request)
    await tokens.delete(office, person, text(request, "id"))
    return back(request, "/tokens", "tokens.deleted")


def _scopes(request: Request) -> list[str]:
    """One choice for each subject: nothing, read, write."""
    sent = form(request)
    found = []
    for subject in dict.fromkeys(scope.partition(":")[0] for scope in SCOPES):
        verb = sent.get(f"scope-{subject}", "")
        if verb in ("read", "write") and f"{subject}:{verb}" in SCOPES:
            found.append(f"{subject}:{verb}")
    return found


def _subjects(person: Person) -> list[tuple[str, list[str]]]:
    """The subjects of which this person may anything, with what there is to choose."""
    found: dict[str, list[str]] = {}
    for scope in SCOPES:
        subject, _, verb = scope.partition(":")
        if _may_anything(person, subject):
            found.setdefault(subject, []).append(verb)
    return list(found.items())


def _may_anything(person: Person, subject: str) -> bool:
    roles = person.roles(address=person.address).union(*(person.roles(domain) for domain in person.domains))
    return any(rule.scope == subject and not rule.roles.isdisjoint(roles) for rule in RULES.values())


routes = [
    Page("/own/tokens", own, right=Right.OWN_TOKENS),
    Page("/own/tokens", add, right=Right.OWN_TOKENS, methods=("POST",)),
    Page("/own/tokens/delete", delete, right=Right.OWN_TOKENS, methods=("POST",)),
    Page("/tokens", every, right=Right.TOKENS_EDIT),
    Page("/tokens/delete", delete_any, right=Right.TOKENS_EDIT, methods=("POST",)),
]
