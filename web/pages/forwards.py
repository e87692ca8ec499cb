"""Addresses that only forward, for a domain's administrators."""

from starlette.requests import Request
from starlette.responses import Response

from storage.admin_files import Refused
from web.acts import forwards
from web.pages.frame import refused_text, render
from web.pages.page import Page, signed_in, text
from web.pages.paging import page_of
from web.pages.visit import back
from web.person import Right

PER_PAGE = 100


async def every(request: Request) -> Response:
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    found = await forwards.every(office, person, domain)
    wanted = request.query_params.get("q", "").strip()
    shown = [each for each in found if wanted.lower() in f"{each.address} {' '.join(each.to)}".lower()]
    return render(
        request,
        "forwards/forwards.html",
        domain=domain,
        page=page_of(shown, request, PER_PAGE),
        total=len(found),
        wanted=wanted,
    )


async def new(request: Request, error: str = "") -> Response:
    typed = {"local": "", "to": ""}
    return _form(request, typed, error, "")


async def add(request: Request) -> Response:
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    local = text(request, "local").removesuffix(f"@{domain}")
    try:
        made = await forwards.add(office, person, f"{local}@{domain}", _targets(request))
    except Refused as error:
        return await new(request, refused_text(request, error))
    return back(request, f"/d/{domain}/forwards", "forwards.made", address=made.address)


async def edit(request: Request, error: str = "") -> Response:
    office, person = await signed_in(request)
    found = await forwards.show(office, person, _address(request))
    return _form(request, {"local": "", "to": "\n".join(found.to)}, error, found.address)


async def save(request: Request) -> Response:
    office, person = await signed_in(request)
    try:
        await forwards.change(office, person, _address(request), _targets(request))
    except Refused as error:
        return await edit(request, refused_text(request, error))
    return back(request, f"/d/{request.path_params['domain']}/forwards", "saved")


async def delete(request: Request) -> Response:
    office, person = await signed_in(request)
    gone = await forwards.delete(office, person, _address(request))
    url = f"/d/{request.path_params['domain']}/forwards"
    return back(request, url, "forwards.deleted", address=gone.address)


def _form(request: Request, typed: dict[str, str], error: str, address: str) -> Response:
    if request.method == "POST":
        typed = {name: text(request, name) for name in typed}
    domain = request.path_params["domain"]
    status = 422 if error else 200
    return render(
        request, "forwards/edit.html", status, domain=domain, typed=typed, error=error, address=address
    )


def _targets(request: Request) -> list[str]:
    return text(request, "to").replace(",", " ").split()


def _address(request: Request) -> str:
    return f"{request.path_params['local']}@{request.path_params['domain']}".lower()


_ALL = "/d/{domain}/forwards"

routes = [
    Page(_ALL, every, right=Right.FORWARDS_SEE),
    Page(f"{_ALL}/+new", new, right=Right.FORWARDS_EDIT),
    Page(f"{_ALL}/+new", add, right=Right.FORWARDS_EDIT, methods=("POST",)),
    Page(_ALL + "/{local}", edit, right=Right.FORWARDS_EDIT),
    Page(_ALL + "/{local}", save, right=Right.FORWARDS_EDIT, methods=("POST",)),
    Page(_ALL + "/{local}/delete", delete, right=Right.FORWARDS_EDIT, methods=("POST",)),
]
