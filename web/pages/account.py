"""One account as its administrator sees it: state, settings, password, and what can be done with it at once."""

from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from config.units import GIB
from storage.admin import AccountChange
from storage.admin_files import Refused
from storage.people.passwords import new_password
from web.acts import accounts
from web.pages.accounts import gigabytes, number_of, to_sheet
from web.pages.frame import refused_text, render
from web.pages.page import Page, secret, signed_in, text
from web.pages.visit import back, visit
from web.person import Right, may
from web.strength import strength
from web.texts import text as words

V = TypeVar("V")

AT_MOST = 20  # logins that are shown


async def overview(request: Request, error: str = "") -> Response:
    """State and settings."""
    office, person = await signed_in(request)
    address = _address(request)
    details = await accounts.show(office, person, address)
    file = await accounts.file(office, person, address)
    typed = {
        "comment": file.comment,
        "limit": str(file.quota // GIB) if file.quota % GIB == 0 else f"{file.quota / GIB:.2f}",
        "messages": str(file.quota_messages or ""),
        "aliases": "\n".join(file.aliases),
        "send_as": "\n".join(file.send_as),
    }
    if request.method == "POST":
        typed = {name: text(request, name) for name in typed}
    return render(
        request,
        "accounts/overview.html",
        422 if error else 200,
        **account_head(request),
        details=details,
        file=file,
        typed=typed,
        error=error,
        seen=details.seen[:AT_MOST],
    )


async def save(request: Request) -> Response:
    """The settings of the overview: what may be set by this person, as far as it is another than before."""
    office, person = await signed_in(request)
    address = _address(request)
    try:
        file = await accounts.file(office, person, address)
        messages = text(request, "messages")
        if messages and not number_of(messages):
            raise Refused(f'"{messages}" is not a number of messages')
        limit = text(request, "limit")
        same = limit in (str(file.quota // GIB), f"{file.quota / GIB:.2f}")
        change = AccountChange(
            comment=_changed(text(request, "comment"), file.comment),
            quota=None if same else gigabytes(limit),
            quota_messages=_changed(number_of(messages), file.quota_messages or 0),
            aliases=_changed(tuple(text(request, "aliases").split()), file.aliases),
            send_as=_changed(tuple(text(request, "send_as").split()), file.send_as),
        )
        await accounts.change(office, person, address, change)
    except Refused as error:
        return await overview(request, refused_text(request, error))
    return back(request, _base(request), "saved")


async def password(request: Request, error: str = "") -> Response:
    how = text(request, "how") if request.method == "POST" else "generate"
    return render(
        request,
        "accounts/password.html",
        422 if error else 200,
        **account_head(request),
        how=how,
        error=error,
    )


async def set_password(request: Request) -> Response:
    office, person = await signed_in(request)
    address = _address(request)
    typed = secret(request, "password")  # whoever has typed one means it, whatever is ticked
    new = typed if typed or text(request, "how") == "type" else new_password()
    try:
        await accounts.change(office, person, address, AccountChange(password=new))
    except Refused as error:
        return await password(request, refused_text(request, error))
    return to_sheet(request, address, "" if typed else new, "password.done")


async def delete_page(request: Request) -> Response:
    return render(request, "accounts/delete.html", **account_head(request))


async def delete(request: Request) -> Response:
    office, person = await signed_in(request)
    address = _address(request)
    await accounts.delete(office, person, address)
    domain = request.path_params["domain"]
    return back(request, f"/d/{domain}/accounts", "account.deleted.done", address=address)


async def unlock(request: Request) -> Response:
    office, person = await signed_in(request)
    await accounts.unlock(office, person, _address(request))
    return back(request, _base(request), "account.unlocked")


async def suspend(request: Request) -> Response:
    office, person = await signed_in(request)
    suspended = text(request, "suspended") == "1"
    await accounts.change(office, person, _address(request), AccountChange(suspended=suspended))
    return back(request, _base(request), "account.suspended.done" if suspended else "account.resumed.done")


async def hold(request: Request) -> Response:
    office, person = await signed_in(request)
    if text(request, "held") == "1":
        reason = words(request.state.visit.language, "account.hold.reason", who=person.address)
        await accounts.hold(office, person, _address(request), reason)
        return back(request, _base(request), "account.held.done")
    await accounts.unhold(office, person, _address(request))
    return back(request, _base(request), "account.unheld.done")


async def two_factor_off(request: Request) -> Response:
    office, person = await signed_in(request)
    await accounts.two_factor_off(office, person, _address(request))
    return back(request, _base(request), "account.two_factor.off.done")


async def how_strong(request: Request) -> Response:
    """What the meter beside a password's field shows; nothing is kept."""
    found = strength(secret(request, "password"), text(request, "names"))
    said = words((await visit(request)).language, f"strength.{found.level}")
    answer = {"level": found.level, "enough": found.enough, "text": said}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


def _address(request: Request) -> str:
    return f"{request.path_params['local']}@{request.path_params['domain']}"


def _base(request: Request) -> str:
    return f"/d/{request.path_params['domain']}/accounts/{request.path_params['local']}"


def account_head(request: Request) -> dict[str, object]:
    """What the head of all pages of an account needs: its tabs are those that this person may use."""
    address, domain = _address(request), request.path_params["domain"]
    person = request.state.visit.person
    tabs = [("account.overview", "")]
    for key, path, right in (
        ("account.password", "/password", Right.ACCOUNT_PASSWORD),
        ("account.forward", "/forward", Right.ACCOUNT_FORWARD),
        ("account.autoreply", "/autoreply", Right.ACCOUNT_AUTOREPLY),
        ("account.spam", "/spam", Right.ACCOUNT_SPAM),
        ("account.mail", "/mail", Right.ACCOUNT_DELETE_MAIL),
    ):
        if may(person, right, domain, address):
            tabs.append((key, path))
    return {"domain": domain, "address": address, "base": _base(request), "tabs": tabs}


def _changed(new: V, old: V) -> V | None:
    return None if new == old else new


ONE = "/d/{domain}/accounts/{local}"

routes = [
    Page(ONE, overview, right=Right.ACCOUNT_SEE),
    Page(ONE, save, right=Right.ACCOUNT_COMMENT, methods=("POST",)),
    Page(f"{ONE}/password", password, right=Right.ACCOUNT_PASSWORD),
    Page(f"{ONE}/password", set_password, right=Right.ACCOUNT_PASSWORD, methods=("POST",)),
    Page(f"{ONE}/delete", delete_page, right=Right.ACCOUNT_DELETE),
    Page(f"{ONE}/delete", delete, right=Right.ACCOUNT_DELETE, methods=("POST",)),
    Page(f"{ONE}/unlock", unlock, right=Right.ACCOUNT_UNLOCK, methods=("POST",)),
    Page(f"{ONE}/suspend", suspend, right=Right.ACCOUNT_SUSPEND, methods=("POST",)),
    Page(f"{ONE}/hold", hold, right=Right.ACCOUNT_HOLD, methods=("POST",)),
    Page(f"{ONE}/two-factor-off", two_factor_off, right=Right.ACCOUNT_TWO_FACTOR_OFF, methods=("POST",)),
    Page("/strength", how_strong, right=Right.SIGNED_IN, methods=("POST",)),
]
