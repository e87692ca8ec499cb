"""Who may do what by the API: every operation, asked by every kind of person, inside and outside their domain.

The table says it anew, not by the program's own rules: a right that moves there has to move here as well.
"""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.house import DOMAIN
from tests.unit.web.api_site import OTHER, PEOPLE, Api
from web.api.operation import Csv, Operation
from web.api.table import OPERATIONS

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERYBODY = "OACLRUX"

# Who may use an operation on example.test.
ALLOWED = {
    EVERYBODY: (
        "listDomains listNotices getNotice getSelf getServer listOwnTokens createToken deleteOwnToken getOwnAccount"
        " changeOwnAccount getSecurity setOwnPassword setTwoFactor endTwoFactor createAppPassword deleteAppPassword"
        " endSessions endSession"
        " getOwnMail deleteOwnMail getOwnDeletion listOwnFetches createOwnFetch changeOwnFetch deleteOwnFetch"
        " getJob"
    ),
    "O": (
        "createDomain replaceDomain deleteDomain findAnyMail getAnyTrace listQueue actOnQueue getQueueStats"
        " getQueued deleteQueued createNotice replaceNotice deleteNotice mailNotice getServerState getServerStats"
        " listTokens deleteToken listServerAudit"
    ),
    "OA": "changeDomain createKeys useKeys deleteKey",
    "OAR": "listRecords checkRecords listKeys listAudit",
    "OACLR": "getDomain getDomainStats",
    "OACR": (
        "listAccounts getAccount listDeleted findMail getTrace listForwards getForward getMail listFetches"
        " exportAccounts"
    ),
    "OAC": (
        "createAccount putAccount changeAccount deleteAccount unlockAccount holdSending releaseSending twoFactorOff"
        " restoreAccount removeDeleted createForward putForward deleteForward actOnAccounts importAccounts"
        " deleteMail getDeletion createFetch changeFetch deleteFetch"
    ),
    "OALR": "listLists getList listMembers exportMembers listPosts",
    "OAL": (
        "createList putList changeList deleteList changeMembers removeMembers resumeMember importMembers getPost"
        " decidePost"
    ),
}
MAY = {name: letters for letters, names in ALLOWED.items() for name in names.split()}

