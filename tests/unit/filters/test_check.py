"""How checks are run: in the order of the configuration, in two groups, and what happens when one breaks."""

import asyncio
import logging
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from filters.check import Checks
from filters.mail import Mail, Outside, Recipient
from filters.skeleton import Skeleton
from filters.verdict import PASS, Action, AuthResult, Verdict
from net.metrics import Metrics, gather
from storage.people.address import Address
from storage.state.stories import stories
from storage.status import Status
from tests.house import Site
from tests.unit.filters.site import Place

MAIL = Mail(reverse_path="a@example.com", peer="192.0.2.1", trace="t.1")
RESULT = AuthResult("spf", "pass")


@dataclass
class Says:
    """Gives one verdict at every stage, or raises."""

    name: str
    verdict: Verdict | None
    seen: list[Mail] = field(default_factory=list)

    async def connect(self, mail: Mail) -> Verdict:
        return await self.message(mail)

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        return await self.message(mail)

    async def message(self, mail: Mail) -> Verdict:
        self.seen.append(mail)
        if self.verdict is None:
            raise RuntimeError("broken")
        return self.verdict


async def test_no_checks_pass() -> None:
    assert await Checks().message(MAIL) == PASS
    assert await Checks().connect(MAIL) == PASS


async def test_an_adviser_hears_what_the_judges_think() -> None:
    judged = Verdict(Action.QUARANTINE, reason="listed", results=(RESULT,), points=(("DNSBL", 1.0),))
    adviser = Says("adviser", PASS)
    verdict = await Checks(judges=(Says("judge", judged),), advisers=(adviser,)).message(MAIL)
    assert verdict.action is Action.QUARANTINE
    (seen,) = adviser.seen
    assert seen.judged == judged and seen.results == (RESULT,)


async def test_a_judge_that_raises_defers(caplog: pytest.LogCaptureFixture) -> None:
    checks = Checks(judges=(Says("good", PASS), Says("bad", None)))
    verdict = await checks.message(MAIL)
    assert verdict.action is Action.DEFER
    assert verdict.status == Status("4.3.0", "a check of the message failed, try again later")
    (record,) = caplog.records
    assert (record.levelno, record.message) == (logging.ERROR, "filters.check_failed")
    assert record.__dict__["fields"]["check"] == "bad"


async def test_an_adviser_that_raises_has_no_opinion(caplog: pytest.LogCaptureFixture) -> None:
    checks = Checks(advisers=(Says("spam", None),))
    assert await checks.message(MAIL) == PASS
    assert [record.message for record in caplog.records] == ["filters.check_failed"]


async def test_advisers_see_what_the_judges_found() -> None:
    adviser = Says("spam", Verdict(Action.QUARANTINE, fields=(b"X-Spam-Status: Yes\r\n",)))
    checks = Checks(judges=(Says("auth", Verdict(results=(RESULT,))),), advisers=(adviser,))
    verdict = await checks.message(MAIL)
    assert adviser.seen[0].results == (RESULT,)
    assert verdict == Verdict(Action.QUARANTINE, fields=(b"X-Spam-Status: Yes\r\n",), results=(RESULT,))


@pytest.mark.parametrize("action", [Action.DEFER, Action.REJECT, Action.DISCARD])
async def test_advisers_are_not_asked_about_what_is_decided(action: Action) -> None:
    adviser = Says("spam", PASS)
    assert (await Checks((Says("virus", Verdict(action)),), (adviser,)).message(MAIL)).action is action
    assert adviser.seen == []


@dataclass
class Waits(Says):
    """Speaks when it is told to."""

    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def message(self, mail: Mail) -> Verdict:
        verdict = await super().message(mail)
        await self.told.wait()
        return verdict


async def test_the_order_is_that_of_the_configuration() -> None:
    """Those of a step together, the next step when they have spoken; who is not named comes last."""
    first, beside, second, other = Waits("a", PASS), Waits("b", PASS), Waits("c", PASS), Waits("d", PASS)
    order = [["b", "a"], ["c"]]
    checks = Checks(judges=(second, other, first, beside), order=lambda: order)
    asked = asyncio.create_task(checks.message(MAIL))
    for running in ((first, beside), (second,), (other,)):
        while not all(each.seen for each in running):
            await asyncio.sleep(0)
        seen = [each.name for each in (first, beside, second, other) if each.seen and not each.told.is_set()]
        assert seen == [each.name for each in running]
        for each in running:
            each.told.set()
    assert await asked == PASS


