"""The API's forms: what is made, changed, refused and found, as a billing system would do it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from storage.message import Message
from storage.people import totp
from storage.queue.queued import Addressee
from storage.state.mails import Arrived
from storage.state.panel_tokens import Tokens
from tests.house import DOMAIN
from tests.unit.web.api_site import OTHER, PEOPLE, Api
from web.api import door
from web.api.table import OPERATIONS

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACCOUNTS = f"/domains/{DOMAIN}/accounts"
LISTS = f"/domains/{DOMAIN}/lists"
PASSWORD = "gR8-woTn-Qe1b"
OLD_PASSWORD = "tarosecret"  # as api_site has it


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    api = await Api.open(tmp_path_factory.mktemp("site"))
    yield api
    await api.close()


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """A problem as RFC 9457 has it."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    body: dict[str, Any] = answer.json()
    assert (body["type"], body["status"]) == (f"/api/v1/#{kind}", status)
    assert body["title"]
    return body


# ---- what a billing system does


async def test_a_customer_comes_and_goes(api: Api) -> None:
    made = await api.ask("O", "POST", "/domains", json={"domain": "customer.test", "capacity": 200 << 30})
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/domains/customer.test")
    assert (
        await api.client.get(made.headers["location"], headers=made.request.headers)
    ).json() == made.json()
    new = {"local": "boss", "password": PASSWORD, "quota": 5 << 30, "comment": "営業部"}
    account = await api.ask("O", "POST", "/domains/customer.test/accounts", json=new)
    assert account.headers["location"] == "/api/v1/domains/customer.test/accounts/boss"
    body = account.json()
    assert (body["address"], body["quota"], body["comment"], body["password"]) == (
        "boss@customer.test",
        5 << 30,
        "営業部",
        True,
    )
    assert PASSWORD not in account.text
    administrators = {"administrators": [{"address": "boss@customer.test"}]}
    assert (await api.ask("O", "PATCH", "/domains/customer.test", json=administrators)).status_code == 200
    assert await api.house.store.logins.check(
        "boss@customer.test", PASSWORD, peer="192.0.2.1", protocol="imap", trace="t"
    )
    domain = (await api.ask("O", "GET", "/domains/customer.test")).json()
    assert (domain["accounts"], domain["given"], domain["capacity"]) == (1, 5 << 30, 200 << 30)
    refused = await api.ask("O", "DELETE", "/domains/customer.test")
    assert "still has 1 accounts" in problem(refused, 409, "refused")["detail"]
    gone = await api.ask("O", "DELETE", "/domains/customer.test?accounts=delete&mail=delete")
    assert (gone.status_code, gone.content) == (204, b"")
    problem(await api.ask("O", "GET", "/domains/customer.test"), 404, "missing")


async def test_put_says_how_it_is_to_be_and_may_be_said_again(api: Api) -> None:
    wanted = {
        "quota": 2 << 30,
        "aliases": ["j.suzuki"],
        "forward": {"to": ["a@example.net"], "keep_copy": False},
    }
    first = await api.ask("A", "PUT", f"{ACCOUNTS}/jiro", json=wanted)
    again = await api.ask("A", "PUT", f"{ACCOUNTS}/jiro", json=wanted)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["location"].endswith("/accounts/jiro")
    bare = (await api.ask("A", "PUT", f"{ACCOUNTS}/jiro", json={})).json()
    assert (bare["quota"], bare["aliases"], bare["forward"]) == (1 << 30, [], {"to": [], "keep_copy": True})
    only_new = {"headers": {"If-None-Match": "*"}}
    problem(await api.ask("A", "PUT", f"{ACCOUNTS}/jiro", json={}, **only_new), 412, "stale")
    problem(await api.ask("A", "POST", ACCOUNTS, json={"local": "jiro"}), 409, "refused")


