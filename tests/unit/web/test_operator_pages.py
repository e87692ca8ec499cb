"""Domains, queue, traces, DNS, notices, server and tokens in the panel, as their people click through them."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
import pytest_asyncio

from filters.publish import Found, Record
from storage.message import Message
from storage.queue.queued import Addressee
from storage.state.mails import Arrived
from storage.state.panel_tokens import Tokens
from storage.status import Status
from tests.house import DOMAIN, House, Site
from tests.unit.web.api_site import OTHER, PEOPLE, write
from tests.unit.web.conftest import ORIGIN, Browser, Panel
from web.language import LANGUAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "tarosecret"
PAGES = {
    "operator": (
        "/domains", "/domains/+new", f"/d/{DOMAIN}/settings", f"/d/{DOMAIN}/delete", "/queue", "/trace",
        f"/d/{DOMAIN}/trace", f"/d/{DOMAIN}/dns", "/notices", "/notices/+new", "/server", "/own/tokens", "/tokens",
        "/help/contact", "/api/v1/",
    ),
    "boss": (f"/d/{DOMAIN}/settings", f"/d/{DOMAIN}/trace", f"/d/{DOMAIN}/dns", "/notices", "/own/tokens"),
    "reader": (f"/d/{DOMAIN}/trace", f"/d/{DOMAIN}/dns"),
    "taro": ("/notices", "/own/tokens", "/help/contact"),
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Panel]:
    folder = tmp_path_factory.mktemp("site")
    made = Site.make(
        folder,
        operators=f"[operator@{DOMAIN}]",
        storage="{keep_free: 0}",
        web="{contact: 'Tel 03-0000-0000', support: 'https://support.example.jp/'}",
    )
    write(made)
    house = await House(made).open()
    panel = Panel(house, await house.office())
    yield panel
    for browser in panel.browsers:
        await browser.aclose()
    await house.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(site: Panel) -> Browser:
    return await site.browser().sign_in("operator", PASSWORD)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def boss(site: Panel) -> Browser:
    return await site.browser().sign_in("boss", PASSWORD)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("who", PAGES)
async def test_every_page_in_both_languages(site: Panel, who: str, language: str) -> None:
    browser = await site.browser(language).sign_in(who, PASSWORD)
    browser.headers["Accept-Language"] = language
    browser.cookies.delete("__Host-language")
    for path in PAGES[who]:
        page = await browser.get(path)
        assert page.status_code == 200, (path, page.text)
        assert f'<html lang="{language}">' in page.text
        assert not re.search(r"\son\w+=|style=|<script(?! src)", page.text), path
        ids = re.findall(r'\sid="([^"]+)"', page.text)
        assert len(ids) == len(set(ids)), path


async def test_a_domains_life(site: Panel, operator: Browser) -> None:
    await operator.get("/domains/+new")
    wrong = await operator.submit("/domains/+new", {"domain": "日本語.jp", "capacity": str(100 << 30)})
    assert wrong.status_code == 422
    assert "internationalised" in wrong.text
    made = await operator.submit("/domains/+new", {"domain": "New.test", "capacity": str(200 << 30)})
    assert (made.status_code, made.headers["location"]) == (303, "/d/new.test/accounts")
    assert "new.test" in (await operator.get("/domains?q=new&sort=given&order=desc")).text
    settings = "/d/new.test/settings"
    page = (await operator.get(settings)).text
    assert re.search(r'value="214748364800" selected', page)
    values = {"capacity": str(300 << 30), "catch_all": "", "archive_after": "", "trash": "7"}
    assert (await operator.submit(settings, values)).headers["location"] == settings
    page = (await operator.get(settings)).text
    assert re.search(r'name="archive_after"[^>]*value=""', page)
    assert re.search(r'name="trash"[^>]*value="7"', page)
    for change in ({"trash": "-1"}, {"trash": "x"}, {"capacity": "1"}, {"catch_all": "nobody@new.test"}):
        refused = await operator.submit(settings, {**values, **change})
        assert refused.status_code == 422, change
    await operator.get("/d/new.test/delete")
    assert (await operator.submit("/d/new.test/delete", {"name": "other"})).status_code == 422
    gone = await operator.submit("/d/new.test/delete", {"name": "new.test", "mail": "1"})
    assert gone.headers["location"] == "/domains"
    assert (await operator.get(settings)).status_code == 404


async def test_administrators_with_parts(site: Panel, boss: Browser) -> None:
    path = f"/d/{DOMAIN}/settings"
    page = (await boss.get(path)).text
    assert "capacity" not in re.findall(r'name="(\w+)"', page)
    rows = list(zip(re.findall(r'name="address" value="([^"]*)"', page), range(9), strict=False))
    assert [address for address, _ in rows] == [PEOPLE[each] for each in "ACLR"] + [""]
    addresses = [PEOPLE[each] for each in "ACLR"] + [f"taro@{DOMAIN}"]
    sent = {"address": addresses, "part": ["all", "accounts-lists", "none", "read", "lists"]}
    saved = await boss.submit(f"{path}/administrators", sent)
    assert saved.headers["location"] == f"{path}#administrators"
    contract = site.house.store.directory.domain(DOMAIN)
    assert {each.address: each.may for each in contract.administrators} == {
        PEOPLE["A"]: (),
        PEOPLE["C"]: ("accounts", "lists"),
        PEOPLE["R"]: ("read",),
        f"taro@{DOMAIN}": ("lists",),
    }
    stranger = {"address": [PEOPLE["A"], f"jiro@{OTHER}"], "part": ["all", "all"]}
    assert (await boss.submit(f"{path}/administrators", stranger)).status_code == 422
    back = {"address": [PEOPLE[each] for each in "ACLR"], "part": ["all", "accounts", "lists", "read"]}
    assert (await boss.submit(f"{path}/administrators", back)).status_code == 303


async def test_the_queue(site: Panel, operator: Browser) -> None:
    office = site.office
    timed_out = Status("4.4.1", "connection timed out")
    for number in range(3):
        message = Message.of(f"Subject: {number}\r\n\r\nx\r\n".encode())
        to = [Addressee(f"partner{number}@elsewhere.example", status=timed_out)]
        await office.run(office.queue.add, message, "taro@example.test", to, f"q.{number}")
    page = (await operator.get("/queue")).text
    ids = re.findall(r'name="id" value="([^"]+)"', page)
    assert len(ids) == 3
    assert "4.4.1 connection timed out" in page
    shown = (await operator.get(f"/queue/{ids[0]}")).text
    assert "Subject: 0" in shown
    for action, state in (("hold", "held"), ("release", "waiting")):
        done = await operator.submit("/queue", {"action": action, "id": ids[:2]})
        assert done.status_code == 303
        found = (await operator.get(f"/queue?state={state}")).text
        assert ids[0] in found
    assert (
        "Tick the messages"
        in (await operator.submit("/queue", {"action": "delete"}, follow_redirects=True)).text
    )
    only = {"action": "delete", "all": "1", "recipient": "partner0@elsewhere.example"}
    await operator.get("/queue")
    assert "Messages deleted: 1" in (await operator.submit("/queue", only, follow_redirects=True)).text
    await operator.submit("/queue", {"action": "delete", "all": "1"})
    assert "The queue is empty" in (await operator.get("/queue")).text


async def test_where_is_my_mail(site: Panel, boss: Browser) -> None:
    traces, now = site.office.store.traces, site.office.now()
    subject = "御見積 <b>".encode()
    to = (f"taro@{DOMAIN}", f"jiro@{OTHER}")
    traces.arrived(Arrived(now, (DOMAIN, OTHER), "p.1", True, "sales@shop.example", to, subject))
    traces.note("p.1", "accepted", sender="sales@shop.example", peer="192.0.2.1", detail={"to": " ".join(to)})
    traces.note("p.1", "stored", recipient=to[0], detail={"account": to[0], "mailbox": "INBOX"})
    traces.note("p.1", "stored", recipient=to[1], detail={"account": to[1], "mailbox": "Junk"})
    traces.note("p.1", "something new", detail={"to": ""})
    await site.office.run(traces._write)
    path = f"/d/{DOMAIN}/trace"
    for query in ("", "?q=御見積", f"?q={to[0]}", "?from=2020-01-01&to=2099-01-01"):
        page = (await boss.get(f"{path}{query}")).text
        assert "御見積 &lt;b&gt;" in page
        assert to[1] not in page
    for query in ("?q=nothing", "?to=2020-01-01", f"?q={to[1]}"):
        assert "御見積" not in (await boss.get(f"{path}{query}")).text.partition("<table")[2]
    story = (await boss.get(f"{path}/p.1")).text
    assert "192.0.2.1" in story
    assert to[1] not in story
    assert (await boss.get(f"{path}/none")).status_code == 404
    assert (await boss.get(f"/d/{OTHER}/trace")).status_code == 404
    assert (await boss.get("/trace")).status_code == 403


async def test_dns_and_its_keys(site: Panel, boss: Browser) -> None:
    path = f"/d/{DOMAIN}/dns"
    assert "v=spf1 mx -all" in (await boss.get(path)).text
    await boss.submit(f"{path}/keys", {"use": "1"})
    page = (await boss.get(path)).text
    selectors = re.findall(r'name="selector" value="([^"]+)" checked', page)
    assert len(selectors) == 2
    await boss.submit(f"{path}/keys/use", {"selector": selectors[0]})
    assert len(re.findall(r'name="selector" value="[^"]+" checked', (await boss.get(path)).text)) == 1
    await boss.submit(f"{path}/keys/delete", {"selector": selectors[1]})
    assert (
        selectors[1]
        not in (await boss.get(path)).text.partition("<main")[2].partition("dkim")[2].split("alert")[0]
    )


async def test_dns_is_not_waited_for(site: Panel, boss: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is there at once, says what is not known yet, and the script hears when it is."""
    path, answered = f"/d/{DOMAIN}/dns", asyncio.Event()

    async def look(_: object, wanted: Sequence[Record]) -> list[Found]:
        await answered.wait()
        return [Found(record, "ok") for record in wanted]

    monkeypatch.setattr("web.acts.dns.look", look)
    monkeypatch.setattr("web.dns_looks.FIRST", 0.0)
    monkeypatch.setattr("web.dns_looks.FRESH", 60.0)
    site.office.dns_looks._looks.clear()
    page = (await boss.get(path)).text
    assert "being asked" in page and "v=spf1 mx -all" in page
    assert f'data-progress="{path}/state"' in page
    assert '<noscript><meta http-equiv="refresh"' in page
    state = (await boss.get(f"{path}/state")).json()
    assert (state["done"], state["ended"]) == (0, False)
    answered.set()
    async with asyncio.timeout(60):
        while not (state := (await boss.get(f"{path}/state")).json())["ended"]:
            await asyncio.sleep(0)
    assert str(state["done"]) in state["text"]
    page = (await boss.get(path)).text
    assert "being asked" not in page and "data-progress" not in page


