"""Mailing lists: those of a domain, their settings, and posts that wait. Members: `web.pages.members`."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from config.units import MIB
from storage.admin_files import Refused
from storage.admin_lists import ListChange, ListDetails
from web.acts import lists
from web.pages.frame import refused_text, render
from web.pages.page import Page, signed_in, text
from web.pages.typed_members import members_typed
from web.pages.visit import back, visit
from web.person import Person, Right
from web.texts import text as words

NAMES = ("local", "owner", "members", "posting", "moderation", "prefix", "reply_to", "max_message", "comment")
NEW = dict.fromkeys(NAMES, "") | {"posting": "anyone", "moderation": "none"}


async def every(request: Request) -> Response:
    """The lists of a domain."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    found = await lists.every(office, person, domain)
    wanted = request.query_params.get("q", "").strip()
    shown = [
        each for each in found if wanted.lower() in f"{each.address} {each.comment} {each.owner}".lower()
    ]
    return render(
        request,
        "lists/lists.html",
        domain=domain,
        lists=shown,
        total=len(found),
        most=office.settings().service.lists,
        wanted=wanted,
    )


async def new(request: Request, error: str = "", status: int = 200) -> Response:
    """The form for a new list; its owner is who makes it, if nobody else is named."""
    _, person = await signed_in(request)
    return render(
        request,
        "lists/new.html",
        status,
        domain=request.path_params["domain"],
        typed=_typed(request) if request.method == "POST" else NEW | {"owner": person.address},
        error=error,
    )


async def add(request: Request) -> Response:
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    rows, problems = members_typed(text(request, "members"), request.state.visit.language)
    if problems:
        request.state.wrong = ("members", "\n".join(problems))
        return await new(request, problems[0], 422)
    wanted = ListChange(
        owner=text(request, "owner"),
        members=tuple(row.address for row in rows),
        posting=text(request, "posting"),
        moderation=text(request, "moderation"),
        comment=text(request, "comment"),
    )
    local = text(request, "local").removesuffix(f"@{domain}")
    try:
        made = await lists.add(office, person, f"{local}@{domain}", wanted)
    except Refused as error:
        return await new(request, refused_text(request, error), 422)
    if named := [row for row in rows if row.name]:
        await lists.take_over(office, person, made.address, named, replace=False)
    local = made.address.rpartition("@")[0]
    return back(request, f"/d/{domain}/lists/{local}", "lists.made", address=made.address)


async def settings(request: Request, error: str = "", status: int = 200) -> Response:
    """The form with a list's settings."""
    office, person = await signed_in(request)
    details = await lists.show(office, person, address(request))
    number = f"{details.last_number + 1:05}"
    prefix = details.prefix.replace("{name}", request.path_params["local"]).replace("{number}", number)
    subject = words(request.state.visit.language, "lists.prefix.subject")
    return render(
        request,
        "lists/settings.html",
        status,
        **about(request, details),
        typed=_typed(request) if request.method == "POST" else _kept(details),
        example=f"{prefix} {subject}".strip(),
        error=error,
    )


async def change(request: Request) -> Response:
    office, person = await signed_in(request)
    wanted = ListChange(
        owner=text(request, "owner"),
        posting=text(request, "posting"),
        moderation=text(request, "moderation"),
        prefix=text(request, "prefix"),
        reply_to=text(request, "reply_to"),
        comment=text(request, "comment"),
    )
    size = text(request, "max_message")
    try:
        if size:
            wanted = replace(wanted, max_message=_octets(size))
        await lists.change(office, person, address(request), wanted)
    except Refused as error:
        return await settings(request, refused_text(request, error), 422)
    return back(request, request.url.path, "saved")


async def ask_delete(request: Request) -> Response:
    """Whether it is really meant."""
    office, person = await signed_in(request)
    details = await lists.show(office, person, address(request))
    return render(request, "lists/delete.html", **about(request, details))


async def delete(request: Request) -> Response:
    office, person = await signed_in(request)
    await lists.delete(office, person, address(request))
    url = f"/d/{request.path_params['domain']}/lists"
    return back(request, url, "lists.deleted", address=address(request))


# ---- posts that wait


async def waiting(request: Request) -> Response:
    """The posts to a list that wait for a decision."""
    office, person = await signed_in(request)
    details = await lists.show(office, person, address(request))
    found = await lists.waiting(office, person, address(request))
    return render(request, "lists/held.html", **about(request, details), posts=found)


