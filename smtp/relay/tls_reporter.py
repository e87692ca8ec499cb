"""The relay process's timed work on TLS reports: write down what was noted, and send what is due.

A domain is asked by DNS where its reports shall go; without an answer it is asked again later, and without such a
record its results are thrown away. A report that went to one of its places is done; sent twice, because of a kill
in between, it carries the same id.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from config.settings import Settings
from net.log import event
from net.resolver import DnsFailure, Resolver
from smtp.relay import tls_report
from smtp.relay.https import HttpsFailed, request
from smtp.relay.session import Threads
from smtp.relay.tls_report import Submitter
from smtp.relay.tls_rpt import Due, Reports
from storage.message import Message
from storage.people.address import AddressError, canonical

FLUSH = 60.0  # seconds between writes of what was noted
LOOK = 900.0  # seconds between looks for reports that are due

logger = logging.getLogger("smtp.relay")

Send = Callable[[Message, str], Awaitable[Any]]  # a message and to whom; from the null reverse-path


class Reporter:
    """One for each relay process; several share the work."""

    def __init__(
        self,
        settings: Settings,
        reports: Reports,
        resolver: Resolver,
        threads: Threads,
        send: Send,
        context: Callable[[], ssl.SSLContext],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self._reports = reports
        self._resolver = resolver
        self._threads = threads
        self._send = send
        self._context = context
        self._now = now

    async def run(self) -> None:
        """Until cancelled."""
        looks = 0
        while True:
            await asyncio.sleep(FLUSH)
            looks += 1
            try:
                await self.write()
                if looks >= LOOK / FLUSH:
                    looks = 0
                    await self.step()
            except Exception:
                event(logger, "tls_rpt.trouble", logging.ERROR, exc_info=True)

    async def write(self) -> None:
        """Write down what was noted."""
        counts = self._reports.taken()
        if counts:
            await self._threads(self._reports.write, counts)

    async def step(self) -> None:
        """Send what is due. The file is closed afterwards: the next look is a while off."""
        for due in await self._threads(self._reports.due):
            with contextlib.suppress(DnsFailure):  # it is looked at again
                if await self._report(due):
                    await self._threads(self._reports.done, due)
        await self._threads(self._reports.rest)

    async def _report(self, due: Due) -> bool:
        """Whether nothing is left to do for it. Raises DnsFailure."""
        if not self.settings.queue.tls.reports:
            return True
        answer = await self._resolver.look_up(f"_smtp._tls.{due.domain}", "TXT")
        uris = tls_report.destinations([_text(record) for record in answer.records])
        tried = [await self._deliver(due, uri) for uri in uris]
        return not tried or any(tried)

    async def _deliver(self, due: Due, uri: str) -> bool:
        hostname = self.settings.hostname
        contact = self.settings.queue.tls.report_contact or f"postmaster@{hostname}"
        submitter = Submitter(hostname, contact)
        parts = urlsplit(uri)
        try:
            if parts.scheme.lower() == "mailto":
                to = canonical(unquote(parts.path))
                if not to.isascii():
                    raise AddressError("not ASCII")
                await self._send(Message.of(tls_report.mail(submitter, due, to, self._now())), to)
            else:
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                answer = await request(
                    self._resolver,
                    self._context(),
                    parts.hostname or "",
                    path,
                    port=parts.port or 443,
                    post=("application/tlsrpt+gzip", tls_report.body(submitter, due)),
                )
                if not 200 <= answer.status < 300:
                    raise HttpsFailed(f"HTTP status {answer.status}")
        except (AddressError, HttpsFailed, ValueError) as error:
            event(logger, "tls_rpt.not_sent", logging.WARNING, domain=due.domain, to=uri, why=error)
            return False
        event(logger, "tls_rpt.sent", domain=due.domain, to=uri)
        return True


def _text(record: Any) -> str:
    return b"".join(record.strings).decode("latin-1")