async def test_a_failure_is_told_with_a_number_and_logged_once(
    site: Panel, boss: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr("storage.admin_dkim.list_keys", broken)
    # whatever the application raises would come out here, and uvicorn would log it again
    as_uvicorn = httpx.AsyncClient(
        transport=httpx.ASGITransport(site.app), base_url=ORIGIN, cookies=boss.cookies
    )
    async with as_uvicorn:
        answer = await as_uvicorn.get(f"/d/{DOMAIN}/dns")
    assert answer.status_code == 500
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    (said,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert said.fields["trace"] in answer.text  # type: ignore[attr-defined]
    assert "on purpose" not in answer.text


async def test_a_notice_stands_above_every_page_until_it_is_over(site: Panel, operator: Browser) -> None:
    user = await site.browser("ja").sign_in("taro", PASSWORD)
    user.headers["Accept-Language"] = "ja"
    values = {
        "kind": "incident",
        "audience": "everybody",
        "begins": "2026-11-23T09:00",
        "title_ja": "受信遅延",
    }
    await operator.get("/notices/+new")
    assert (await operator.submit("/notices/+new", {**values, "title_ja": ""})).status_code == 422
    assert (await operator.submit("/notices/+new", {**values, "ends": "soon"})).status_code == 422
    made = await operator.submit("/notices/+new", {**values, "mail": "1"}, follow_redirects=True)
    assert "Administrators told by mail: 5" in made.text
    for browser in (operator, user):
        assert "受信遅延" in (await browser.get("/own/tokens")).text.partition("<h1")[0]
    which = re.search(r'id="notice-(\d+)"', (await operator.get("/notices")).text)
    assert which
    edited = {**values, "audience": "administrators"}
    await operator.submit(f"/notices/{which[1]}", edited)
    assert "受信遅延" not in (await user.get("/own/tokens")).text
    assert "受信遅延" not in (await user.get("/notices")).text
    await operator.submit(f"/notices/{which[1]}/end", {})
    assert "受信遅延" not in (await operator.get("/own/tokens")).text
    assert "受信遅延" in (await operator.get("/notices")).text
    assert (await user.submit(f"/notices/{which[1]}/delete", {})).status_code == 403
    await operator.submit(f"/notices/{which[1]}/delete", {})
    assert "受信遅延" not in (await operator.get("/notices")).text


async def test_a_token_is_shown_once(site: Panel, boss: Browser) -> None:
    page = (await boss.get("/own/tokens")).text
    assert 'name="scope-accounts"' in page
    assert 'name="scope-queue"' not in page  # not the administrator's to give
    refused = await boss.submit("/own/tokens", {"name": "none", "days": "30"})
    assert refused.status_code == 422
    made = await boss.submit("/own/tokens", {"name": "billing", "days": "30", "scope-accounts": "read"})
    secret = re.search(r'value="(kwcmaild_[^"]+)"', made.text)
    assert secret
    tokens = Tokens(site.office.panel.db, site.office.panel.clock)
    token = tokens.find(secret[1])
    assert token is not None
    assert (token.owner, sorted(token.scopes)) == (PEOPLE["A"], ["accounts:read"])
    again = (await boss.get("/own/tokens")).text
    assert secret[1] not in again
    assert "billing" in again
    assert (await boss.get("/tokens")).status_code == 403
    await boss.submit("/own/tokens/delete", {"id": token.id})
    assert tokens.find(secret[1]) is None


async def test_whom_to_ask(site: Panel) -> None:
    page = (await (await site.browser().sign_in("taro", PASSWORD)).get("/help/contact")).text
    assert "Tel 03-0000-0000" in page
    assert 'href="https://support.example.jp/"' in page
    assert "993" in page


async def test_the_servers_state(operator: Browser) -> None:
    page = (await operator.get("/server")).text
    assert page.count("no answer") == 9  # nothing listens here
    assert "mail.example.test" in page
