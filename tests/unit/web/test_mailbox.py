"""Forwarding, automatic reply, spam, mail data and POP fetch: the user's pages, and the same for administrators."""

import re
from collections.abc import AsyncIterator
from datetime import date

import pytest
import pytest_asyncio

from config.account import AccountFile
from config.load import load_account
from storage.delivery import Target
from storage.message import Message
from tests.house import DOMAIN, put
from tests.unit.web.conftest import Browser, Panel
from web.pages.mail_data import AT_ONCE

pytestmark = pytest.mark.asyncio(loop_scope="module")

HANAKO = f"/d/{DOMAIN}/accounts/hanako"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def boss(panel: Panel) -> AsyncIterator[Browser]:
    site = panel.house.site
    site.write_account("boss", password="bosssecret")
    contract = site.folder / f"domains/{DOMAIN}/domain.yaml"
    put(contract, f"capacity: 100G\nadministrators: [boss@{DOMAIN}]\n")
    panel.office.roles.forget()
    yield await panel.browser().sign_in("boss", "bosssecret")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def taro(panel: Panel) -> Browser:
    return await panel.signed_in("taro")


def file(panel: Panel, local: str) -> AccountFile:
    return load_account(panel.house.site.folder / f"domains/{DOMAIN}/accounts/{local}.yaml")


def targets(panel: Panel, local: str, folder: str, count: int) -> list[Target]:
    return [Target(f"{local}@{DOMAIN}", folder, f"{local}@{DOMAIN}") for _ in range(count)]


async def deliver(panel: Panel, local: str, folder: str, count: int) -> None:
    for target in targets(panel, local, folder, count):
        await panel.house.store.deliver(Message.of(b"Subject: x\r\n\r\ny\r\n"), "", [target], "t")


async def test_a_user_forwards_and_stops(panel: Panel, taro: Browser) -> None:
    await taro.get("/own/forward")
    answer = await taro.submit("/own/forward", {"to": "a@x.example\r\nb@x.example", "copy": "drop"})
    assert answer.headers["location"] == "/own/forward"
    assert (file(panel, "taro").forward.to, file(panel, "taro").forward.keep_copy) == (
        ("a@x.example", "b@x.example"),
        False,
    )
    assert "Mail is forwarded to a@x.example, b@x.example" in (await taro.get("/own/forward")).text
    await taro.submit("/own/forward", {"to": "", "copy": "keep"})
    assert (file(panel, "taro").forward.to, file(panel, "taro").forward.keep_copy) == ((), True)


async def test_a_wrong_target_is_said_and_stays_in_the_form(panel: Panel, taro: Browser) -> None:
    answer = await taro.submit("/own/forward", {"to": "a@x.example\r\nnobody", "copy": "drop"})
    assert answer.status_code == 422
    assert "nobody" in answer.text
    assert 'value="drop" checked' in answer.text
    assert file(panel, "taro").forward.to == ()


