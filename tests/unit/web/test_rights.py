"""Who may do what, pair by pair; and that every address of the application asks for a right.

`ALLOWED` says it a second time, independently of the code, from the service's own table: a right that is given to
somebody else by mistake fails here.
"""

import re

import pytest
from starlette.routing import BaseRoute, Mount

from tests.house import DOMAIN
from tests.unit.web.conftest import Browser, Panel
from web.app import routes
from web.pages.page import Page
from web.person import RULES, SCOPES, Person, Right, may

pytestmark = pytest.mark.asyncio(loop_scope="module")

ME, OTHER = "me@example.test", "other@example.test"
BOSS, ROOT = "boss@example.test", "root@example.test"

PEOPLE = {
    "nobody": None,
    "operator": Person(ME, operator=True),
    "administrator": Person(ME, domains={DOMAIN: frozenset()}, above=frozenset({ROOT})),
    "accounts": Person(ME, domains={DOMAIN: frozenset({"accounts"})}, above=frozenset({ROOT, BOSS})),
    "lists": Person(ME, domains={DOMAIN: frozenset({"lists"})}, above=frozenset({ROOT, BOSS})),
    "reader": Person(ME, domains={DOMAIN: frozenset({"read"})}, above=frozenset({ROOT, BOSS})),
    "elsewhere": Person(ME, domains={"other.test": frozenset()}, above=frozenset({ROOT})),
    "user": Person(ME, above=frozenset({ROOT})),
}

# SERVICE.md, "Who may do what": the administrator's column, the user's column.
SERVICE = {
    Right.ACCOUNT_CREATE: (True, False),
    Right.ACCOUNT_DELETE: (True, False),
    Right.ACCOUNT_LIMIT: (True, False),
    Right.ACCOUNT_COMMENT: (True, False),
    Right.ACCOUNT_PASSWORD: (True, True),
    Right.ACCOUNT_SPAM: (True, True),
    Right.ACCOUNT_FORWARD: (True, True),
    Right.ACCOUNT_AUTOREPLY: (True, True),
    Right.ACCOUNT_RECEIVE: (True, True),
    Right.ACCOUNT_DELETE_MAIL: (True, True),
    Right.ACCOUNT_MIGRATE: (False, True),
    Right.ACCOUNT_POP_FETCH: (True, True),
}

ACCOUNT_RIGHTS = {right for right in Right if right.startswith("account.")}
DOMAIN_WIDE = "operator administrator"

# Of a domain: who, besides the operator.
DOMAINS = {
    Right.ACCOUNTS_SEE: "administrator accounts reader",
    Right.DOMAIN_SEE: "administrator accounts lists reader",
    Right.DOMAIN_SETTINGS: "administrator",
    Right.DOMAIN_ADMINISTRATORS: "administrator",
    Right.DOMAIN_CREATE: "",
    Right.DOMAIN_DELETE: "",
    Right.DOMAIN_CAPACITY: "",
    Right.LISTS_SEE: "administrator lists reader",
    Right.LISTS_EDIT: "administrator lists",
    Right.FORWARDS_SEE: "administrator accounts reader",
    Right.FORWARDS_EDIT: "administrator accounts",
    Right.DNS_SEE: "administrator reader",
    Right.TRACE_SEE: "administrator accounts reader",
    Right.AUDIT_SEE: "administrator reader",
}
SERVER = {
    Right.QUEUE_SEE, Right.QUEUE_EDIT, Right.NOTICES_EDIT, Right.SERVER_SEE, Right.TOKENS_EDIT, Right.SERVER_AUDIT,
}  # fmt: skip
EVERYBODY = {Right.SIGNED_IN, Right.NOTICES_SEE, Right.SERVER_INFO, Right.DOMAINS_SEE}
OWN = {Right.OWN_SECURITY, Right.OWN_TOKENS}


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("right", sorted(SERVICE))
async def test_the_services_table(who: str, right: Right) -> None:
    administrator, user = SERVICE[right]
    person = PEOPLE[who]
    assert may(person, right, address=OTHER) is (
        administrator and who in ("operator", "administrator", "accounts")
    )
    own = user and person is not None
    also = administrator and who in ("operator", "administrator", "accounts")
    assert may(person, right, address=ME) is (own or also)


@pytest.mark.parametrize("who", PEOPLE)
async def test_other_domains_are_nobodys_but_their_own(who: str) -> None:
    person = PEOPLE[who]
    for right in RULES:
        if right in EVERYBODY:
            continue
        foreign = may(person, right, "third.test") or may(person, right, address="x@third.test")
        assert foreign is (who == "operator" and right not in OWN | {Right.ACCOUNT_MIGRATE}), right
        if who == "elsewhere" and right in DOMAINS:
            assert may(person, right, "other.test") is ("administrator" in DOMAINS[right].split())
            assert not may(person, right, DOMAIN)