async def test_a_change_is_made_to_what_was_seen(api: Api) -> None:
    for path, body in (
        (f"{ACCOUNTS}/hanako", {"comment": "first"}),
        (f"/domains/{DOMAIN}", {"trash": 86_400}),
        (f"{LISTS}/tagged", {"comment": "first"}),
    ):
        if "lists" in path:
            await api.ask("A", "PUT", path, json={"owner": "a@example.net"})
        seen = (await api.ask("A", "GET", path)).headers["etag"]
        changed = await api.ask("A", "PATCH", path, json=body, headers={"If-Match": seen})
        assert changed.status_code == 200, changed.text
        assert changed.headers["etag"] != seen
        late = await api.ask("A", "PATCH", path, json={next(iter(body)): None}, headers={"If-Match": seen})
        problem(late, 412, "stale")
        assert (await api.ask("A", "GET", path)).headers["etag"] == changed.headers["etag"]
        weak = {"If-Match": f"W/{changed.headers['etag']}"}
        problem(await api.ask("A", "PATCH", path, json=body, headers=weak), 412, "stale")
        assert (await api.ask("A", "PATCH", path, json=body, headers={"If-Match": "*"})).status_code == 200


async def test_null_takes_away_and_silence_leaves(api: Api) -> None:
    path = f"{ACCOUNTS}/quiet"
    await api.ask("A", "PUT", path, json={"quota_messages": 7, "comment": "x"})
    assert (await api.ask("A", "PATCH", path, json={"comment": "y"})).json()["quota_messages"] == 7
    assert (await api.ask("A", "PATCH", path, json={"quota_messages": None})).json()["quota_messages"] is None
    domain = f"/domains/{DOMAIN}"
    assert (await api.ask("A", "PATCH", domain, json={"catch_all": PEOPLE["A"]})).json()[
        "catch_all"
    ] == PEOPLE["A"]
    assert (await api.ask("A", "PATCH", domain, json={"trash": None})).json()["trash"] is None
    kept = (await api.ask("A", "PATCH", domain, json={"catch_all": None})).json()
    assert (kept["catch_all"], kept["trash"]) == (None, None)


async def test_a_whole_number_may_be_written_with_a_point(api: Api) -> None:
    body = b'{"quota": 2147483648.0}'
    headers = {"Content-Type": "application/merge-patch+json"}
    made = await api.ask("A", "PATCH", f"{ACCOUNTS}/hanako", content=body, headers=headers)
    assert made.json()["quota"] == 2 << 30


async def test_lists_are_cut_into_parts(api: Api) -> None:
    first = (await api.ask("A", "GET", f"{ACCOUNTS}?limit=2")).json()
    second = (await api.ask("A", "GET", f"{ACCOUNTS}?limit=2&offset=2")).json()
    assert first["total"] == second["total"] >= 7
    names = [each["address"] for each in first["items"] + second["items"]]
    assert len(set(names)) == 4
    assert names == sorted(names)
    found = (await api.ask("A", "GET", f"{ACCOUNTS}?q=hana&sort=quota&order=desc")).json()
    assert [each["address"] for each in found["items"]] == [f"hanako@{DOMAIN}"]
    assert first["capacity"] == 100 << 30


async def test_a_deleted_account_can_be_had_back(api: Api) -> None:
    path = f"{ACCOUNTS}/back"
    await api.ask("A", "PUT", path, json={"comment": "keep me"})
    assert (await api.ask("A", "DELETE", path)).status_code == 204
    problem(await api.ask("A", "GET", path), 404, "missing")
    gone = (await api.ask("A", "GET", f"/domains/{DOMAIN}/deleted-accounts")).json()["items"]
    assert [each["comment"] for each in gone if each["address"] == f"back@{DOMAIN}"] == ["keep me"]
    back = await api.ask("A", "POST", f"/domains/{DOMAIN}/deleted-accounts/back/restore")
    assert back.json()["comment"] == "keep me"


