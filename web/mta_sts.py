"""The MTA-STS policies of our domains (RFC 8461 §3.3), each at its own name: https://mta-sts.<domain>/.well-known/….

Senders of mail ask, not browsers: no cookies, no language, no redirection. A name that is no domain of ours, or of
one without a policy, has nothing there.
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from config.domain import DomainFile
from filters import mta_sts
from storage.people.directory import Directory
from web.office import Office


async def policy(request: Request) -> Response:
    office: Office = request.app.state.office
    domain = mta_sts.domain_of(request.url.hostname or "")
    contract = await office.run(_contract, office.directory, domain) if domain else None
    text = mta_sts.policy(office.settings(), contract) if contract is not None else ""
    if not text:
        raise HTTPException(404)
    return PlainTextResponse(text, headers={"Cache-Control": "no-cache"})


def _contract(directory: Directory, domain: str) -> DomainFile | None:
    """Of a domain of ours. Raises Broken, which is 503: senders ask again."""
    return directory.domain(domain) if directory.is_local(domain) else None


routes = [Route(mta_sts.PATH, policy)]
