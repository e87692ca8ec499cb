"""One's own password, second factor, app passwords and sessions."""

import io

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from storage.admin_files import Refused
from storage.people import totp
from web.acts import own, sessions
from web.pages.agent import browser_of
from web.pages.frame import refused_text, render
from web.pages.page import Page, secret, signed_in, text
from web.pages.visit import back
from web.person import Right
from web.texts import text as words

HERE = "/own/security"


async def overview(request: Request, errors: dict[str, str] | None = None) -> Response:
    office, person = await signed_in(request)
    found = await own.show(office, person)
    language = request.state.visit.language
    return render(
        request,
        "security/overview.html",
        422 if errors else 200,
        security=found,
        errors=errors or {},
        this=request.state.visit.session.id,
        browser=lambda agent: browser_of(agent, language),
    )


async def set_password(request: Request) -> Response:
    office, person = await signed_in(request)
    new = secret(request, "new")
    if new != secret(request, "again"):
        differ = words(request.state.visit.language, "security.differ")
        return await overview(request, {"again": differ})
    try:
        await own.set_password(office, person, request.state.visit.session, secret(request, "current"), new)
    except own.WrongPassword as error:
        return await overview(request, {"current": refused_text(request, error)})
    except Refused as error:
        return await overview(request, {"new": refused_text(request, error)})
    return back(request, HERE, "security.password.done")


async def begin_factor(request: Request, errors: dict[str, str] | None = None) -> Response:
    """The QR code. The secret comes back with the form: only who has seen it here can send it."""
    office, person = await signed_in(request)
    key = text(request, "secret") if request.method == "POST" else totp.new_secret()
    uri = totp.uri(key, person.address, office.settings().hostname)
    return render(
        request,
        "security/factor.html",
        422 if errors else 200,
        secret=key,
        spaced=" ".join(key[start : start + 4] for start in range(0, len(key), 4)),
        qr=qr(uri),
        errors=errors or {},
    )


async def set_factor(request: Request) -> Response:
    office, person = await signed_in(request)
    key = text(request, "secret")
    if len(key) != 32 or not key.isalnum() or not key.isascii() or not key.isupper():
        return back(request, HERE)
    session, current = request.state.visit.session, secret(request, "current")
    try:
        codes = await own.set_two_factor(office, person, session, current, key, text(request, "code"))
    except own.WrongPassword as error:
        return await begin_factor(request, {"current": refused_text(request, error)})
    except Refused as error:
        return await begin_factor(request, {"code": refused_text(request, error)})
    # Shown in the answer itself: they stand nowhere from which they could be shown again.
    return render(request, "security/codes.html", codes=codes)


async def end_factor(request: Request) -> Response:
    office, person = await signed_in(request)
    try:
        session = request.state.visit.session
        await own.two_factor_off(office, person, session, secret(request, "factor_current"))
    except Refused as error:
        return await overview(request, {"factor_current": refused_text(request, error)})
    return back(request, HERE, "factor.ended")


async def add_app(request: Request) -> Response:
    office, person = await signed_in(request)
    name = text(request, "app_name")
    try:
        shown = await own.add_app_password(office, person, secret(request, "app_current"), name)
    except own.WrongPassword as error:
        return await overview(request, {"app_current": refused_text(request, error)})
    except Refused as error:
        return await overview(request, {"app_name": refused_text(request, error)})
    return render(request, "security/app.html", name=name, shown=shown)


async def delete_app(request: Request) -> Response:
    office, person = await signed_in(request)
    await own.delete_app_password(office, person, text(request, "name"))
    return back(request, HERE, "apps.deleted")


async def end_session(request: Request) -> Response:
    office, person = await signed_in(request)
    wanted = text(request, "session")
    this = request.state.visit.session.id
    if wanted == "others":
        await sessions.end(office, person, None, other_than=this)
    elif wanted.isdecimal() and len(wanted) < 16:
        await sessions.end(office, person, int(wanted))
    return back(request, HERE, "sessions.ended")


def qr(data: str) -> Markup:
    """A QR code as SVG, dark on light in dark mode too: cameras expect that."""
    out = io.BytesIO()
    segno.make(data, error="m", micro=False).save(
        out,
        kind="svg",
        xmldecl=False,
        svgns=True,
        nl=False,
        border=3,
        dark="#000",
        light="#fff",
        omitsize=True,
    )
    return Markup(out.getvalue().decode())  # noqa: S704 (made here; the data is only in its shape)


routes = [
    Page(HERE, overview, right=Right.OWN_SECURITY),
    Page(f"{HERE}/password", set_password, right=Right.ACCOUNT_PASSWORD, methods=("POST",)),
    Page(f"{HERE}/factor", begin_factor, right=Right.OWN_SECURITY),
    Page(f"{HERE}/factor", set_factor, right=Right.OWN_SECURITY, methods=("POST",)),
    Page(f"{HERE}/factor/off", end_factor, right=Right.OWN_SECURITY, methods=("POST",)),
    Page(f"{HERE}/apps", add_app, right=Right.OWN_SECURITY, methods=("POST",)),
    Page(f"{HERE}/apps/delete", delete_app, right=Right.OWN_SECURITY, methods=("POST",)),
    Page(f"{HERE}/sessions", end_session, right=Right.OWN_SECURITY, methods=("POST",)),
]
