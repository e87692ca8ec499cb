"""The queue, for operators: what waits, for which destinations, and what is done about it."""

from starlette.requests import Request
from starlette.responses import Response

from storage.admin_files import Refused
from storage.queue.queued import Select, State
from web.acts import queue
from web.pages.frame import render
from web.pages.page import Page, form, signed_in, text
from web.pages.visit import back
from web.person import Right

PER_PAGE = 50
ACTIONS: tuple[queue.What, ...] = ("retry", "hold", "release", "delete")


async def every(request: Request) -> Response:
    """What is in the queue, the oldest first; numbers and destinations above it."""
    office, person = await signed_in(request)
    asked = request.query_params
    select = _select(dict(asked))
    page = asked.get("page", "1")
    number = max(1, int(page[:6]) if page.isdecimal() else 1)
    found = await queue.find(office, person, select, (number - 1) * PER_PAGE, PER_PAGE)
    stats = await queue.stats(office, person, 10)
    pages = max(1, -(-found.total // PER_PAGE))
    first = (number - 1) * PER_PAGE + 1 if found.messages else 0
    return render(
        request,
        "queue/queue.html",
        messages=found.messages,
        total=found.total,
        stats=stats,
        wanted={name: asked.get(name, "") for name in ("sender", "recipient", "domain", "state")},
        filtered=select != Select(),
        states=[state.value for state in State],
        pager={
            "first": first,
            "last": first + len(found.messages) - 1 if found.messages else 0,
            "total": found.total,
            "page": number,
            "pages": pages,
        },
    )


async def act(request: Request) -> Response:
    """Something is done to the messages that were ticked, or to all that the filter means."""
    office, person = await signed_in(request)
    what = next((each for each in ACTIONS if each == text(request, "action")), None)
    ids = [each for each in form(request).getlist("id") if isinstance(each, str)]
    select = Select(tuple(ids[:1000]))
    if not ids and text(request, "all"):
        select = _select({name: text(request, name) for name in ("sender", "recipient", "domain", "state")})
    elif not ids:
        return back(request, "/queue", "queue.nothing_ticked", "warning")
    if what is None:
        raise Refused("there is no such action")
    done = await queue.act(office, person, what, select)
    return back(request, "/queue", f"queue.done.{what}", count=done)


async def show(request: Request) -> Response:
    """One message: each recipient's state, and the header."""
    office, person = await signed_in(request)
    found, header = await queue.show(office, person, request.path_params["id"])
    shown = header.decode("utf-8", "replace").replace("\r\n", "\n")
    return render(request, "queue/message.html", message=found, header=shown)


def _select(asked: dict[str, str]) -> Select:
    state = asked.get("state", "")
    return Select(
        sender=asked.get("sender", "").strip()[:320],
        recipient=asked.get("recipient", "").strip()[:320],
        domain=asked.get("domain", "").strip()[:253],
        state=State(state) if state in State.__members__.values() else None,
    )


routes = [
    Page("/queue", every, right=Right.QUEUE_SEE),
    Page("/queue", act, right=Right.QUEUE_EDIT, methods=("POST",)),
    Page("/queue/{id}", show, right=Right.QUEUE_SEE),
]
