"""The members of a mailing list: shown, added, given rights, taken out; as CSV in and out.

A file is read twice: once to show line by line what would happen, and again, from the page that showed it, when it
is meant. So nothing is kept between the two, and what happens is what the list is at that moment.
"""

import base64
from collections.abc import Sequence

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from storage import list_csv
from storage.admin_files import Refused
from storage.list_csv import BadCsv, Row
from web.acts import lists
from web.pages.frame import refused_text, render
from web.pages.lists import about, address
from web.pages.page import Page, form, signed_in, text, ticked
from web.pages.paging import page_of
from web.pages.typed_members import members_typed
from web.pages.visit import back
from web.person import Right
from web.texts import refusal
from web.texts import text as words

PER_PAGE = 100
MOST_SHOWN = 1000  # rows of a preview

_RIGHTS: dict[str, dict[str, bool]] = {
    "receive": {"receives": True},
    "not_receive": {"receives": False},
    "post": {"may_post": True},
    "not_post": {"may_post": False},
}


async def members(request: Request) -> Response:
    """A list with its members."""
    office, person = await signed_in(request)
    details = await lists.show(office, person, address(request))
    wanted = request.query_params.get("q", "").strip()
    found = [each for each in details.members if wanted.lower() in f"{each.address} {each.name}".lower()]
    service = office.settings().service
    return render(
        request,
        "lists/members.html",
        **about(request, details),
        page=page_of(found, request, PER_PAGE),
        wanted=wanted,
        bouncing={each.member: each for each in details.bouncing},
        most=service.list_members,
        most_posters=service.list_posters,
    )


async def several(request: Request) -> Response:
    """Something is done with the members that are ticked."""
    office, person = await signed_in(request)
    of = address(request)
    url = _url(request)
    chosen = [each for each in form(request).getlist("member") if isinstance(each, str)]
    what = text(request, "what")
    if not chosen:
        return back(request, url, "members.nobody_ticked", "warning")
    if what == "remove":
        gone = await lists.remove_members(office, person, of, chosen)
        return back(request, url, "members.removed", count=gone)
    if what not in _RIGHTS:
        return back(request, url)
    rows = [Row(each, **_RIGHTS[what]) for each in chosen]  # type: ignore[arg-type]  # booleans all
    return await _taken_over(request, rows, replace=False)


async def resume(request: Request) -> Response:
    """Send to a paused member again."""
    office, person = await signed_in(request)
    member = text(request, "resumed")
    await lists.resume(office, person, address(request), member)
    return back(request, _url(request), "members.resumed", address=member)


async def edit(request: Request, error: str = "", status: int = 200) -> Response:
    """The form for one member."""
    office, person = await signed_in(request)
    details = await lists.show(office, person, address(request))
    named = request.query_params.get("member", "")
    member = next((each for each in details.members if each.address == named), None)
    if member is None:
        raise Refused("this member is not in the list any more")
    return render(request, "lists/member.html", status, **about(request, details), member=member, error=error)


async def save(request: Request) -> Response:
    named = request.query_params.get("member", "")
    row = Row(named, text(request, "name"), ticked(request, "receives"), ticked(request, "may_post"))
    return await _taken_over(request, [row], replace=False)


# ---- many at once


async def ask(request: Request, errors: Sequence[str] = (), status: int = 200) -> Response:
    """The form for new members: typed, or as a file."""
    office, person = await signed_in(request)
    details = await lists.show(office, person, address(request))
    typed = text(request, "addresses") if request.method == "POST" else ""
    return render(
        request, "lists/add_members.html", status, **about(request, details), errors=errors, typed=typed
    )


async def add(request: Request) -> Response:
    """Members that were typed, one in a line."""
    rows, errors = members_typed(text(request, "addresses"), request.state.visit.language)
    if errors or not rows:
        return await ask(request, errors or [words(request.state.visit.language, "members.add.none")], 422)
    try:
        return await _taken_over(request, rows, replace=False)
    except Refused as error:
        return await ask(request, [refused_text(request, error)], 422)


async def preview(request: Request) -> Response:
    """What a file would do, line by line; nothing is changed."""
    office, person = await signed_in(request)
    file = form(request).get("file")
    replace = text(request, "how") == "replace"
    if not isinstance(file, UploadFile) or not file.filename:
        return await ask(request, [words(request.state.visit.language, "members.csv.no_file")], 422)
    data = await file.read()
    try:
        rows = list_csv.read(data)
        if not rows:
            return await ask(request, [words(request.state.visit.language, "members.csv.empty")], 422)
        planned = await lists.plan(office, person, address(request), rows, replace=replace)
    except BadCsv as error:
        said = [refusal(request.state.visit.language, line) for line in str(error).split("\n")]
        return await ask(request, [words(request.state.visit.language, "members.csv.wrong"), *said], 422)
    except Refused as error:
        return await ask(request, [refused_text(request, error)], 422)
    details = await lists.show(office, person, address(request))
    counts = {
        what: sum(each.what == what for each in planned) for what in ("new", "changed", "same", "leaves")
    }
    return render(
        request,
        "lists/import.html",
        **about(request, details),
        planned=planned[:MOST_SHOWN],
        counts=counts,
        replace=replace,
        data=base64.b64encode(data).decode(),
    )


async def take_over(request: Request) -> Response:
    """The file that was shown is meant."""
    try:
        rows = list_csv.read(base64.b64decode(text(request, "data")))
    except (BadCsv, ValueError) as error:
        return await ask(request, str(error).split("\n"), 422)
    return await _taken_over(request, rows, replace=text(request, "how") == "replace")


async def export(request: Request) -> Response:
    """The members as a file for spreadsheets."""
    office, person = await signed_in(request)
    encoding: list_csv.Encoding = "cp932" if request.query_params.get("encoding") == "cp932" else "utf-8"
    data = await lists.export(office, person, address(request), encoding)
    charset = "Shift_JIS" if encoding == "cp932" else "utf-8"
    name = f"{request.path_params['local']}-members.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, media_type=f"text/csv; charset={charset}", headers=headers)


async def _taken_over(request: Request, rows: Sequence[Row], *, replace: bool) -> Response:
    office, person = await signed_in(request)
    came, changed, went = await lists.take_over(office, person, address(request), rows, replace=replace)
    return back(request, _url(request), "members.changed", came=came, changed=changed, went=went)


def _url(request: Request) -> str:
    return f"/d/{request.path_params['domain']}/lists/{request.path_params['local']}"


_BASE = "/d/{domain}/lists/{local}"

routes = [
    Page(_BASE, members, right=Right.LISTS_SEE),
    Page(f"{_BASE}/members", several, right=Right.LISTS_EDIT, methods=("POST",)),
    Page(f"{_BASE}/members/resume", resume, right=Right.LISTS_EDIT, methods=("POST",)),
    Page(f"{_BASE}/members/edit", edit, right=Right.LISTS_EDIT),
    Page(f"{_BASE}/members/edit", save, right=Right.LISTS_EDIT, methods=("POST",)),
    Page(f"{_BASE}/members/add", ask, right=Right.LISTS_EDIT),
    Page(f"{_BASE}/members/add", add, right=Right.LISTS_EDIT, methods=("POST",)),
    Page(
        f"{_BASE}/members/csv", preview, right=Right.LISTS_EDIT, methods=("POST",), most=list_csv.MOST_OCTETS
    ),
    Page(
        f"{_BASE}/members/import",
        take_over,
        right=Right.LISTS_EDIT,
        methods=("POST",),
        most=2 * list_csv.MOST_OCTETS,
    ),
    Page(f"{_BASE}/members/export", export, right=Right.LISTS_SEE),
]
