"""The panel in a browser: what an administrator does on the first day, in both languages, with script and without.

And what everybody needs who does not see well or uses no mouse: axe-core on every kind of page.
"""

import imaplib
import re
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.daemons import Daemons

ADMIN = "admin@example.test"
Visitor = Callable[..., Any]


def imap_login(daemons: Daemons, address: str, password: str) -> str:
    context = ssl.create_default_context(cafile=str(daemons.demo.ca))
    with imaplib.IMAP4_SSL("localhost", daemons.demo.ports["imaps"], ssl_context=context) as client:
        return str(client.login(address, password)[0])


@pytest.mark.parametrize(
    ("language", "script", "width", "add", "submit", "delete"),
    [
        ("ja", True, 1440, "アカウントを追加", "追加する", "アカウントを削除"),
        ("en", False, 375, "Add an account", "Add", "Delete the account"),
    ],
)
def test_an_account_made_in_the_panel_logs_in_by_imap_at_once(
    daemons: Daemons,
    visitor: Visitor,
    language: str,
    script: bool,
    width: int,
    add: str,
    submit: str,
    delete: str,
) -> None:
    page = visitor(language, script=script, width=width, who=ADMIN)
    address = f"browser-{language}@example.test"
    page.goto("/d/example.test/accounts")
    page.get_by_role("link", name=add).first.click()
    page.fill("#local", f"browser-{language}")
    page.fill("#comment", "営業部 新人")
    page.get_by_role("main").get_by_role("button", name=submit).click()
    password = page.locator("code.password").inner_text()
    assert re.fullmatch(r"[a-z0-9]{4}(-[a-z0-9]{4}){3}", password)
    assert imap_login(daemons, address, password) == "OK"

    user = visitor(language, script=script, width=width, who=address, password=password)
    user.goto("/own/security")
    assert address in user.content()
    assert user.goto("/d/example.test/accounts").status == 404

    page.goto(f"/d/example.test/accounts/browser-{language}/delete")
    page.get_by_role("button", name=delete).click()
    with pytest.raises(imaplib.IMAP4.error):
        imap_login(daemons, address, password)
    user.goto("/own/security")
    assert "/login" in user.url  # signed out with the account


def test_sign_in_by_keyboard_alone_and_a_wrong_password(visitor: Visitor, daemons: Daemons) -> None:
    page = visitor("en")
    page.goto("/login")
    page.locator("#address:focus").wait_for()  # the page has it there, a moment after it is loaded
    page.keyboard.type("taro@example.test")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    page.locator("#password:focus").wait_for()
    page.keyboard.type(daemons.demo.passwords["taro@example.test"])
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/own/?$"))
    page.keyboard.press("Tab")
    page.locator(".skip:focus").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/login"))


def test_how_strong_a_password_is_is_shown_while_it_is_typed(visitor: Visitor) -> None:
    page = visitor("en", who="taro@example.test")
    page.goto("/own/security")
    page.fill("#new", "password")
    page.get_by_text("very weak").wait_for()
    page.fill("#new", "mado no soto ni kumo")
    page.get_by_text("strong", exact=True).wait_for()


def test_a_file_is_checked_shown_and_carried_out_in_view(visitor: Visitor, daemons: Daemons) -> None:
    page = visitor("ja", who=ADMIN)
    page.goto("/d/example.test/accounts-file")
    lines = ["メールアドレス,備考", *(f"file{number},営業部" for number in range(5))]
    data = {"name": "a.csv", "mimeType": "text/csv", "buffer": "\r\n".join(lines).encode("cp932")}
    page.set_input_files("#file", data)
    page.get_by_role("button", name="内容を確認する").click()
    page.get_by_role("button", name="5 件を取り込む").click()
    page.get_by_role("link", name="通知書を表示・印刷（5 件）").click()
    passwords = page.locator("code.password").all_inner_texts()
    assert len(passwords) == 5
    assert imap_login(daemons, "file4@example.test", passwords[4]) == "OK"


D, TARO_AT = "/d/example.test", "/d/example.test/accounts/taro"
PAGES = (
    f"{D}/", f"{D}/accounts", f"{D}/new-account", TARO_AT, f"{TARO_AT}/password", f"{TARO_AT}/delete",
    f"{TARO_AT}/sheet", f"{TARO_AT}/forward", f"{TARO_AT}/autoreply", f"{TARO_AT}/spam", f"{TARO_AT}/mail",
    f"{TARO_AT}/mail/fetch", f"{D}/deleted-accounts", f"{D}/accounts-file", f"{D}/audit", f"{D}/settings",
    f"{D}/delete", f"{D}/dns", f"{D}/trace", f"{D}/lists", f"{D}/lists/+new", f"{D}/forwards", f"{D}/forwards/+new",
    "/own/", "/own/forward", "/own/autoreply", "/own/spam", "/own/mail", "/own/mail/fetch", "/own/tokens",
    "/own/security", "/own/security/factor", "/dashboard", "/domains", "/domains/+new", "/queue", "/trace",
    "/server", "/audit", "/tokens", "/notices", "/notices/+new", "/mail-programs", "/help/settings",
    "/help/contact", "/api/v1/", "/nothing-here",
)  # fmt: skip


# WCAG 2.2 AA as far as a machine can tell.
ALL_RULES = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
# What width and theme change.
LOOKS = "axe.run({runOnly: {type: 'rule', values: ['color-contrast', 'target-size']}})"


def test_pages_are_accessible_and_fit(visitor: Visitor, axe: str) -> None:
    """Each page is loaded once: as a phone in the dark sees it, then as a desk in the light; nothing is wider
    than either screen."""
    page = visitor("ja", width=375, who=ADMIN)
    problems = []
    for path in ("/login?signed-out", *PAGES):
        page.set_viewport_size({"width": 375, "height": 900})
        page.emulate_media(color_scheme="dark")
        answer = page.goto(path)
        assert answer.status == (404 if path == "/nothing-here" else 200), path
        page.evaluate(axe)
        for width, scheme, rules in ((375, "dark", ALL_RULES), (1440, "light", LOOKS)):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            for each in page.evaluate(rules)["violations"]:
                where = "; ".join(node["html"][:200] for node in each["nodes"][:3])
                problems.append(f"{path} ({scheme}): {each['id']}: {each['help']}: {where}")
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                problems.append(f"{path}: wider than {width} px")
    assert not problems, "\n".join(problems)


def test_nothing_is_loaded_from_elsewhere_and_no_script_is_refused(visitor: Visitor) -> None:
    page = visitor("en", who=ADMIN)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    for path in PAGES[:-1]:
        page.goto(path)
    assert not [each for each in said if "Content Security" in each or "Content-Security" in each]
    assert {re.sub(r"^(\w+://[^/]+).*", r"\1", url) for url in asked} == {
        re.sub(r"/$", "", page.url[: page.url.find("/", 8)])
    }