@pytest.mark.parametrize("who", PEOPLE)
async def test_domains_and_server(who: str) -> None:
    person = PEOPLE[who]
    for right, allowed in DOMAINS.items():
        assert may(person, right, DOMAIN) is (who in ["operator", *allowed.split()]), right
    for right in SERVER:
        assert may(person, right) is (who == "operator"), right
    for right in EVERYBODY:
        assert may(person, right) is (who != "nobody"), right
    for right in OWN:
        assert may(person, right, address=ME) is (who != "nobody"), right
        assert not may(person, right, address=OTHER), right
    assert may(person, Right.PUBLIC)
    for right in (Right.ACCOUNT_SUSPEND, Right.ACCOUNT_UNLOCK, Right.ACCOUNT_HOLD, Right.ACCOUNT_ALIASES,
                  Right.ACCOUNT_TWO_FACTOR_OFF):  # fmt: skip
        assert may(person, right, address=OTHER) is (who in ("operator", "administrator", "accounts")), right
    assert may(person, Right.ACCOUNT_SEE, address=OTHER) is (
        who in ("operator", "administrator", "accounts", "reader")
    )


async def test_every_right_is_in_a_table_here() -> None:
    known = {*SERVICE, *DOMAINS, *SERVER, *EVERYBODY, *OWN, *ACCOUNT_RIGHTS, Right.PUBLIC}
    assert set(Right) == known
    assert set(RULES) == known - {Right.PUBLIC}


async def test_nobody_changes_an_account_of_somebody_with_more_rights() -> None:
    for who in ("administrator", "accounts", "lists", "reader", "user"):
        person = PEOPLE[who]
        for right, rule in RULES.items():
            if rule.writes and right.startswith("account."):
                assert not may(person, right, address=ROOT), (who, right)
                if who != "administrator":
                    assert not may(person, right, address=BOSS), (who, right)
    assert may(PEOPLE["accounts"], Right.ACCOUNT_SEE, address=BOSS)
    assert may(PEOPLE["administrator"], Right.ACCOUNT_PASSWORD, address=BOSS)


async def test_a_token_never_may_more_than_its_scopes_or_its_person() -> None:
    for scopes in ([], ["accounts:read"], ["accounts:write"], ["lists:write", "queue:write"]):
        for base in (person for person in PEOPLE.values() if person is not None):
            token = Person(base.address, base.operator, base.domains, frozenset(scopes), base.above)
            for right, rule in RULES.items():
                if may(token, right, DOMAIN):
                    assert may(base, right, DOMAIN)
                    assert f"{rule.scope}:write" in scopes or (
                        not rule.writes and f"{rule.scope}:read" in scopes
                    )
    assert {"accounts:read", "accounts:write", "queue:write"} <= set(SCOPES)


async def test_an_address_of_another_domain_than_the_pages_is_nobodys() -> None:
    assert not may(PEOPLE["operator"], Right.ACCOUNT_SEE, "third.test", OTHER)


def _walk(found: list[BaseRoute], prefix: str = "") -> list[tuple[str, BaseRoute]]:
    flat = []
    for route in found:
        if isinstance(route, Mount):
            flat += _walk(list(route.routes or []), prefix + route.path) or [(prefix + route.path, route)]
        else:
            flat.append((prefix + getattr(route, "path", ""), route))
    return flat


async def test_every_route_names_its_right() -> None:
    """Pages are `Page`s; the API's operations name theirs in its table; what mail programs ask for is public."""
    without = [
        path
        for path, route in _walk(routes())
        if not isinstance(route, Page)
        and not re.match(r"/static$|/api/|/autodiscover/|/.well-known/", path.lower())
    ]
    assert not without
    pages = [route for _, route in _walk(routes()) if isinstance(route, Page)]
    assert len(pages) > 40
    public = {route.path for route in pages if route.right is Right.PUBLIC}
    for route in pages:
        if route.path.startswith(("/d/", "/own/", "/queue", "/audit", "/server")):
            assert route.right is not Right.PUBLIC, route.path
        if "{local}" in route.path and "/accounts/" in route.path:
            assert route.right.startswith("account."), route.path
        if "POST" in (route.methods or ()) and route.path not in public:
            assert route.right in RULES
            reads = not RULES[route.right].writes
            assert not reads or route.path in ("/logout", "/strength"), (
                f"{route.path} changes by a right to see"
            )


def _addresses() -> list[tuple[str, str]]:
    """Method and an address for each page of domains and accounts."""
    found = set()
    for _, route in _walk(routes()):
        if isinstance(route, Page) and route.path.startswith("/d/"):
            path = route.path.replace("{domain}", DOMAIN).replace("{local}", "hanako")
            path = re.sub(r"{\w+(?::\w+)?}", "x", path)
            found |= {(method, path) for method in route.methods or () if method != "HEAD"}
    return sorted(found)


@pytest.mark.parametrize("who", ["user", "elsewhere", "reader", "nobody"])
async def test_pages_of_a_domain_over_http(panel: Panel, who: str) -> None:
    """Over HTTP: a user, a stranger, and a domain's reader, against every page of a domain."""
    browser: Browser = panel.browser()
    panel.administers("hanako", "read" if who == "reader" else "lists")
    if who == "reader":
        await browser.sign_in("hanako")
    elif who != "nobody":
        await browser.sign_in("taro")
    await browser.get("/login" if who == "nobody" else "/own/security")
    for method, path in _addresses():
        answer = await (browser.get(path) if method == "GET" else browser.submit(path))
        if who == "nobody":
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/login"), path
        elif who != "reader":
            own = "/accounts/hanako" in path
            assert answer.status_code in ((404, 403) if own else (404,)), (method, path)
        elif method == "POST" and "/accounts/hanako" not in path:
            assert answer.status_code == 403, (method, path)