PATH = {
    "domain": DOMAIN,
    "local": "nobody",
    "selector": "none",
    "id": "none",
    "number": "999999",
    "trace": "none",
    "member": "nobody@example.net",
    "token": "a" * 26,
    "key": "0" * 16,
}
BODIES: dict[str, dict[str, Any]] = {
    "createDomain": {"domain": "new.test"},
    "replaceDomain": {"catch_all": f"nobody@{DOMAIN}"},
    "changeDomain": {"catch_all": None},
    "createAccount": {"local": "somebody", "quota": 1 << 50},
    "putAccount": {"quota": 1 << 50},
    "setOwnPassword": {"current": "wrong", "new": "gR8-woTn-Qe1b"},
    "createAppPassword": {"current": "wrong", "name": "phone"},
    "setTwoFactor": {"current": "wrong", "secret": "A" * 32, "code": "000000"},
    "endTwoFactor": {"current": "wrong"},
    "deleteAppPassword": {"name": "phone"},
    "createList": {"local": "team", "owner": "a@example.net", "posters": ["b@example.net"]},
    "putList": {"owner": f"nobody@{DOMAIN}", "posters": ["stranger@example.net"]},
    "changeMembers": {"members": []},
    "removeMembers": {"members": ["nobody@example.net"]},
    "decidePost": {"decision": "refuse"},
    "createForward": {"local": "taro", "to": ["a@example.net"]},
    "putForward": {"to": [f"nobody@{DOMAIN}"]},
    "createKeys": {"prefix": "x", "use": False},
    "useKeys": {"selectors": []},
    "actOnQueue": {"action": "retry", "all": True},
    "createNotice": {"kind": "news", "begins": "2026-01-01T00:00:00Z"},
    "replaceNotice": {"kind": "news", "begins": "2026-01-01T00:00:00Z"},
    "actOnAccounts": {"action": "unlock", "locals": ["nobody"]},
    "deleteMail": {"folders": ["INBOX"], "before": "2000-01-01T00:00:00Z"},
    "deleteOwnMail": {"folders": ["INBOX"], "before": "2000-01-01T00:00:00Z"},
    **{
        name: {"server": "pop.example.net", "login": "x", "password": password}
        for name, password in (
            ("createFetch", "x"),
            ("changeFetch", None),
            ("createOwnFetch", None),
            ("changeOwnFetch", None),
        )
    },
    "createToken": {"name": "one", "scopes": ["own:read"]},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    api = await Api.open(tmp_path_factory.mktemp("site"))
    yield api
    await api.close()


async def ask(api: Api, letter: str, operation: Operation, **path: str) -> httpx.Response:
    address = operation.path
    for name, value in {**PATH, **path}.items():
        address = address.replace(f"{{{name}}}", value)
    more: dict[str, Any] = {}
    if operation.body is not None and issubclass(operation.body, Csv):
        more = {"content": b"", "headers": {"Content-Type": "text/csv"}}
    elif operation.body is not None:
        more = {"json": BODIES.get(operation.name, {})}
    return await api.ask(letter, operation.method, address, **more)


def denied(answer: httpx.Response) -> bool:
    """For want of a right, whatever else would have been wrong with it."""
    detail = answer.json().get("detail", "") if answer.status_code in (403, 404) else ""
    return "lacks the right" in detail or "not yours to see" in detail


async def test_the_table_knows_every_operation() -> None:
    assert {each.name for each in OPERATIONS} <= MAY.keys()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_who_may(api: Api, operation: Operation) -> None:
    for letter in PEOPLE:
        answer = await ask(api, letter, operation)
        assert answer.status_code < 500, (letter, answer.text)
        assert denied(answer) is (letter not in MAY[operation.name]), (
            letter,
            answer.status_code,
            answer.text,
        )
        assert letter not in "UX" or answer.status_code != 403 or "{domain}" not in operation.path, letter


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if "{domain}" in each.path], ids=lambda each: each.name
)
async def test_other_domains_are_not_there(api: Api, operation: Operation) -> None:
    """The same answer for a domain of others and for one that does not exist."""
    for letter in "ACLRU":
        others = await ask(api, letter, operation, domain=OTHER, local="jiro")
        nowhere = await ask(api, letter, operation, domain="nowhere.test", local="jiro")
        assert denied(others), (letter, others.text)
        assert (others.status_code, others.text) == (nowhere.status_code, nowhere.text)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_a_token_needs_the_scope(api: Api, operation: Operation) -> None:
    subject = operation.scope.partition(":")[0]
    every = {each.scope for each in OPERATIONS} | {f"{subject}:read"}
    lacks = every - {operation.scope, f"{subject}:write"}
    secret = api.token("O", lacks)
    address = operation.path
    for name, value in PATH.items():
        address = address.replace(f"{{{name}}}", value)
    answer = await api.ask_with(secret, operation.method, address)
    assert answer.status_code == 403
    assert f'scope="{operation.scope}"' in answer.headers["www-authenticate"]
    tokens = api.office.panel.db
    with tokens.transaction() as db:
        # nobody may have a hundred
        db.execute("DELETE FROM token WHERE sha256 = ?", (hashlib.sha256(secret.encode()).digest(),))


async def test_who_has_less_rights_touches_nobody_with_more(api: Api) -> None:
    """An administrator of accounts alone would else set the operator's password, and be the operator."""
    for local in ("operator", "boss"):
        for method, path, body in (
            ("PATCH", "", {"password": "gR8-woTn-Qe1b"}),
            ("PATCH", "", {"comment": "x"}),
            ("PUT", "", {}),
            ("DELETE", "", None),
            ("DELETE", "/two-factor", None),
            ("PUT", "/hold", {}),
        ):
            answer = await api.ask("C", method, f"/domains/{DOMAIN}/accounts/{local}{path}", json=body)
            assert answer.status_code == 403, (local, method, path, answer.text)
    assert (await api.ask("C", "GET", f"/domains/{DOMAIN}/accounts/boss")).status_code == 200


async def test_a_user_has_the_own_account_and_no_more(api: Api) -> None:
    own = f"/domains/{DOMAIN}/accounts/taro"
    assert (await api.ask("U", "GET", own)).json()["address"] == PEOPLE["U"]
    changed = await api.ask(
        "U", "PATCH", "/own/account", json={"autoreply": {"enabled": True, "text": "休暇中"}}
    )
    assert changed.json()["autoreply"]["text"] == "休暇中"
    for body in ({"quota": 5 << 30}, {"comment": "x"}, {"aliases": ["x"]}, {"suspended": False}):
        assert (await api.ask("U", "PATCH", own, json=body)).status_code == 403
    assert (await api.ask("U", "GET", f"/domains/{DOMAIN}/accounts/hanako")).status_code == 404
    assert (await api.ask("U", "GET", f"/domains/{DOMAIN}/accounts/nobody")).status_code == 404


