"""What a domain publishes in DNS: each record green or red, with the text to copy; and its DKIM keys."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from filters.publish import Found
from web.acts import dns
from web.dns_looks import Look, Pending
from web.pages.frame import render
from web.pages.page import Page, form, signed_in, text
from web.pages.visit import back
from web.person import Right
from web.texts import text as words

KINDS = {"ok": "good", "missing": "error", "wrong": "error", "unknown": "warning", "asked": ""}


async def show(request: Request) -> Response:
    """All records, and what DNS has told of them so far; the page comes anew when it has told all."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    look = await dns.begin(office, person, domain)
    found = look.so_far()
    needed = [each for each in found if each.record.needed]
    return render(
        request,
        "dns/dns.html",
        domain=domain,
        look=look,
        needed=needed,
        others=[each for each in found if not each.record.needed],
        right=sum(each.state == "ok" for each in needed),
        keys=await dns.keys(office, person, domain),
        kinds=KINDS,
        subject=_subject,
        host=_host,
        asked=_asked(request, look),
    )


async def state(request: Request) -> Response:
    """How far the look is, for the script."""
    office, person = await signed_in(request)
    look = await dns.begin(office, person, request.path_params["domain"])
    return JSONResponse(
        {"done": look.done, "ended": look.ended, "text": _asked(request, look)},
        headers={"Cache-Control": "no-store"},
    )


def _asked(request: Request, look: Look) -> str:
    return words(request.state.visit.language, "dns.asking", done=look.done, count=len(look.answers))


async def add_keys(request: Request) -> Response:
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    made = await dns.add_keys(office, person, domain, "", use=text(request, "use") == "1")
    names = ", ".join(key.selector for key in made)
    return back(request, f"/d/{domain}/dns#dkim", "dns.keys.made", names=names)


async def use_keys(request: Request) -> Response:
    """Those that are ticked sign from now on."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    ticked = [each for each in form(request).getlist("selector") if isinstance(each, str)]
    await dns.use_keys(office, person, domain, ticked)
    return back(request, f"/d/{domain}/dns#dkim", "saved")


async def delete_key(request: Request) -> Response:
    office, person = await signed_in(request)
    domain, selector = request.path_params["domain"], text(request, "selector")
    await dns.delete_key(office, person, domain, selector)
    return back(request, f"/d/{domain}/dns#dkim", "dns.keys.deleted", name=selector)


def _subject(found: Found | Pending) -> str:
    """What a record is for, by the name that the catalogue has for it."""
    record = found.record
    if record.kind == "TXT":
        for start, name in (
            ("v=spf1", "spf"),
            ("v=DKIM1", "dkim"),
            ("v=DMARC1", "dmarc"),
            ("v=TLSRPT", "tlsrpt"),
            ("v=STSv1", "mta_sts"),
        ):
            if record.value.startswith(start):
                return name
    if record.kind == "MX":
        return "mx"
    return "mta_sts" if record.name.startswith("mta-sts.") else "programs"


def _host(found: Found | Pending, domain: str) -> str:
    """The name as most DNS panels want it: without the domain; `@` for the domain itself."""
    name = found.record.name
    return "@" if name == domain else name.removesuffix(f".{domain}")


_DNS = "/d/{domain}/dns"

routes = [
    Page(_DNS, show, right=Right.DNS_SEE),
    Page(f"{_DNS}/state", state, right=Right.DNS_SEE),
    Page(f"{_DNS}/keys", add_keys, right=Right.DOMAIN_SETTINGS, methods=("POST",)),
    Page(f"{_DNS}/keys/use", use_keys, right=Right.DOMAIN_SETTINGS, methods=("POST",)),
    Page(f"{_DNS}/keys/delete", delete_key, right=Right.DOMAIN_SETTINGS, methods=("POST",)),
]
