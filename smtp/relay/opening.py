"""Opening a session with a host: connect, greeting, EHLO, the TLS that is asked of it, a login.

Where TLS breaks and nothing asks for it, a new connection is made without it: the broken one is worth nothing. What
a policy asks for is never given up that way. One attempt at a host makes one result for the TLS reports.
"""

import logging
import os
import ssl
from datetime import UTC, datetime

from config.settings import Settings
from net.connection import TimedOut
from net.log import event
from net.outgoing import TlsFailed, connect
from smtp.relay import dane, dialogue
from smtp.relay.destination import Destination
from smtp.relay.protection import Level, Policy, Protection, context
from smtp.relay.session import Broken, Session, Threads
from smtp.relay.tls_rpt import Reports, Result
from storage.status import Status

logger = logging.getLogger("smtp.relay")

# X509_verify_cert_error_string of OpenSSL: what RFC 8460 §4.3 tells apart
_EXPIRED, _OTHER_NAME = 10, 62


class TlsMissing(Exception):
    """The host does not show what is asked of it. `result` is a result-type of RFC 8460 §4.3."""

    def __init__(self, result: str, status: Status) -> None:
        super().__init__(str(status))
        self.result = result
        self.status = status


class Opener:
    """Opens sessions for one process."""

    def __init__(self, settings: Settings, threads: Threads, reports: Reports | None = None) -> None:
        self.settings = settings
        self._threads = threads
        self._reports = reports

    async def open(
        self, destination: Destination, host: str, address: str, protection: Protection
    ) -> Session:
        """A session that is ready for mail. Raises Broken, TlsMissing."""
        noted = False
        if self._reports is not None and destination.sts is not None and destination.sts.problem:
            self._reports.note(Result(destination.domain, Policy("sts"), destination.sts.problem))
        wanted: Protection | None = protection
        while True:
            assert wanted is not None
            try:
                session = await self._attempt(destination, host, address, wanted)
            except TlsMissing as missing:
                if not noted:
                    self._note(destination, host, address, protection, missing)
                    noted = True
                event(logger, "relay.tls", logging.WARNING, host=host, address=address, why=missing.status)
                wanted = wanted.lowered()
                if wanted is None:
                    raise
                continue
            if not noted and session.tls is not None:
                self._note(destination, host, address, protection, None)
            elif not noted and protection.level is not Level.NONE:
                self._note(destination, host, address, protection, _not_offered(host, address))
            return session

    async def _attempt(
        self, destination: Destination, host: str, address: str, protection: Protection
    ) -> Session:
        timeouts = self.settings.queue.timeouts
        try:
            connection = await connect(
                address, destination.port, source=destination.source(address), timeout=timeouts.connect
            )
        except TimedOut as error:
            raise Broken(Status("4.4.1", f"{host} ({address}) did not answer in time")) from error
        except OSError as error:
            words = os.strerror(error.errno).lower() if error.errno is not None else "not reachable"
            raise Broken(Status("4.4.1", f"{host} ({address}): {words}")) from error
        session = Session(connection, host, address, timeouts)
        try:
            await self._greet(session, destination, protection)
        except BaseException:
            session.abort()
            raise
        return session

    async def _greet(self, session: Session, destination: Destination, protection: Protection) -> None:
        smarthost = destination.smarthost
        lmtp = smarthost is not None and smarthost.protocol == "lmtp"
        if protection.implicit:
            await self._secure(session, protection)
        name = await session.play(dialogue.greeting())
        if smarthost is None and name.lower() == self.settings.hostname:
            # RFC 5321 §5.1: it is we; but another server may call itself so, therefore not for good
            raise Broken(Status("4.4.6", f"{session.host} ({session.address}) is this server itself"))
        session.offers = await session.play(dialogue.hello(destination.helo, lmtp))
        if protection.level is not Level.NONE and not protection.implicit:
            if session.offers.starttls and await session.play(dialogue.starttls()):
                await self._secure(session, protection)
                session.offers = await session.play(dialogue.hello(destination.helo, lmtp))
            elif protection.level is not Level.MAY:
                raise _not_offered(session.host, session.address)
        if smarthost is not None and smarthost.username is not None and smarthost.password_file is not None:
            password = await self._threads(smarthost.password_file.read_text, "utf-8")
            await session.play(
                dialogue.authenticate(session.offers, smarthost.username, password.split("\n")[0].strip("\r"))
            )

    async def _secure(self, session: Session, protection: Protection) -> None:
        if not protection.named:
            raise TlsMissing(
                "validation-failure",
                Status("4.7.5", f"the MTA-STS policy does not name the host {session.host}"),
            )
        proven = protection.level is Level.PROVEN
        connection = session.connection
        try:
            tls = context(self.settings.queue.tls, proven)
            await session.secure(tls, protection.name, self.settings.queue.timeouts.connect)
        except TlsFailed as failure:
            status = Status("4.7.5", f"{session.host} ({session.address}): {failure}")
            raise TlsMissing(_result(failure.cause), status) from failure
        if protection.level is Level.DANE:
            problem = dane.check(
                connection.certificates(), protection.tlsa, protection.names, datetime.now(UTC)
            )
            if problem is not None:
                status = Status("4.7.5", f"{session.host} ({session.address}): {problem} (DANE)")
                raise TlsMissing("validation-failure", status)
        session.verified = protection.level >= Level.PROVEN
        if connection.tls is not None:
            session.tls = f"{connection.tls.version} {connection.tls.cipher}"
            if session.verified:
                session.tls += " (DANE)" if protection.level is Level.DANE else " (verified)"

    def _note(
        self,
        destination: Destination,
        host: str,
        address: str,
        protection: Protection,
        missing: TlsMissing | None,
    ) -> None:
        if self._reports is None or not destination.domain:
            return
        if missing is None:
            result = Result(destination.domain, protection.policy)
        else:
            words = missing.status.text
            result = Result(
                destination.domain,
                protection.policy,
                missing.result,
                host,
                address,
                words,
                destination.source(address) or "",
            )
        self._reports.note(result)


def _not_offered(host: str, address: str) -> TlsMissing:
    return TlsMissing(
        "starttls-not-supported",
        Status("4.7.4", f"{host} ({address}) does not offer STARTTLS, which is asked for"),
    )


def _result(error: ssl.SSLError | None) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _EXPIRED:
            return "certificate-expired"
        return "certificate-host-mismatch" if error.verify_code == _OTHER_NAME else "certificate-not-trusted"
    return "validation-failure"