async def test_a_thousand_come_from_a_table(api: Api) -> None:
    """Twenty here: how quick a thousand are is measured in benchmarks/."""
    names = [f"csv{number:02}" for number in range(20)]
    table = "address,limit,comment\r\n" + "".join(f"{name},1,営業 {name}\r\n" for name in names)
    headers = {"Content-Type": "text/csv"}
    path = f"/domains/{DOMAIN}/accounts.csv"
    dry = await api.ask("C", "PUT", f"{path}?dry=true", content=table.encode("cp932"), headers=headers)
    assert (dry.status_code, dry.json()["new"], dry.json()["job"]) == (200, 20, None)
    assert (await api.ask("C", "GET", f"{ACCOUNTS}?q=csv")).json()["total"] == 0
    begun = await api.ask("C", "PUT", path, content=table.encode("cp932"), headers=headers)
    assert begun.status_code == 202
    where = begun.headers["location"].removeprefix("/api/v1")
    while (job := (await api.ask("C", "GET", where)).json())["ended"] is None:
        await asyncio.sleep(0.05)
    assert (job["done"], job["problems"], len(job["passwords"])) == (40, [], 20)
    problem(await api.ask("A", "GET", where), 404, "missing")  # whose passwords they are
    exported = await api.ask("C", "GET", f"{path}?language=ja&encoding=cp932")
    assert "営業 csv07" in exported.content.decode("cp932")
    again = await api.ask("C", "PUT", f"{path}?dry=1", content=exported.content, headers=headers)
    assert (again.json()["new"], again.json()["changed"]) == (0, 0)
    wrong = table + "csv00,1,twice\r\ncsv99,lots,x\r\n"
    found = problem(await api.ask("C", "PUT", path, content=wrong.encode(), headers=headers), 422, "invalid")
    assert [each["pointer"] for each in found["errors"]] == ["line 22", "line 23"]
    act = {"action": "delete", "locals": [*names, "nobody"]}
    done = (await api.ask("C", "POST", f"/domains/{DOMAIN}/account-actions", json=act)).json()
    assert (done["done"], list(done["problems"])) == (20, [f"nobody@{DOMAIN}"])


async def test_mail_goes_by_folder_and_age(api: Api) -> None:
    await api.house.put("taro", "INBOX", b"Subject: x\r\n\r\nx\r\n")  # received in 2023
    folders = (await api.ask("U", "GET", "/own/mail")).json()["items"]
    assert (folders[0]["name"], folders[0]["messages"]) == ("INBOX", 1)
    for before, gone in (("2020-01-01T00:00:00Z", 0), ("2024-01-01T00:00:00Z", 1)):
        body = {"folders": ["INBOX"], "before": before}
        begun = await api.ask("U", "POST", "/own/mail/deletions", json=body)
        assert (begun.status_code, begun.json()["of"]) == (202, gone)
        while not (await api.ask("U", "GET", "/own/mail/deletions")).json()["ended"]:
            await asyncio.sleep(0.02)
    assert (await api.ask("U", "GET", "/own/mail")).json()["items"][0]["messages"] == 0


async def test_mailboxes_elsewhere(api: Api) -> None:
    body = {"server": "pop.example.net", "login": "taro", "password": "elsewhere"}
    made = await api.ask("U", "POST", "/own/fetches", json=body)
    assert made.status_code == 201
    assert "elsewhere" not in made.text
    where = made.headers["location"].removeprefix("/api/v1")
    changed = await api.ask("U", "PUT", where, json={**body, "password": None, "enabled": False})
    assert changed.json()["enabled"] is False
    problem(
        await api.ask("U", "PUT", where, json={**body, "password": None, "login": "hanako"}), 409, "refused"
    )
    assert (await api.ask("U", "DELETE", where)).status_code == 204
    assert (await api.ask("U", "GET", "/own/fetches")).json()["items"] == []


