"""Start pages: numbers of the mail, what needs a look, the user's own state; and forward-only addresses."""

import re
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from config.load import load_forwards
from storage.message import Message
from storage.queue.queued import Addressee
from storage.state.held_posts import HeldPost, HeldPosts
from storage.state.hourly import HOUR, SERVER, Hourly, Key
from tests.house import DOMAIN
from tests.unit.web.conftest import Browser, Panel

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = int(time.time()) // HOUR
FORWARDS = f"/d/{DOMAIN}/forwards"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def boss(panel: Panel) -> AsyncIterator[Browser]:
    site = panel.house.site
    site.write_account("boss", password="bosssecret")
    contract = site.folder / f"domains/{DOMAIN}/domain.yaml"
    fresh = contract.with_suffix(".new")
    fresh.write_text(
        f"capacity: 100G\nadministrators:\n  - boss@{DOMAIN}\n  - {{address: hanako@{DOMAIN}, may: [lists]}}\n"
    )
    fresh.rename(contract)
    panel.office.roles.forget()
    hourly = Hourly(panel.house.settings.data / "state")
    counts: Counter[Key] = Counter(
        {
            (DOMAIN, NOW, "received"): 1234,
            (DOMAIN, NOW - 1, "sent"): 7,
            (DOMAIN, NOW - 30, "received"): 10_000,
            (DOMAIN, NOW, "virus"): 3,
            (SERVER, NOW, "received"): 9999,
            ("other.test", NOW, "received"): 5555,
        }
    )
    hourly.add(counts, 0)
    hourly.close()
    yield await panel.browser().sign_in("boss", "bosssecret")


def totals(page: str) -> dict[str, str]:
    return dict(re.findall(r'<li class="kind-(\w+)"><span>[^<]*</span><b>([\d,]+)</b>', page))


async def test_the_numbers_of_a_domain(boss: Browser) -> None:
    page = (await boss.get(f"/d/{DOMAIN}/")).text
    assert totals(page) == {
        "received": "1,234",
        "sent": "7",
        "spam": "0",
        "virus": "3",
        "refused": "0",
        "deferred": "0",
        "failed": "0",
    }
    assert '<desc id="flow-svg-desc">In 24 hours: 1,234 received, 7 sent.</desc>' in page
    assert '<td class="number">1,234</td>' in page  # the same as a table
    assert totals((await boss.get(f"/d/{DOMAIN}/?span=week")).text)["received"] == "11,234"
    assert totals((await boss.get(f"/d/{DOMAIN}/?span=nonsense")).text)["received"] == "1,234"


async def test_what_needs_a_look(panel: Panel, boss: Browser) -> None:
    assert "Nothing." in (await boss.get(f"/d/{DOMAIN}/")).text
    post = HeldPost(f"sales@{DOMAIN}", "a@b.example", "a@b.example", "x", "t", time.time())
    HeldPosts(panel.house.settings.data).hold(Message.of(b"Subject: x\r\n\r\n"), post)
    page = (await boss.get(f"/d/{DOMAIN}/")).text
    assert f'href="/d/{DOMAIN}/lists/sales/held">1 posts wait at sales@{DOMAIN}' in page


async def test_who_administers_lists_alone_sees_no_accounts(panel: Panel, boss: Browser) -> None:
    hanako = await panel.signed_in("hanako")
    page = (await hanako.get(f"/d/{DOMAIN}/")).text
    assert totals(page)["received"] == "1,234"
    assert "boss@example.test" not in page
    assert "/accounts" not in page
    assert f"/d/{DOMAIN}/lists" in page
    assert (await hanako.get(FORWARDS)).status_code == 403


async def test_users_and_strangers_see_no_dashboard(panel: Panel, boss: Browser) -> None:
    taro = await panel.signed_in("taro")
    assert (await taro.get(f"/d/{DOMAIN}/")).status_code == 404
    for browser in (taro, boss):
        assert (await browser.get("/dashboard")).status_code == 403
    assert (await panel.browser().get(f"/d/{DOMAIN}/")).status_code == 303


async def test_the_operator_sees_the_server(panel: Panel, boss: Browser) -> None:
    site = panel.house.site
    site.write_account("operator", password="operatorsecret")
    before = panel.house.settings
    panel.house.settings = before.model_copy(update={"operators": (f"operator@{DOMAIN}",)})
    panel.house.store.settings = panel.house.settings
    try:
        operator = await panel.browser().sign_in("operator", "operatorsecret")
        page = (await operator.get("/dashboard")).text
        assert totals(page)["received"] == "9,999"
        assert f'href="/d/{DOMAIN}/"' in page
        assert "Nothing waits." in page
        letter = Message.of(b"Subject: waits\r\n\r\nText.\r\n")
        panel.office.queue.add(letter, f"taro@{DOMAIN}", [Addressee("a@elsewhere.example")], "t")
        page = (await operator.get("/dashboard")).text
        assert "Nothing waits." not in page
        assert 'href="/queue?domain=elsewhere.example"' in page
    finally:
        panel.house.settings = panel.house.store.settings = before


async def test_a_user_sees_how_things_are_set(panel: Panel, boss: Browser) -> None:
    taro = await panel.signed_in("taro")
    page = (await taro.get("/own/")).text
    assert "Messages: 0" in page
    assert "to a@x.example" not in page
    await taro.get("/own/forward")
    await taro.submit("/own/forward", {"to": "a@x.example", "copy": "drop"})
    await taro.submit("/own/autoreply", {"enabled": "1", "text": "away", "until": "2999-12-31", "do": "save"})
    page = (await taro.get("/own/")).text
    assert "to a@x.example" in page
    assert "no copy is kept" in page
    assert "until 2999-12-31" in page
    assert (await taro.get("/own")).headers["location"] == "/own/"


# ---- forward-only addresses


async def test_an_address_is_made_changed_deleted(panel: Panel, boss: Browser) -> None:
    await boss.get(f"{FORWARDS}/+new")
    made = await boss.submit(f"{FORWARDS}/+new", {"local": "Info", "to": "taro@example.test\r\nx@y.example"})
    assert made.headers["location"] == FORWARDS
    assert "taro@example.test, x@y.example" in (await boss.get(FORWARDS)).text
    await boss.submit(f"{FORWARDS}/info", {"to": "x@y.example"})
    path = panel.house.site.folder / f"domains/{DOMAIN}/forwards.yaml"
    assert load_forwards(path) == {"info": ("x@y.example",)}
    for values, url in (
        ({"local": "taro", "to": "x@y.example"}, f"{FORWARDS}/+new"),
        ({"local": "other", "to": ""}, f"{FORWARDS}/+new"),
        ({"to": "nobody"}, f"{FORWARDS}/info"),
    ):
        wrong = await boss.submit(url, values)
        assert wrong.status_code == 422
        assert 'role="alert"' in wrong.text
    assert load_forwards(path) == {"info": ("x@y.example",)}
    await boss.submit(f"{FORWARDS}/info/delete")
    assert "info@example.test is deleted" in (await boss.get(FORWARDS)).text
    assert (await boss.get(f"{FORWARDS}/info")).status_code == 404


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_every_page_is_there_in_both_languages(boss: Browser, language: str) -> None:
    for path in (f"/d/{DOMAIN}/", "/own/", FORWARDS, f"{FORWARDS}/+new"):
        answer = await boss.get(path, params={"lang": language})
        assert (answer.status_code, answer.headers["content-language"]) == (200, language), path
    await boss.get("/own/?lang=en")
