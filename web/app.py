"""The application: which address shows what, what every answer carries, and what is shown when something fails."""

import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.errors import Broken
from web import mta_sts
from web.api import page as api
from web.office import Office
from web.pages import (
    account,
    accounts,
    audit,
    dashboard,
    dns,
    domains,
    forwards,
    lists,
    login,
    mail_data,
    mailbox,
    many,
    members,
    notices,
    programs,
    queue,
    security,
    server,
    tokens,
    traces,
)
from web.pages.frame import failed, size
from web.pages.page import Page, TooLarge
from web.pages.visit import visit
from web.person import Forbidden, Right
from web.routing import Signpost
from web.turns import Turns

HERE = Path(__file__).resolve().parent
A_YEAR = 365 * 86_400

HEADERS = {
    # nothing from elsewhere, no script but our files, nobody may frame us (CSP level 3)
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}

_ALWAYS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

LOGGED = "kwcmaild.logged"  # in the scope of a request that has failed: it stands in the log

_log = logging.getLogger("web")


async def start(request: Request) -> Response:
    """To where each person's work is."""
    person = (await visit(request)).person
    if person is None:
        return RedirectResponse("/login", 303)
    if person.operator or len(person.domains) > 1:
        return RedirectResponse("/domains", 303)
    if person.domains:
        return RedirectResponse(f"/d/{next(iter(person.domains))}/", 303)
    return RedirectResponse("/own/", 303)


async def health(_: Request) -> Response:
    """For load balancers and watchers: this process answers."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


def routes() -> list[BaseRoute]:
    return [
        Page("/", start, right=Right.PUBLIC),
        *login.routes,
        *accounts.routes,
        *account.routes,
        *many.routes,
        *security.routes,
        *audit.routes,
        *programs.routes,
        *dashboard.routes,
        *forwards.routes,
        *lists.routes,
        *members.routes,
        *mailbox.routes,
        *mail_data.routes,
        *domains.routes,
        *dns.routes,
        *traces.routes,
        *queue.routes,
        *notices.routes,
        *server.routes,
        *tokens.routes,
        *mta_sts.routes,
        *api.routes(),
        Page("/healthz", health, right=Right.PUBLIC),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]


def application(office: Office) -> ASGIApp:
    handlers = {Forbidden: forbidden, HTTPException: refused, Broken: unavailable, Exception: broken}
    app = Starlette(routes=[Signpost(routes())], exception_handlers=handlers)  # type: ignore[arg-type]
    app.state.office = office
    return SafeHeaders(Turns(app), hostname=lambda: office.settings().hostname)


async def forbidden(request: Request, error: Forbidden) -> Response:
    """Nobody learns here what exists in other people's domains."""
    await visit(request)
    return failed(request, "missing", 404) if error.hidden else failed(request, "forbidden", 403)


async def refused(request: Request, error: HTTPException) -> Response:
    await visit(request)
    if isinstance(error, TooLarge):
        return failed(request, "too_large", 413, size=size(error.most))
    return failed(
        request,
        {405: "wrong_method", 400: "wrong_method"}.get(error.status_code, "missing"),
        error.status_code,
    )


async def unavailable(request: Request, error: Broken) -> Response:
    """A file of the directory cannot be read just now."""
    _log.warning("web.unavailable", extra={"fields": {"path": request.url.path, "error": str(error)}})
    return await _trouble(request, 503, secrets.token_hex(6))


async def broken(request: Request, error: Exception) -> Response:
    """Ours: the log has it, the person gets a number to find it by."""
    trace = secrets.token_hex(6)
    request.scope[LOGGED] = True
    fields = {"path": request.url.path, "method": request.method, "trace": trace}
    _log.error("web.error", exc_info=error, extra={"fields": fields})
    return await _trouble(request, 500, trace)


async def _trouble(request: Request, status: int, trace: str) -> Response:
    try:
        await visit(request)
        return failed(request, "broken", status, trace=trace)
    except Exception:  # the frame needs the disk, too
        return PlainTextResponse(f"Something went wrong ({trace}).\n", status)


class SafeHeaders:
    """Every answer carries the fields that keep a browser from being turned against its user."""

    def __init__(self, app: ASGIApp, hostname: Callable[[], str]) -> None:
        self._app = app
        self._hostname = hostname

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                given = {name for name, _ in headers.raw}
                headers.raw.extend(each for each in _ALWAYS if each[0] not in given)
                if scope["path"].startswith("/static/") and b"v" in parse_qs(scope["query_string"]):
                    headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
                if scope["scheme"] == "https" and _host(scope) == self._hostname():
                    headers["Strict-Transport-Security"] = (
                        f"max-age={A_YEAR}"  # RFC 6797; never for localhost
                    )
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
        except Exception:
            if LOGGED not in scope:  # else it was told and logged: uvicorn need not do so again
                raise


def _host(scope: Scope) -> str:
    fields = dict(scope["headers"])
    host: bytes = fields.get(b"host", b"")
    return host.decode("latin-1").partition(":")[0]
