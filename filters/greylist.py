"""The check `greylist`: a sender that nobody knows is asked to come again in some minutes, as real servers do.

Asked at RCPT of what comes from the world; never for postmaster and abuse (RFC 5321 §4.5.1), never for the peers in
`skip_from`. If its memory can't be read the mail is let in, with a line in the log: greylisting keeps out some
spam, it must not keep out mail.
"""

import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

from config.filters import Greylist as Rules
from filters.mail import Mail, Recipient, reaches_somebody
from filters.verdict import PASS, Action, Verdict
from net.networks import Networks
from storage.state.greylist import Greylist as Memory
from storage.status import Status

Run = Callable[..., Awaitable[Any]]  # storage.store.Store.run

_log = logging.getLogger("filters")


class Greylist:
    """One for each process. `rules` gives those in force."""

    name = "greylist"

    def __init__(
        self, rules: Callable[[], Rules], memory: Memory, run: Run, clock: Callable[[], float] = time.time
    ) -> None:
        self._rules = rules
        self._memory = memory
        self._run = run
        self._clock = clock

    @property
    def stages(self) -> tuple[str, ...]:
        return ("recipient",) if self._rules().enabled else ()

    async def connect(self, mail: Mail) -> Verdict:
        return PASS

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        rules = self._rules()
        if mail.peer in Networks.of(rules.skip_from) or reaches_somebody(rcpt):
            return PASS
        sender, recipient = mail.reverse_path.lower(), str(rcpt.address.folded)
        try:
            seconds = await self._run(self._wait, mail.peer, sender, recipient, rules, mail.dry)
        except (sqlite3.Error, OSError, ValueError) as error:
            _log.error("greylist.state", extra={"fields": {"trace": mail.trace, "reason": str(error)}})
            return PASS
        if not seconds:
            return PASS
        told = Status("4.7.1", f"greylisted, try again in {seconds} seconds")
        return Verdict(Action.DEFER, told, f"not known yet, has to wait for {seconds} s")

    async def message(self, mail: Mail) -> Verdict:
        return PASS

    def _wait(self, peer: str, sender: str, recipient: str, rules: Rules, dry: bool) -> int:
        return self._memory.wait(
            peer, sender, recipient, self._clock(),
            delay=rules.delay, within=rules.retry_within, keep=rules.remember, dry=dry,
        )  # fmt: skip
