"""What a domain publishes in DNS: each record green or red, with the text to copy; and its DKIM keys."""

from starlette.requests import Request
from starlette.responses import Response

from filters.publish import Found
from web.acts import dns
from web.pages.frame import render
from web.pages.page import Page, form, signed_in, text
from web.pages.visit import back
from web.person import Right

KINDS = {"ok": "good", "missing": "error", "wrong": "error", "unknown": "warning"}


async def show(request: Request) -> Response:
    """All records, asked just now."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    found = await dns.check(office, person, domain)
    needed = [each for each in found if each.record.needed]
    return render(
        request,
        "dns/dns.html",
        domain=domain,
        needed=needed,
        others=[each for each in found if not each.record.needed],
        right=sum(each.state == "ok" for each in needed),
        keys=await dns.keys(office, person, domain),
        kinds=KINDS,
        subject=_subject,
        host=_host,
    )


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


def _subject(found: Found) -> str:
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


def _host(found: Found, domain: str) -> str:
    """The name as most DNS panels want it: without the domain; `@` for the domain itself."""
    name = found.record.name
    return "@" if name == domain else name.removesuffix(f".{domain}")


_DNS = "/d/{domain}/dns"

routes = [
    Page(_DNS, show, right=Right.DNS_SEE),
    Page(f"{_DNS}/keys", add_keys, right=Right.DOMAIN_SETTINGS, methods=("POST",)),
    Page(f"{_DNS}/keys/use", use_keys, right=Right.DOMAIN_SETTINGS, methods=("POST",)),
    Page(f"{_DNS}/keys/delete", delete_key, right=Right.DOMAIN_SETTINGS, methods=("POST",)),
]
