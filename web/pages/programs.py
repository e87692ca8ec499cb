"""Settings for mail programs: for people as a page, for programs as documents. Public: they name nobody."""

from starlette.requests import Request
from starlette.responses import Response

from web.pages.frame import render, size
from web.pages.page import Page
from web.pages.visit import visit
from web.person import Right
from web.programs import autoconfig
from web.programs.servers import MailServer, servers

# How many steps of each program the catalogue has.
PROGRAMS = (("outlook", 4), ("becky", 4), ("thunderbird", 3), ("phone", 4))


async def mail_settings(request: Request) -> Response:
    """What to type into Outlook, Becky!, Thunderbird or a phone."""
    settings = (await visit(request)).office.settings()
    found = servers(settings)
    return render(
        request,
        "settings.html",
        servers=found,
        steps=_steps(found),
        programs=PROGRAMS,
        size=size(settings.smtp.max_message),
        connections=settings.imap.max_connections_per_account,
        tls=settings.tls.minimum,
    )


async def thunderbird(request: Request) -> Response:
    settings = (await visit(request)).office.settings()
    address = request.query_params.get("emailaddress", "")
    body = autoconfig.document(servers(settings), settings.hostname, address)
    return Response(body, media_type="application/xml")


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


routes = [
    Page("/help/settings", mail_settings, right=Right.PUBLIC),
    Page("/mail/config-v1.1.xml", thunderbird, right=Right.PUBLIC),
    Page("/.well-known/autoconfig/mail/config-v1.1.xml", thunderbird, right=Right.PUBLIC),
]