async def test_the_order_can_change_while_it_runs() -> None:
    refuses, defers = Says("a", Verdict(Action.REJECT)), Says("b", Verdict(Action.DEFER))
    order = [["a"], ["b"]]
    checks = Checks(judges=(refuses, defers), order=lambda: order)
    assert (await checks.message(MAIL)).action is Action.REJECT
    order.reverse()
    assert (await checks.message(MAIL)).action is Action.DEFER
    order[:] = [["b", "a"]]
    assert (await checks.message(MAIL)).action is Action.REJECT  # together the worst counts


@pytest.mark.parametrize("action", [Action.DEFER, Action.REJECT, Action.DISCARD])
async def test_steps_behind_one_that_does_not_let_it_in_are_left_out(action: Action) -> None:
    later = Says("later", PASS)
    checks = Checks(judges=(later, Says("early", Verdict(action))), order=lambda: [["early"], ["later"]])
    assert (await checks.message(MAIL)).action is action
    assert (await checks.recipient(MAIL, Recipient(Address("a", "b"), Outside("a@b")))).action is action
    assert later.seen == []


async def test_every_check_is_asked_for_who_wants_to_know() -> None:
    """Also behind a refusal, at all stages, in the order; one that is off is named."""
    off = Says("off", PASS)
    off.stages = ()  # type: ignore[attr-defined]
    refuses = Says("refuses", Verdict(Action.REJECT))
    judges = (Says("last", PASS), off, refuses)
    checks = Checks(judges, (Says("spam", PASS),), order=lambda: [["refuses"], ["last"]])
    mail = replace(MAIL, recipients=(Recipient(Address("a", "b"), Outside("a@b")),))
    opinions = await checks.each(mail)
    assert [(each.name, each.verdict and each.verdict.action.name) for each in opinions] == [
        ("refuses", "REJECT"),
        ("last", "PASS"),
        ("off", None),
        ("spam", "PASS"),
    ]
    assert len(refuses.seen) == 3  # at MAIL, RCPT and the message


async def test_the_skeleton_refuses_its_subject_and_no_other() -> None:
    checks = Checks(judges=(Skeleton(b"no thanks"),))
    head = b"From: a@example.com\r\nSubject: no\r\n thanks\r\n\r\n"
    refused = await checks.message(Mail("a@example.com", "192.0.2.1", "t.1", head=head))
    assert refused.action is Action.REJECT
    assert refused.status == Status("5.7.1", "not accepted")
    other = await checks.message(Mail("a@example.com", "192.0.2.1", "t.1", head=b"Subject: no\r\n\r\n"))
    assert other == PASS
    assert await checks.connect(MAIL) == PASS


async def test_the_time_of_each_check_is_in_the_trace(site: Site) -> None:
    place = await Place.open(site)
    try:
        assert (await place.send("taro@example.test")).ok
        place.house.store.traces.close()
        (story,) = stories(site.settings.data / "state", "t.1")
        (accepted,) = [event for event in story.events if event.what == "accepted"]
        assert re.fullmatch(r"(\w+ \d+\.\d ms(, |$))+", accepted.detail["checks"])
        assert "sender_auth" in accepted.detail["checks"]
    finally:
        await place.close()


async def test_what_a_check_says_is_counted(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, "smtp")
    found = Says("found", Verdict(Action.QUARANTINE))
    await Checks((Says("good", PASS), Says("bad", None)), (found,), metrics=metrics).message(MAIL)
    await Checks((Says("good", PASS),), (found,), metrics=metrics).message(MAIL)
    counted = gather(tmp_path, metrics)
    assert {key: value for key, value in counted.items() if "checks_total" in key} == {
        'kwcmaild_checks_total{check="good",action="pass"}': 2,
        'kwcmaild_checks_total{check="bad",action="defer"}': 1,
        'kwcmaild_checks_total{check="found",action="quarantine"}': 1,
    }
    metrics.close()
