"""Where is my mail: a domain's mail as a list, and what happened to each of them."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from storage.state.stories import Event
from web.acts import traces
from web.acts.traces import NEVER, Wanted
from web.language import Language
from web.pages.frame import moment, render
from web.pages.page import Page, signed_in
from web.pages.visit import visit
from web.person import Right
from web.texts import text

PER_PAGE = 50
# What is good, and what an administrator should look at.
KINDS = {
    "stored": "good",
    "sent": "good",
    "expanded": "good",
    "forwarded": "good",
    "queued": "info",
    "deferred": "warning",
    "held": "warning",
    "failed": "error",
    "refused": "error",
}
# Of an event's detail, what is shown, in this order; the catalogue has a name for each.
DETAILS = (
    "to",
    "mailbox",
    "account",
    "check",
    "action",
    "reason",
    "results",
    "host",
    "address",
    "reply",
    "tls",
    "helo",
    "size",
    "written",
    "list",
    "waits for",
    "decided",
    "bounces",
    "about",
    "kind",
)
WHATS = (*KINDS, "accepted", "check", "notice")


async def search(request: Request) -> Response:
    """The newest mail, or what is looked for."""
    office, person = await signed_in(request)
    domain = request.path_params.get("domain", "")
    asked = request.query_params
    since, until = _day(asked.get("from", "")), _day(asked.get("to", ""), days=1)
    before = asked.get("before", "")
    if before.replace(".", "", 1).isdecimal() and len(before) < 20:
        until = min(until or NEVER, float(before))
    wanted = Wanted(asked.get("q", "").strip()[:1000], since or 0.0, until or NEVER, PER_PAGE)
    found = await traces.find(office, person, domain, wanted)
    return render(
        request,
        "traces/traces.html",
        domain=domain,
        base=f"/d/{domain}/trace" if domain else "/trace",
        found=found,
        wanted={name: asked.get(name, "") for name in ("q", "from", "to")},
        filtered=any(asked.get(name) for name in ("q", "from", "to")),
        older=found[-1].mail.at if len(found) == PER_PAGE else None,
        kept=office.settings().traces.keep // 86_400,
        kinds=KINDS,
        name=_name((await visit(request)).language),
    )


async def show(request: Request) -> Response:
    """The story of one message."""
    office, person = await signed_in(request)
    domain = request.path_params.get("domain", "")
    story = await traces.show(office, person, domain, request.path_params["trace"])
    language = (await visit(request)).language
    return render(
        request,
        "traces/trace.html",
        domain=domain,
        base=f"/d/{domain}/trace" if domain else "/trace",
        story=story,
        subject=await traces.subject(office, person, domain, story),
        outcomes=list(story.outcomes.items()),
        told=[(event, _told(event)) for event in story.events],
        kinds=KINDS,
        name=_name(language),
        seconds=lambda at: f"{moment(at, language)}{datetime.fromtimestamp(at)::%S}",
    )


def _name(language: Language) -> Callable[[str], str]:
    """What people call an event; one that the catalogue does not have is called as it is."""
    return lambda what: text(language, f"traces.what.{what}") if what in WHATS else what


def _told(event: Event) -> list[tuple[str, str]]:
    """What is known of an event besides recipient and answer: the catalogue's name of it, and the value."""
    detail: Mapping[str, str] = event.detail
    said = [(name, detail[name]) for name in DETAILS if detail.get(name) and detail[name] != event.recipient]
    if event.peer and event.peer != detail.get("host"):
        said.insert(0, ("peer", event.peer))
    if event.queue_id:
        said.append(("queue_id", event.queue_id))
    return said


def _day(written: str, days: int = 0) -> float | None:
    """The beginning of a day as a form gives it, so many days later; None where it is none."""
    try:
        return (datetime.fromisoformat(written[:10]) + timedelta(days=days)).timestamp()
    except (ValueError, OverflowError):
        return None


routes = [
    Page("/d/{domain}/trace", search, right=Right.TRACE_SEE),
    Page("/d/{domain}/trace/{trace}", show, right=Right.TRACE_SEE),
    Page("/trace", search, right=Right.SERVER_SEE),
    Page("/trace/{trace}", show, right=Right.SERVER_SEE),
]
