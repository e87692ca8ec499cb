"""The relay process's timed work on DMARC's aggregate reports: send what is due, each day once.

A domain is asked by DNS where its reports shall go; without an answer it is asked again later, and without such a
place its results are thrown away. Reports are signed by the domain that they come from, so that they pass DMARC
themselves; sent twice, because of a kill in between, one carries the same id. They go by mail and have no sender on
the envelope: what cannot be delivered concerns nobody here.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from config.settings import Settings
from filters.dmarc_reports import destinations, report
from filters.dmarc_reports.report import Submitter
from net.log import event
from net.resolver import DnsFailure, Resolver
from storage.message import Message
from storage.state.dmarc_results import DmarcResults, Due

LOOK = 900.0  # seconds between looks for reports that are due

logger = logging.getLogger("filters.dmarc")

Threads = Callable[..., Awaitable[Any]]  # storage.store.Store.run
Send = Callable[[Message, str], Awaitable[Any]]  # a message and to whom; from the null reverse-path


class DmarcReporter:
    """One for each relay process; several share the work."""

    def __init__(
        self,
        settings: Settings,
        results: DmarcResults,
        resolver: Resolver,
        threads: Threads,
        send: Send,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self._results = results
        self._resolver = resolver
        self._threads = threads
        self._send = send
        self._now = now

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.step()
            except Exception:
                event(logger, "dmarc.trouble", logging.ERROR, exc_info=True)

    async def step(self) -> None:
        """Send what is due. The file is closed afterwards: the next look is a while off."""
        for due in await self._threads(self._results.due):
            with contextlib.suppress(DnsFailure):  # it is looked at again
                await self._report(due)
                await self._threads(self._results.done, due)
        await self._threads(self._results.rest)

    async def _report(self, due: Due) -> None:
        """Raises DnsFailure."""
        rules = self.settings.filters.sender_auth
        if not rules.reports_to(due.domain):
            return
        wanted = await destinations.wanted(self._resolver, due.domain, rules.organization)
        if not wanted:
            return
        hostname = self.settings.hostname
        submitter = Submitter(hostname, rules.dmarc_report_contact or f"postmaster@{hostname}")
        for each in report.reports(due):
            data = report.body(submitter, each)
            for to in wanted:
                if to.most is not None and len(data) > to.most:
                    event(logger, "dmarc.too_big", domain=due.domain, to=to.address, size=len(data))
                    continue
                message = report.mail(submitter, each, data, to.address, self._now())
                await self._send(Message.of(message), to.address)
                event(logger, "dmarc.reported", domain=due.domain, to=to.address, kinds=len(each.results))
