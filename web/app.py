"""The application: which address shows what. Pages are made from the settings in force at that moment."""

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.settings import Settings
from config.units import format_size
from web.language import choose
from web.programs import autoconfig
from web.programs.servers import MailServer, servers
from web.texts import NAMES, text

HERE = Path(__file__).resolve().parent

# How many steps of each program the catalogue has.
PROGRAMS = (("outlook", 4), ("becky", 4), ("thunderbird", 3), ("phone", 4))

HEADERS = {
    # nothing from elsewhere, no script, nobody may frame us (CSP level 3)
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Pages:
    """The pages of this server. `settings` is asked at each request: it may have been read again."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def app(self) -> Starlette:
        routes = [
            Route("/", self.mail_settings),
            Route("/mail/config-v1.1.xml", self.thunderbird),
            Route("/.well-known/autoconfig/mail/config-v1.1.xml", self.thunderbird),
            Route("/healthz", self.health),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]
        handlers = {404: self.missing}
        app = Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]
        app.add_middleware(SafeHeaders)
        return app

    async def mail_settings(self, request: Request) -> Response:
        """What to type into Outlook, Becky!, Thunderbird or a phone."""
        settings = self._settings()
        found = servers(settings)
        return self._page(
            request,
            "settings.html",
            servers=found,
            steps=_steps(found),
            programs=PROGRAMS,
            size=_people_size(settings.smtp.max_message),
            connections=settings.imap.max_connections_per_account,
            tls=settings.tls.minimum,
        )

    async def thunderbird(self, request: Request) -> Response:
        settings = self._settings()
        address = request.query_params.get("emailaddress", "")
        body = autoconfig.document(servers(settings), settings.hostname, address)
        return Response(body, media_type="application/xml")

    async def health(self, _: Request) -> Response:
        """For load balancers and watchers: this process answers."""
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    async def missing(self, request: Request, _: HTTPException) -> Response:
        return self._page(request, "missing.html", status=404)

    def _page(self, request: Request, template: str, status: int = 200, **values: object) -> Response:
        language = choose(request.query_params.get("lang"), request.headers.get("accept-language", ""))

        def t(key: str, **inside: object) -> str:
            return text(language, key, **inside)

        body = self._templates.get_template(template).render(
            t=t, language=language, languages=NAMES.items(), hostname=self._settings().hostname, **values
        )
        return HTMLResponse(body, status, {"Vary": "Accept-Language", "Content-Language": language})


def application(settings: Callable[[], Settings]) -> ASGIApp:
    return Pages(settings).app()


class SafeHeaders:
    """Every answer carries the fields that keep a browser from being turned against its user."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)


def _people_size(size: int) -> str:
    """`100 MB`"""
    text = format_size(size)
    return f"{text[:-1]} {text[-1]}B" if text[-1].isalpha() else f"{text} B"


def _steps(found: tuple[MailServer, ...]) -> dict[str, object] | None:
    """The values in the steps: the first, best server of IMAP and SMTP; none where one of them is not served."""
    imap = next((server for server in found if server.protocol == "imap"), None)
    smtp = next((server for server in found if server.protocol == "smtp"), None)
    if imap is None or smtp is None:
        return None
    values: dict[str, object] = {}
    for name, server in (("imap", imap), ("smtp", smtp)):
        values[f"{name}_host"] = server.host
        values[f"{name}_port"] = server.port
        values[f"{name}_tls"] = "SSL/TLS" if server.encryption == "tls" else "STARTTLS"
        values[f"{name}_outlook"] = "SSL/TLS" if server.encryption == "tls" else "STARTTLS"
    return values
