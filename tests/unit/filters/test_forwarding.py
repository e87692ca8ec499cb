"""Forwarding: who gets the mail, under which reverse-path, and that it never goes round."""

from collections.abc import AsyncIterator

import pytest

from filters.check import Checks
from filters.forwarding import LOOP, delivered_to
from filters.mail import Mail
from filters.pipeline import Pipeline
from filters.verdict import Action, Verdict
from storage import status
from storage.message import Message
from storage.people.address import parse
from storage.queue.admin import QueueAdmin
from storage.queue.queued import Addressee, Select, State
from tests.house import Site, put
from tests.unit.filters.site import SOURCE, Place, write_forwards
from tests.unit.filters.test_pipeline import Says, failing


@pytest.fixture
async def place(site: Site) -> AsyncIterator[Place]:
    place = await Place.open(site)
    yield place
    await place.close()


def forward(site: Site, local: str, to: str, more: str = "") -> None:
    site.write_account(local, f"forward: {{to: [{to}]{more}}}\n", "x")


async def test_to_several_with_a_copy_kept(place: Place) -> None:
    forward(place.house.site, "taro", "hanako@example.test, b@elsewhere.example, c@other.example")
    assert (await place.send("Taro+x@example.test")).ok
    (kept,), (sent_on,) = await place.inbox("taro"), await place.inbox("hanako")
    assert b"Delivered-To: Taro+x@example.test\r\n" in kept
    assert b"Return-Path: <a@example.com>\r\nDelivered-To: hanako@example.test\r\n" in sent_on
    first, second = place.queued()
    assert {first.to, second.to} == {"b@elsewhere.example", "c@other.example"}
    assert first.text == b"Delivered-To: taro@example.test\r\n" + SOURCE
    assert first.reverse_path == second.reverse_path
    assert parse(first.reverse_path).local.startswith("SRS0=")
    assert parse(first.reverse_path).domain == "example.test"
    assert first.recipient.notify == "FAILURE"


async def test_without_a_copy(place: Place) -> None:
    forward(place.house.site, "taro", "b@elsewhere.example", ", keep_copy: false")
    assert (await place.send("taro@example.test")).ok
    assert await place.count("taro") == [0]
    assert [each.to for each in place.queued()] == ["b@elsewhere.example"]


async def test_a_full_mailbox_forwards_when_it_keeps_nothing(place: Place) -> None:
    for local, keep in (("taro", "false"), ("hanako", "true")):
        more = f"forward: {{to: [{local}@elsewhere.example], keep_copy: {keep}}}\n"
        path = place.house.site.write_account(local, more)
        put(path, path.read_text().replace("1G", "1K"))
    big = SOURCE + b"x" * 2000 + b"\r\n"
    assert (await place.send("taro@example.test", source=big)).ok
    assert [each.to for each in place.queued()] == ["taro@elsewhere.example"]
    assert (await place.send("hanako@example.test", source=big)).ok  # the copy that fails waits in the queue
    assert {each.to for each in place.queued()} == {"hanako@elsewhere.example", "hanako@example.test"}


async def test_a_bounce_of_a_forward_stays_with_the_forwarder(place: Place) -> None:
    forward(place.house.site, "taro", "b@elsewhere.example", ", keep_copy: false")
    await place.send("taro@example.test")
    (sent,) = place.queued()
    assert (await place.send(sent.reverse_path.upper(), sender="")).ok
    assert await place.count("taro") == [1]
    assert place.queued() == []
    forged = sent.reverse_path.replace("=a=", "=b=")
    assert await place.send(forged, sender="") == status.UNKNOWN_RECIPIENT


async def test_a_bounce_is_forwarded_as_a_bounce(place: Place) -> None:
    forward(place.house.site, "taro", "b@elsewhere.example")
    await place.send("taro@example.test", sender="")
    (sent,) = place.queued()
    assert (sent.reverse_path, sent.recipient.notify) == ("", "NEVER")


