"""The checks of a pipeline, and how they are run.

Two groups. `judges` (sender authentication, virus, DNSBL) run together; one that raises is a DEFER with a
line in the log, never a pass: what nobody has looked at is not let in. `advisers` (spam) run after them and
see their results; one that raises has no opinion, because a mail lost to a broken adviser is worse than spam.
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


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one check said of a message."""

    name: str
    verdict: Verdict
    seconds: float


@dataclass(frozen=True, slots=True)
class Checks:
    """Who is asked, in the configured order."""

    judges: tuple[Check, ...] = ()
    advisers: tuple[Check, ...] = ()
    traces: Traces | None = None  # what is thought of a message is noted there
    metrics: Metrics | None = None

    async def connect(self, mail: Mail) -> Verdict:
        asked = _asked(self.judges, "connect")
        return await self._group(asked, lambda check: check.connect(mail), mail, BROKEN)

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        asked = _asked(self.judges, "recipient")
        return await self._group(asked, lambda check: check.recipient(mail, rcpt), mail, BROKEN)

    async def message(self, mail: Mail) -> Verdict:
        mail.times.clear()
        asked = _asked(self.judges, "message")
        judged = await self._group(asked, lambda check: self._message(check, mail), mail, BROKEN)
        if not self.advisers or judged.action >= Action.DEFER:
            return judged
        seen = mail
        if judged is not PASS:
            seen = replace(mail, results=mail.results + judged.results, judged=judged)
        advice = await self._group(
            _asked(self.advisers, "message"), lambda check: self._message(check, seen), mail, PASS
        )
        return merge((judged, advice))

    async def each(self, mail: Mail) -> list["Opinion"]:
        """What every check says of a message, one after the other, for a person who wants to know. What raises is
        shown with what it would mean."""
        judged = [await self._opinion(check, mail, BROKEN) for check in _asked(self.judges, "message")]
        verdict = merge([each.verdict for each in judged])
        seen = replace(mail, results=verdict.results, judged=verdict)
        return judged + [await self._opinion(check, seen, PASS) for check in _asked(self.advisers, "message")]

    async def _opinion(self, check: Check, mail: Mail, instead: Verdict) -> Opinion:
        verdict = await self._one(check, lambda check: check.message(mail), mail, instead)
        return Opinion(check.name, verdict, mail.times[check.name])

    async def _message(self, check: Check, mail: Mail) -> Verdict:
        verdict = await check.message(mail)
        if self.traces is not None:
            noted.judged(self.traces, mail.trace, check.name, verdict)
        return verdict

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
