"""The checks of a pipeline, and how they are run.

Two groups. `judges` (sender authentication, virus, DNSBL) run in the configured order, in steps: those of a step
together, and where one of them does not let the mail in the steps behind it are left out. One that raises is a
DEFER with a line in the log, never a pass: what nobody has looked at is not let in. `advisers` (spam) run after
them and see their results; one that raises has no opinion: a mail lost to a broken adviser is worse than spam.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from filters import noted
from filters.mail import Mail, Recipient
from filters.verdict import BROKEN_CHECK, PASS, Action, Verdict, merge
from net.metrics import Metrics
from storage.state.traces import Traces

_log = logging.getLogger("filters")


class Check(Protocol):
    """Reads, never writes. One that has `stages`, names of the methods below, is asked at those alone."""

    name: str

    async def connect(self, mail: Mail) -> Verdict:
        """Asked at MAIL: there is a peer and a sender, no recipient and no message yet."""
        ...

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        """Asked at each RCPT."""
        ...

    async def message(self, mail: Mail) -> Verdict:
        """Asked once the message is there."""
        ...


Ask = Callable[[Check], Awaitable[Verdict]]
Order = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one check said of a message; without a verdict it is switched off."""

    name: str
    verdict: Verdict | None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Checks:
    """Who is asked, in the configured order."""

    judges: tuple[Check, ...] = ()
    advisers: tuple[Check, ...] = ()
    traces: Traces | None = None  # what is thought of a message is noted there
    metrics: Metrics | None = None
    order: Callable[[], Order] = lambda: ()  # the names of each step; who is in none comes last

    async def connect(self, mail: Mail) -> Verdict:
        return await self._judge("connect", lambda check: check.connect(mail), mail)

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        return await self._judge("recipient", lambda check: check.recipient(mail, rcpt), mail)

    async def message(self, mail: Mail) -> Verdict:
        mail.times.clear()
        judged = await self._judge("message", lambda check: self._message(check, mail), mail)
        if not self.advisers or judged.action >= Action.DEFER:
            return judged
        seen = mail
        if judged is not PASS:
            seen = replace(mail, results=mail.results + judged.results, judged=judged)
        advice = await self._group(
            _asked(self.advisers, "message"), lambda check: self._message(check, seen), mail, PASS
        )
        return merge((judged, advice))

    async def each(self, mail: Mail) -> list[Opinion]:
        """What every check says of a mail at all its stages, in their order, for a person who wants to know: also
        one that would not be asked any more. What raises is shown with what it would mean. The mail is `dry`."""
        judged = [
            await self._opinion(check, mail, BROKEN)
            for step in _steps(self.judges, self.order())
            for check in step
        ]
        verdict = merge([each.verdict for each in judged if each.verdict is not None])
        seen = replace(mail, results=verdict.results, judged=verdict)
        return judged + [await self._opinion(check, seen, PASS) for check in self.advisers]

    async def _opinion(self, check: Check, mail: Mail, instead: Verdict) -> Opinion:
        asks: dict[str, list[Ask]] = {
            "connect": [lambda check: check.connect(mail)],
            "recipient": [lambda check, rcpt=each: check.recipient(mail, rcpt) for each in mail.recipients],  # type: ignore[misc]
            "message": [lambda check: check.message(mail)],
        }
        if not any(_asked([check], stage) for stage in asks):
            return Opinion(check.name, None)
        verdicts, seconds = [], 0.0
        for stage, questions in asks.items():
            for ask in questions if _asked([check], stage) else ():
                verdicts.append(await self._one(check, ask, mail, instead))
                seconds += mail.times[check.name]
        return Opinion(check.name, merge(verdicts[::-1]), seconds)  # of equals what it says of the message

    async def _message(self, check: Check, mail: Mail) -> Verdict:
        verdict = await check.message(mail)
        if self.traces is not None:
            noted.judged(self.traces, mail.trace, check.name, verdict)
        return verdict

    async def _judge(self, stage: str, ask: Ask, mail: Mail) -> Verdict:
        """The judges, step by step, as far as the mail gets."""
        verdicts = []
        for step in _steps(_asked(self.judges, stage), self.order()):
            verdicts.append(await self._group(step, ask, mail, BROKEN))
            if verdicts[-1].action >= Action.DEFER:
                break
        return merge(verdicts)

    async def _group(self, checks: Sequence[Check], ask: Ask, mail: Mail, instead: Verdict) -> Verdict:
        """All of a group at once, so that a slow one holds up no other; merged."""
        if not checks:
            return PASS
        if len(checks) == 1:
            return await self._one(checks[0], ask, mail, instead)
        return merge(await asyncio.gather(*(self._one(check, ask, mail, instead) for check in checks)))

    async def _one(self, check: Check, ask: Ask, mail: Mail, instead: Verdict) -> Verdict:
        began = time.perf_counter()
        try:
            verdict = await ask(check)
        except Exception:
            fields = {"trace": mail.trace, "check": check.name, "instead": instead.action.name}
            _log.error("filters.check_failed", exc_info=True, extra={"fields": fields})
            verdict = instead
        seconds = mail.times[check.name] = time.perf_counter() - began
        if self.metrics is not None:
            self.metrics.judged(check.name, verdict.action.name.lower(), seconds)
        if verdict.action is not Action.PASS and verdict is not instead:
            particulars = {
                "trace": mail.trace,
                "check": check.name,
                "action": verdict.action.name,
                "reason": verdict.reason,
                "ms": round(seconds * 1000),
            }
            _log.info("filters.verdict", extra={"fields": particulars})
        return verdict


BROKEN = Verdict(Action.DEFER, BROKEN_CHECK, "the check raised")


def _asked(checks: Sequence[Check], stage: str) -> list[Check]:
    """Who has a say at this stage: a check that is off costs nothing."""
    return [check for check in checks if stage in getattr(check, "stages", (stage,))]


def _steps(checks: Sequence[Check], order: Order) -> list[Sequence[Check]]:
    """The checks of each step, in its order."""
    if len(checks) <= 1 or not order:
        return [checks]
    by_name = {check.name: check for check in checks}
    steps = [[by_name.pop(name) for name in step if name in by_name] for step in order]
    return [step for step in (*steps, list(by_name.values())) if step]
