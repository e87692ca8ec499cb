"""Where each person's day begins: the dashboard of a domain or of the server, and a user's own overview.

Charts are drawn of the counts of `storage.state.hourly`; every chart has its numbers as a table below it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from storage.people.roster import Wanted
from storage.state.hourly import What
from web.acts import accounts, domains, lists, mail_data, popfetch, queue, stats
from web.acts.stats import Flow, Span
from web.charts import Chart, grouped, stacked
from web.language import Language
from web.pages.frame import render
from web.pages.mailbox import state_of
from web.pages.page import Page, signed_in
from web.person import Right, may

SPANS: tuple[Span, ...] = get_args(Span)
FLOW: tuple[What, ...] = ("received", "sent")
TROUBLE: tuple[What, ...] = ("spam", "virus", "refused", "deferred", "failed")
LARGEST = 8  # accounts, or domains, that are shown
LABELS = 5  # along a chart


@dataclass(frozen=True, slots=True)
class Drawn:
    """A flow of mail as two charts with the words along them."""

    flow: Flow
    mail: Chart
    trouble: Chart
    labels: tuple[str, ...]  # of each step
    along: tuple[str, ...]  # those that are written below a chart


async def domain(request: Request) -> Response:
    """The dashboard of a domain; of its accounts or lists only what this person may see."""
    office, person = await signed_in(request)
    name = request.path_params["domain"]
    flow = await stats.domain(office, person, name, _span(request))
    sees_accounts = may(person, Right.ACCOUNTS_SEE, name)
    sees_lists = may(person, Right.LISTS_SEE, name)
    by_use = Wanted(sort="used", descending=True, most=LARGEST)
    full = Wanted(state="full", most=1)
    listing = await accounts.lines(office, person, name, by_use) if sees_accounts else None
    contract = await domains.show(office, person, name)
    return render(
        request,
        "dashboard/domain.html",
        domain=name,
        drawn=_drawn(flow, request.state.visit.language),
        spans=SPANS,
        contract=contract,
        listing=listing,
        locked=_among(listing.locked, name) if listing else 0,
        held=_among(listing.held, name) if listing else 0,
        full=(await accounts.lines(office, person, name, full)).total if sees_accounts else 0,
        lists=contract.lists if sees_lists else None,
        waiting=await lists.waiting_at(office, person, name) if sees_lists else {},
    )


async def server(request: Request) -> Response:
    """The dashboard of the whole server."""
    office, person = await signed_in(request)
    flow = await stats.server(office, person, _span(request))
    found = await domains.every(office, person)
    return render(
        request,
        "dashboard/server.html",
        drawn=_drawn(flow, request.state.visit.language),
        spans=SPANS,
        queue=await queue.stats(office, person, LARGEST),
        domains=sorted(found, key=lambda each: -each.given)[:LARGEST],
        totals=await office.run(office.roster.all_totals),
        count=len(found),
        accounts=sum(each.accounts for each in found),
    )


async def own(request: Request) -> Response:
    """A user's own mailbox: how full it is, how it is set, what one mostly comes for."""
    office, person = await signed_in(request)
    details = await accounts.show(office, person, person.address)
    file = await accounts.file(office, person, person.address)
    folders = await mail_data.overview(office, person, person.address)
    today = datetime.fromtimestamp(office.now()).date()
    return render(
        request,
        "dashboard/own.html",
        details=details,
        file=file,
        state=state_of(file.autoreply, today),
        used=sum(each.octets for each in folders),
        messages=sum(each.messages for each in folders),
        fetches=[each for each in await popfetch.every(office, person, person.address) if each.enabled],
        seen=details.seen[:5],
    )


async def own_without_slash(_: Request) -> Response:
    return RedirectResponse("/own/", 303)


def _among(addresses: frozenset[str], domain: str) -> int:
    """How many of them are of a domain."""
    return sum(each.rpartition("@")[2] == domain for each in addresses)


def _span(request: Request) -> Span:
    asked = request.query_params.get("span", "day")
    return next((span for span in SPANS if span == asked), "day")


def _drawn(flow: Flow, language: Language) -> Drawn:
    labels = tuple(_label(at, flow.span, language) for at in flow.starts)
    last = len(labels) - 1
    along = tuple(labels[last * number // (LABELS - 1)] for number in range(LABELS))
    return Drawn(
        flow,
        grouped({what: flow.counts[what] for what in FLOW}),
        stacked({what: flow.counts[what] for what in TROUBLE}),
        labels,
        along,
    )


def _label(at: float, span: Span, language: Language) -> str:
    moment = datetime.fromtimestamp(at)
    if span == "day":
        return f"{moment:%H:%M}"
    return f"{moment.month}/{moment.day}" if language == "ja" else f"{moment.day} {moment:%b}"


routes = [
    Page("/d/{domain}/", domain, right=Right.DOMAIN_SEE),
    Page("/dashboard", server, right=Right.SERVER_SEE),
    Page("/own", own_without_slash, right=Right.SIGNED_IN),
    Page("/own/", own, right=Right.SIGNED_IN),
]
