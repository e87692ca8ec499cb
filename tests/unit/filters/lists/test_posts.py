"""Mailing lists from RCPT to the copies: who may post, what the members get, what comes back."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from config.public import post_url
from filters.check import Checks
from filters.lists import rights
from filters.mail import Mail
from filters.verdict import Action, AuthResult, Verdict
from storage import admin_dkim, status
from storage.people.address import parse
from storage.queue.admin import QueueAdmin
from storage.queue.queued import Select
from storage.status import TOO_BIG
from tests.house import DOMAIN, Site, put
from tests.unit.filters.site import Place
from tests.unit.filters.test_pipeline import Says

POST = (
    b"From: Someone <a@elsewhere.example>\r\nTo: sales@example.test\r\nSubject: hello\r\n"
    b"Message-ID: <1@elsewhere.example>\r\n\r\nthe body\r\n"
)
SALES = "owner: taro@example.test\nmembers: [hanako@example.test, b@elsewhere.example, c@other.example]\n"


def write_list(site: Site, local: str = "sales", text: str = SALES, more: str = "") -> None:
    folder = site.folder / f"domains/{DOMAIN}/lists"
    folder.mkdir(exist_ok=True)
    put((folder / f"{local}.yaml"), text + more)


@pytest.fixture
async def place(site: Site) -> AsyncIterator[Place]:
    place = await Place.open(site)
    yield place
    await place.close()


async def test_a_post_is_one_text_for_all(place: Place) -> None:
    write_list(place.house.site)
    assert (await place.send("Sales@example.test", source=POST)).ok
    assert await place.count("taro", "hanako") == [1, 1]
    first, second = place.queued()
    assert {first.to, second.to} == {"b@elsewhere.example", "c@other.example"}
    assert first.text == second.text
    assert len(list(QueueAdmin(place.queue).list(Select()))) == 1
    assert first.reverse_path != second.reverse_path
    assert first.reverse_path.startswith("sales-bounces+")
    head, body = first.text.split(b"\r\n\r\n", 1)
    assert body == b"the body\r\n"
    lines = head.split(b"\r\n")
    for line in (
        b"Delivered-To: sales@example.test",
        b"List-Id: <sales.example.test>",
        b"List-Post: <mailto:sales@example.test>",
        b"List-Unsubscribe: <mailto:sales-request@example.test?subject=unsubscribe>",
        b"Precedence: list",
        b"Reply-To: <sales@example.test>",
        b"Subject: [sales:00001] hello",
        b"From: Someone <a@elsewhere.example>",
        b"X-Mail-Count: 00001",
    ):
        assert lines.count(line) == 1, line
    (stored,) = await place.inbox("hanako")
    assert stored == b"Return-Path: <sales-bounces@example.test>\r\n" + first.text


async def test_members_here_share_one_file(place: Place) -> None:
    for number in range(5):
        place.house.site.write_account(f"m{number}", "", "x")
    write_list(
        place.house.site,
        text="owner: taro@example.test\nmembers: ["
        + ", ".join(f"m{n}@example.test" for n in range(5))
        + "]\n",
    )
    assert (await place.send("sales@example.test", source=POST)).ok
    files = list((place.house.settings.data / "mail").rglob("Maildir/new/*"))
    assert len(files) == 6
    assert {(file.stat().st_nlink, file.stat().st_ino) for file in files} == {(6, files[0].stat().st_ino)}
    assert list(QueueAdmin(place.queue).list(Select())) == []


async def test_numbers_run_on(place: Place) -> None:
    write_list(place.house.site)
    for _ in range(3):
        await place.send("sales@example.test", source=POST)
    subjects = [text.partition(b"Subject: ")[2].partition(b"\r\n")[0] for text in await place.inbox("taro")]
    assert subjects == [b"[sales:00001] hello", b"[sales:00002] hello", b"[sales:00003] hello"]


async def test_members_in_all_their_shapes(place: Place) -> None:
    place.house.site.write_account("jiro", "aliases: [j]\n", "x")
    place.house.site.write_account("gone", "suspended: true\n", "x")
    place.house.site.write_account("far", "forward: {to: [far@away.example], keep_copy: true}\n", "x")
    write_list(
        place.house.site,
        text="owner: Taro@example.test\nmembers:\n"
        "- {address: taro@example.test, receives: false}\n"
        "- {address: hanako@example.test, receives: false, name: 花子}\n"
        "- jiro@example.test\n- J+x@example.test\n- sales@example.test\n- gone@example.test\n"
        "- far@example.test\n- nobody@example.test\n- b@Elsewhere.example\n- b@elsewhere.example\n",
    )
    assert (await place.send("sales@example.test", source=POST)).ok
    assert await place.count("taro", "hanako", "jiro", "gone", "far") == [0, 0, 1, 0, 1]
    sent = {each.to: each for each in place.queued()}
    assert sorted(sent) == [
        "b@elsewhere.example",
        "far@away.example",
        "gone@example.test",
        "nobody@example.test",
    ]
    assert sent["far@away.example"].reverse_path.endswith("=far@example.test")
    assert (
        sent["far@away.example"].text
        == b"Delivered-To: far@example.test\r\n" + sent["b@elsewhere.example"].text
    )
    assert await place.attempt([sent["gone@example.test"], sent["nobody@example.test"]]) == [
        status.NOT_RECEIVING,
        status.UNKNOWN_RECIPIENT,
    ]


@pytest.mark.parametrize(
    ("more", "sender", "answer"),
    [
        ("posting: anyone\n", "stranger@elsewhere.example", None),
        ("posting: members\n", "stranger@elsewhere.example", rights.MEMBERS_ONLY),
        ("posting: members\n", "B@elsewhere.example", None),
        ("posting: posters\n", "b@elsewhere.example", rights.POSTERS_ONLY),
        ("posting: posters\nposters: [b@elsewhere.example]\n", "b@elsewhere.example", None),
        ("max_message: 1K\n", "b@elsewhere.example", TOO_BIG),
    ],
)
async def test_who_may_post(place: Place, more: str, sender: str, answer: object) -> None:
    write_list(place.house.site, more=more)
    source = POST.replace(b"a@elsewhere.example", sender.encode()) + b"x" * 990 + b"\r\n"
    found = await place.send("sales@example.test", source=source)
    assert found.ok if answer is None else found == answer
    assert await place.count("hanako") == [1 if answer is None else 0]


async def test_the_size_is_known_before_the_message_is_sent(place: Place) -> None:
    write_list(place.house.site)
    mail = Mail("a@elsewhere.example", "127.0.0.1", "t")
    answer = await place.pipeline.recipient(mail, parse("sales@example.test"), 6 * 1024 * 1024)
    assert answer == TOO_BIG


async def test_a_right_needs_a_proof(place: Place) -> None:
    write_list(place.house.site, more="posting: members\n")
    own = POST.replace(b"a@elsewhere.example", b"hanako@example.test")
    assert await place.send("sales@example.test", source=own) == rights.MEMBERS_ONLY
    signed_in = await place.send(
        "sales@example.test", source=own, sender="hanako@example.test", login="hanako@example.test"
    )
    assert signed_in.ok
    mail = await place.mail("sales@example.test", source=own)
    assert isinstance(mail, Mail)
    assert (
        await place.pipeline.receive(replace(mail, trusted=True))
    ).ok  # another server of ours has judged it
    forged = POST.replace(b"a@elsewhere", b"b@elsewhere")
    for result, ok in (("fail", False), ("temperror", False), ("none", True), ("pass", True)):
        place.pipeline._incoming = Checks(judges=(Says(Verdict(results=(AuthResult("dmarc", result),))),))
        assert (await place.send("sales@example.test", source=forged)).ok is ok


@pytest.mark.parametrize(
    "source",
    [
        POST.replace(b"From: Someone <a@elsewhere.example>\r\n", b""),
        POST.replace(b"Someone <a@elsewhere.example>", b"nonsense"),
        POST.replace(b"From:", b"From: b@elsewhere.example\r\nFrom:"),
        POST.replace(b"Someone <a", b"<b@elsewhere.example>, <a"),
    ],
)
async def test_a_post_without_one_author(place: Place, source: bytes) -> None:
    write_list(place.house.site, more="posting: members\n")
    assert (await place.send("sales@example.test", source=source)) in (rights.NO_AUTHOR, rights.MEMBERS_ONLY)


@pytest.mark.parametrize(
    ("head", "sender", "answer"),
    [
        (b"Delivered-To: SALES@example.test\r\n", "a@elsewhere.example", rights.LOOP),
        (b"List-Id: Sales <sales.example.test>\r\n", "a@elsewhere.example", rights.LOOP),
        (b"", "", rights.AUTOMATIC),
        (b"Auto-Submitted: auto-replied\r\n", "a@elsewhere.example", rights.AUTOMATIC),
    ],
)
async def test_what_a_list_never_takes(place: Place, head: bytes, sender: str, answer: object) -> None:
    write_list(place.house.site)
    assert await place.send("sales@example.test", source=head + POST, sender=sender) == answer
    assert place.queued() == []


async def test_lists_in_a_ring_end(place: Place) -> None:
    write_list(place.house.site, "one", "owner: taro@example.test\nmembers: [two@example.test]\n")
    write_list(place.house.site, "two", "owner: hanako@example.test\nmembers: [one@example.test]\n")
    assert (await place.send("one@example.test", source=POST)).ok
    first = place.queued()
    assert [each.to for each in first] == ["two@example.test"]
    assert [answer.ok for answer in await place.attempt(first)] == [True]
    second = place.queued()
    assert [each.to for each in second] == ["one@example.test"]
    assert b"Subject: [two:00001] [one:00001] hello\r\n" in second[0].text
    assert second[0].text.count(b"List-Id:") == 1
    assert await place.attempt(second) == [rights.LOOP]
    assert await place.count("taro", "hanako") == [1, 1]


async def test_a_refused_post_beside_another_recipient_is_reported_once(place: Place) -> None:
    write_list(place.house.site, more="posting: members\n")
    assert (await place.send("sales@example.test", "hanako@example.test", source=POST)).ok
    (listed,) = QueueAdmin(place.queue).list(Select())
    (refused,) = listed.recipients
    assert (refused.address, refused.status) == ("sales@example.test", rights.MEMBERS_ONLY)
    assert await place.count("hanako") == [1]


async def test_the_owner_is_reached(place: Place) -> None:
    write_list(place.house.site)
    for errand in ("owner", "request"):
        assert (await place.send(f"sales-{errand}@example.test", source=POST)).ok
        (sent,) = place.queued()
        assert (sent.to, sent.reverse_path) == ("taro@example.test", "sales-bounces@example.test")
        assert (await place.attempt([sent]))[0].ok
    assert await place.count("taro") == [2]
    assert await place.send("nolist-owner@example.test", source=POST) == status.UNKNOWN_RECIPIENT


FAILED = (
    b"From: MAILER-DAEMON@elsewhere.example\r\nAuto-Submitted: auto-replied\r\n"
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n"
    b"--x\r\n\r\nsorry\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
    b"Final-Recipient: rfc822; b@elsewhere.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--x--\r\n"
)


async def test_a_dead_address_is_paused(place: Place) -> None:
    write_list(place.house.site)
    await place.send("sales@example.test", source=POST)
    (address,) = [each.reverse_path for each in place.queued() if each.to == "b@elsewhere.example"]
    lists = place.pipeline._lists
    now = 1_700_000_000.0
    for day in range(5):
        lists._clock = lambda at=now + day * 86_400: at
        for _ in range(2):
            assert (await place.send(address, source=FAILED, sender="")).ok
            assert (await place.send(address, source=FAILED.replace(b"failed", b"delayed"), sender="")).ok
            assert (await place.send(address, source=POST)).ok
        assert lists._bounces.paused("sales@example.test") == (
            {"b@elsewhere.example"} if day == 4 else frozenset()
        )
    assert await place.count("taro") == [2]  # the post, and one notice
    await place.send("sales@example.test", source=POST)
    assert [each.to for each in place.queued()] == ["c@other.example"]
    lists._bounces.resume("sales@example.test", "b@elsewhere.example")
    await place.send("sales@example.test", source=POST)
    assert len(place.queued()) == 2


async def test_nobody_guesses_a_bounce_address(place: Place) -> None:
    write_list(place.house.site)
    for detail in ("b=elsewhere.example", "aaaaaaaaaaaaaaaa", "", "+"):
        answer = await place.send(f"sales-bounces+{detail}@example.test", source=FAILED, sender="")
        assert answer.ok if not detail else answer == status.UNKNOWN_RECIPIENT
    assert place.pipeline._lists._bounces.bouncing("sales@example.test") == []


def confirm(text: bytes) -> tuple[str, str]:
    """The addresses by which the owner decides."""
    yes = text.partition(b"\r\nReply-To: <")[2].partition(b">")[0].decode()
    return yes, yes.replace("+ok-", "+no-")


@pytest.mark.parametrize(
    ("more", "held"),
    [("moderation: all\n", True), ("posting: members\nmoderation: strangers\n", True), ("", False)],
)
async def test_posts_that_wait(place: Place, more: str, held: bool) -> None:
    write_list(place.house.site, more=more)
    assert (await place.send("sales@example.test", source=POST)).ok
    assert await place.count("hanako") == [0 if held else 1]
    assert len(place.pipeline._lists._held.waiting("sales@example.test")) == held


async def test_the_owner_lets_a_post_go_by_an_answer(place: Place) -> None:
    write_list(place.house.site, more="moderation: all\n")
    await place.send("sales@example.test", source=POST)
    (notice,) = await place.inbox("taro")
    yes, no = confirm(notice)
    token = yes.partition("+ok-")[2].partition("@")[0]
    text = base64.b64decode(notice.partition(b"\r\n\r\n")[2]).decode()
    assert f"    {no}\r\n" in text
    assert f"    {post_url(place.house.settings, token)}\r\n" in text
    answer = b"From: taro@example.test\r\nSubject: Re: x\r\n\r\n\r\n"
    away = b"Auto-Submitted: auto-replied\r\n" + answer
    assert not (await place.send(yes, source=away, sender="taro@example.test")).ok
    assert await place.count("hanako") == [0]
    assert (await place.send(yes, source=answer, sender="taro@example.test")).ok
    (post,) = await place.inbox("hanako")
    assert b"\r\nSubject: [sales:00001] hello\r\n" in post
    assert {each.to for each in place.queued()} == {"b@elsewhere.example", "c@other.example"}
    for address in (yes, no):
        assert (
            await place.send(address, source=answer, sender="taro@example.test") == status.UNKNOWN_RECIPIENT
        )
    assert list((place.house.settings.data / "held").iterdir()) == []


async def test_a_post_that_waited_is_sealed_with_what_was_found_when_it_came(place: Place) -> None:
    write_list(place.house.site, more="moderation: all\n")
    admin_dkim.add_keys(place.house.store.directory, DOMAIN, "k")
    spf = AuthResult("spf", "pass", (("smtp.mailfrom", "a@example.com"),), "looked up")
    place.pipeline._incoming = Checks(judges=(Says(Verdict(results=(spf,))),))
    await place.send("sales@example.test", source=POST)
    (notice,) = await place.inbox("taro")
    place.pipeline._incoming = Checks()
    assert (
        await place.send(confirm(notice)[0], source=b"Subject: yes\r\n\r\n", sender="taro@example.test")
    ).ok
    for sent in place.queued():
        seal = sent.text.partition(b"\r\nARC-Authentication-Results: ")[2].partition(b"\r\nARC-")[0]
        assert b"spf=pass (looked up)" in seal and b"smtp.mailfrom=" in seal
        assert b"\r\nARC-Seal: i=1;" in sent.text or sent.text.startswith(b"ARC-Seal: i=1;")


async def test_the_owner_refuses_a_post_and_its_author_hears_it_once(place: Place) -> None:
    write_list(place.house.site, more="moderation: all\n")
    await place.send("sales@example.test", source=POST)
    (notice,) = await place.inbox("taro")
    _, no = confirm(notice)
    assert (await place.send(no, source=b"Subject: no\r\n\r\n", sender="taro@example.test")).ok
    (sent,) = place.queued()
    assert (sent.to, sent.reverse_path) == ("a@example.com", "")
    assert await place.count("hanako") == [0]


async def test_a_decision_that_cannot_be_carried_out_can_be_made_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_list(place.house.site, more="moderation: all\n")
    await place.send("sales@example.test", source=POST)
    (notice,) = await place.inbox("taro")
    yes, _ = confirm(notice)

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(type(place.queue), "add_together", full)
        with pytest.raises(OSError):
            await place.send(yes, source=b"Subject: ok\r\n\r\n", sender="taro@example.test")
    assert (await place.send(yes, source=b"Subject: ok\r\n\r\n", sender="taro@example.test")).ok
    assert await place.count("hanako") == [1]


async def test_an_administrator_decides_in_the_panel(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    write_list(place.house.site, more="moderation: all\n")
    for _ in range(2):
        await place.send("sales@example.test", source=POST)
    yes, no = place.pipeline._lists._held.waiting("sales@example.test")
    noted: list[tuple[str, str]] = []
    with monkeypatch.context() as watched:
        watched.setattr(
            type(place.house.store.traces),
            "note",
            lambda _, trace, what, *, recipient="", **__: noted.append((what, recipient)),
        )
        assert await place.pipeline.decide(yes, let_go=True, by="admin@example.test")
    assert ("stored", "hanako@example.test") in noted  # its way can be found
    assert await place.count("hanako") == [1]
    assert await place.pipeline.decide(no, let_go=False, by="admin@example.test")
    assert await place.count("hanako") == [1]
    assert {each.to for each in place.queued()} == {"a@example.com", "b@elsewhere.example", "c@other.example"}
    for token in (yes, no, "a" * 26, "../x"):
        assert not await place.pipeline.decide(token, let_go=True, by="admin@example.test")


async def test_spam_waits_for_the_owner(place: Place) -> None:
    write_list(place.house.site)
    place.pipeline._incoming = Checks(judges=(Says(Verdict(Action.QUARANTINE)),))
    assert (await place.send("sales@example.test", source=POST)).ok
    assert await place.count("hanako") == [0]
    assert len(place.pipeline._lists._held.waiting("sales@example.test")) == 1


async def test_who_floods_a_list_does_not_flood_its_owner(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filters.lists.lists.NOTICES", 2)
    write_list(place.house.site, more="moderation: all\n")
    for _ in range(4):
        assert (await place.send("sales@example.test", source=POST)).ok
    assert len(place.pipeline._lists._held.waiting("sales@example.test")) == 4
    first, last = await place.inbox("taro")
    assert b"no more notices" not in first
    assert b"no more notices" in base64.b64decode(last.partition(b"\r\n\r\n")[2])


async def test_success_is_reported_for_the_list(place: Place) -> None:
    write_list(place.house.site)
    mail = await place.mail("sales@example.test", source=POST, notify="SUCCESS")
    assert isinstance(mail, Mail)
    assert (await place.pipeline.receive(mail)).ok
    messages = list(QueueAdmin(place.queue).list(Select()))
    report = next(each for each in messages if each.envelope.reverse_path == "a@example.com")
    assert [each.address for each in report.recipients] == ["sales@example.test"]
    post = next(each for each in messages if each is not report)
    assert (post.envelope.envid, {each.notify for each in post.recipients}) == ("", {"FAILURE", ""})


async def test_a_catch_all_does_not_swallow_what_is_the_lists(place: Place) -> None:
    write_list(place.house.site)
    put(
        (place.house.site.folder / "domains/example.test/domain.yaml"),
        "capacity: 100G\ncatch_all: hanako@example.test\n",
    )
    assert (await place.send("sales-owner@example.test", source=POST)).ok
    assert [each.to for each in place.queued()] == ["taro@example.test"]
    assert (await place.send("nolist-owner@example.test", source=POST)).ok
    assert await place.count("hanako") == [1]


async def test_ten_thousand_header_fields(place: Place) -> None:
    write_list(place.house.site)
    source = b"".join(b"X-%d: y\r\nList-X%d: z\r\n" % (n, n) for n in range(5_000)) + POST
    assert (await place.send("sales@example.test", source=source)).ok
    (stored,) = await place.inbox("hanako")
    assert b"List-X" not in stored
    assert stored.count(b"\r\nX-") >= 5_000


async def test_of_a_virus_the_owner_is_told_and_who_an_address_leads_to(place: Place) -> None:
    """Nobody else: neither the members nor the sender."""
    write_list(place.house.site)
    forwards = place.house.site.folder / f"domains/{DOMAIN}/forwards.yaml"
    put(forwards, "info: [hanako@example.test, office@elsewhere.example]\n")
    virus = Verdict(Action.DISCARD, reason="virus", virus="Tests.Name")
    place.pipeline._incoming = Checks(judges=(Says(virus),))
    assert (await place.send("sales@example.test", "sales-owner@example.test", "info@example.test")).ok
    (of_list,) = await place.inbox("taro")
    (of_forward,) = await place.inbox("hanako")
    for notice, address in ((of_list, "sales@example.test"), (of_forward, "info@example.test")):
        text = base64.b64decode(notice.partition(b"\r\n\r\n")[2]).decode()
        assert f"{address} 宛のメールから" in text and f"in a mail to {address}," in text
        assert "Tests.Name" in text and "a@example.com" in text
    assert b"\r\nTo: taro@example.test\r\n" in of_list
    assert [(each.to, each.reverse_path) for each in place.queued()] == [("office@elsewhere.example", "")]
