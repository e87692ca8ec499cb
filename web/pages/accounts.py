"""The accounts of a domain: the list, a new one, deleted ones, and what is printed for a new employee."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from config.units import GIB
from storage.admin import AccountChange
from storage.admin_files import Refused
from storage.people.passwords import new_password
from storage.people.roster import SORTS, STATES, Wanted
from web.acts import accounts
from web.acts.accounts import Listing
from web.pages.account_rows import row
from web.pages.frame import refused_text, render
from web.pages.page import Page, secret, signed_in, text
from web.pages.visit import back
from web.person import Right
from web.programs.servers import servers

PER_PAGE = 50
DEFAULT_LIMIT = 5  # GB of a new account, where the contract has it


async def every(request: Request) -> Response:
    """The list."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    asked = wanted(request)
    page = max(1, number_of(request.query_params.get("page", "1")))
    listing = await accounts.lines(office, person, domain, asked)
    pages = max(1, -(-listing.total // PER_PAGE))
    return render(
        request,
        "accounts/list.html",
        domain=domain,
        listing=listing,
        row_of=row,
        wanted=asked,
        states=STATES,
        free=free(listing),
        page=page,
        pages=pages,
        first=asked.first + 1 if listing.lines else 0,
        last=asked.first + len(listing.lines),
    )


def wanted(request: Request) -> Wanted:
    """What the parameters of the address ask for; nonsense asks for nothing."""
    query = request.query_params
    sort, state = query.get("sort", "address"), query.get("state", "")
    page = max(1, number_of(query.get("page", "1")))
    return Wanted(
        search=query.get("q", "")[:200].strip(),
        state=state if state in STATES else "",
        sort=sort if sort in SORTS else "address",
        descending=query.get("order") == "desc",
        first=(page - 1) * PER_PAGE,
        most=PER_PAGE,
    )


async def new(request: Request, error: str = "") -> Response:
    """The form for a new account."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    listing = await accounts.lines(office, person, domain, Wanted(most=1))
    left = free(listing)
    typed = {
        "local": "",
        "comment": "",
        "limit": str(max(1, min(DEFAULT_LIMIT, left // GIB))),
        "how": "generate",
    }
    if request.method == "POST":
        typed = {name: text(request, name) for name in typed}
    return render(
        request,
        "accounts/new.html",
        422 if error else 200,
        domain=domain,
        typed=typed,
        error=error,
        free=left,
    )


async def create(request: Request) -> Response:
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    address = f"{text(request, 'local').removesuffix(f'@{domain}')}@{domain}"
    typed = secret(request, "password")  # whoever has typed one means it, whatever is ticked
    try:
        change = AccountChange(
            password=typed if typed or text(request, "how") == "type" else new_password(),
            quota=gigabytes(text(request, "limit")),
            comment=text(request, "comment"),
        )
        made = await accounts.create(office, person, address, change)
    except Refused as error:
        return await new(request, refused_text(request, error))
    return to_sheet(request, made.address, "" if typed else str(change.password), "new.done")


def to_sheet(request: Request, address: str, password: str, said: str) -> Response:
    """To the sheet, on which a password that was made here is shown once."""
    local, _, domain = address.rpartition("@")
    office, person = request.state.visit.office, request.state.visit.person
    once = office.jobs.shown_once.put(person.address, {address: password}) if password else ""
    url = f"/d/{domain}/accounts/{local}/sheet" + (f"?once={once}" if once else "")
    return back(request, url, said, address=address)


async def sheet(request: Request) -> Response:
    """What a new employee is handed."""
    office, person = await signed_in(request)
    address = f"{request.path_params['local']}@{request.path_params['domain']}"
    details = await accounts.show(office, person, address)
    once = office.jobs.shown_once.take(person.address, request.query_params.get("once", "")) or {}
    return render_sheets(request, [(address, details.summary.comment, once.get(address, ""))])


def render_sheets(request: Request, sheets: list[tuple[str, str, str]]) -> Response:
    """Address, comment and password (if it can be shown) of each."""
    settings = request.state.visit.office.settings()
    return render(
        request,
        "accounts/sheet.html",
        domain=request.path_params["domain"],
        sheets=sheets,
        servers=servers(settings),
        panel=f"{request.url.scheme}://{request.url.netloc}/",
        today=datetime.now().timestamp(),
    )


async def deleted(request: Request) -> Response:
    """Those that can be had back."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    gone = await accounts.deleted(office, person, domain)
    return render(request, "accounts/deleted.html", domain=domain, gone=gone)


async def undelete(request: Request) -> Response:
    office, person = await signed_in(request)
    address = _of_domain(request)
    await accounts.undelete(office, person, address)
    return back(request, f"/d/{request.path_params['domain']}/accounts", "deleted.undeleted", address=address)


async def remove(request: Request) -> Response:
    office, person = await signed_in(request)
    address = _of_domain(request)
    await accounts.remove(office, person, address)
    return back(request, request.url.path.removesuffix("/remove"), "deleted.removed", address=address)


def _of_domain(request: Request) -> str:
    """The address in a form, which must be of the page's domain."""
    address = text(request, "address")
    if address.rpartition("@")[2] != request.path_params["domain"]:
        raise Refused(f"there is no account {address}")
    return address


def gigabytes(typed: str) -> int:
    """A limit as it is typed: a number of GB. Raises Refused."""
    if not typed.isdecimal() or not 0 < int(typed[:7]) < 1_000_000:
        raise Refused(f'"{typed}" is not a number of GB')
    return int(typed) * GIB


def free(listing: Listing) -> int:
    return max(0, listing.capacity - listing.totals.given)


def number_of(typed: str) -> int:
    return int(typed[:9]) if typed.isascii() and typed.isdecimal() else 0


routes = [
    Page("/d/{domain}/accounts", every, right=Right.ACCOUNTS_SEE),
    Page("/d/{domain}/new-account", new, right=Right.ACCOUNT_CREATE),
    Page("/d/{domain}/new-account", create, right=Right.ACCOUNT_CREATE, methods=("POST",)),
    Page("/d/{domain}/accounts/{local}/sheet", sheet, right=Right.ACCOUNT_SEE),
    Page("/d/{domain}/deleted-accounts", deleted, right=Right.ACCOUNTS_SEE),
    Page("/d/{domain}/deleted-accounts", undelete, right=Right.ACCOUNT_CREATE, methods=("POST",)),
    Page("/d/{domain}/deleted-accounts/remove", remove, right=Right.ACCOUNT_DELETE, methods=("POST",)),
]
