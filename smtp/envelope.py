"""MAIL and RCPT: the envelope. Who may send and who receives is `filters.pipeline`'s to say."""

import ipaddress
import logging
import time
from dataclasses import replace

from filters.mail import Mail
from net.log import event
from smtp import replies
from smtp.grammar import MailCommand, RcptCommand
from smtp.replies import Reply
from smtp.session import Session, Transaction
from storage import status
from storage.people.address import Address
from storage.people.directory import ALWAYS_SOMEBODY
from storage.status import Status

_log = logging.getLogger("smtp")


async def mail(session: Session, command: MailCommand) -> Reply:
    """RFC 5321 §4.1.1.2."""
    if session.submission and session.login is None:
        # RFC 6409 §4.3; RFC 3207 §4 where TLS has to come before the login
        return replies.LOGIN_FIRST if session.may_log_in else replies.TLS_FIRST
    if session.transaction is not None:
        return replies.ONE_TRANSACTION
    if (refusal := _not_offered(session, command)) is not None:
        return refusal
    reverse_path = "" if command.reverse_path is None else str(command.reverse_path)
    if command.size is not None and command.size > session.settings.smtp.max_message:
        _refused(session, status.TOO_BIG, reverse_path, None)
        return replies.TOO_BIG  # RFC 1870 §6.1
    if not session.door.space.has_room(command.size or 0, session.settings.storage.keep_free):
        return replies.of_status(status.DISK_FULL)
    if session.counted is not None and not session.door.limits.message(session.counted, session.settings):
        return replies.TOO_FAST
    envelope = Mail(
        reverse_path=reverse_path,
        peer=session.conn.peer,
        trace=session.conn.trace,
        helo=session.name,
        tls=session.conn.tls.version if session.conn.tls else None,
        authenticated=session.login,
        smtputf8=command.smtputf8,
        eightbit=command.body != "7BIT",
        ret=command.ret,
        envid=command.envid,
        require_tls=command.requiretls,
        hold_until=_hold_until(command),
        trusted=session.lmtp,
    )
    if not session.lmtp:  # an LMTP client is a mail server that has asked all this
        answer = await session.door.pipeline.sender(envelope)
        if not answer.ok:
            _refused(session, answer, reverse_path, None)
            return replies.of_status(answer)
    session.transaction = Transaction(command, envelope)
    return replies.SENDER_OK


def _not_offered(session: Session, command: MailCommand) -> Reply | None:
    """Parameters that are known, but not here or not now."""
    if command.auth is not None and not session.submission:
        return replies.PARAMETER_UNKNOWN
    if command.requiretls and session.conn.tls is None:
        return replies.PARAMETER_UNKNOWN  # RFC 8689 §2: offered within TLS alone
    if command.holdfor is not None or command.holduntil is not None:
        if not session.submission or not session.settings.smtp.max_hold:
            return replies.PARAMETER_UNKNOWN
        if command.holdfor is not None and command.holduntil is not None:
            return replies.HOLD_TWICE
        if (_hold_until(command) or 0) > time.time() + session.settings.smtp.max_hold + 1:
            return replies.HOLD_TOO_LONG
    return None


def _hold_until(command: MailCommand) -> int | None:
    """RFC 4865 §4: when the message is to be let go."""
    return command.holduntil if command.holdfor is None else int(time.time()) + command.holdfor


async def rcpt(session: Session, command: RcptCommand) -> Reply:
    """RFC 5321 §4.1.1.3."""
    address = command.address
    transaction = session.transaction
    assert transaction is not None
    if transaction.spool is not None:
        return replies.AFTER_BDAT
    if len(transaction.recipients) >= session.settings.smtp.max_recipients:
        return replies.TOO_MANY_RECIPIENTS
    if not transaction.command.smtputf8 and not (str(address).isascii() and command.orcpt.isascii()):
        return replies.NON_ASCII
    if address.domain.startswith("["):
        address = _at_this_host(session, address)
    answer = await session.door.pipeline.recipient(transaction.mail, address, transaction.command.size)
    if isinstance(answer, Status):
        _refused(session, answer, transaction.mail.reverse_path, str(address))
        return replies.of_status(answer)
    if command.notify or command.orcpt:
        answer = replace(answer, notify=command.notify, orcpt=command.orcpt)
    transaction.recipients.append(answer)
    return replies.RECIPIENT_OK


def _at_this_host(session: Session, address: Address) -> Address:
    """Postmaster and abuse at the address on which we were called are those of this host (RFC 5321 §4.5.1)."""
    literal = address.domain[1:-1].removeprefix("ipv6:")
    try:
        ours = ipaddress.ip_address(literal) == ipaddress.ip_address(session.conn.local.partition("%")[0])
    except ValueError:
        return address
    local = address.folded.local
    return Address(local, "") if ours and local in ALWAYS_SOMEBODY else address


def _refused(session: Session, answer: Status, reverse_path: str, recipient: str | None) -> None:
    event(
        _log,
        "smtp.refused",
        trace=session.conn.trace,
        peer=session.conn.peer,
        helo=session.name,
        login=session.login,
        sender=f"<{reverse_path}>",
        recipient=recipient,
        answer=answer,
    )
    session.door.refusals.note(
        session.conn.trace,
        session.conn.peer,
        answer,
        sender=reverse_path,
        recipient=recipient or "",
        account=session.login or "",
    )
