"""The accounts' pages: what an administrator does in a browser, from the list to the sheet that is printed."""

import re

import pytest

from config.load import load_account
from config.units import GIB
from storage.admin import AccountChange
from storage.people.roster import Line, Totals, Wanted
from tests.house import DOMAIN
from tests.unit.web.conftest import Browser, Panel
from web.acts import accounts
from web.acts.accounts import Listing
from web.pages.account_rows import row
from web.person import Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = f"/d/{DOMAIN}"


@pytest.fixture(scope="module", autouse=True)
def administrator(panel: Panel) -> None:
    panel.administers("taro")


async def make(panel: Panel, local: str, **change: object) -> str:
    person = Person("op@example.test", operator=True)
    address = f"{local}@{DOMAIN}"
    await accounts.create(panel.office, person, address, AccountChange(**change))  # type: ignore[arg-type]
    return address


async def test_a_new_account_is_there_at_once_and_its_password_is_shown_once(panel: Panel) -> None:
    admin = await panel.signed_in("taro")
    page = await admin.get(f"{BASE}/new-account")
    assert "98 GB" in page.text  # of the contract are free
    values = {
        "local": "jiro.new",
        "comment": "営業部 <次郎>",
        "limit": "2",
        "how": "generate",
        "password": "",
    }
    answer = await admin.submit(f"{BASE}/new-account", values)
    assert answer.status_code == 303
    sheet = await admin.get(answer.headers["location"])
    password = re.search(r'<code class="password">([a-z0-9-]{19})</code>', sheet.text)
    assert password is not None
    assert "営業部 &lt;次郎&gt;" in sheet.text
    assert f"jiro.new@{DOMAIN} is there." in sheet.text
    assert password[1] not in (await admin.get(answer.headers["location"])).text
    await panel.browser().sign_in("jiro.new", password[1])
    path = panel.house.site.folder / f"domains/{DOMAIN}/accounts/jiro.new.yaml"
    assert load_account(path).quota == 2 * GIB
    listed = await admin.get(f"{BASE}/accounts?q=jiro.new")
    assert f'href="{BASE}/accounts/jiro.new"' in listed.text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"local": "taro"}, "is an account already"),
        ({"local": "日本"}, "cannot stand before the @"),
        ({"local": ""}, "cannot stand before the @"),
        ({"limit": "500"}, "100G"),
        ({"limit": "0"}, "not a number of GB"),
        ({"limit": "1e3"}, "not a number of GB"),
        ({"how": "type", "password": "kurz"}, "fewer than 8 characters"),
        ({"how": "type", "password": "password2026"}, "too easy to guess"),
        ({"how": "type", "password": "refusedone@example"}, "too easy to guess"),
    ],
)
async def test_what_cannot_be_is_refused_and_what_was_typed_is_kept(
    panel: Panel, values: dict[str, str], said: str
) -> None:
    admin = await panel.signed_in("taro")
    await admin.get(f"{BASE}/new-account")
    form = {"local": "refusedone", "comment": "my comment", "limit": "1", "how": "generate", **values}
    answer = await admin.submit(f"{BASE}/new-account", form)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="my comment"' in answer.text
    assert values.get("password", "no password") not in answer.text
    assert not (panel.house.site.folder / f"domains/{DOMAIN}/accounts/refusedone.yaml").exists()


async def test_list_is_searched_sorted_and_filtered(panel: Panel) -> None:
    for number in range(60):
        await make(panel, f"list{number:02}", comment=f"課{number % 3}", quota=GIB)
    await make(panel, "list-off", receive=False)
    admin = await panel.signed_in("taro")

    async def shown(query: str) -> list[str]:
        page = await admin.get(f"{BASE}/accounts?{query}")
        assert page.status_code == 200
        return re.findall(rf'<th scope="row"><a href="{BASE}/accounts/([^"]+)"', page.text)

    assert (await shown("q=list"))[:2] == ["list-off", "list00"]
    assert len(await shown("q=list")) == 50
    assert await shown("q=list&page=2") == [f"list{number:02}" for number in range(49, 60)]
    assert (await shown("q=list&order=desc"))[0] == "list59"
    assert len(await shown("q=課1")) == 20
    assert await shown("state=not-receiving") == ["list-off"]
    assert await shown("q=nobody-is-called-so") == []
    for nonsense in ("sort=x", "state=%27", "page=-1", "page=99999999999", "order=%00", "q=%25"):
        await shown(nonsense)
    assert (
        await accounts.lines(panel.office, Person("op", True), DOMAIN, Wanted(most=1))
    ).totals.accounts > 60


async def test_settings_are_saved_as_far_as_they_are_others(panel: Panel) -> None:
    await make(panel, "settings", comment="before", quota=2 * GIB, aliases=("settings.alias",))
    path = panel.house.site.folder / f"domains/{DOMAIN}/accounts/settings.yaml"
    path.write_text(path.read_text() + "# a note by hand\n")
    admin = await panel.signed_in("taro")
    page = await admin.get(f"{BASE}/accounts/settings")
    assert "settings.alias" in page.text
    form = {
        "comment": "after",
        "limit": "3",
        "messages": "1000",
        "aliases": "settings.other\nsettings.second",
        "send_as": "info@example.test",
    }
    answer = await admin.submit(f"{BASE}/accounts/settings", form)
    assert answer.status_code == 303
    saved = load_account(path)
    assert (saved.comment, saved.quota, saved.quota_messages) == ("after", 3 * GIB, 1000)
    assert saved.aliases == ("settings.other", "settings.second")
    assert "# a note by hand" in path.read_text()
    await admin.get(f"{BASE}/accounts/settings")
    answer = await admin.submit(f"{BASE}/accounts/settings", {**form, "messages": "", "aliases": "taro"})
    assert answer.status_code == 422
    assert "is an account already" in answer.text
    assert load_account(path).quota_messages == 1000  # nothing of it


