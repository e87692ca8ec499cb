"""What users and administrators of lists come for, in a browser, with real mail: an automatic reply and a forward,
a post that is held and approved, and the way of a mail found again. In both languages, with script and without."""

import smtplib
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest

from storage.message import Message
from storage.mime.charset import decode_header
from storage.mime.header import unfold, values
from storage.mime.preview import preview
from tests.clients.daemons import Daemons, Login

ADMIN = "admin@example.test"
Visitor = Callable[..., Any]
WORDS = {
    "ja": {
        "forward": "転送",
        "autoreply": "自動返信",
        "enable": "自動返信する",
        "text": "本文",
        "preview": "プレビュー",
        "save": "保存",
        "away": "休暇中です。\n1月5日に戻ります。",
        "new": "リストを作成",
        "waiting": "承認待ち (1)",
        "approve": "承認して配信",
    },
    "en": {
        "forward": "Forwarding",
        "autoreply": "Automatic reply",
        "enable": "Send automatic replies",
        "text": "Text",
        "preview": "Preview",
        "save": "Save",
        "away": "I am away.\nBack on 5 January.",
        "new": "New list",
        "waiting": "Waiting (1)",
        "approve": "Approve",
    },
}
BOTH = pytest.mark.parametrize(("language", "script", "width"), [("ja", True, 1440), ("en", False, 375)])


def send(daemons: Daemons, author: Login, to: str, subject: str) -> None:
    """As a mail program does; what is for mailboxes here is in them when this returns."""
    context = ssl.create_default_context(cafile=str(daemons.demo.ca))
    text = f"From: {author.address}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello\r\n"
    with smtplib.SMTP_SSL("localhost", daemons.demo.ports["submissions"], context=context) as client:
        client.login(author.address, author.password)
        client.sendmail(author.address, [to], text)


def subjects(login: Login) -> list[str]:
    heads = [{name.lower(): raw for name, raw in values(each)} for each in login.stored()]
    return [decode_header(unfold(head[b"subject"])) for head in heads]


@BOTH
def test_a_user_goes_on_holiday(
    daemons: Daemons, visitor: Visitor, language: str, script: bool, width: int
) -> None:
    said = WORDS[language]
    user, writer, deputy = (daemons.account(f"{who}-{language}") for who in ("user", "writer", "deputy"))
    page = visitor(language, script=script, width=width, who=user.address, password=user.password)
    page.goto("/own/autoreply")
    page.get_by_label(said["enable"]).check()
    page.fill("#text", said["away"])
    page.get_by_role("button", name=said["preview"]).click()
    shown = page.locator(".letter").inner_text()
    assert said["away"] in shown
    assert user.address in shown
    page.get_by_role("button", name=said["save"]).click()
    page.goto("/own/forward")
    page.fill("#to", deputy.address)
    page.get_by_role("button", name=said["save"]).click()
    page.goto("/own/")
    assert deputy.address in page.get_by_role("main").inner_text()

    send(daemons, writer, user.address, "a question")
    assert subjects(user) == ["a question"]
    assert subjects(deputy) == ["a question"]
    assert subjects(writer) == ["Re: a question"]
    assert preview(Message.of(writer.stored()[0])).text == said["away"]


@BOTH
def test_a_post_waits_is_approved_and_its_way_is_found(
    daemons: Daemons, visitor: Visitor, language: str, script: bool, width: int
) -> None:
    said, name = WORDS[language], f"team-{language}"
    author, member = daemons.account(f"author-{language}"), daemons.account(f"member-{language}")
    page = visitor(language, script=script, width=width, who=ADMIN)
    page.goto("/d/example.test/lists")
    page.get_by_role("link", name=said["new"]).first.click()
    page.fill("#local", name)
    page.fill("#owner", ADMIN)
    page.fill("#members", member.address)
    page.check("input[name=moderation][value=all]")
    page.get_by_role("main").get_by_role("button", name=said["new"]).click()
    assert member.address in page.content()

    send(daemons, author, f"{name}@example.test", f"news for {name}")
    assert subjects(member) == []
    page.goto(f"/d/example.test/lists/{name}")
    page.get_by_role("link", name=said["waiting"]).click()
    page.get_by_role("link", name=f"news for {name}").click()
    assert "Hello" in page.locator(".letter").inner_text()
    page.get_by_role("button", name=said["approve"]).click()
    page.get_by_role("status").first.wait_for()
    assert subjects(member) == [f"[{name}:00001] news for {name}"]

    deadline = time.monotonic() + 180  # each page may take a busy machine some seconds
    page.goto(f"/d/example.test/trace?q=news+for+{name}")
    while not page.locator("tbody a").count():  # the trace is written about a second later
        assert time.monotonic() < deadline
        page.reload()
    page.locator("tbody a").first.click()
    while member.address not in page.get_by_role("main").inner_text():
        assert time.monotonic() < deadline
        page.reload()
