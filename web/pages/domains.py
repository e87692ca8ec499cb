"""The operator's domains, and each domain's settings: contract, administrators, catch-all, what goes by itself."""

from starlette.requests import Request
from starlette.responses import Response

from config.domain import Administrator, Part
from config.settings import Service
from config.units import DAY, GIB
from storage.admin_domains import NEVER, DomainChange, DomainSummary
from storage.admin_files import Refused
from web.acts import domains
from web.pages.frame import refused_text, render, size
from web.pages.page import Page, form, signed_in, text, ticked
from web.pages.paging import page_of
from web.pages.visit import back
from web.person import Right

PER_PAGE = 50
# What an administrator may, as the form says it: the parts of the file.
PARTS: dict[str, tuple[Part, ...]] = {
    "all": (),
    "accounts": ("accounts",),
    "lists": ("lists",),
    "accounts-lists": ("accounts", "lists"),
    "read": ("read",),
}
SORTS = ("domain", "accounts", "given", "capacity")


async def every(request: Request) -> Response:
    """All domains that this person may see."""
    office, person = await signed_in(request)
    found = await domains.every(office, person)
    wanted = request.query_params.get("q", "").strip()
    sort = request.query_params.get("sort", "domain")
    descending = request.query_params.get("order") == "desc"
    shown = [each for each in found if wanted.lower() in each.domain]
    if sort in SORTS:
        shown.sort(key=lambda each: (getattr(each, sort), each.domain), reverse=descending)
    return render(
        request,
        "domains/domains.html",
        part=page_of(shown, request, PER_PAGE),
        total=len(found),
        capacity=sum(each.capacity for each in found),
        given=sum(each.given for each in found),
        accounts=sum(each.accounts for each in found),
        wanted=wanted,
        sort=sort,
        descending=descending,
    )


async def new(request: Request, error: str = "", status: int = 200) -> Response:
    """The form for a new domain."""
    office, _ = await signed_in(request)
    typed = {"domain": "", "capacity": str(100 * GIB)}
    if request.method == "POST":
        typed = {name: text(request, name) for name in typed}
    capacities = _capacities(office.settings().service, 0)
    return render(request, "domains/new.html", status, typed=typed, capacities=capacities, error=error)


async def add(request: Request) -> Response:
    office, person = await signed_in(request)
    try:
        wanted = DomainChange(capacity=_number(text(request, "capacity")))
        made = await domains.add(office, person, text(request, "domain").lower(), wanted)
    except Refused as error:
        return await new(request, refused_text(request, error), 422)
    return back(request, f"/d/{made.domain}/accounts", "domains.made", domain=made.domain)


async def settings(request: Request, error: str = "", status: int = 200) -> Response:
    """The form with a domain's settings."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    found = await domains.show(office, person, domain)
    typed = _typed(request) if request.method == "POST" and error else _kept(found)
    return render(
        request,
        "domains/settings.html",
        status,
        domain=domain,
        found=found,
        typed=typed,
        parts=list(PARTS),
        administrators=_rows(found),
        capacities=_capacities(office.settings().service, found.capacity),
        error=error,
    )


async def change(request: Request) -> Response:
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    try:
        wanted = DomainChange(
            capacity=_number(text(request, "capacity")) if person.operator else None,
            catch_all=text(request, "catch_all"),
            archive_after=_days(request, "archive_after"),
            trash=_days(request, "trash"),
        )
        await domains.change(office, person, domain, wanted)
    except Refused as error:
        return await settings(request, refused_text(request, error), 422)
    return back(request, request.url.path, "saved")


async def administrators(request: Request) -> Response:
    """Who administers the domain: the rows that there were, and one more."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    sent = form(request)
    rows: dict[str, Administrator] = {}
    try:
        for address, part in zip(sent.getlist("address"), sent.getlist("part"), strict=False):
            if isinstance(address, str) and address.strip() and part != "none":
                written = address.strip().lower()
                rows[written] = _administrator(written, str(part))
        wanted = DomainChange(administrators=tuple(rows.values()))
        await domains.change(office, person, domain, wanted)
    except Refused as error:
        return await settings(request, refused_text(request, error), 422)
    return back(request, f"/d/{domain}/settings#administrators", "domains.administrators.saved")


async def ask_delete(request: Request, error: str = "", status: int = 200) -> Response:
    """Whether it is really meant."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    found = await domains.show(office, person, domain)
    return render(request, "domains/delete.html", status, domain=domain, found=found, error=error)


async def delete(request: Request) -> Response:
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    try:
        if text(request, "name").lower() != domain:
            raise Refused(f"the name that was typed is not {domain}")
        await domains.delete(
            office,
            person,
            domain,
            with_accounts=True,
            keep_mail=not ticked(request, "mail"),
        )
    except Refused as error:
        return await ask_delete(request, refused_text(request, error), 422)
    return back(request, "/domains", "domains.deleted", domain=domain)


def _administrator(address: str, part: str) -> Administrator:
    try:
        return Administrator(address=address, may=PARTS.get(part, ("read",)))
    except ValueError as error:
        raise Refused(f"there is no account {address}") from error


def _rows(found: DomainSummary) -> list[tuple[str, str]]:
    """The administrators with what each may, as the form says it."""
    names = {frozenset(parts): name for name, parts in PARTS.items()}
    return [
        (address, names.get(frozenset(found.parts.get(address, ())), "read"))
        for address in found.administrators
    ]


def _capacities(service: Service, now: int) -> list[tuple[str, str]]:
    """The capacities that are offered, and the one that there is."""
    step, most = service.capacity_step, service.capacity_most
    offered = {*range(step, most + 1, step), most, *([now] if now else [])}
    return [(str(each), size(each)) for each in sorted(offered)]


def _kept(found: DomainSummary) -> dict[str, str]:
    return {
        "capacity": str(found.capacity),
        "catch_all": found.catch_all or "",
        "archive_after": "" if found.archive_after is None else str(found.archive_after // DAY),
        "trash": "" if found.trash is None else str(found.trash // DAY),
    }


def _typed(request: Request) -> dict[str, str]:
    return {name: text(request, name) for name in ("capacity", "catch_all", "archive_after", "trash")}


def _days(request: Request, name: str) -> int:
    """Days of a form in seconds; an empty field means never."""
    typed = text(request, name)
    return _number(typed) * DAY if typed else NEVER


def _number(typed: str) -> int:
    if not (typed.isascii() and typed.isdigit() and len(typed) < 15):
        raise Refused(f"{typed[:20]} is not a number")
    return int(typed)


_SETTINGS = "/d/{domain}/settings"

routes = [
    Page("/domains", every, right=Right.DOMAINS_SEE),
    Page("/domains/+new", new, right=Right.DOMAIN_CREATE),
    Page("/domains/+new", add, right=Right.DOMAIN_CREATE, methods=("POST",)),
    Page(_SETTINGS, settings, right=Right.DOMAIN_SETTINGS),
    Page(_SETTINGS, change, right=Right.DOMAIN_SETTINGS, methods=("POST",)),
    Page(f"{_SETTINGS}/administrators", administrators, right=Right.DOMAIN_ADMINISTRATORS, methods=("POST",)),
    Page("/d/{domain}/delete", ask_delete, right=Right.DOMAIN_DELETE),
    Page("/d/{domain}/delete", delete, right=Right.DOMAIN_DELETE, methods=("POST",)),
]