async def look(request: Request) -> Response:
    """One of them: who wrote it, and how it begins."""
    office, person = await signed_in(request)
    details = await lists.show(office, person, address(request))
    post, preview = await lists.look(office, person, address(request), request.path_params["token"])
    return render(request, "lists/post.html", **about(request, details), post=post, preview=preview)


async def decide(request: Request) -> Response:
    office, person = await signed_in(request)
    token = request.path_params["token"]
    url = f"/d/{request.path_params['domain']}/lists/{request.path_params['local']}/held"
    let_go = text(request, "decision") == "approve"
    try:
        post, _ = await lists.look(office, person, address(request), token)
        done = await lists.decide(office, person, address(request), token, let_go=let_go)
    except Refused:
        done = False
    if not done:
        return back(request, url, "held.gone", "warning")
    subject = post.post.subject or words(request.state.visit.language, "held.no_subject")
    return back(request, url, "held.approved" if let_go else "held.refused", subject=subject)


async def look_by_link(request: Request) -> Response:
    """The same for the owner, who came by the link in the notice and need not have an account here."""
    seen = await visit(request)
    try:
        post, preview = await lists.look_by_link(seen.office, request.path_params["token"])
    except Refused:
        return render(request, "lists/decided.html", 200 if seen.flash else 404)
    return render(request, "lists/decide.html", post=post, preview=preview)


async def decide_by_link(request: Request) -> Response:
    """Asked for by a form alone: what opens links by itself, as virus scanners do, decides nothing."""
    office, token = (await visit(request)).office, request.path_params["token"]
    let_go = text(request, "decision") == "approve"
    peer = request.client.host if request.client else ""
    try:
        post, _ = await lists.look_by_link(office, token)
        done = await lists.decide_by_link(office, token, let_go=let_go, peer=peer)
    except Refused:
        done = False
    url = f"/posts/{token}"
    if not done:
        return back(request, url, "held.gone", "warning")
    subject = post.post.subject or words(request.state.visit.language, "held.no_subject")
    return back(request, url, "held.approved" if let_go else "held.refused", subject=subject)


# ---- what the pages of a list share


def address(request: Request) -> str:
    """The list that a page is about."""
    return f"{request.path_params['local']}@{request.path_params['domain']}".lower()


def here(person: Person | None) -> Person:
    """Who is known to be signed in: the route has seen to it."""
    assert person is not None
    return person


def about(request: Request, details: ListDetails) -> dict[str, object]:
    """What every page of one list shows: its name and its tabs."""
    domain, local = request.path_params["domain"], request.path_params["local"]
    return {
        "domain": domain,
        "details": details,
        "list": details.summary,
        "base": f"/d/{domain}/lists/{local}",
    }


def _typed(request: Request) -> dict[str, str]:
    return {name: text(request, name) for name in NAMES}


def _kept(details: ListDetails) -> dict[str, str]:
    one = details.summary
    return {
        "owner": one.owner,
        "posting": one.posting,
        "moderation": one.moderation,
        "prefix": details.prefix,
        "reply_to": details.reply_to,
        "max_message": f"{details.max_message / MIB:g}",
        "comment": one.comment,
    }


def _octets(megabytes: str) -> int:
    try:
        return int(float(megabytes) * MIB)
    except (ValueError, OverflowError) as error:
        raise Refused(f"{megabytes[:20]} is not a size") from error


routes = [
    Page("/d/{domain}/lists", every, right=Right.LISTS_SEE),
    Page("/d/{domain}/lists/+new", new, right=Right.LISTS_EDIT),
    Page("/d/{domain}/lists/+new", add, right=Right.LISTS_EDIT, methods=("POST",)),
    Page("/d/{domain}/lists/{local}/settings", settings, right=Right.LISTS_EDIT),
    Page("/d/{domain}/lists/{local}/settings", change, right=Right.LISTS_EDIT, methods=("POST",)),
    Page("/d/{domain}/lists/{local}/delete", ask_delete, right=Right.LISTS_EDIT),
    Page("/d/{domain}/lists/{local}/delete", delete, right=Right.LISTS_EDIT, methods=("POST",)),
    Page("/d/{domain}/lists/{local}/held", waiting, right=Right.LISTS_SEE),
    Page("/d/{domain}/lists/{local}/held/{token}", look, right=Right.LISTS_EDIT),
    Page("/d/{domain}/lists/{local}/held/{token}", decide, right=Right.LISTS_EDIT, methods=("POST",)),
    Page("/posts/{token}", look_by_link, right=Right.PUBLIC),
    Page("/posts/{token}", decide_by_link, right=Right.PUBLIC, methods=("POST",)),
]
