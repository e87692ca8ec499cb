"""The adviser `spam`: asks the engine of the settings about what is received. It judges and never refuses.

What a judge wants treated as spam (DMARC, lists in DNS) is marked as spam too, whatever the engine says, and when
there is none: who sorts mail by the field must not miss it.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from config.filters import Spam as Rules
from filters.mail import Mail, Recipient
from filters.spam import rspamd, spamd
from filters.spam.builtin import Builtin
from filters.spam.engine import EngineFailure, within
from filters.spam.score import Score
from filters.verdict import PASS, Action, Verdict
from net.metrics import Metrics
from storage.together import Hop, Together

QUARANTINED = "QUARANTINED"  # the test that stands for the judges

AT_ONCE, MOST = 2, 16  # bundles for the engine of our own, and mails of one: nobody waits for many others

_log = logging.getLogger("filters.spam")


class Spam:
    """One for each process. `rules` gives those in force."""

    name = "spam"

    def __init__(
        self, rules: Callable[[], Rules], builtin: Builtin, hop: Hop, metrics: Metrics | None = None
    ) -> None:
        self._rules = rules
        self._metrics = metrics
        self._hop = hop
        self._builtin = Together(hop, builtin.scores, at_once=AT_ONCE, most=MOST)
        self._turns: tuple[int, asyncio.Semaphore] = (0, asyncio.Semaphore(0))

    async def connect(self, mail: Mail) -> Verdict:
        return PASS

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        return PASS

    async def message(self, mail: Mail) -> Verdict:
        rules = self._rules()
        score = await self._score(mail, rules)
        if mail.judged is not None and mail.judged.action is Action.QUARANTINE:
            score = score or Score(True, 0.0, rules.required)
            score = replace(score, spam=True, tests=(QUARANTINED, *score.tests))
        if score is None:
            return PASS
        action = Action.QUARANTINE if score.spam else Action.PASS
        return Verdict(action, reason=f"score {score.score:.1f}", fields=(score.field(),))

    async def _score(self, mail: Mail, rules: Rules) -> Score | None:
        """What the engine says; None where it says nothing."""
        if rules.engine == "none":
            return None
        try:
            score: Score
            if rules.engine == "builtin":
                answer = await self._builtin.take((mail, rules.required))
                if isinstance(answer, Exception):
                    raise answer
                score = answer
            else:
                async with within(rules.timeout), self._turn(rules.at_once):
                    score = await self._ask(mail, rules)
            return score
        except EngineFailure as failure:
            fields = {"trace": mail.trace, "engine": rules.engine, "why": str(failure)}
            _log.error("spam.engine_away", extra={"fields": fields})
            if self._metrics is not None:
                self._metrics.away(self.name)
            return None

    async def _ask(self, mail: Mail, rules: Rules) -> Score:
        assert rules.address is not None  # the settings see to it
        data = await self._hop(mail.message.head, rules.most)
        engine = spamd.ask if rules.engine == "spamd" else rspamd.ask
        return await engine(rules.address, mail, data)

    def _turn(self, at_once: int) -> asyncio.Semaphore:
        """So many messages at a time are in memory for an engine; the others wait, as long as they may."""
        if self._turns[0] != at_once:
            self._turns = at_once, asyncio.Semaphore(at_once)
        return self._turns[1]
