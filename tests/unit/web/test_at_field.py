"""What was refused stands beside its field, and what was typed is kept; what belongs to no field stands above."""

import re

import pytest

from tests.house import DOMAIN
from tests.unit.web.conftest import Browser, Panel
from web.pages.at_field import field_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = f"/d/{DOMAIN}"
ALL_MARKED = "Please look at what is marked below."


@pytest.mark.parametrize(
    ("sentence", "field"),
    [
        ('"nonsense" is not a mail address such as taro@example.jp', "to"),
        (f"taro@{DOMAIN} is an account already", "local"),
        (f"taro@{DOMAIN} would forward to itself", "local"),
        ('"" cannot stand before the @ of an address here: letters, digits, …', "local"),
        (f"{DOMAIN}: the limits of 3 accounts are 120 GB together, 20 GB more than …", "limit"),
        ("the password has fewer than 8 characters", "password"),
        ("a list needs an owner, who gets its bounces and decides about its posts", ""),  # no such field here
        ("nobody suspends the own account", ""),
    ],
)
async def test_the_field_is_found_by_what_the_sentence_repeats_or_speaks_of(
    sentence: str, field: str
) -> None:
    typed = {
        "local": "taro",
        "to": "a@example.net, nonsense",
        "limit": "40",
        "password": "",
        "comment": "nonsense",
    }
    assert field_of(sentence, typed, DOMAIN) == field


def beside(page: str) -> tuple[str, str]:
    """The field that is marked, and what is said there."""
    found = re.findall(r'<p class="error" id="(\w+)-error">([^<]*)</p>', page)
    assert len(found) == 1, found
    name, said = found[0]
    assert re.search(rf'<(?:input|textarea) id="{name}"[^>]* autofocus[^>]*aria-invalid="true"', page)
    assert ALL_MARKED in page
    return name, said


@pytest.fixture(scope="module", autouse=True)
def administrator(panel: Panel) -> None:
    panel.administers("taro")


async def refused(browser: Browser, path: str, **values: str) -> str:
    await browser.get(path)
    answer = await browser.submit(path, values)
    assert answer.status_code == 422, answer.text
    return answer.text


async def test_forms_say_beside_the_field_what_is_wrong_and_keep_what_was_typed(panel: Panel) -> None:
    admin = await panel.signed_in("taro")
    page = await refused(
        admin, f"{BASE}/new-account", local="a b", comment="Sales", limit="2", how="generate"
    )
    assert beside(page)[0] == "local"
    assert 'value="a b"' in page
    assert 'value="Sales"' in page
    page = await refused(admin, f"{BASE}/new-account", local="big", limit="999", how="generate")
    assert beside(page)[0] == "limit"
    assert "more than the contract" in beside(page)[1]
    page = await refused(
        admin, f"{BASE}/new-account", local="weak", limit="1", how="type", password="password"
    )
    assert beside(page)[0] == "password"
    page = await refused(admin, f"{BASE}/forwards/+new", local="info", to="a@example.net\nnonsense")
    assert beside(page) == ("to", "&#34;nonsense&#34; is not a mail address such as taro@example.jp")
    assert "a@example.net\nnonsense" in page
    page = await refused(admin, f"{BASE}/forwards/+new", local="hanako", to="a@example.net")
    assert beside(page)[0] == "local"
    new_list = {"posting": "anyone", "moderation": "none"}
    page = await refused(admin, f"{BASE}/lists/+new", local="x", owner="", members="", **new_list)
    assert beside(page)[0] == "owner"
    page = await refused(admin, f"{BASE}/lists/+new", local="x", owner="taro@x", members="", **new_list)
    assert beside(page)[0] == "owner"
    page = await refused(
        admin, f"{BASE}/lists/+new", local="x", owner=f"taro@{DOMAIN}", members="hanako", **new_list
    )
    assert beside(page)[0] == "members"
    page = await refused(admin, f"{BASE}/accounts/hanako/forward", to="nowhere", copy="keep")
    assert beside(page)[0] == "to"
    page = await refused(
        admin, f"{BASE}/settings", catch_all="nobody@elsewhere.example", trash="x", archive_after=""
    )
    assert beside(page)[0] == "trash"


async def test_the_owner_of_a_new_list_is_who_makes_it(panel: Panel) -> None:
    admin = await panel.signed_in("taro")
    assert f'name="owner" type="email" value="taro@{DOMAIN}"' in (await admin.get(f"{BASE}/lists/+new")).text


async def test_what_belongs_to_no_field_stands_above(panel: Panel) -> None:
    admin = await panel.signed_in("taro")
    page = await refused(admin, f"{BASE}/accounts-file")
    assert 'class="error"' not in page
    assert ALL_MARKED not in page
    assert 'class="alert error"' in page
