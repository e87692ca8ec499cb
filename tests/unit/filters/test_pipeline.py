"""The way of a mail through the house, over a real store: judged, stored, queued, answered."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from filters.check import Checks
from filters.mail import Mail, Recipient
from filters.pipeline import Pipeline
from filters.sender_auth.signing import Signing
from filters.verdict import PASS, Action, Verdict
from storage import status
from storage.delivery import Delivered, Target
from storage.errors import DiskFull
from storage.message import Message
from storage.people.address import parse
from storage.queue.admin import QueueAdmin
from storage.queue.queue import Queue
from storage.queue.queued import Addressee, Listed, Select, State
from storage.status import Status
from tests.house import House, Site, put
from tests.unit.smtp.conftest import inbox

SOURCE = b"From: a@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
ENVELOPE = Mail(reverse_path="a@example.com", peer="192.0.2.1", trace="t.1", head=SOURCE[:-7])
NO = Status("5.7.1", "no thanks")


def _signing(house: House) -> Signing:
    return Signing(house.settings.domains, house.store.directory.domain)


@dataclass
class Says:
    """A check with one opinion about messages."""

    verdict: Verdict
    name: str = "says"

    async def connect(self, mail: Mail) -> Verdict:
        return PASS

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        return PASS

    async def message(self, mail: Mail) -> Verdict:
        return self.verdict


@pytest.fixture
async def pipeline(house: House) -> AsyncIterator[Pipeline]:
    queue = Queue.of(house.store)
    made = Pipeline(house.settings, house.store, queue, Checks(), Checks(), _signing(house), lambda: 1000.0)
    yield made
    made.close()
    queue.close()


async def mail_to(pipeline: Pipeline, *addresses: str, envelope: Mail = ENVELOPE) -> Mail:
    found = [await pipeline.recipient(envelope, parse(address), None) for address in addresses]
    recipients = tuple(each for each in found if isinstance(each, Recipient))
    assert len(recipients) == len(addresses), found
    return replace(envelope, recipients=recipients, message=Message.of(SOURCE))


def listed(house: House) -> list[Listed]:
    """All that is in the queue, due or not."""
    queue = Queue.of(house.store)
    try:
        return list(QueueAdmin(queue).list(Select()))
    finally:
        queue.close()


def queued(house: House) -> list[Addressee]:
    return [
        Addressee(each.address, each.original, each.mailbox, status=each.status)
        for message in listed(house)
        for each in message.recipients
    ]


async def test_all_stored(house: House, pipeline: Pipeline) -> None:
    mail = await mail_to(pipeline, "taro@example.test", "hanako@example.test")
    assert (await pipeline.receive(mail)).ok
    assert len(await inbox(house, "taro")) == len(await inbox(house, "hanako")) == 1
    assert queued(house) == []


def failing(house: House, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Status]) -> None:
    """Let delivery to some accounts fail, as it does when their disk or file does."""
    real = house.store.deliver

    async def deliver(message: Message, path: str, targets: list[Target], trace: str) -> list[Delivered]:
        done = {
            each.target.address: each
            for each in await real(message, path, [t for t in targets if t.address not in answers], trace)
        }
        return [done.get(t.address) or Delivered(t, answers[t.address]) for t in targets]

    monkeypatch.setattr(house.store, "deliver", deliver)


@pytest.mark.parametrize("failure", [status.DISK_FULL, status.NOT_RECEIVING])
async def test_some_stored_and_the_others_are_in_the_queue(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, failure: Status
) -> None:
    mail = await mail_to(pipeline, "taro@example.test", "Hanako+x@example.test")
    failing(house, monkeypatch, {"hanako@example.test": failure})
    assert (await pipeline.receive(mail)).ok
    assert len(await inbox(house, "taro")) == 1
    assert queued(house) == [
        Addressee("hanako@example.test", "Hanako+x@example.test", "INBOX", status=failure)
    ]


async def test_none_stored_and_nothing_is_kept(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = await mail_to(pipeline, "taro@example.test", "hanako@example.test")
    failing(house, monkeypatch, {"taro@example.test": status.DISK_FULL, "hanako@example.test": NO})
    assert await pipeline.receive(mail) == NO
    assert queued(house) == []


async def test_a_queue_that_cannot_take_them_is_no_250(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    mail = await mail_to(pipeline, "taro@example.test", "hanako@example.test")
    failing(house, monkeypatch, {"hanako@example.test": status.DISK_FULL})
    monkeypatch.setattr(Queue, "add_together", full)
    with pytest.raises(OSError):
        await pipeline.receive(mail)


SUBMITTED = replace(
    ENVELOPE,
    reverse_path="taro@example.test",
    authenticated="taro@example.test",
    envid="e1",
    ret="HDRS",
    smtputf8=True,
    require_tls=True,
)


async def test_a_submission_for_another_server_is_queued_with_its_parameters(
    house: House, pipeline: Pipeline
) -> None:
    mail = await mail_to(pipeline, "Someone+x@Elsewhere.example", envelope=SUBMITTED)
    (recipient,) = mail.recipients
    asked = replace(recipient, notify="FAILURE", orcpt="rfc822;x@y")
    assert (await pipeline.submit(replace(mail, recipients=(asked,)))).ok
    (work,) = listed(house)
    assert (work.envelope.reverse_path, work.envelope.envid, work.envelope.ret) == (
        "taro@example.test",
        "e1",
        "HDRS",
    )
    assert work.envelope.smtputf8 and work.envelope.require_tls
    (queued,) = work.recipients
    assert (queued.address, queued.notify, queued.orcpt, queued.attempts) == (
        "Someone+x@elsewhere.example",
        "FAILURE",
        "rfc822;x@y",
        0,
    )


async def test_what_came_from_the_world_is_not_relayed(house: House, pipeline: Pipeline) -> None:
    for address in ("someone@elsewhere.example", "taro@[192.0.2.1]", '"taro@example.test"@elsewhere.example'):
        assert await pipeline.recipient(ENVELOPE, parse(address), None) == Status("5.7.1", "relaying denied")


async def test_a_mail_for_here_and_for_elsewhere(house: House, pipeline: Pipeline) -> None:
    mail = await mail_to(pipeline, "hanako@example.test", "b@elsewhere.example", envelope=SUBMITTED)
    assert (await pipeline.submit(mail)).ok
    assert len(await inbox(house, "hanako")) == 1
    (work,) = listed(house)
    assert [(each.address, each.state) for each in work.recipients] == [
        ("b@elsewhere.example", State.WAITING),
        ("hanako@example.test", State.DELIVERED),
    ]


async def test_a_kill_between_queue_and_mailbox_leaves_the_copy_to_the_queue(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    async def deliver(*_: object) -> list[Delivered]:
        raise Killed

    mail = await mail_to(pipeline, "hanako@example.test", "b@elsewhere.example", envelope=SUBMITTED)
    monkeypatch.setattr(house.store, "deliver", deliver)
    with pytest.raises(Killed):
        await pipeline.submit(mail)
    (work,) = listed(house)
    outside, here = work.recipients
    assert (here.address, here.state, here.holder != "") == ("hanako@example.test", State.WAITING, True)
    assert outside.holder == ""


async def test_a_copy_that_is_stored_and_not_recorded_is_still_an_answer(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("no room for the queue")

    mail = await mail_to(pipeline, "hanako@example.test", "b@elsewhere.example", envelope=SUBMITTED)
    monkeypatch.setattr(Queue, "record_all", full)
    assert (await pipeline.submit(mail)).ok


async def test_what_went_out_is_not_asked_for_again_when_a_mailbox_fails(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = await mail_to(pipeline, "hanako@example.test", "b@elsewhere.example", envelope=SUBMITTED)
    failing(house, monkeypatch, {"hanako@example.test": status.DISK_FULL})
    assert (await pipeline.submit(mail)).ok
    assert sorted((each.address, each.status) for work in listed(house) for each in work.recipients) == [
        ("b@elsewhere.example", None),
        ("hanako@example.test", status.DISK_FULL),
    ]


async def test_a_queue_that_is_full_leaves_the_mailboxes_alone(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise DiskFull("no room for the queue")

    mail = await mail_to(pipeline, "hanako@example.test", "b@elsewhere.example", envelope=SUBMITTED)
    monkeypatch.setattr(Queue, "add_together", full)
    with pytest.raises(DiskFull):
        await pipeline.submit(mail)
    assert await inbox(house, "hanako") == []


async def test_what_is_to_be_reported_or_held_goes_through_the_queue(
    house: House, pipeline: Pipeline
) -> None:
    mail = await mail_to(pipeline, "Hanako@example.test")
    asked = replace(mail.recipients[0], notify="SUCCESS,FAILURE")
    assert (await pipeline.receive(replace(mail, recipients=(asked,)))).ok
    (work,) = listed(house)
    (queued,) = work.recipients
    assert (queued.address, queued.original, queued.notify) == (
        "hanako@example.test",
        "Hanako@example.test",
        "SUCCESS,FAILURE",
    )
    held = replace(
        await mail_to(pipeline, "hanako@example.test", envelope=SUBMITTED), hold_until=2_000_000_000
    )
    assert (await pipeline.submit(held)).ok
    assert await inbox(house, "hanako") == []
    assert listed(house)[-1].recipients[0].due > 1_900_000_000
    assert (await pipeline.receive(replace(mail, reverse_path="", recipients=(asked,)))).ok
    assert len(await inbox(house, "hanako")) == 1  # of a report nobody hears


async def test_over_lmtp_each_recipient_has_its_answer(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = await mail_to(pipeline, "taro@example.test", "hanako@example.test")
    failing(house, monkeypatch, {"hanako@example.test": status.DISK_FULL})
    assert await pipeline.receive_each(mail) == [status.DELIVERED, status.DISK_FULL]
    assert listed(house) == []


@pytest.mark.parametrize(
    ("verdict", "answer", "kept"),
    [
        (Verdict(Action.REJECT, NO), NO, 0),
        (Verdict(Action.DEFER, Status("4.7.1", "later")), Status("4.7.1", "later"), 0),
        (Verdict(Action.DISCARD), status.DELIVERED, 0),
        (Verdict(Action.QUARANTINE, fields=(b"X-Spam-Status: Yes\r\n",)), status.DELIVERED, 1),
    ],
)
async def test_verdicts(
    house: House, pipeline: Pipeline, verdict: Verdict, answer: Status, kept: int
) -> None:
    pipeline._incoming = Checks(judges=(Says(verdict),))
    assert await pipeline.receive(await mail_to(pipeline, "taro@example.test")) == answer
    stored = await inbox(house, "taro")
    assert len(stored) == kept
    assert all(b"\r\nX-Spam-Status: Yes\r\n" in message for message in stored)


async def test_spam_goes_to_junk_only_where_that_is_wanted(site: Site) -> None:
    site.write_account("taro", "spam: {to_junk: true}\n")
    house = await House(site).open()
    spam = Checks(judges=(Says(Verdict(Action.QUARANTINE)),))
    queue = Queue.of(house.store)
    made = Pipeline(house.settings, house.store, queue, spam, Checks(), _signing(house), opened=[queue])
    try:
        await made.receive(await mail_to(made, "taro@example.test", "hanako@example.test"))
        assert len(await inbox(house, "taro", "Junk")) == len(await inbox(house, "hanako")) == 1
        assert await inbox(house, "taro") == await inbox(house, "hanako", "Junk") == []
    finally:
        made.close()
        await house.close()


async def test_another_attempt_from_the_queue(house: House, pipeline: Pipeline) -> None:
    house.site.write_account("jiro", "receive: false\n", "x")
    house.site.write_account("broken", "nonsense: [", "x")
    statuses = await pipeline.deliver(
        Message.of(SOURCE),
        "a@example.com",
        [
            Addressee("taro@example.test", "Taro+x@example.test", "Junk"),
            Addressee("jiro@example.test"),
            Addressee("nobody@example.test"),
            Addressee("broken@example.test"),
            Addressee("someone@example.com"),
            Addressee("no address"),
        ],
        "t.1",
    )
    assert [each.code for each in statuses] == ["2.0.0", "5.2.1", "5.1.1", "4.3.5", "4.4.0", "5.1.1"]
    (stored,) = await inbox(house, "taro", "Junk")
    assert b"Delivered-To: Taro+x@example.test\r\n" in stored


async def notices(house: House, local: str) -> list[str]:
    return [
        message.partition(b"Subject: ")[2].decode()
        for message in await inbox(house, local)
        if b"\r\nAuto-Submitted: auto-generated\r\n" in message
    ]


async def test_a_mailbox_that_fills_up_is_told_of_once(site: Site) -> None:
    domain = site.folder / "domains/example.test/domain.yaml"
    put(domain, "capacity: 100G\nadministrators: [hanako@example.test]\n")
    path = site.write_account("taro")
    put(path, path.read_text().replace("1G", "100K"))
    house = await House(site).open()
    queue = Queue.of(house.store)
    made = Pipeline(
        house.settings,
        house.store,
        queue,
        Checks(),
        Checks(),
        _signing(house),
        lambda: 1000.0,
        opened=[queue],
    )
    try:
        mail = replace(
            await mail_to(made, "taro@example.test"), message=Message.of(SOURCE + b"x" * 998 * 20 + b"\r\n")
        )
        for _ in range(4):  # 78 %
            assert (await made.receive(mail)).ok
        assert await notices(house, "taro") == []
        assert (await made.receive(mail)).ok  # 97 %
        assert len(await notices(house, "taro")) == len(await notices(house, "hanako")) == 1
        for _ in range(2):
            assert await made.receive(mail) == status.MAILBOX_FULL
            assert await made.recipient(ENVELOPE, parse("taro@example.test"), 50_000) == status.MAILBOX_FULL
        assert len(await notices(house, "hanako")) == 2  # 95 % and full, each once
    finally:
        made.close()
        await house.close()