async def test_a_forward_only_address(place: Place) -> None:
    write_forwards(place.house.site, "info: [hanako@example.test, b@elsewhere.example]\n")
    put(
        (place.house.site.folder / "domains/example.test/domain.yaml"),
        "capacity: 100G\nadministrators: [taro@example.test]\n",
    )
    assert (await place.send("info@example.test")).ok
    assert await place.count("hanako", "taro") == [1, 0]
    (sent,) = place.queued()
    assert sent.to == "b@elsewhere.example"
    assert sent.reverse_path.endswith("=info@example.test")
    assert (await place.send(sent.reverse_path, sender="")).ok  # whoever set it is the administrator
    assert await place.count("taro") == [1]


@pytest.mark.parametrize("keep", ["true", "false"])
async def test_two_accounts_that_forward_to_each_other(place: Place, keep: str) -> None:
    forward(place.house.site, "taro", "hanako@example.test", f", keep_copy: {keep}")
    forward(place.house.site, "hanako", "taro@example.test", f", keep_copy: {keep}")
    assert (await place.send("taro@example.test")).ok
    assert await place.count("taro", "hanako") == [1 if keep == "true" else 0, 1]
    assert place.queued() == []


async def test_an_account_that_forwards_to_itself_keeps_its_mail(place: Place) -> None:
    forward(place.house.site, "taro", "Taro+copy@Example.test", ", keep_copy: false")
    assert (await place.send("taro@example.test")).ok
    assert await place.count("taro") == [1]


async def test_forwards_in_a_ring_are_refused(place: Place) -> None:
    write_forwards(
        place.house.site, "one: two@example.test\ntwo: [three@example.test]\nthree: one@example.test\n"
    )
    assert await place.send("one@example.test") == LOOP


async def test_what_has_been_here_before_is_not_sent_on(place: Place) -> None:
    forward(place.house.site, "taro", "b@elsewhere.example", ", keep_copy: false")
    write_forwards(place.house.site, "info: b@elsewhere.example\n")
    back = b"Delivered-To: <Info@EXAMPLE.test>\r\nDelivered-To: taro@example.test\r\n" + SOURCE
    assert (await place.send("taro@example.test", source=back)).ok
    assert await place.count("taro") == [1]
    assert await place.send("info@example.test", source=back) == LOOP
    assert place.queued() == []


async def test_a_way_through_three_accounts_is_marked_with_each(place: Place) -> None:
    forward(place.house.site, "taro", "hanako@example.test", ", keep_copy: false")
    forward(place.house.site, "hanako", "info@example.test")
    write_forwards(place.house.site, "info: b@elsewhere.example\n")
    await place.send("taro@example.test")
    (sent,) = place.queued()
    marks = b"".join(b"Delivered-To: %s@example.test\r\n" % each for each in (b"info", b"hanako", b"taro"))
    assert sent.text == marks + SOURCE
    assert sent.reverse_path.endswith("=info@example.test")
    assert await place.count("taro", "hanako") == [0, 1]


async def test_one_mailbox_gets_one_copy(place: Place) -> None:
    forward(place.house.site, "taro", "hanako@example.test, hanako+x@example.test, b@elsewhere.example, "
            "b@elsewhere.example")  # fmt: skip
    await place.send("taro@example.test", "hanako@example.test")
    assert await place.count("taro", "hanako") == [1, 1]
    assert len(place.queued()) == 1


async def test_a_target_that_is_nobodys_is_left_to_the_queue(place: Place) -> None:
    forward(place.house.site, "taro", "nobody@example.test", ", keep_copy: false")
    assert (await place.send("taro@example.test")).ok
    sent = place.queued()
    assert [each.to for each in sent] == ["nobody@example.test"]
    assert await place.attempt(sent) == [status.UNKNOWN_RECIPIENT]


@pytest.mark.parametrize("how", ["suspended: true", "receive: false"])
async def test_what_takes_no_mail_gets_none_by_a_forward(place: Place, how: str) -> None:
    forward(place.house.site, "taro", "hanako@example.test", ", keep_copy: false")
    place.house.site.write_account("hanako", f"{how}\n")
    assert (await place.send("taro@example.test")).ok
    assert await place.count("taro", "hanako") == [0, 0]
    assert await place.attempt(place.queued()) == [status.NOT_RECEIVING]  # of which the forwarder hears