async def test_an_administrator_changes_no_capacity(api: Api) -> None:
    for body in ({"capacity": 200 << 30}, {"capacity": 200 << 30, "trash": None}):
        assert (await api.ask("A", "PATCH", f"/domains/{DOMAIN}", json=body)).status_code == 403
    assert (await api.ask("O", "GET", f"/domains/{DOMAIN}")).json()["capacity"] == 100 << 30


async def test_an_administrator_names_nobody_of_another_domain(api: Api) -> None:
    """Or else could find out which accounts there are."""
    for local in ("boss", "jiro", "nobody"):
        administrators = [{"address": PEOPLE["A"]}, {"address": f"{local}@{OTHER}"}]
        answer = await api.ask("A", "PATCH", f"/domains/{DOMAIN}", json={"administrators": administrators})
        assert answer.status_code == 409
        assert answer.json()["detail"] == f"{local}@{OTHER} is not an account of {DOMAIN}"


async def test_a_token_gives_no_more_than_it_has(api: Api) -> None:
    secret = api.token("O", ["own:write", "accounts:read"])
    body = {"name": "more", "scopes": ["domains:write"]}
    answer = await api.ask_with(secret, "POST", "/own/tokens", json=body)
    assert answer.status_code == 409
    assert "domains:write" in answer.json()["detail"]
    made = await api.ask_with(
        secret, "POST", "/own/tokens", json={"name": "less", "scopes": ["accounts:read"]}
    )
    assert made.status_code == 201
    assert (await api.ask_with(made.json()["token"], "GET", "/own")).status_code == 403


async def test_rights_are_those_of_the_moment(api: Api) -> None:
    site = api.house.site
    path = site.folder / f"domains/{DOMAIN}/domain.yaml"
    before = path.read_text()
    assert (await api.ask("R", "GET", f"/domains/{DOMAIN}/accounts")).status_code == 200
    changed = {"administrators": [{"address": PEOPLE[each]} for each in "A"]}
    await api.ask("O", "PATCH", f"/domains/{DOMAIN}", json=changed)
    assert (await api.ask("R", "GET", f"/domains/{DOMAIN}/accounts")).status_code == 404
    parts: list[dict[str, object]] = [{"address": PEOPLE["A"]}]
    parts += [{"address": PEOPLE["C"], "may": ["accounts"]}, {"address": PEOPLE["L"], "may": ["lists"]}]
    parts += [{"address": PEOPLE["R"], "may": ["read"]}]
    answer = await api.ask("O", "PATCH", f"/domains/{DOMAIN}", json={"administrators": parts})
    assert answer.status_code == 200
    assert path.read_text().count("may:") == before.count("may:")
    assert (await api.ask("R", "GET", f"/domains/{DOMAIN}/accounts")).status_code == 200


async def test_without_a_valid_token_nothing_is_told(api: Api) -> None:
    expired = api.token("O", ["*:*"], api.office.panel.clock() + 3600)
    assert (await api.ask_with(expired, "GET", "/own")).status_code == 200
    with api.office.panel.db.transaction() as db:
        db.execute("UPDATE token SET expires = 1 WHERE expires IS NOT NULL")
    for headers in (
        {},
        {"Authorization": "Basic dGFybzp4"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer kwcmaild_" + "A" * 43},
        {"Authorization": f"Bearer {expired}"},
    ):
        for path in ("/own", f"/domains/{DOMAIN}/accounts/taro", "/domains/nowhere.test"):
            answer = await api.client.get(f"/api/v1{path}", headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith('Bearer realm="kwcmaild"')
            assert answer.headers["content-type"] == "application/problem+json"


async def test_whoever_is_suspended_has_no_token(api: Api) -> None:
    api.house.site.write_account("gone", password="tarosecret")
    PEOPLE["G"] = f"gone@{DOMAIN}"
    try:
        secret = api.token("G", ["*:*"])
        assert (await api.ask_with(secret, "GET", "/own")).status_code == 200
        gone = f"/domains/{DOMAIN}/accounts/gone"
        assert (await api.ask("A", "PATCH", gone, json={"suspended": True})).status_code == 200
        assert (await api.ask_with(secret, "GET", "/own")).status_code == 401
        assert (await api.ask("A", "PATCH", gone, json={"suspended": False})).status_code == 200
        assert (await api.ask_with(secret, "GET", "/own")).status_code == 200
        assert (await api.ask("A", "DELETE", gone)).status_code == 204
        assert (await api.ask_with(secret, "GET", "/own")).status_code == 401
        await api.ask("A", "POST", f"/domains/{DOMAIN}/deleted-accounts/gone/restore")
        assert (await api.ask_with(secret, "GET", "/own")).status_code == 401
    finally:
        del PEOPLE["G"]