async def test_a_reply_is_shown_before_it_is_kept(panel: Panel, taro: Browser) -> None:
    await taro.get("/own/autoreply")
    typed = {
        "enabled": "1",
        "from": "2026-12-28",
        "until": "2027-01-04",
        "subject": "",
        "text": "年末年始休業です。\r\n\r\n<山田>",
        "do": "preview",
    }
    shown = await taro.submit("/own/autoreply", typed)
    assert shown.status_code == 200
    assert "<dd>Re: Our meeting</dd>" in shown.text
    assert "taro@example.test</dd>" in shown.text
    assert "年末年始休業です。\n\n&lt;山田&gt;" in shown.text.partition('class="letter"')[2]
    assert not file(panel, "taro").autoreply.enabled
    await taro.submit("/own/autoreply", {**typed, "do": "save"})
    kept = file(panel, "taro").autoreply
    assert (kept.enabled, kept.from_, kept.until) == (True, date(2026, 12, 28), date(2027, 1, 4))
    assert kept.text == "年末年始休業です。\n\n<山田>"
    page = (await taro.get("/own/autoreply")).text
    assert 'value="2026-12-28"' in page
    await taro.submit("/own/autoreply", {**typed, "enabled": "", "do": "save"})
    assert not file(panel, "taro").autoreply.enabled
    assert file(panel, "taro").autoreply.text  # is there when it is switched on again


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"from": "28.12.2026"}, "A day is written like"),
        ({"from": "2026-12-28", "until": "2026-12-27"}, "before the first"),
        ({"text": ""}, "Write the text"),
        ({"text": "x" * 100_001}, "too long"),
    ],
)
async def test_a_wrong_reply_is_not_kept(
    panel: Panel, taro: Browser, wrong: dict[str, str], said: str
) -> None:
    before = file(panel, "taro").autoreply
    typed = {"enabled": "1", "from": "", "until": "", "subject": "s", "text": "away", "do": "save", **wrong}
    answer = await taro.submit("/own/autoreply", typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert file(panel, "taro").autoreply == before


async def test_spam_and_receiving(panel: Panel, taro: Browser) -> None:
    await taro.get("/own/spam")
    await taro.submit("/own/spam", {"receive": "no", "to_junk": "1"})
    kept = file(panel, "taro")
    assert (kept.receive, kept.spam.tag_subject, kept.spam.to_junk) == (False, False, True)
    assert "accepts no mail at present" in (await taro.get("/own/spam")).text
    await taro.submit("/own/spam", {"receive": "yes"})
    assert file(panel, "taro").receive


async def test_an_administrator_sets_the_same_for_an_account(panel: Panel, boss: Browser) -> None:
    await boss.get(f"{HANAKO}/forward")
    await boss.submit(f"{HANAKO}/forward", {"to": "h@x.example", "copy": "keep"})
    await boss.submit(f"{HANAKO}/spam", {"receive": "yes", "tag_subject": "1"})
    await boss.submit(f"{HANAKO}/autoreply", {"enabled": "1", "text": "away", "do": "save"})
    kept = file(panel, "hanako")
    assert (kept.forward.to, kept.spam.tag_subject, kept.autoreply.text) == (("h@x.example",), True, "away")
    assert not file(panel, "boss").autoreply.enabled
    for page in ("forward", "autoreply", "spam", "mail", "mail/fetch"):
        shown = await boss.get(f"{HANAKO}/{page}")
        assert shown.status_code == 200, page
        assert "hanako@example.test" in shown.text
        assert f'action="{HANAKO}/' in shown.text


async def test_nobody_sets_what_is_another_users(panel: Panel, taro: Browser, boss: Browser) -> None:
    await taro.get("/own/forward")
    before = file(panel, "hanako")
    for page in ("forward", "autoreply", "spam", "mail", "mail/fetch", "mail/progress"):
        assert (await taro.get(f"{HANAKO}/{page}")).status_code == 404, page
    for page in (
        "forward",
        "autoreply",
        "spam",
        "mail/count",
        "mail/delete",
        "mail/fetch",
        "mail/fetch/delete",
    ):
        sent = await taro.submit(f"{HANAKO}/{page}", {"to": "evil@x.example", "receive": "no", "age": "0"})
        assert sent.status_code == 404, page
    assert file(panel, "hanako") == before


# ---- mail data


def numbers(page: str) -> list[str]:
    return re.findall(r'data-label="Messages">([\d,]+)<', page)


async def test_mail_is_counted_asked_about_and_deleted(panel: Panel, boss: Browser) -> None:
    await deliver(panel, "hanako", "INBOX", 3)
    await deliver(panel, "hanako", "Trash", 2)
    page = (await boss.get(f"{HANAKO}/mail")).text
    assert numbers(page) == ["3", "0", "0", "0", "0", "2", "5"]
    asked = await boss.submit(f"{HANAKO}/mail/count", {"folder": ["Trash", "Sent"], "age": "0"})
    assert "Messages: 2 (" in asked.text
    assert re.findall(r'name="folder" value="(\w+)"', asked.text) == ["Trash"]
    assert numbers((await boss.get(f"{HANAKO}/mail")).text)[-1] == "5"
    old = await boss.submit(f"{HANAKO}/mail/count", {"folder": ["Trash", "INBOX"], "age": "30"})
    assert "There is no such mail" in old.text
    done = await boss.submit(f"{HANAKO}/mail/delete", {"folder": ["Trash"], "age": "0"})
    assert done.headers["location"] == f"{HANAKO}/mail"
    page = (await boss.get(f"{HANAKO}/mail")).text
    assert "Messages deleted: 2" in page
    assert numbers(page)[-1] == "3"


@pytest.mark.parametrize(
    "values",
    [{"folder": [], "age": "0"}, {"folder": ["nowhere"], "age": "0"}, {"folder": ["INBOX"], "age": "1"}],
)
async def test_what_cannot_be_deleted(panel: Panel, boss: Browser, values: dict[str, list[str]]) -> None:
    before = numbers((await boss.get(f"{HANAKO}/mail")).text)
    for what in ("count", "delete"):
        await boss.submit(f"{HANAKO}/mail/{what}", values)
    assert numbers((await boss.get(f"{HANAKO}/mail")).text) == before


async def test_a_long_deletion_is_watched(
    panel: Panel, boss: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.mail_data.AT_ONCE", 1)
    assert AT_ONCE > 1
    await deliver(panel, "hanako", "Junk", 3)
    await boss.get(f"{HANAKO}/mail")
    began = await boss.submit(f"{HANAKO}/mail/delete", {"folder": ["Junk"], "age": "0"})
    assert began.headers["location"] == f"{HANAKO}/mail/progress"
    deletion = panel.office.deletions.last(f"hanako@{DOMAIN}")
    await deletion.over.wait()
    shown = await boss.get(f"{HANAKO}/mail/progress")
    assert "Messages deleted: 3" in shown.text
    assert "refresh" not in shown.headers
    deletion.ended = False
    assert (await boss.get(f"{HANAKO}/mail/progress")).headers["refresh"] == "2"
    again = await boss.submit(f"{HANAKO}/mail/delete", {"folder": ["Sent"], "age": "0"})
    assert again.status_code == 303
    assert panel.office.deletions.last(f"hanako@{DOMAIN}") is deletion
    deletion.ended = True


# ---- mailboxes elsewhere


async def test_a_mailbox_elsewhere_is_kept_without_showing_its_password(panel: Panel, taro: Browser) -> None:
    await taro.get("/own/mail/fetch")
    typed = {
        "server": "POP.x.example",
        "port": "995",
        "tls": "implicit",
        "login": "t",
        "password": "geheim123",
    }
    answer = await taro.submit("/own/mail/fetch", {**typed, "keep": "1", "enabled": "1"})
    assert answer.headers["location"] == "/own/mail"
    page = (await taro.get("/own/mail")).text
    assert "pop.x.example:995" in page
    (entry,) = file(panel, "taro").pop_fetch
    assert (entry.server, entry.keep, entry.enabled) == ("pop.x.example", True, True)
    assert entry.password.startswith("sealed:")
    (link,) = re.findall(r'href="(/own/mail/fetch\?key=\w+)"', page)
    form = (await taro.get(link)).text
    assert "geheim" not in form and "sealed" not in form
    assert (await taro.submit(link, {**typed, "password": "", "port": "1995"})).status_code == 303
    (after,) = file(panel, "taro").pop_fetch
    assert (after.port, after.password, after.keep) == (1995, entry.password, False)
    other = await taro.submit(link, {**typed, "password": "", "server": "pop2.x.example"})
    assert other.status_code == 422
    assert "needs its password" in other.text
    await taro.get(link)
    await taro.submit("/own/mail/fetch/delete", {"key": link.partition("key=")[2]})
    assert file(panel, "taro").pop_fetch == ()
    assert (await taro.get(link)).status_code == 404


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_every_page_is_there_in_both_languages(panel: Panel, taro: Browser, language: str) -> None:
    for path in ("forward", "autoreply", "spam", "mail", "mail/fetch"):
        answer = await taro.get(f"/own/{path}", params={"lang": language})
        assert (answer.status_code, answer.headers["content-language"]) == (200, language), path
    await taro.get("/own/forward?lang=en")