async def test_a_notice_from_the_queue_is_forwarded_too(place: Place) -> None:
    forward(place.house.site, "taro", "b@elsewhere.example", ", keep_copy: false")
    (answer,) = await place.pipeline.deliver(Message.of(SOURCE), "", [Addressee("taro@example.test")], "t.2")
    assert answer.ok
    assert [each.to for each in place.queued()] == ["b@elsewhere.example"]


async def test_success_is_reported_for_the_address_and_not_for_where_it_leads(place: Place) -> None:
    forward(place.house.site, "taro", "b@elsewhere.example", ", keep_copy: false")
    mail = await place.mail("taro@example.test", notify="SUCCESS,FAILURE")
    assert isinstance(mail, Mail)
    assert (await place.pipeline.receive(mail)).ok
    report, sent = sorted(
        QueueAdmin(place.queue).list(Select()), key=lambda each: each.envelope.reverse_path, reverse=True
    )
    (told,), (forwarded,) = report.recipients, sent.recipients
    assert (report.envelope.reverse_path, report.envelope.envid) == ("a@example.com", "env1")
    assert (told.address, told.state, told.notify) == (
        "taro@example.test",
        State.DELIVERED,
        "SUCCESS,FAILURE",
    )
    assert (forwarded.address, forwarded.notify, sent.envelope.envid) == (
        "b@elsewhere.example",
        "FAILURE",
        "",
    )


def spam(pipeline: Pipeline) -> None:
    pipeline._incoming = Checks(judges=(Says(Verdict(Action.QUARANTINE)),))


async def test_spam_is_not_sent_on(place: Place) -> None:
    forward(place.house.site, "taro", "b@elsewhere.example", ", keep_copy: false")
    write_forwards(place.house.site, "info: [b@elsewhere.example]\n")
    put(
        (place.house.site.folder / "domains/example.test/domain.yaml"),
        "capacity: 100G\nadministrators: [hanako@example.test]\n",
    )
    spam(place.pipeline)
    assert (await place.send("taro@example.test", "info@example.test")).ok
    assert await place.count("taro", "hanako") == [1, 0]
    assert len(await place.inbox("hanako", "Junk")) == 1
    assert place.queued() == []


async def test_spam_is_sent_on_where_the_operator_says_so(site: Site) -> None:
    site.configure(filters="{forward_spam: true, spam: {engine: none}}")
    forward(site, "taro", "b@elsewhere.example, hanako@example.test", ", keep_copy: false")
    site.write_account("hanako", "spam: {to_junk: true}\n")
    place = await Place.open(site)
    try:
        spam(place.pipeline)
        assert (await place.send("taro@example.test")).ok
        assert len(place.queued()) == len(await place.inbox("hanako", "Junk")) == 1
    finally:
        await place.close()


async def test_a_copy_that_fails_here_is_told_to_the_forwarder(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward(place.house.site, "taro", "hanako@example.test")
    failing(place.house, monkeypatch, {"hanako@example.test": status.DISK_FULL})
    assert (await place.send("taro@example.test")).ok
    (sent,) = place.queued()
    assert sent.to == "hanako@example.test"
    assert sent.reverse_path.endswith("=taro@example.test")


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"", frozenset()),
        (b"Delivered-To: a@B.example\r\n", {"a@b.example"}),
        (b"Delivered-To:\r\n <A@b.example>\r\ndelivered-to: c@d.example\r\n", {"a@b.example", "c@d.example"}),
        (b"Delivered-To: nobody\r\nDelivered-To: \xff@\xfe\r\nX-Delivered-To: a@b.example\r\n", frozenset()),
        (b"Delivered-To: a@b.example\r\n" * 10_000, {"a@b.example"}),
    ],
)
def test_delivered_to(head: bytes, found: frozenset[str]) -> None:
    assert delivered_to(head) == found
