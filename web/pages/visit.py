"""One request seen as a visit: who comes, in which language, with what proof that the form was ours.

The session's secret is in a cookie that scripts cannot read and other sites cannot make the browser send with a
form (`__Host-`, Secure, HttpOnly, SameSite=Lax; without TLS, in a demo or behind a proxy on this machine, the
same without the first two). A form carries an HMAC under that secret, so that it can only have come from a page
that we gave to this browser; who is not signed in has a secret of no other use for the same purpose.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from storage.state.panel import Session
from web.language import Language, choose
from web.office import Office
from web.person import Person

LONGEST_FLASH = 2_000  # characters of a message to the next page
YEAR = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Flash:
    """What the next page says first: a text of the catalogue with its values. `kind`: done, warning or error."""

    key: str
    values: Mapping[str, str]
    kind: str = "done"


@dataclass(frozen=True, slots=True)
class Visit:
    """What is known of a request before its page begins."""

    office: Office
    language: Language
    person: Person | None
    session: Session | None
    secret: str  # what forms are bound to
    fresh: bool  # the secret is new: the answer must set it
    ended: bool  # there was a session, which has ended
    flash: Flash | None

    @property
    def csrf(self) -> str:
        return hmac.digest(self.secret.encode(), b"form", "sha256").hex()


async def visit(request: Request) -> Visit:
    """Made once for a request; the same to whoever asks again."""
    known: Visit | None = getattr(request.state, "visit", None)
    if known is not None:
        return known
    office: Office = request.app.state.office
    cookies = request.cookies
    kept = cookies.get(cookie(request, "session"), "")
    entered = await office.enter(kept) if kept else None
    if entered:
        await office.banner.look(office)
    secret = kept if entered else cookies.get(cookie(request, "form"), "")
    asked = request.query_params.get("lang") or cookies.get(cookie(request, "language"))
    made = Visit(
        office,
        choose(asked, request.headers.get("accept-language", "")),
        entered.person if entered else None,
        entered.session if entered else None,
        secret or secrets.token_urlsafe(24),
        not secret,
        bool(kept) and entered is None,
        _read_flash(cookies.get(cookie(request, "flash"), "")),
    )
    request.state.visit = made
    return made


def cookie(request: Request, name: str) -> str:
    """The name of one of our cookies. `__Host-`: over TLS alone, for this host alone (RFC 6265bis §4.1.3.2)."""
    return f"__Host-{name}" if request.url.scheme == "https" else name


def put_cookie(
    request: Request, response: Response, name: str, value: str, *, kept: int | None = None
) -> None:
    """Set one of our cookies; an empty value takes it away. `kept`: seconds; else until the browser is closed."""
    response.set_cookie(
        cookie(request, name),
        value,
        max_age=kept if value else 0,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def finish(request: Request, response: Response) -> None:
    """The cookies that every page sets where they are needed."""
    seen: Visit | None = getattr(request.state, "visit", None)
    if seen is None:
        return
    if seen.fresh and seen.person is None and not _sets(response, cookie(request, "session")):
        put_cookie(request, response, "form", seen.secret)
    if seen.ended and not _sets(response, cookie(request, "session")):
        put_cookie(request, response, "session", "")
    if (
        seen.flash is not None
        and response.status_code == 200
        and not _sets(response, cookie(request, "flash"))
    ):
        put_cookie(request, response, "flash", "")
    if request.query_params.get("lang"):
        put_cookie(request, response, "language", seen.language, kept=YEAR)


def genuine(request: Request, seen: Visit, token: object) -> bool:
    """Whether a form came from a page of ours: by its token, and by what the browser says of its origin."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    here = origin in (None, "null") or urlsplit(origin or "").netloc == request.headers.get("host")
    return (
        site in ("same-origin", "none")
        and here
        and isinstance(token, str)
        and hmac.compare_digest(token.encode("utf-8", "replace"), seen.csrf.encode())
    )


def back(request: Request, url: str, key: str = "", kind: str = "done", **values: object) -> Response:
    """After a form: go on to a page (303), which begins with this text of the catalogue."""
    response = RedirectResponse(url, 303)
    if key:
        texts = {name: str(value)[:LONGEST_FLASH] for name, value in values.items()}
        put_cookie(request, response, "flash", _written(Flash(key, texts, kind)), kept=60)
    return response


def local_path(url: str) -> str:
    """Where to go on after signing in: a page of ours, never another host."""
    inside = url.startswith("/") and not url.startswith(("//", "/\\")) and "\\" not in url
    return url if inside and url.isprintable() else "/"


def _written(flash: Flash) -> str:
    text = json.dumps([flash.key, dict(flash.values), flash.kind], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode("utf-8", "replace")).decode()


def _read_flash(value: str) -> Flash | None:
    if not value or len(value) > 4 * LONGEST_FLASH:
        return None
    try:
        key, values, kind = json.loads(base64.urlsafe_b64decode(value))
        texts: dict[str, Any] = dict(values)
        return Flash(str(key), {str(name): str(text) for name, text in texts.items()}, str(kind))
    except (ValueError, TypeError):
        return None


def _sets(response: Response, name: str) -> bool:
    prefix = f"{name}=".encode()
    return any(key == b"set-cookie" and value.startswith(prefix) for key, value in response.raw_headers)
