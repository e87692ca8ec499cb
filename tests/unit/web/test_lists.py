"""Mailing lists in the panel: made, given members, moderated; each by who may, and nothing shown to who may not."""

import re
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from storage.account import Account
from storage.message import Message
from storage.state.held_posts import HeldPost, HeldPosts
from tests.house import DOMAIN, put
from tests.unit.web.conftest import Browser, Panel

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTS = f"/d/{DOMAIN}/lists"
SALES = f"{LISTS}/sales"
POST = (
    b"From: taro@example.test\r\nTo: sales@example.test\r\nSubject: hello\r\n"
    b"Date: Sat, 2 Jan 2027 12:00:00 +0000\r\n\r\nThe text of the post\r\n"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def boss(panel: Panel) -> AsyncIterator[Browser]:
    """The domain's administrator, and a list of hers with two members."""
    site = panel.house.site
    site.write_account("boss", password="bosssecret")
    contract = site.folder / f"domains/{DOMAIN}/domain.yaml"
    put(contract, f"capacity: 100G\nadministrators: [boss@{DOMAIN}]\n")
    panel.office.roles.forget()
    browser = await panel.browser().sign_in("boss", "bosssecret")
    await browser.get(f"{LISTS}/+new")
    made = await browser.submit(
        f"{LISTS}/+new",
        {
            "local": "sales",
            "owner": "boss@example.test",
            "members": "hanako@example.test\r\n山田太郎 <a@elsewhere.example>",
            "posting": "posters",
            "moderation": "all",
        },
    )
    assert (made.status_code, made.headers["location"]) == (303, SALES), made.text
    yield browser


def members(page: str) -> list[str]:
    return re.findall(r'name="member" value="([^"]+)"', page)


async def test_a_list_is_made_found_changed(boss: Browser) -> None:
    page = (await boss.get(LISTS)).text
    assert "sales@example.test" in page
    assert members((await boss.get(SALES)).text) == [
        "boss@example.test",
        "hanako@example.test",
        "a@elsewhere.example",
    ]
    assert "山田太郎" in (await boss.get(SALES)).text
    values = {
        "owner": "boss@example.test",
        "posting": "posters",
        "moderation": "all",
        "prefix": "[営業]",
        "reply_to": "author",
        "max_message": "2.5",
        "comment": "<b>x</b>",
    }
    assert (await boss.submit(f"{SALES}/settings", values)).status_code == 303
    page = (await boss.get(f"{SALES}/settings")).text
    assert 'value="[営業]"' in page
    assert 'value="2.5"' in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"local": "sales", "owner": "boss@example.test"}, "sales@example.test is a mailing list"),
        ({"local": "taro", "owner": "boss@example.test"}, "taro@example.test is an account already"),
        ({"local": "a b", "owner": "boss@example.test"}, "cannot stand before the @"),
        ({"local": "other", "owner": "nobody"}, "nobody"),
        ({"local": "other", "owner": "boss@example.test", "members": "x y"}, "is not a mail address"),
        ({"local": "other", "owner": "boss@example.test", "posting": "whoever"}, "posting"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_stays(
    boss: Browser, values: dict[str, str], said: str
) -> None:
    typed = {"posting": "anyone", "moderation": "none", "members": "", "comment": "a note", **values}
    answer = await boss.submit(f"{LISTS}/+new", typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="a note"' in answer.text
    assert "other@" not in (await boss.get(LISTS)).text


async def test_members_are_added_given_rights_and_taken_out(boss: Browser) -> None:
    typed = "山田 太郎 <t.yamada@partner.example>\r\n\r\nb@partner.example,\r\nB@partner.example\r\n"
    answer = await boss.submit(f"{SALES}/members/add", {"addresses": typed})
    assert answer.headers["location"] == SALES
    page = (await boss.get(SALES)).text
    assert "Members that came: 2" in page
    assert "山田 太郎" in page
    await boss.submit(f"{SALES}/members", {"member": ["t.yamada@partner.example"], "what": "post"})
    await boss.submit(
        f"{SALES}/members",
        {"member": ["t.yamada@partner.example", "b@partner.example"], "what": "not_receive"},
    )
    data = (await boss.get(f"{SALES}/members/export")).content.decode("utf-8-sig")
    assert "t.yamada@partner.example,山田 太郎,no,yes\r\n" in data
    await boss.submit(
        f"{SALES}/members/edit?member=t.yamada@partner.example", {"name": "山田", "receives": "1"}
    )
    data = (await boss.get(f"{SALES}/members/export?encoding=cp932")).content.decode("cp932")
    assert "t.yamada@partner.example,山田,yes,no\r\n" in data
    gone = {"member": ["t.yamada@partner.example", "b@partner.example"], "what": "remove"}
    await boss.submit(f"{SALES}/members", gone)
    page = (await boss.get(SALES)).text
    assert "Members taken out: 2" in page
    assert len(members(page)) == 3
    assert (await boss.get(f"{SALES}/members/edit?member=t.yamada@partner.example")).status_code == 404


async def test_a_line_that_is_no_address_adds_nobody(boss: Browser) -> None:
    answer = await boss.submit(f"{SALES}/members/add", {"addresses": "c@partner.example\r\nnobody\r\n"})
    assert answer.status_code == 422
    assert "Line 2: " in answer.text
    assert "c@partner.example\r\nnobody" in answer.text.replace("\n", "\r\n").replace("\r\r", "\r")
    assert len(members((await boss.get(SALES)).text)) == 3


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
async def test_a_file_is_shown_before_it_is_meant(boss: Browser, encoding: str) -> None:
    table = (
        "メールアドレス,名前,配信,投稿\r\nhanako@example.test,山田花子,する,可\r\nd@partner.example,,,\r\n"
    )
    file = {"file": ("members.csv", table.encode(encoding), "text/csv")}
    shown = await boss.submit(f"{SALES}/members/csv", {"how": "replace"}, files=file)
    assert shown.status_code == 200, shown.text
    assert len(members((await boss.get(SALES)).text)) == 3, "nothing is changed yet"
    assert [*re.findall(r"comes</span> <b>(\d)|leaves</span> <b>(\d)", shown.text)] == [("1", ""), ("", "1")]
    hidden = dict(re.findall(r'type="hidden" name="(data|how)" value="([^"]*)"', shown.text))
    await boss.submit(f"{SALES}/members/import", hidden)
    page = (await boss.get(SALES)).text
    assert "Members that came: 1, changed: 1, went: 1" in page
    assert members(page) == ["boss@example.test", "hanako@example.test", "d@partner.example"]
    back = "address,name,receives,may_post\r\nhanako@example.test,,yes,no\r\na@elsewhere.example\r\n"
    file = {"file": ("members.csv", back.encode(), "text/csv")}
    shown = await boss.submit(f"{SALES}/members/csv", {"how": "replace"}, files=file)
    await boss.submit(
        f"{SALES}/members/import", dict(re.findall(r'name="(data|how)" value="([^"]*)"', shown.text))
    )


async def test_a_file_with_mistakes_says_where(boss: Browser) -> None:
    file = {"file": ("members.csv", b"a@b.example\r\nnobody\r\nc@d.example,x,maybe\r\n", "text/csv")}
    shown = await boss.submit(f"{SALES}/members/csv", {"how": "add"}, files=file)
    assert shown.status_code == 422
    assert "line 2: " in shown.text
    assert "line 3: " in shown.text
    nothing = await boss.submit(f"{SALES}/members/csv", {"how": "add"})
    assert nothing.status_code == 422


def hold(panel: Panel, name: str = "sales") -> str:
    post = HeldPost(
        f"{name}@example.test", "taro@example.test", "taro@example.test", "hello", "t.1", time.time()
    )
    return HeldPosts(panel.house.settings.data).hold(Message.of(POST), post)


async def arrived(panel: Panel, local: str) -> int:
    return (await Account(panel.house.store, f"{local}@example.test").status("INBOX")).messages


async def test_a_post_that_waits_is_read_and_approved(panel: Panel, boss: Browser) -> None:
    token = hold(panel)
    assert f"{SALES}/held/{token}" in (await boss.get(f"{SALES}/held")).text
    page = (await boss.get(f"{SALES}/held/{token}")).text
    assert "The text of the post" in page
    before = await arrived(panel, "hanako")
    answer = await boss.submit(f"{SALES}/held/{token}", {"decision": "approve"})
    assert answer.headers["location"] == f"{SALES}/held"
    assert "“hello” goes to the members" in (await boss.get(f"{SALES}/held")).text
    assert await arrived(panel, "hanako") == before + 1
    again = await boss.submit(f"{SALES}/held/{token}", {"decision": "approve"})
    assert again.headers["location"] == f"{SALES}/held"
    assert "decided about this post already" in (await boss.get(f"{SALES}/held")).text
    assert await arrived(panel, "hanako") == before + 1


async def test_a_post_that_is_refused_goes_to_nobody(panel: Panel, boss: Browser) -> None:
    token, before = hold(panel), await arrived(panel, "hanako")
    await boss.get(f"{SALES}/held/{token}")
    await boss.submit(f"{SALES}/held/{token}", {"decision": "refuse"})
    assert await arrived(panel, "hanako") == before
    assert await arrived(panel, "taro") >= 1  # who wrote it is told
    assert HeldPosts(panel.house.settings.data).find(token) is None


async def test_the_owner_decides_by_the_link_without_an_account(panel: Panel, boss: Browser) -> None:
    """The token is the right. Nothing is decided by opening the link, nor by a form that is not ours."""
    owner, url = panel.browser(), f"/posts/{hold(panel)}"
    before = await arrived(panel, "hanako")
    page = await owner.get(url)
    assert (page.status_code, "The text of the post" in page.text) == (200, True)
    assert "2027-01-0" in page.text  # when it was written, as other times are
    assert "Sat, 2 Jan" not in page.text
    assert SALES not in page.text  # the owner has no part in the panel
    assert (await owner.post(url, data={"decision": "approve"})).status_code == 403
    assert await arrived(panel, "hanako") == before
    answer = await owner.submit(url, {"decision": "approve"})
    assert (answer.status_code, answer.headers["location"]) == (303, url)
    assert "“hello” goes to the members" in (await owner.get(url)).text
    assert await arrived(panel, "hanako") == before + 1
    assert (await owner.get(url)).status_code == 404
    await owner.submit(url, {"decision": "approve"})
    assert "decided about this post already" in (await owner.get(url)).text
    assert await arrived(panel, "hanako") == before + 1
    refused = f"/posts/{hold(panel)}"
    await owner.get(refused)
    await owner.submit(refused, {"decision": "refuse"})
    assert "“hello” is refused" in (await owner.get(refused)).text
    assert await arrived(panel, "hanako") == before + 1
    unknown = await owner.get(f"/posts/{'a' * 26}")
    assert (unknown.status_code, "There is no such post" in unknown.text) == (404, True)
    assert (await owner.get("/posts/..%2f..%2fetc")).status_code == 404


async def test_a_token_is_good_for_its_own_list_alone(panel: Panel, boss: Browser) -> None:
    token = hold(panel, "elsewhere")
    assert (await boss.get(f"{SALES}/held/{token}")).status_code == 404
    await boss.get(SALES)
    await boss.submit(f"{SALES}/held/{token}", {"decision": "approve"})
    assert HeldPosts(panel.house.settings.data).find(token) is not None


async def test_a_user_sees_no_lists(panel: Panel, boss: Browser) -> None:
    taro = await panel.signed_in("taro")
    token = hold(panel)
    for path in (LISTS, SALES, f"{SALES}/held/{token}", f"{SALES}/members/export", f"{LISTS}/nothing"):
        assert (await taro.get(path)).status_code == 404, path
    await taro.get("/own/")
    for path in (f"{SALES}/held/{token}", f"{SALES}/delete", f"{SALES}/members", f"{LISTS}/+new"):
        assert (await taro.submit(path, {"decision": "approve"})).status_code in (403, 404), path
    assert HeldPosts(panel.house.settings.data).find(token) is not None


async def test_a_list_goes_after_a_question(boss: Browser) -> None:
    await boss.get(f"{LISTS}/+new")
    values = {"local": "gone", "owner": "boss@example.test", "posting": "anyone", "moderation": "none"}
    await boss.submit(f"{LISTS}/+new", values)
    assert "gone@example.test" in (await boss.get(f"{LISTS}/gone/delete")).text
    await boss.submit(f"{LISTS}/gone/delete")
    assert "gone@example.test is deleted" in (await boss.get(LISTS)).text
    assert (await boss.get(f"{LISTS}/gone")).status_code == 404


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_every_page_is_there_in_both_languages(panel: Panel, boss: Browser, language: str) -> None:
    token = hold(panel)
    paths = (
        "",
        "/settings",
        "/held",
        f"/held/{token}",
        "/members/add",
        "/delete",
        "/members/edit?member=boss@example.test",
    )
    for path in (LISTS, f"{LISTS}/+new", *(SALES + path for path in paths)):
        answer = await boss.get(path, params={"lang": language, "member": "boss@example.test"})
        assert (answer.status_code, answer.headers["content-language"]) == (200, language), path
    await boss.get(f"{LISTS}?lang=en")
