"""The adviser `spam`: asks the engine of the settings about what is received. It judges and never refuses."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from config.filters import Spam as Rules
from filters.mail import Mail, Recipient
from filters.spam import rspamd, spamd
from filters.spam.builtin import Builtin
from filters.spam.score import EngineFailure, Score
from filters.verdict import PASS, Action, Verdict

Run = Callable[..., Awaitable[Any]]  # storage.store.Store.run

_log = logging.getLogger("filters.spam")


class Spam:
    """One for each process. `rules` gives those in force."""

    name = "spam"

    def __init__(self, rules: Callable[[], Rules], builtin: Builtin, run: Run) -> None:
        self._rules = rules
        self._builtin = builtin
        self._run = run

    @property
    def stages(self) -> tuple[str, ...]:
        return () if self._rules().engine == "none" else ("message",)

    async def connect(self, mail: Mail) -> Verdict:
        return PASS

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        return PASS

    async def message(self, mail: Mail) -> Verdict:
        rules = self._rules()
        try:
            score = await self._ask(mail, rules)
        except EngineFailure as failure:
            fields = {"trace": mail.trace, "engine": rules.engine, "why": str(failure)}
            _log.error("spam.engine_away", extra={"fields": fields})
            return PASS
        if not score.spam:
            return Verdict(fields=(score.field(),), reason=f"score {score.score:.1f}")
        return Verdict(Action.QUARANTINE, reason=f"score {score.score:.1f}", fields=(score.field(),))

    async def _ask(self, mail: Mail, rules: Rules) -> Score:
        if rules.engine == "builtin":
            score: Score = await self._run(self._builtin.score, mail, rules.required)
            return score
        data = await self._run(mail.message.head, rules.most)
        assert rules.address is not None  # the settings see to it
        engine = spamd.ask if rules.engine == "spamd" else rspamd.ask
        return await engine(rules.address, mail, data, rules.timeout)
