"""The server's state, for its operator."""

from starlette.requests import Request
from starlette.responses import Response

from web.acts import server, stats
from web.pages.frame import render
from web.pages.page import Page, signed_in
from web.person import Right

SOON = 21 * 86_400  # seconds before a certificate ends at which it is marked


async def show(request: Request) -> Response:
    """Processes, disk, versions, certificate."""
    office, person = await signed_in(request)
    state = await server.state(office, person)
    until = state.certificate_until
    return render(
        request,
        "server/server.html",
        state=state,
        used=state.disk_size - state.disk_free,
        soon=until is not None and until - office.now() < SOON,
        flow=(await stats.server(office, person, "day")).totals,
    )


routes = [Page("/server", show, right=Right.SERVER_SEE)]
