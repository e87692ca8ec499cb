"""The same for many accounts, and files: checked as a whole, shown, confirmed, carried out in the background."""

import asyncio
import csv
import io
import re

import pytest

from config.load import load_account
from config.units import GIB
from storage.account_csv import read
from storage.list_csv import BadCsv
from tests.house import DOMAIN
from tests.unit.web.conftest import Browser, Panel
from tests.unit.web.test_accounts import make

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = f"/d/{DOMAIN}"


@pytest.fixture(scope="module", autouse=True)
def administrator(panel: Panel) -> None:
    panel.administers("taro")


async def upload(admin: Browser, data: bytes) -> str:
    """The page that says what the file would do."""
    await admin.get(f"{BASE}/accounts-file")
    answer = await admin.submit(f"{BASE}/accounts-file", files={"file": ("accounts.csv", data, "text/csv")})
    return answer.text


async def carried_out(admin: Browser, url: str) -> str:
    """Wait for the end of a job; its page."""
    while not (await admin.get(f"{url}/state")).json()["ended"]:
        await asyncio.sleep(0.05)
    return (await admin.get(url)).text


def account_of(panel: Panel, local: str) -> object:
    return load_account(panel.house.site.folder / f"domains/{DOMAIN}/accounts/{local}.yaml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
async def test_a_file_makes_accounts_that_log_in(panel: Panel, encoding: str) -> None:
    admin = await panel.signed_in("taro", "ja")
    await admin.get(f"{BASE}/accounts-file?lang=ja")
    a, b = f"a-{encoding}", f"b-{encoding}"
    lines = ["メールアドレス,備考,容量(GB),パスワード,別名,転送先", f"{a},営業部　高橋,2,,,", ""]
    lines += [f"{b}@{DOMAIN},経理,,sora-no-iro-42,{b}.x {b}.y,x@example.jp;y@example.jp"]
    page = await upload(admin, "\r\n".join(lines).encode(encoding))
    assert "営業部　高橋" in page
    plan = re.search(r'name="plan" value="([^"]+)"', page)
    assert plan is not None
    assert not (panel.house.site.folder / f"domains/{DOMAIN}/accounts/{a}.yaml").exists()
    answer = await admin.submit(f"{BASE}/accounts-file/go", {"plan": plan[1]})
    job = answer.headers["location"]
    assert "完了しました" in await carried_out(admin, job)
    made = load_account(panel.house.site.folder / f"domains/{DOMAIN}/accounts/{b}.yaml")
    assert (made.comment, made.quota, made.aliases) == ("経理", GIB, (f"{b}.x", f"{b}.y"))
    assert made.forward.to == ("x@example.jp", "y@example.jp")
    await panel.browser().sign_in(b, "sora-no-iro-42")
    sheets = (await admin.get(f"{job}/sheets")).text
    shown = re.findall(r'<code class="password">([^<]+)<', sheets)
    assert len(shown) == 1  # that of `a`: the other's is known to who has typed it
    await panel.browser().sign_in(a, shown[0])
    # a plan is carried out once
    answer = await admin.submit(f"{BASE}/accounts-file/go", {"plan": plan[1]})
    assert answer.headers["location"].endswith("/accounts-file")


async def test_nothing_is_done_while_anything_is_wrong(panel: Panel) -> None:
    admin = await panel.signed_in("taro")
    before = sorted(path.name for path in (panel.house.site.folder / f"domains/{DOMAIN}/accounts").iterdir())
    wrong = {
        "日本,1": "cannot stand before the @",
        "x@other.test,1": "is not an address of example.test",
        "wrong1,zehn": "is not a number of GB",
        "wrong2,2000": "largest limit",
        "wrong4,0": "smallest limit",
        "wrong5,1,short": "fewer than 8 characters",
        "wrong6,1,password1": "too easy to guess",
        "good,1,,taro": "taro@example.test is an account already",
        "good,1": "stands in line 9 already",
        "wrong7,1,,a b c d,not an address": "is not a mail address",
        "wrong8,1,,,,vielleicht": "is neither yes nor no",
    }
    lines = ["address,limit,password,aliases,forward_to,receive", *wrong]
    page = await upload(admin, "\n".join(lines).encode())
    for said in wrong.values():
        assert said in page
    assert 'name="plan"' not in page
    after = sorted(path.name for path in (panel.house.site.folder / f"domains/{DOMAIN}/accounts").iterdir())
    assert after == before


async def test_what_does_not_fit_into_the_contract_is_refused_with_numbers(panel: Panel) -> None:
    admin = await panel.signed_in("taro")
    page = await upload(admin, b"address,limit\nbig1,60\nbig2,60\n")
    assert re.search(r"more than the contract&#39;s capacity of 100G", page)
    assert 'name="plan"' not in page


async def test_a_file_changes_only_what_it_says_and_what_is_so_already_is_left(panel: Panel) -> None:
    await make(panel, "csv-one", comment="before", quota=2 * GIB, password="kumo-to-ame-77")
    admin = await panel.signed_in("taro")
    page = await upload(admin, b"address,comment\ncsv-one,after\ntaro,\n")
    assert "comment \u201cafter\u201d" in page
    plan = re.search(r'name="plan" value="([^"]+)"', page)
    assert plan is not None
    answer = await admin.submit(f"{BASE}/accounts-file/go", {"plan": plan[1]})
    await carried_out(admin, answer.headers["location"])
    saved = load_account(panel.house.site.folder / f"domains/{DOMAIN}/accounts/csv-one.yaml")
    assert (saved.comment, saved.quota) == ("after", 2 * GIB)
    await panel.browser().sign_in("csv-one", "kumo-to-ame-77")
    assert "Everything is so already" in await upload(admin, b"address,comment\ncsv-one,after\n")


async def test_what_goes_out_comes_in_again_as_it_is(panel: Panel) -> None:
    await make(panel, "csv-out", comment='=1+1, "営業"', aliases=("csv-out.a",), forward_to=("x@example.jp",))
    admin = await panel.signed_in("taro")
    for query, encoding in (("", "utf-8-sig"), ("?encoding=cp932", "cp932")):
        data = (await admin.get(f"{BASE}/accounts.csv{query}")).content
        rows = list(csv.reader(io.StringIO(data.decode(encoding))))
        [line] = [row for row in rows if row[0] == f"csv-out@{DOMAIN}"]
        assert line[2] == '\'=1+1, "営業"'  # no spreadsheet computes it
        assert "Everything is so already" in await upload(admin, data)
    assert b"argon2" not in data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe\x00", "neither UTF-8 nor CP932"),
        (b"name,limit\nx,1\n", "names no column"),
        (b"address,address\nx,y\n", "two columns"),
        (b'address\n"x', "line"),
        (b"address\n" + b"x\n" * 5001, "more than 5000 lines"),
    ],
)
async def test_a_file_that_is_none_is_refused_as_a_whole(data: bytes, said: str) -> None:
    with pytest.raises(BadCsv, match=said):
        read(data, DOMAIN)


