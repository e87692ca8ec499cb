"""Notices: read by everybody, written by the operator; and whom to ask."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from storage.admin_files import Refused
from storage.state.panel_notices import AUDIENCES, KINDS, Notice, Words
from web.acts import notices, server
from web.pages.frame import refused_text, render
from web.pages.page import Page, signed_in, text
from web.pages.visit import back
from web.person import Right

BADGES = {"incident": "error", "maintenance": "warning", "news": "info"}
_FIELDS = ("kind", "audience", "begins", "ends", "title_ja", "title_en", "text_ja", "text_en")


async def every(request: Request) -> Response:
    """Current ones first, then what was."""
    office, person = await signed_in(request)
    found = await notices.shown(office, person)
    now = office.now()
    return render(
        request,
        "notices/notices.html",
        current=[each for each in found if each.current(now)],
        past=[each for each in found if not each.current(now)],
        badges=BADGES,
    )


async def new(request: Request, error: str = "", status: int = 200) -> Response:
    """The form for a new notice."""
    office, _ = await signed_in(request)
    typed = dict.fromkeys(_FIELDS, "") | {"kind": "maintenance", "audience": "everybody"}
    typed["begins"] = _written(office.now())
    return _form(request, typed, error, status, None)


async def add(request: Request) -> Response:
    office, person = await signed_in(request)
    try:
        made = await notices.add(office, person, _words(request))
    except Refused as error:
        return _form(request, _typed(request), refused_text(request, error), 422, None)
    if text(request, "mail"):
        sent = await notices.mail(office, person, made.id)
        return back(request, "/notices", "notices.mailed", count=sent)
    return back(request, "/notices", "notices.published")


async def edit(request: Request) -> Response:
    """The form with one that there is."""
    office, person = await signed_in(request)
    found = await notices.show(office, person, _number(request))
    return _form(request, _kept(found), "", 200, found)


async def change(request: Request) -> Response:
    office, person = await signed_in(request)
    number = _number(request)
    try:
        await notices.change(office, person, number, _words(request))
    except Refused as error:
        found = await notices.show(office, person, number)
        return _form(request, _typed(request), refused_text(request, error), 422, found)
    return back(request, "/notices", "saved")


async def end(request: Request) -> Response:
    """It is over, as of now."""
    office, person = await signed_in(request)
    await notices.end(office, person, _number(request))
    return back(request, "/notices", "notices.ended")


async def mail(request: Request) -> Response:
    office, person = await signed_in(request)
    sent = await notices.mail(office, person, _number(request))
    return back(request, "/notices", "notices.mailed", count=sent)


async def delete(request: Request) -> Response:
    office, person = await signed_in(request)
    await notices.delete(office, person, _number(request))
    return back(request, "/notices", "notices.deleted")


async def contact(request: Request) -> Response:
    """Whom to ask, where to read, and this server's names and ports."""
    office, person = await signed_in(request)
    return render(request, "notices/contact.html", found=await server.information(office, person))


def _form(
    request: Request, typed: dict[str, str], error: str, status: int, notice: Notice | None
) -> Response:
    return render(
        request,
        "notices/form.html",
        status,
        typed=typed,
        error=error,
        notice=notice,
        kinds=KINDS,
        audiences=AUDIENCES,
    )


def _words(request: Request) -> Words:
    """The form as a notice. Raises Refused."""
    typed = _typed(request)
    begins = _time(typed["begins"])
    if begins is None:
        raise Refused("a notice needs the time at which it begins")
    return Words(
        next((each for each in KINDS if each == typed["kind"]), "news"),
        next((each for each in AUDIENCES if each == typed["audience"]), "everybody"),
        begins,
        _time(typed["ends"]),
        typed["title_ja"],
        typed["title_en"],
        typed["text_ja"],
        typed["text_en"],
    )


def _typed(request: Request) -> dict[str, str]:
    return {name: text(request, name).replace("\r\n", "\n") for name in _FIELDS}


def _kept(notice: Notice) -> dict[str, str]:
    words = notice.words
    return {
        "kind": words.kind,
        "audience": words.audience,
        "begins": _written(words.begins),
        "ends": "" if words.ends is None else _written(words.ends),
        "title_ja": words.title_ja,
        "title_en": words.title_en,
        "text_ja": words.text_ja,
        "text_en": words.text_en,
    }


def _written(at: float) -> str:
    """As a field of the kind datetime-local takes it, in the server's time zone."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%dT%H:%M")


def _time(typed: str) -> float | None:
    if not typed:
        return None
    try:
        return datetime.fromisoformat(typed).timestamp()
    except (ValueError, OverflowError) as error:
        raise Refused(f"{typed[:30]} is no time such as 2026-11-23T09:00") from error


def _number(request: Request) -> int:
    number = request.path_params["number"]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 18 else 0


routes = [
    Page("/notices", every, right=Right.NOTICES_SEE),
    Page("/notices/+new", new, right=Right.NOTICES_EDIT),
    Page("/notices/+new", add, right=Right.NOTICES_EDIT, methods=("POST",)),
    Page("/notices/{number}", edit, right=Right.NOTICES_EDIT),
    Page("/notices/{number}", change, right=Right.NOTICES_EDIT, methods=("POST",)),
    Page("/notices/{number}/end", end, right=Right.NOTICES_EDIT, methods=("POST",)),
    Page("/notices/{number}/mail", mail, right=Right.NOTICES_EDIT, methods=("POST",)),
    Page("/notices/{number}/delete", delete, right=Right.NOTICES_EDIT, methods=("POST",)),
    Page("/help/contact", contact, right=Right.SERVER_INFO),
]
