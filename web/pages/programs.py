"""Settings for mail programs: for people as a page, for programs as the documents that they ask for.

Public, and the same for whoever asks: what is made of an address says nothing about whether it exists.
"""

from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from config.public import public_url
from config.settings import Settings
from config.values import mail_address
from web.pages.frame import render, size
from web.pages.page import Page
from web.pages.visit import Visit, visit
from web.person import Right
from web.programs import autoconfig, autodiscover, mobileconfig, qr
from web.programs.servers import MailServer, best, servers
from web.texts import text as words

# How many steps of each program the catalogue has.
PROGRAMS = (("outlook", 4), ("becky", 4), ("thunderbird", 3), ("iphone", 4), ("android", 4))


async def mail_settings(request: Request) -> Response:
    """What to type into Outlook, Becky!, Thunderbird or a phone."""
    seen = await visit(request)
    settings = seen.office.settings()
    found, address = servers(settings), _address(request, seen)
    return render(
        request,
        "programs/settings.html",
        servers=found,
        steps=_steps(found, address or words(seen.language, "programs.login.name.value")),
        programs=PROGRAMS,
        address=address,
        asked=request.query_params.get("address", "")[:320],
        profile=f"/help/settings/profile?{urlencode({'address': address})}" if address else "",
        qr=qr.public(_own_url(settings, address), words(seen.language, "programs.phone.qr")),
        size=size(settings.smtp.max_message),
        connections=settings.imap.max_connections_per_account,
        tls=settings.tls.minimum,
    )


async def profile(request: Request) -> Response:
    """Apple's configuration profile for an address, signed by the server."""
    seen = await visit(request)
    settings, language = seen.office.settings(), seen.language
    address = _valid(request.query_params.get("address", ""))
    try:
        content = mobileconfig.profile(
            servers(settings),
            settings.hostname,
            address,
            mobileconfig.Words(
                words(language, "programs.profile.name", address=address),
                words(language, "programs.profile.description", hostname=settings.hostname),
            ),
        )
    except LookupError:
        address = ""
    if not address:
        return Response(status_code=404)
    if settings.tls.certificate is not None and settings.tls.key is not None:
        content = await seen.office.run(
            mobileconfig.signed, content, settings.tls.certificate, settings.tls.key
        )
    name = quote(f"{address}.mobileconfig", safe="@")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "Cache-Control": "no-store"}
    return Response(content, media_type=mobileconfig.CONTENT_TYPE, headers=headers)


async def thunderbird(request: Request) -> Response:
    settings = (await visit(request)).office.settings()
    address = request.query_params.get("emailaddress", "")
    body = autoconfig.document(servers(settings), settings.hostname, address)
    return Response(body, media_type="application/xml")


async def outlook(request: Request) -> Response:
    """Autodiscover, version 1. What cannot be answered is told in the answer; the status is 200 all the same."""
    settings: Settings = request.app.state.office.settings()
    try:
        asked = autodiscover.read(await _body(request, autodiscover.MOST_OCTETS))
        body = autodiscover.answer(servers(settings), asked.address)
    except autodiscover.Unusable as error:
        body = autodiscover.refusal(error, datetime.now(UTC))
    return Response(body, media_type="text/xml", headers={"Cache-Control": "no-store"})


async def outlook_pointer(request: Request) -> Response:
    """Autodiscover, version 2: where version 1 is."""
    settings: Settings = request.app.state.office.settings()
    protocol = next((v for k, v in request.query_params.items() if k.lower() == "protocol"), "")
    try:
        return JSONResponse(autodiscover.pointer(protocol, public_url(settings)))
    except autodiscover.Unusable as error:
        return JSONResponse({"ErrorCode": "InvalidProtocol", "ErrorMessage": error.text}, 400)


def _address(request: Request, seen: Visit) -> str:
    """Whose settings are shown: the person's, or those of the address that a QR code brought along."""
    asked = _valid(request.query_params.get("address", ""))
    return asked or (seen.person.address if seen.person else "")


def _valid(address: str) -> str:
    try:
        return mail_address(address.strip())
    except ValueError:
        return ""


def _own_url(settings: Settings, address: str) -> str:
    query = f"?{urlencode({'address': address})}" if address else ""
    return f"{public_url(settings)}/help/settings{query}"


async def _body(request: Request, most: int) -> bytes:
    """At most one octet more than may be read."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            break
    return body[: most + 1]


def _steps(found: tuple[MailServer, ...], login: str) -> dict[str, object] | None:
    """The values in the steps: the best server of IMAP and SMTP; none where one of them is not served."""
    imap, smtp = best(found, "imap"), best(found, "smtp")
    if imap is None or smtp is None:
        return None
    values: dict[str, object] = {"login": login}
    for name, server in (("imap", imap), ("smtp", smtp)):
        values[f"{name}_host"] = server.host
        values[f"{name}_port"] = server.port
        values[f"{name}_tls"] = "SSL/TLS" if server.encryption == "tls" else "STARTTLS"
    return values


# Outlook writes the path in either way, depending on its version; phones post without a session and its token.
_AUTODISCOVER = ("/autodiscover/autodiscover", "/Autodiscover/Autodiscover", "/AutoDiscover/AutoDiscover")

routes = [
    Page("/help/settings", mail_settings, right=Right.PUBLIC),
    Page("/mail-programs", mail_settings, right=Right.SIGNED_IN),
    Page("/help/settings/profile", profile, right=Right.PUBLIC),
    Page("/mail/config-v1.1.xml", thunderbird, right=Right.PUBLIC),
    Page("/.well-known/autoconfig/mail/config-v1.1.xml", thunderbird, right=Right.PUBLIC),
    *(Route(f"{path}.xml", outlook, methods=["GET", "POST"]) for path in _AUTODISCOVER),
    *(Route(f"{path}.json", outlook_pointer) for path in _AUTODISCOVER),
    *(Route(f"{path}.json/v1.0/{{address}}", outlook_pointer) for path in _AUTODISCOVER),
]