# ---- what is wrong with a request


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"local": "x", "quota": "5G"}, "/quota"),
        ({"local": "x", "quota": 1.5}, "/quota"),
        ({"local": "x", "receive": "yes"}, "/receive"),
        ({"local": "Ünder", "quota": 1}, "/local"),
        ({"local": "x", "forward": {"to": ["nobody"]}}, "/forward/to/0"),
        ({"local": "x", "autoreply": {"from": "tomorrow"}}, "/autoreply/from"),
        ({"local": "x", "colour": "red"}, "/colour"),
        ({"local": "x", "a/b~c": 1}, "/a~1b~0c"),
        ({}, "/local"),
        ([], ""),
    ],
)
async def test_each_wrong_value_is_named(api: Api, body: object, pointer: str) -> None:
    found = problem(await api.ask("A", "POST", ACCOUNTS, json=body), 422, "invalid")
    assert pointer in [each["pointer"] for each in found["errors"]]
    assert all(each["detail"] for each in found["errors"])


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b'{"local": NaN}', b"[" * 100_000, '{"local": "x"}'.encode("utf-16")],
)
async def test_what_is_no_json_is_said_so(api: Api, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    problem(await api.ask("A", "POST", ACCOUNTS, content=body, headers=headers), 400, "unreadable")


async def test_other_kinds_of_body_are_not_taken(api: Api) -> None:
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        "application/json; charset=shift_jis",
    ):
        answer = await api.ask("A", "POST", ACCOUNTS, content=b"{}", headers={"Content-Type": kind})
        problem(answer, 415, "media")
    large = json.dumps({"local": "x", "comment": "x" * 1_100_000})
    headers = {"Content-Type": "application/json"}
    problem(await api.ask("A", "POST", ACCOUNTS, content=large, headers=headers), 413, "large")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    problem(await api.ask("A", "POST", ACCOUNTS, content=pieces(), headers=headers), 413, "large")


async def test_addresses_and_methods_that_there_are_not(api: Api) -> None:
    problem(await api.ask("O", "GET", "/nothing"), 404, "missing")
    problem(await api.ask("O", "POST", "/nothing/here"), 404, "missing")
    for name in ("..%2f..%2fetc", "%00", "UPPER", "a%20b", "x" * 65):
        assert (await api.ask("O", "GET", f"{ACCOUNTS}/{name}")).status_code == 404, name
    answer = await api.ask("O", "DELETE", "/domains")
    problem(answer, 405, "method")
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert (await api.ask("O", "HEAD", "/domains")).status_code == 200
    for query in ("limit=0", "limit=1001", "limit=x", "offset=-1", "colour=red", "limit=5&limit=6"):
        found = problem(await api.ask("O", "GET", f"/domains?{query}"), 422, "invalid")
        assert found["errors"][0]["pointer"] == query.partition("=")[0]
    problem(await api.ask("O", "GET", "/own?x=1"), 422, "invalid")


