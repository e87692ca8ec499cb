"""Commands for any state: CAPABILITY, NOOP and CHECK, LOGOUT, ID."""

import logging

from imap.replies import Reply, ok
from imap.scanner import BadSyntax, Scanner
from imap.session import Session
from imap.state import State
from net.log import event

ID_PAIRS = 30  # RFC 2971 §3.3: at most 30 field-value pairs

_log = logging.getLogger("imap")


async def capability(session: Session, _: None) -> None:
    session.send(b"* " + session.capabilities() + b"\r\n")


async def noop(session: Session, _: None) -> None:
    """What another process has answered for is seen; other programs' changes come by themselves, in seconds."""
    if session.view is not None:
        await session.view.mailbox.refresh(others=False)


async def check(session: Session, _: None) -> None:
    """RFC 3501 §6.4.1: housekeeping; here a look at the files themselves."""
    await session.selected.mailbox.refresh()


async def logout(session: Session, _: None) -> Reply:
    await session.leave_mailbox()
    session.send(b"* BYE Goodbye\r\n")
    session.state = State.LOGOUT
    return ok(b"LOGOUT completed")


def parse_id(scanner: Scanner) -> tuple[tuple[bytes, bytes | None], ...]:
    """RFC 2971 §4: NIL, or pairs of string and nstring."""
    scanner.space()
    if scanner.take_word(b"NIL"):
        return ()
    scanner.expect(b"(")
    pairs: list[tuple[bytes, bytes | None]] = []
    if scanner.take(b")"):
        return ()
    while True:
        field = scanner.string()
        scanner.space()
        pairs.append((field, scanner.nstring()))
        if len(pairs) > ID_PAIRS:
            raise BadSyntax("too many fields")
        if scanner.take(b")"):
            return tuple(pairs)
        scanner.space()


async def ident(session: Session, pairs: tuple[tuple[bytes, bytes | None], ...]) -> None:
    told = {field.lower(): value for field, value in pairs if value}
    name, version = (told.get(field, b"")[:100].decode("utf-8", "replace") for field in (b"name", b"version"))
    event(_log, "imap.client", trace=session.conn.trace, name=name or None, version=version or None)
    session.send(b'* ID ("name" "kwcmaild")\r\n')