async def test_suspended_held_unlocked_and_back(panel: Panel) -> None:
    address = await make(panel, "states", password="mado-no-soto-9")
    admin = await panel.signed_in("taro")
    user = await panel.browser().sign_in("states", "mado-no-soto-9")
    base = f"{BASE}/accounts/states"
    await admin.get(base)
    await admin.submit(f"{base}/suspend", {"suspended": "1"})
    assert (await user.get("/own/security")).headers["location"].startswith("/login")
    assert "Suspended" in (await admin.get(base)).text
    await admin.submit(f"{base}/suspend", {"suspended": "0"})
    await admin.submit(f"{base}/hold", {"held": "1"})
    assert "Sending held" in (await admin.get(f"{BASE}/accounts?state=held")).text
    await admin.submit(f"{base}/hold", {"held": "0"})
    for number in range(20):
        panel.office.store.logins.lockout.failed(address, "192.0.2.9", f"guess{number}")
    page = await admin.get(base)
    assert "from 192.0.2.9" in page.text
    assert f"{BASE}/accounts/states" in (await admin.get(f"{BASE}/accounts?state=locked")).text
    await admin.submit(f"{base}/unlock")
    assert panel.office.store.logins.lockout.locks(address) == []
    await admin.get(f"{BASE}/accounts/taro")
    answer = await admin.submit(f"{BASE}/accounts/taro/suspend", {"suspended": "1"})
    assert answer.status_code == 303
    assert "nobody suspends the own account" in (await admin.get(f"{BASE}/accounts/taro")).text


async def test_new_password_ends_the_sessions_of_its_owner(panel: Panel) -> None:
    await make(panel, "pass", password="kumo-to-ame-77")
    user = await panel.browser().sign_in("pass", "kumo-to-ame-77")
    admin = await panel.signed_in("taro")
    await admin.get(f"{BASE}/accounts/pass/password")
    answer = await admin.submit(f"{BASE}/accounts/pass/password", {"how": "generate"})
    sheet = (await admin.get(answer.headers["location"])).text
    new = re.search(r'<code class="password">([^<]+)<', sheet)
    assert new is not None
    assert (await user.get("/own/security")).status_code == 303
    await panel.browser().sign_in("pass", new[1])
    await admin.get(f"{BASE}/accounts/pass/password")
    form = {"how": "type", "password": "typed-by-the-boss-9"}
    assert (await admin.submit(f"{BASE}/accounts/pass/password", form)).status_code == 303
    await panel.browser().sign_in("pass", "typed-by-the-boss-9")


async def test_deleted_and_had_back(panel: Panel) -> None:
    await make(panel, "gone", comment="going")
    admin = await panel.signed_in("taro")
    assert "7 days" in (await admin.get(f"{BASE}/accounts/gone/delete")).text
    answer = await admin.submit(f"{BASE}/accounts/gone/delete")
    assert "gone@example.test is deleted" in (await admin.get(answer.headers["location"])).text
    assert (await admin.get(f"{BASE}/accounts/gone")).status_code == 404
    page = await admin.get(f"{BASE}/deleted-accounts")
    assert "gone@example.test" in page.text
    await admin.submit(f"{BASE}/deleted-accounts", {"address": "gone@example.test"})
    assert "going" in (await admin.get(f"{BASE}/accounts/gone")).text
    await admin.submit(f"{BASE}/accounts/gone/delete")
    await admin.get(f"{BASE}/deleted-accounts")
    await admin.submit(f"{BASE}/deleted-accounts/remove", {"address": "gone@example.test"})
    assert "gone@example.test</th>" not in (await admin.get(f"{BASE}/deleted-accounts")).text


async def test_pages_in_japanese_speak_japanese_in_what_is_refused(panel: Panel) -> None:
    admin: Browser = await panel.signed_in("taro", "ja")
    await admin.get(f"{BASE}/new-account?lang=ja")
    answer = await admin.submit(f"{BASE}/new-account", {"local": "taro", "limit": "1", "how": "generate"})
    assert "taro@example.test はアカウントとして登録済みです" in answer.text
    assert '<html lang="ja">' in answer.text


async def test_how_strong_a_password_is(panel: Panel) -> None:
    admin = await panel.signed_in("taro")
    await admin.get("/own/security")
    weak = (await admin.submit("/strength", {"password": "Password1"})).json()
    strong = (await admin.submit("/strength", {"password": "mado-no-soto-ni-kumo"})).json()
    assert (weak["level"], weak["enough"]) == (0, False)
    assert (strong["level"], strong["enough"]) == (4, True)


async def test_a_row_of_the_list_lets_no_markup_in() -> None:
    line = Line(
        "o'b&c", DOMAIN, 1 << 30, "<b>", (), ("x@y.example",), False, False, False, None, 0, 0, None, None
    )
    listing = Listing([line], 1, frozenset({line.address}), frozenset(), Totals(1, 1 << 30, 0), 1 << 40)
    drawn = row(line, listing, f"/d/{DOMAIN}", edit=True, language="en")
    assert "<b>" not in drawn and "&lt;b&gt;" in drawn
    assert f'href="/d/{DOMAIN}/accounts/o&#39;b&amp;c"' in drawn
    assert re.findall(r'badge \w+">([^<]+)<', drawn) == ["Locked", "Not receiving", "Forwarding"]
    assert "checkbox" not in row(line, listing, f"/d/{DOMAIN}", edit=False, language="ja")