async def test_what_nobody_foresaw_says_nothing_of_the_inside(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr("storage.admin.show_account", broken)
    found = problem(await api.ask("A", "GET", f"{ACCOUNTS}/taro"), 500, "internal")
    assert found["detail"].startswith("trace ")
    assert "secret" not in json.dumps(found)


# ---- limits


def stand_still(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the counts: where a minute ends in the middle, the one before counts a little less."""
    now = api.office.now()
    monkeypatch.setattr(api.office.store.rates, "_clock", lambda: now)


async def test_too_many_requests_are_told_when_to_come_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = api.house.settings
    stand_still(api, monkeypatch)
    few = settings.model_copy(update={"web": settings.web.model_copy(update={"api_requests": 3})})
    monkeypatch.setattr(api.house, "settings", few)
    secret = api.token("A", ["*:*"])
    answers = [await api.ask_with(secret, "GET", "/own") for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    problem(answers[-1], 429, "busy")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 120
    assert (
        await api.ask_with(api.token("A", ["*:*"]), "GET", "/own")
    ).status_code == 200  # each token by itself


async def test_guessing_tokens_is_slowed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MOST_STRANGERS", 5)
    stand_still(api, monkeypatch)
    statuses = [(await api.ask_with("guess", "GET", "/own")).status_code for _ in range(8)]
    assert statuses[-1] == 429
    assert set(statuses) == {401, 429}
    api.office.store.rates.forget("api-strangers", "local", door.MINUTE)
    api.office.store.rates.forget("api-strangers", "127.0.0.1", door.MINUTE)


# ---- other subjects


async def test_members_as_csv_and_back(api: Api) -> None:
    path = f"{LISTS}/team"
    assert (await api.ask("L", "PUT", path, json={"owner": "owner@example.net"})).status_code == 201
    table = "address,name,receives,may_post\r\na@example.net,山田,yes,yes\r\nb@example.net,,no,no\r\n"
    headers = {"Content-Type": "text/csv"}
    taken = await api.ask("L", "PUT", f"{path}/members.csv", content=table.encode("cp932"), headers=headers)
    assert taken.json() == {"came": 2, "changed": 0, "went": 0}
    exported = await api.ask("L", "GET", f"{path}/members.csv")
    assert exported.content.startswith(b"\xef\xbb\xbf")
    assert "山田" in exported.text
    again = await api.ask(
        "L", "PUT", f"{path}/members.csv?replace=true", content=exported.content, headers=headers
    )
    assert again.json() == {"came": 0, "changed": 0, "went": 0}
    wrong = await api.ask(
        "L", "PUT", f"{path}/members.csv", content=b"a@b.jp\r\nnobody\r\nno body\r\n", headers=headers
    )
    assert len(problem(wrong, 422, "invalid")["errors"]) == 2
    members = (await api.ask("L", "GET", f"{path}/members")).json()
    assert [each["address"] for each in members["items"]] == [
        "owner@example.net",
        "a@example.net",
        "b@example.net",
    ]
    body = {"members": [{"address": "c@example.net", "may_post": True}]}
    changed = await api.ask("L", "PATCH", f"{path}/members?replace=true", json=body)
    assert changed.json() == {"came": 1, "changed": 0, "went": 2}


async def test_forwards_come_and_go(api: Api) -> None:
    path = f"/domains/{DOMAIN}/forwards"
    made = await api.ask("C", "POST", path, json={"local": "info", "to": ["a@example.net"]})
    assert (made.status_code, made.headers["location"]) == (201, f"/api/v1{path}/info")
    changed = await api.ask("C", "PUT", f"{path}/info", json={"to": ["b@example.net", "c@example.net"]})
    assert changed.json() == {"address": f"info@{DOMAIN}", "to": ["b@example.net", "c@example.net"]}
    assert (await api.ask("C", "PUT", f"{path}/press", json={"to": ["a@example.net"]})).status_code == 201
    assert (await api.ask("C", "GET", path)).json()["total"] == 2
    assert (await api.ask("C", "DELETE", f"{path}/info")).status_code == 204
    problem(await api.ask("C", "DELETE", f"{path}/info"), 404, "missing")


async def test_the_queue_in_the_operators_hands(api: Api) -> None:
    message = Message.of(b"Subject: x\r\n\r\nx\r\n")
    queued = await api.office.run(
        api.office.queue.add, message, "a@example.test", [Addressee("b@example.net")], "trace"
    )
    found = (await api.ask("O", "GET", "/queue?recipient=b@example.net")).json()
    assert found["total"] == 1
    (item,) = found["items"]
    which = item["id"]
    assert item["recipients"][0]["state"] == "waiting"
    assert item["added"].endswith("Z")
    assert "Subject: x" in (await api.ask("O", "GET", f"/queue/messages/{which}")).json()["header"]
    for action, state in (("hold", "held"), ("release", "waiting")):
        done = await api.ask("O", "POST", "/queue/actions", json={"action": action, "ids": [which]})
        assert done.json() == {"messages": 1}
        shown = (await api.ask("O", "GET", f"/queue/messages/{which}")).json()
        assert shown["recipients"][0]["state"] == state
    for body in ({"action": "delete"}, {"action": "delete", "all": True, "ids": [which]}):
        problem(await api.ask("O", "POST", "/queue/actions", json=body), 409, "refused")
    assert (await api.ask("O", "GET", "/queue/stats")).json()["messages"] == 1
    assert (await api.ask("O", "DELETE", f"/queue/messages/{which}")).status_code == 204
    problem(await api.ask("O", "DELETE", f"/queue/messages/{which}"), 404, "missing")
    assert queued is not None


async def test_notices_are_read_by_those_they_are_for(api: Api) -> None:
    body = {
        "kind": "maintenance",
        "audience": "administrators",
        "begins": "2026-11-23T09:00:00+09:00",
        "title_ja": "保守",
    }
    made = await api.ask("O", "POST", "/notices", json=body)
    assert (made.status_code, made.json()["begins"]) == (201, "2026-11-23T00:00:00Z")
    where = made.headers["location"].removeprefix("/api/v1")
    assert (await api.ask("A", "GET", where)).json()["title_ja"] == "保守"
    problem(await api.ask("U", "GET", where), 404, "missing")
    assert (await api.ask("U", "GET", "/notices")).json()["items"] == []
    assert (await api.ask("O", "PUT", where, json={**body, "audience": "everybody"})).status_code == 200
    assert len((await api.ask("U", "GET", "/notices?current=true")).json()["items"]) == 1
    problem(await api.ask("O", "POST", "/notices", json={**body, "title_ja": " "}), 409, "refused")
    for begins in ("yesterday", "2026-11-23", "1700000000", 1_700_000_000, "2026-11-23T09:00:00"):
        problem(await api.ask("O", "POST", "/notices", json={**body, "begins": begins}), 422, "invalid")
    assert (await api.ask("O", "DELETE", where)).status_code == 204


async def test_a_notice_is_mailed_to_every_administrator(api: Api) -> None:
    body = {"kind": "incident", "begins": "2026-11-23T00:00:00Z", "title_ja": "障害", "title_en": "Incident"}
    where = (await api.ask("O", "POST", "/notices", json=body)).headers["location"].removeprefix("/api/v1")
    people = {PEOPLE[letter] for letter in "ACLRX"}
    assert (await api.ask("O", "POST", f"{where}/mail")).json() == {"sent": len(people)}
    for address in people:
        assert (await api.office.store.account(address).status("INBOX")).messages >= 1
    assert (await api.ask("O", "GET", where)).json()["mailed"] is not None


async def test_mail_is_found_by_its_own_domain_alone(api: Api) -> None:
    traces, now = api.office.store.traces, api.office.now()
    both = (DOMAIN, OTHER)
    to = f"taro@{DOMAIN} jiro@{OTHER}"
    traces.arrived(
        Arrived(now, both, "abc.1", True, "sales@shop.example", tuple(to.split()), "御見積書".encode())
    )
    traces.note("abc.1", "accepted", sender="sales@shop.example", detail={"to": to, "size": "5"})
    traces.note("abc.1", "stored", recipient=f"taro@{DOMAIN}", detail={"account": f"taro@{DOMAIN}"})
    traces.note(
        "abc.1", "stored", recipient=f"jiro@{OTHER}", detail={"account": f"jiro@{OTHER}", "mailbox": "Junk"}
    )
    await api.office.run(traces._write)
    for letter, domain, mine, theirs in (
        ("A", DOMAIN, f"taro@{DOMAIN}", f"jiro@{OTHER}"),
        ("X", OTHER, f"jiro@{OTHER}", f"taro@{DOMAIN}"),
    ):
        for words in ("御見積", "SALES@shop.example", mine, ""):
            found = await api.ask(letter, "GET", f"/domains/{domain}/traces?q={words}")
            (item,) = [each for each in found.json()["items"] if each["trace"] == "abc.1"]
            assert (item["trace"], item["subject"], item["recipients"]) == ("abc.1", "御見積書", [mine])
            assert [each["recipient"] for each in item["outcomes"]] == [mine]
            assert theirs not in found.text
        story = await api.ask(letter, "GET", f"/domains/{domain}/traces/abc.1")
        assert [each["what"] for each in story.json()["events"]] == ["accepted", "stored"]
        assert theirs not in story.text
        assert (await api.ask(letter, "GET", f"/domains/{domain}/traces?q={theirs}")).json()["items"] == []
    every = (await api.ask("O", "GET", "/traces?q=御見積")).json()["items"]
    assert len(every[0]["outcomes"]) == 2
    assert (await api.ask("A", "GET", f"/domains/{DOMAIN}/traces?before=2020-01-01T00:00:00Z")).json()[
        "items"
    ] == []


async def test_of_what_the_domain_sent_other_customers_mailboxes_stay_closed(api: Api) -> None:
    traces, now, sender = api.office.store.traces, api.office.now(), PEOPLE["U"]
    to = f"jiro@{OTHER} x@example.net"
    traces.arrived(Arrived(now, (DOMAIN, OTHER), "sent.1", True, sender, tuple(to.split()), b"sent", DOMAIN))
    traces.note("sent.1", "accepted", sender=sender, detail={"to": to, "account": sender})
    traces.note(
        "sent.1", "stored", recipient=f"jiro@{OTHER}", detail={"account": f"j2@{OTHER}", "mailbox": "Junk"}
    )
    traces.note(
        "sent.1", "sent", recipient="x@example.net", detail={"host": "mx.example.net", "reply": "250 ok"}
    )
    await api.office.run(traces._write)
    story = (await api.ask("A", "GET", f"/domains/{DOMAIN}/traces/sent.1")).json()
    assert [each["what"] for each in story["events"]] == ["accepted", "stored", "sent"]
    assert (story["events"][1]["detail"], story["events"][1]["account"]) == ({}, "")
    assert story["events"][2]["detail"]["host"] == "mx.example.net"
    received = (await api.ask("X", "GET", f"/domains/{OTHER}/traces/sent.1")).json()
    assert [each["what"] for each in received["events"]] == ["accepted", "stored"]
    assert "x@example.net" not in json.dumps(received)


async def test_own_password_and_app_passwords(api: Api) -> None:
    wrong = {"current": "not this", "new": PASSWORD}
    problem(await api.ask("R", "PUT", "/own/password", json=wrong), 409, "refused")
    right = {"current": "tarosecret", "new": PASSWORD}
    assert (await api.ask("R", "PUT", "/own/password", json=right)).status_code == 204
    own = f"{ACCOUNTS}/boss"
    problem(await api.ask("A", "PATCH", own, json={"password": "gR8-woTn-Qe1c"}), 409, "refused")
    made = await api.ask("R", "POST", "/own/app-passwords", json={"current": PASSWORD, "name": "phone"})
    assert made.status_code == 201
    check = api.house.store.logins.check
    assert await check(PEOPLE["R"], made.json()["password"], peer="192.0.2.1", protocol="imap", trace="t")
    shown = (await api.ask("R", "GET", "/own/security")).json()
    assert [each["name"] for each in shown["app_passwords"]] == ["phone"]
    assert (
        await api.ask("R", "POST", "/own/app-passwords/delete", json={"name": "phone"})
    ).status_code == 204
    assert (await api.ask("R", "GET", "/own/security")).json()["app_passwords"] == []


async def test_a_second_factor_is_set_and_taken_away(api: Api) -> None:
    secret, now = totp.new_secret(), api.office.now()
    code = totp.code(secret, int(now // 30))
    wrong = {"current": OLD_PASSWORD, "secret": secret, "code": f"{(int(code) + 1) % 1_000_000:06}"}
    assert (
        "code" in problem(await api.ask("L", "PUT", "/own/two-factor", json=wrong), 409, "refused")["detail"]
    )
    problem(await api.ask("L", "PUT", "/own/two-factor", json=wrong | {"secret": "short"}), 422, "invalid")
    made = await api.ask("L", "PUT", "/own/two-factor", json=wrong | {"code": code})
    assert (made.status_code, len(made.json()["recovery_codes"])) == (200, 10)
    shown = (await api.ask("L", "GET", "/own/security")).json()
    assert (shown["two_factor"], shown["recovery_codes"]) == (True, 10)
    problem(await api.ask("L", "POST", "/own/two-factor/off", json={"current": "not this"}), 409, "refused")
    gone = await api.ask("L", "POST", "/own/two-factor/off", json={"current": OLD_PASSWORD})
    assert gone.status_code == 204
    assert (await api.ask("L", "GET", "/own/security")).json()["two_factor"] is False


async def test_tokens_are_shown_once(api: Api) -> None:
    body = {"name": "billing", "scopes": ["domains:*", "accounts:read"], "expires": "2099-01-01T00:00:00Z"}
    made = (await api.ask("O", "POST", "/own/tokens", json=body)).json()
    assert made["scopes"] == ["accounts:read", "domains:read", "domains:write"]
    listed = await api.ask("O", "GET", "/own/tokens")
    assert made["id"] in listed.text
    assert made["token"] not in listed.text
    assert (await api.ask_with(made["token"], "GET", "/domains")).status_code == 200
    problem(await api.ask_with(made["token"], "GET", "/queue"), 403, "forbidden")
    problem(await api.ask("U", "DELETE", f"/own/tokens/{made['id']}"), 404, "missing")
    assert (await api.ask("O", "DELETE", f"/own/tokens/{made['id']}")).status_code == 204
    assert (await api.ask_with(made["token"], "GET", "/domains")).status_code == 401
    assert (
        await api.office.run(Tokens(api.office.panel.db, api.office.panel.clock).find, made["token"])
    ) is None


async def test_who_changed_what_is_written_down(api: Api) -> None:
    await api.ask("C", "PATCH", f"{ACCOUNTS}/hanako", json={"comment": "経理"})
    (line, *_) = await api.office.run(api.office.panel.notes, DOMAIN, most=1)
    assert (line.actor, line.action, line.subject) == (PEOPLE["C"], "account.comment", f"hanako@{DOMAIN}")
    assert "経理" in line.details
    (shown, *_) = (await api.ask("R", "GET", f"/domains/{DOMAIN}/audit?q=経理")).json()["items"]
    assert (shown["actor"], shown["subject"]) == (PEOPLE["C"], f"hanako@{DOMAIN}")
    older = (await api.ask("R", "GET", f"/domains/{DOMAIN}/audit?before={shown['id']}&limit=1")).json()[
        "items"
    ]
    assert older[0]["id"] < shown["id"]


# ---- the document and the page


async def test_the_document_says_what_the_table_has(api: Api) -> None:
    document = (await api.client.get("/api/v1/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    said = {
        (method.upper(), path): each
        for path, methods in document["paths"].items()
        for method, each in methods.items()
        if method != "parameters"
    }
    assert said.keys() == {(each.method, each.path) for each in OPERATIONS}
    assert len({each["operationId"] for each in said.values()}) == len(OPERATIONS)
    text = json.dumps(document)
    for reference in set(text.split('"$ref": "#/components/schemas/')[1:]):
        assert reference.partition('"')[0] in document["components"]["schemas"]


async def test_the_page_needs_no_token_and_no_script(api: Api) -> None:
    page = await api.client.get("/api/v1/", headers={"Accept-Language": "ja"})
    assert page.status_code == 200
    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in page.text
    assert "できることは、すべて" in page.text
    assert "<script src" in page.text
    assert page.text.count("<script") == 1
