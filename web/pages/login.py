"""Signing in and out.

Whoever it is hears and waits the same (`storage.people.logins`): wrong password, no such account, suspended,
locked. A new session has a new secret, whatever cookie the browser came with (no session fixation).
"""

import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from storage.errors import LoginRefused, LoginUnavailable
from web.acts import sessions
from web.pages.frame import render
from web.pages.page import Page, secret, text
from web.pages.visit import back, local_path, put_cookie, visit
from web.person import Right


async def login_page(request: Request) -> Response:
    seen = await visit(request)
    if seen.person is not None:
        return RedirectResponse("/", 303)
    return _page(request, next_=request.query_params.get("next", ""))


async def login(request: Request) -> Response:
    seen = await visit(request)
    address, next_ = text(request, "address"), text(request, "next")
    peer = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    try:
        begun = await sessions.sign_in(
            seen.office,
            address,
            secret(request, "password"),
            peer=peer,
            agent=agent,
            trace=secrets.token_hex(6),
        )
    except LoginRefused:
        return _page(request, 403, error="login.refused", address=address, next_=next_)
    except LoginUnavailable:
        return _page(request, 503, error="login.unavailable", address=address, next_=next_)
    if begun.ticket:
        return render(request, "login/code.html", ticket=begun.ticket, next_=next_, error="")
    return _signed_in(request, begun.secret, next_)


async def second_step(request: Request) -> Response:
    """With a code of the telephone, or a recovery code."""
    seen = await visit(request)
    ticket, next_ = text(request, "ticket"), text(request, "next")
    peer = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    try:
        begun = await sessions.second_step(seen.office, ticket, text(request, "code"), peer=peer, agent=agent)
    except (LoginRefused, ValueError):
        return render(request, "login/code.html", 403, ticket=ticket, next_=next_, error="code.refused")
    return _signed_in(request, begun.secret, next_)


async def logout(request: Request) -> Response:
    seen = await visit(request)
    if seen.person is not None and seen.session is not None:
        await sessions.sign_out(seen.office, seen.person, seen.session)
    response = back(request, "/login", "login.out")
    put_cookie(request, response, "session", "")
    return response


def _signed_in(request: Request, begun: str, next_: str) -> Response:
    response = RedirectResponse(local_path(next_), 303)
    put_cookie(request, response, "session", begun)
    put_cookie(request, response, "form", "")
    return response


def _page(
    request: Request, status: int = 200, error: str = "", address: str = "", next_: str = ""
) -> Response:
    return render(request, "login/login.html", status, error=error, address=address, next_=next_)


routes = [
    Page("/login", login_page, right=Right.PUBLIC),
    Page("/login", login, right=Right.PUBLIC, methods=("POST",)),
    Page("/login/code", second_step, right=Right.PUBLIC, methods=("POST",)),
    Page("/logout", logout, right=Right.SIGNED_IN, methods=("POST",)),
]
