"""The virus check: what is received with a virus is dropped and its recipient told, what is sent is refused.

Nobody else hears of it: senders of viruses are forged (SERVICE.md's rules are the settings' defaults). While the
engine is away mail waits (`on_error: defer`), for what nobody has looked at is not let in.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from config.filters import Virus as Rules
from filters.clamd import Clamd, ClamdFailure, OverLimit
from filters.mail import Mail, Recipient
from filters.verdict import PASS, Action, Verdict
from net.metrics import Metrics
from storage.status import Status

Run = Callable[..., Awaitable[Any]]  # storage.store.Store.run

AWAY = Status("4.3.0", "the virus check is not available, try again later")
TOO_BIG = "Heuristics.Limits.Exceeded"  # what clamd calls archives that go past its limits

_log = logging.getLogger("filters.virus")


class Virus:
    """One for each process, for both ways. `rules` gives those in force."""

    name = "virus"

    def __init__(self, rules: Callable[[], Rules], run: Run, metrics: Metrics | None = None) -> None:
        self._rules = rules
        self._metrics = metrics
        self._run = run
        self._engine: tuple[Rules, Clamd] | None = None

    @property
    def stages(self) -> tuple[str, ...]:
        return () if self._rules().engine == "none" else ("message",)

    async def connect(self, mail: Mail) -> Verdict:
        return PASS

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        return PASS

    async def message(self, mail: Mail) -> Verdict:
        rules = self._rules()
        message = replace(mail.message, prefix=b"", edits=())  # as it came
        try:
            found = await self._clamd(rules).scan(message.chunks, isinstance(message.source, bytes))
        except OverLimit:
            found = TOO_BIG
        except ClamdFailure as failure:
            fields = {"trace": mail.trace, "why": str(failure), "then": rules.on_error}
            _log.error("virus.engine_away", extra={"fields": fields})
            if self._metrics is not None:
                self._metrics.away(self.name)
            return PASS if rules.on_error == "accept" else Verdict(Action.DEFER, AWAY, str(failure))
        if found is None:
            return PASS
        if found.startswith(TOO_BIG) and rules.over_limits == "accept":
            return Verdict(reason=f"past the engine's limits: {found}")
        return _infected(mail, found)

    def _clamd(self, rules: Rules) -> Clamd:
        if self._engine is None or self._engine[0] != rules:
            assert rules.address is not None  # the settings see to it
            clamd = Clamd(rules.address, self._run, most=rules.at_once, seconds=rules.timeout)
            self._engine = rules, clamd
        return self._engine[1]


def _infected(mail: Mail, found: str) -> Verdict:
    if mail.authenticated is None:
        return Verdict(Action.DISCARD, reason=f"virus {found}", virus=found)
    return Verdict(Action.REJECT, Status("5.7.1", f"virus found: {found}"), f"virus {found}", virus=found)
