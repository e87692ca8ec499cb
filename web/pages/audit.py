"""Who changed what: a domain's log for its administrators, all of it for the operator; also as CSV."""

import csv
import io
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from storage.state.panel import Entry
from web.acts import audit, lists
from web.pages.accounts import number_of
from web.pages.frame import render
from web.pages.page import Page, signed_in
from web.person import Right
from web.texts import TEXTS, text

PER_PAGE = 50


async def log(request: Request) -> Response:
    office, person = await signed_in(request)
    domain = request.path_params.get("domain")
    query = request.query_params
    search, before = query.get("q", "")[:200].strip(), number_of(query.get("before", ""))
    entries = await audit.entries(
        office, person, domain, search=search, before=before or None, most=PER_PAGE + 1
    )
    language = request.state.visit.language

    def action(entry: Entry) -> str:
        key = f"action.{entry.action}"
        return text(language, key) if key in TEXTS else entry.action

    def actor(entry: Entry) -> str:
        return text(language, "audit.link") if entry.actor == lists.LINK else entry.actor

    return render(
        request,
        "audit/log.html",
        domain=domain or "",
        entries=entries[:PER_PAGE],
        more=entries[PER_PAGE - 1].id if len(entries) > PER_PAGE else None,
        search=search,
        before=before,
        action=action,
        actor=actor,
    )


async def export(request: Request) -> Response:
    """As Excel reads it in Japan: UTF-8 with a byte order mark, by which it knows."""
    office, person = await signed_in(request)
    domain = request.path_params.get("domain")
    search = request.query_params.get("q", "")[:200].strip()
    entries = await audit.entries(office, person, domain, search=search, before=None, most=audit.MOST)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("time", "who", "from", "what", "domain", "whom", "details"))
    for each in entries:
        at = datetime.fromtimestamp(each.at).astimezone().isoformat(timespec="seconds")
        row = (at, each.actor, each.peer, each.action, each.domain, each.subject, each.details)
        writer.writerow([harmless(cell) for cell in row])
    name = f"audit-{domain}.csv" if domain else "audit.csv"
    return Response(
        out.getvalue().encode("utf-8-sig"),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def harmless(cell: str) -> str:
    """A cell that a spreadsheet does not compute."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


routes = [
    Page("/d/{domain}/audit", log, right=Right.AUDIT_SEE),
    Page("/d/{domain}/audit.csv", export, right=Right.AUDIT_SEE),
    Page("/audit", log, right=Right.SERVER_AUDIT),
    Page("/audit.csv", export, right=Right.SERVER_AUDIT),
]
