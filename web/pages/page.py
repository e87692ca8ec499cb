"""A route of the panel: its address, what it shows or does, and the right that it asks for.

Every route names its right (a test walks them all). Before the page's function runs, it is settled who comes,
that they may, that a form is ours (CSRF) and not too large; after it, cookies are set and what was refused is
shown. So a page's function only says what the page is about.
"""

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive

from config.units import KIB
from storage.admin_files import Refused
from web.office import Office
from web.pages.frame import failed, refused_text
from web.pages.visit import Visit, back, finish, genuine, visit
from web.person import Person, Right, allow

MOST_FORM = 256 * KIB  # octets of a form without files
MOST_FIELDS = 6_000  # a thousand accounts ticked, and a little

Endpoint = Callable[[Request], Awaitable[Response]]


class TooLarge(HTTPException):
    """The body is larger than this page takes."""

    def __init__(self, most: int) -> None:
        super().__init__(413)
        self.most = most


class Page(Route):
    """A page, or with `methods=("POST",)` what a form does. The person's rights are asked for the domain and the
    account that the address of the page names (`{domain}`, `{local}`); `most` is how large a form may be."""

    def __init__(
        self,
        path: str,
        endpoint: Endpoint,
        *,
        right: Right,
        methods: Sequence[str] = ("GET",),
        most: int = MOST_FORM,
    ) -> None:
        self.right = right

        async def answer(request: Request) -> Response:
            try:
                response = await _answer(request, endpoint, right, most)
            finally:
                sent: FormData | None = getattr(request.state, "form", None)
                if sent is not None:
                    await sent.close()  # files, which may lie on the disk
            finish(request, response)
            return response

        super().__init__(path, answer, methods=list(methods), name=endpoint.__name__)


async def _answer(request: Request, endpoint: Endpoint, right: Right, most: int) -> Response:
    seen = await visit(request)
    if seen.person is None and right is not Right.PUBLIC:
        return sign_in_first(request, seen)
    domain = request.path_params.get("domain", "")
    local = request.path_params.get("local", "")
    address = f"{local}@{domain}" if local else _own(seen, domain)
    allow(seen.person, right, domain, address)
    if request.method == "POST":
        request.state.form = await _form(request, most)
        if not genuine(request, seen, request.state.form.get("csrf")):
            return failed(request, "stale", 403)
    try:
        return await endpoint(request)
    except Refused as error:
        # a page that can say it beside the field catches it itself
        if request.method != "POST":
            return failed(request, "refused", 404, text=refused_text(request, error))
        return back(request, request.url.path, "plain", "error", text=refused_text(request, error))


async def signed_in(request: Request) -> tuple[Office, Person]:
    """What the functions of pages for who is signed in begin with."""
    seen = await visit(request)
    assert seen.person is not None  # `_answer` has seen to it
    return seen.office, seen.person


def form(request: Request) -> FormData:
    """The form that was sent, already known to be ours."""
    sent: FormData = request.state.form
    return sent


def text(request: Request, name: str) -> str:
    """A field of it as text without blanks around it; empty where it is missing."""
    value = form(request).get(name, "")
    return value.strip() if isinstance(value, str) else ""


def secret(request: Request, name: str) -> str:
    """A field of it exactly as it was typed: a password may begin with a blank."""
    value = form(request).get(name, "")
    return value if isinstance(value, str) else ""


def ticked(request: Request, name: str) -> bool:
    return bool(form(request).get(name))


def sign_in_first(request: Request, seen: Visit) -> Response:
    """To the sign-in page, and from there to where they wanted to go."""
    url = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = f"/login?next={quote(url)}" if request.method == "GET" and url != "/" else "/login"
    if seen.ended:
        return back(request, wanted, "login.ended", "warning")
    return RedirectResponse(wanted, 303)


def _own(seen: Visit, domain: str) -> str:
    """Pages without a domain in their address are about the person's own account (`/own/…`), or the server."""
    return "" if domain or seen.person is None else seen.person.address


async def _form(request: Request, most: int) -> FormData:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise TooLarge(most)
    bounded = Request(request.scope, _bounded(request.receive, most))
    try:
        return await bounded.form(max_files=5, max_fields=MOST_FIELDS, max_part_size=most)
    except (MultiPartException, ValueError) as error:
        raise HTTPException(400) from error


def _bounded(receive: Receive, most: int) -> Receive:
    """The body, as long as it is no longer than it may be, whatever its head had said."""
    left = most

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLarge(most)
        return message

    return bounded