async def test_many_at_once(panel: Panel) -> None:
    for number in range(3):
        await make(panel, f"bulk{number}", password="kumo-to-ame-77")
    admin = await panel.signed_in("taro")
    await admin.get(f"{BASE}/accounts")
    ticked = [f"bulk{number}" for number in range(3)]

    async def do(what: str, **more: str) -> str:
        page = await admin.submit(f"{BASE}/many-accounts", {"local": ticked, "what": what})
        assert page.status_code == 200
        assert all(f"{local}@{DOMAIN}" in page.text for local in ticked)
        form = {"local": ticked, "what": what, "confirmed": "1", **more}
        return (await admin.submit(f"{BASE}/many-accounts", form)).headers["location"]

    def files() -> list[object]:
        return [account_of(panel, local) for local in ticked]

    await do("limit", limit="3")
    assert {file.quota for file in files()} == {3 * GIB}  # type: ignore[attr-defined]
    await do("receive_off")
    await do("suspend")
    assert {(file.receive, file.suspended) for file in files()} == {(False, True)}  # type: ignore[attr-defined]
    await do("receive_on")
    await do("resume")
    assert {(file.receive, file.suspended) for file in files()} == {(True, False)}  # type: ignore[attr-defined]
    job = await do("password")
    await carried_out(admin, job)
    shown = re.findall(r'<code class="password">([^<]+)<', (await admin.get(f"{job}/sheets")).text)
    await panel.browser().sign_in("bulk2", shown[2])
    assert (
        "Please confirm"
        in (await admin.submit(f"{BASE}/many-accounts", {"local": "bulk0", "what": "delete"})).text
    )
    await do("delete")
    assert not any(
        (panel.house.site.folder / f"domains/{DOMAIN}/accounts/{each}.yaml").exists() for each in ticked
    )
    answer = await admin.submit(
        f"{BASE}/many-accounts", {"local": ["taro"], "what": "delete", "confirmed": "1"}
    )
    assert "is an administrator of" in (await admin.get(answer.headers["location"])).text
    answer = await admin.submit(f"{BASE}/many-accounts", {"what": "delete"})
    assert "No account was ticked" in (await admin.get(answer.headers["location"])).text
