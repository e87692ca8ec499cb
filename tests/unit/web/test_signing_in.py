"""Sessions, forms and the second factor: what keeps strangers out, tried as they would."""

import re

import httpx
import pytest

from storage.admin import AccountChange, set_account
from storage.people import totp
from tests.house import DOMAIN, PASSWORDS
from tests.unit.web.conftest import ORIGIN, Browser, Panel
from tests.unit.web.test_accounts import make
from web.pages.visit import local_path

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "kumo-to-ame-77"


class Clock:
    """The panel's clock, moved on by hand."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.real, self.ahead = panel, panel.office.panel.clock, 0.0
        panel.office.panel.clock = lambda: self.real() + self.ahead

    def restore(self) -> None:
        self.panel.office.panel.clock = self.real


async def test_cookie_is_out_of_reach_of_scripts_and_other_hosts(panel: Panel) -> None:
    browser = panel.browser()
    await browser.get("/login")
    answer = await browser.submit("/login", {"address": f"taro@{DOMAIN}", "password": PASSWORDS["taro"]})
    cookie = next(
        each for each in answer.headers.get_list("set-cookie") if each.startswith("__Host-session=")
    )
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    assert "Max-Age" not in cookie  # ends with the browser
    plain = httpx.AsyncClient(transport=httpx.ASGITransport(panel.app), base_url="http://localhost")
    answer = await plain.get("/login")
    assert answer.headers["set-cookie"].startswith("form=")
    await plain.aclose()


async def test_who_cannot_sign_in_hears_the_same_whoever_it_is(panel: Panel) -> None:
    await make(panel, "stopped", password=PASSWORD, suspended=True)
    await make(panel, "nopass")
    said = set()
    for address, password in (
        (f"taro@{DOMAIN}", "wrong"),
        (f"nobody@{DOMAIN}", "wrong"),
        ("x@other.test", "wrong"),
        (f"stopped@{DOMAIN}", PASSWORD),
        (f"nopass@{DOMAIN}", ""),
        ("", ""),
        ("\x00" * 5000, "x"),
    ):
        browser = panel.browser()
        await browser.get("/login")
        answer = await browser.submit("/login", {"address": address, "password": password})
        assert answer.status_code == 403
        assert "__Host-session" not in answer.headers.get("set-cookie", "")
        said.add(re.sub(r'value="[^"]*"|\s*autofocus', "", answer.text))
    assert len({re.sub(r"\s+", " ", each) for each in said}) == 1


async def test_an_app_password_does_not_open_the_panel(panel: Panel) -> None:
    await make(panel, "apps", password=PASSWORD)
    browser = await panel.browser().sign_in("apps", PASSWORD)
    await browser.get("/own/security")
    answer = await browser.submit("/own/security/apps", {"app_name": "iPhone", "app_current": PASSWORD})
    shown = re.search(r'<code id="shown">([^<]+)</code>', answer.text)
    assert shown is not None
    check = panel.office.store.logins.check
    assert (
        await check(f"apps@{DOMAIN}", shown[1], peer="192.0.2.1", protocol="imap", trace="t")
        == f"apps@{DOMAIN}"
    )
    other = panel.browser()
    await other.get("/login")
    answer = await other.submit("/login", {"address": f"apps@{DOMAIN}", "password": shown[1]})
    assert answer.status_code == 403
    await browser.get("/own/security")
    await browser.submit("/own/security/apps/delete", {"name": "iPhone"})
    assert "You have none" in (await browser.get("/own/security")).text


async def test_a_session_ends_when_it_was_idle_or_open_too_long(panel: Panel) -> None:
    clock = Clock(panel)
    try:
        browser = await panel.signed_in("hanako")
        for _ in range(20):
            clock.ahead += 3000
            if clock.ahead < 43_200:
                assert (await browser.get("/own/security")).status_code == 200
        assert (await browser.get("/own/security")).headers["location"].startswith("/login")  # 12 hours
        await browser.sign_in("hanako")
        clock.ahead += 3700
        answer = await browser.get("/own/security")
        assert answer.headers["location"].startswith("/login")
        assert "signed out" in (await browser.get(answer.headers["location"])).text
    finally:
        clock.restore()


async def test_a_new_secret_at_each_sign_in_and_nothing_left_at_the_end(panel: Panel) -> None:
    browser = await panel.signed_in("hanako")
    first = browser.cookies["__Host-session"]
    await browser.get("/own/security")
    await browser.submit("/logout")
    thief = panel.browser()
    thief.cookies.set("__Host-session", first, domain="mail.example.test")
    assert (await thief.get("/own/security")).status_code == 303
    fixed = panel.browser()
    fixed.cookies.set("__Host-session", "chosen-by-somebody", domain="mail.example.test")
    await fixed.sign_in("hanako")
    assert fixed.cookies["__Host-session"] not in ("chosen-by-somebody", first)


async def test_forms_of_others_are_refused(panel: Panel) -> None:
    browser = await panel.signed_in("hanako")
    await browser.get("/own/security")
    good = browser.token
    foreign = await (await panel.signed_in("taro")).get("/own/security")
    others = re.search(r'name="csrf" value="(\w+)"', foreign.text)
    assert others is not None
    for token in ("", "0" * 64, others[1], "ü"):
        assert (await browser.post("/logout", data={"csrf": token})).status_code == 403
    for headers in (
        {"Origin": "https://evil.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert (await browser.post("/logout", data={"csrf": good}, headers=headers)).status_code == 403
    assert (await browser.get("/logout")).status_code == 405
    assert (await browser.post("/logout", data={"csrf": good}, headers={"Origin": ORIGIN})).status_code == 303


async def test_sign_in_goes_on_to_pages_of_ours_alone(panel: Panel) -> None:
    for wanted, goes in (
        ("/own/security?x=1", "/own/security?x=1"),
        ("//evil.test/", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test/", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ):
        assert local_path(wanted) == goes
    browser = panel.browser()
    answer = await browser.get("/own/security?x=1")
    page = await browser.get(answer.headers["location"])
    assert 'name="next" value="/own/security?x=1"' in page.text


async def test_bodies_are_bounded(panel: Panel) -> None:
    browser = await panel.signed_in("hanako")
    await browser.get("/own/security")
    answer = await browser.submit("/strength", {"password": "x" * 300_000})
    assert answer.status_code == 413

    async def endless() -> object:
        for _ in range(100):
            yield b"x" * 10_000

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await browser.post("/strength", content=endless(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413
    many = "&".join(f"f{number}=1" for number in range(7000))
    assert (await browser.post("/strength", content=many, headers=headers)).status_code in (400, 403, 413)


async def test_own_password_needs_the_current_one_and_ends_other_sessions(panel: Panel) -> None:
    await make(panel, "self", password=PASSWORD)
    here, there = panel.browser(), panel.browser()
    await here.sign_in("self", PASSWORD)
    await there.sign_in("self", PASSWORD)
    page = await here.get("/own/security")
    assert page.text.count('name="session"') == 2  # the other one, and all others
    new = "sora-no-iro-4242"
    for form, said in (
        ({"current": "wrong", "new": new, "again": new}, "current password is not right"),
        ({"current": PASSWORD, "new": new, "again": "x"}, "not the same"),
        ({"current": PASSWORD, "new": "self1234", "again": "self1234"}, "too easy to guess"),
        ({"current": PASSWORD, "new": PASSWORD, "again": PASSWORD}, "the password you have"),
    ):
        answer = await here.submit("/own/security/password", form)
        assert (answer.status_code, said in answer.text) == (422, True), said
    # the administrators' way asks for it, too
    answer = await here.submit(f"/d/{DOMAIN}/accounts/self/password", {"how": "type", "password": new})
    assert "with the current one" in answer.text
    answer = await here.submit("/own/security/password", {"current": PASSWORD, "new": new, "again": new})
    assert answer.status_code == 303
    assert (await here.get("/own/security")).status_code == 200
    assert (await there.get("/own/security")).status_code == 303
    await there.sign_in("self", new)
    await here.get("/own/security")
    await here.submit("/own/security/sessions", {"session": "others"})
    assert (await there.get("/own/security")).status_code == 303
    set_account(panel.office.directory, f"self@{DOMAIN}", AccountChange(password=PASSWORD))  # elsewhere
    assert (await here.get("/own/security")).status_code == 303


def code_of(page: str, panel: Panel, *, later: int = 0) -> tuple[str, str]:
    """The secret on the page, and the telephone's code."""
    secret = re.search(r'name="secret" value="([A-Z2-7]{32})"', page)
    assert secret is not None
    return secret[1], totp.code(secret[1], int(panel.office.now()) // totp.STEP + later)


async def two_factor(panel: Panel, local: str) -> tuple[Browser, str, list[str]]:
    """An account with a second factor: a browser, the secret, the recovery codes."""
    await make(panel, local, password=PASSWORD)
    browser = await panel.browser().sign_in(local, PASSWORD)
    page = await browser.get("/own/security/factor")
    assert "<svg" in page.text
    secret, code = code_of(page.text, panel)
    form = {"secret": secret, "code": "000000" if code != "000000" else "111111", "current": PASSWORD}
    assert (await browser.submit("/own/security/factor", form)).status_code == 422
    answer = await browser.submit("/own/security/factor", {**form, "code": code})
    assert answer.status_code == 200
    codes = re.findall(r"<li><code>([a-z2-7-]{11})</code>", answer.text)
    assert len(codes) == totp.RECOVERY_CODES
    assert (await browser.get("/own/security")).status_code == 200  # this session goes on
    return browser, secret, codes


async def first_step(panel: Panel, local: str) -> tuple[Browser, str]:
    """With the right password: the page that asks for a code, and its ticket."""
    browser = panel.browser()
    await browser.get("/login")
    answer = await browser.submit("/login", {"address": f"{local}@{DOMAIN}", "password": PASSWORD})
    assert answer.status_code == 200
    ticket = re.search(r'name="ticket" value="([^"]+)"', answer.text)
    assert ticket is not None
    assert "__Host-session" not in browser.cookies
    return browser, ticket[1]


async def test_second_factor_is_asked_for_and_each_code_works_once(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = panel.office.now()
    monkeypatch.setattr(
        panel.house.store, "clock", lambda: now
    )  # else a code may become another one meanwhile
    _, secret, codes = await two_factor(panel, "factor")
    browser, ticket = await first_step(panel, "factor")
    used = totp.code(secret, int(panel.office.now()) // totp.STEP)
    for wrong in (used, "123", "", "abcdef", "xxxxx-xxxxx"):  # `used` has switched it on
        assert (await browser.submit("/login/code", {"ticket": ticket, "code": wrong})).status_code == 403
    fresh = totp.code(secret, int(panel.office.now()) // totp.STEP + 1)
    answer = await browser.submit("/login/code", {"ticket": ticket, "code": f"{fresh[:3]} {fresh[3:]}"})
    assert answer.status_code == 303
    again, ticket = await first_step(panel, "factor")
    assert (await again.submit("/login/code", {"ticket": ticket, "code": fresh})).status_code == 403
    answer = await again.submit("/login/code", {"ticket": ticket, "code": codes[3].upper()})
    assert answer.status_code == 303
    assert "9 recovery codes left" in (await again.get("/own/security")).text
    third, ticket = await first_step(panel, "factor")
    assert (await third.submit("/login/code", {"ticket": ticket, "code": codes[3]})).status_code == 403
    assert (await browser.get("/own/security")).status_code == 200
    page = await browser.get("/own/security")
    assert "<svg" not in page.text
    await browser.submit("/own/security/factor/off", {"factor_current": PASSWORD})
    await panel.browser().sign_in("factor", PASSWORD)


@pytest.mark.parametrize("change", ["", "x", "other", "late"])
async def test_tickets_are_not_made_by_others(panel: Panel, change: str) -> None:
    local = f"ticket{change}"
    _, _, codes = await two_factor(panel, local)
    browser, ticket = await first_step(panel, local)
    match change:
        case "x":
            ticket = ticket[:-1] + ("0" if ticket[-1] != "0" else "1")
        case "other":
            ticket = ticket.replace(f"{local}@", "taro@")
        case "late":
            address, mark, _, signature = ticket.split("|")
            ticket = f"{address}|{mark}|99999999999|{signature}"
    answer = await browser.submit("/login/code", {"ticket": ticket, "code": codes[0]})
    assert answer.status_code == (303 if change == "" else 403)


async def test_guessing_codes_locks(panel: Panel) -> None:
    _, _, codes = await two_factor(panel, "guessed")
    browser, ticket = await first_step(panel, "guessed")
    for number in range(12):
        await browser.submit("/login/code", {"ticket": ticket, "code": f"{number:06}"})
    assert (await browser.submit("/login/code", {"ticket": ticket, "code": codes[0]})).status_code == 403
    assert panel.office.store.logins.lockout.locks(f"guessed@{DOMAIN}")
    panel.office.store.logins.lockout.unlock(f"guessed@{DOMAIN}")


async def test_an_administrator_helps_who_has_lost_the_telephone(panel: Panel) -> None:
    await two_factor(panel, "lost")
    panel.administers("taro", "accounts")
    admin = await panel.signed_in("taro")
    page = await admin.get(f"/d/{DOMAIN}/accounts/lost")
    assert "Switch off" in page.text
    await admin.submit(f"/d/{DOMAIN}/accounts/lost/two-factor-off")
    await panel.browser().sign_in("lost", PASSWORD)


@pytest.mark.parametrize(
    ("step", "code"),
    # RFC 6238 appendix B, SHA-1, the last six of the eight digits
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
    ],
)
async def test_vectors_of_the_rfc(step: int, code: str) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert totp.code(secret, step // 30) == code
    assert totp.step_of(secret, code, step + 30) == step // 30
    assert totp.step_of(secret, code, step + 90) is None


async def test_log_tells_who_did_what_and_never_a_password(panel: Panel) -> None:
    panel.administers("taro")
    admin = await panel.signed_in("taro")
    await admin.get(f"/d/{DOMAIN}/new-account")
    form = {"local": "logged", "comment": "=cmd", "limit": "1", "how": "type", "password": "yoru-no-umi-55"}
    await admin.submit(f"/d/{DOMAIN}/new-account", form)
    page = await admin.get(f"/d/{DOMAIN}/audit?q=logged")
    assert "account added" in page.text
    assert "comment==cmd" in page.text
    data = (await admin.get(f"/d/{DOMAIN}/audit.csv")).content
    assert data.startswith(b"\xef\xbb\xbf")
    assert b"yoru-no-umi-55" not in data
    assert (await admin.get("/audit")).status_code == 403
    everything = panel.office.panel.notes(None, most=10_000)
    for secret in (PASSWORD, "yoru-no-umi-55", *PASSWORDS.values()):
        assert not any(secret in f"{each.details} {each.subject} {each.actor}" for each in everything)
