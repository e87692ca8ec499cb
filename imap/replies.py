"""What a command is answered with, and the one table from the store's errors to NO (RFC 9051 §7.1, RFC 5530).

Errors are of three kinds: the client's fault (`BadSyntax`, `Bad`: BAD), an answer (`No`, and every
`StoreError` through `ERRORS`: NO with its response code), and our own fault, which the session logs with its
trace. Texts are ours: no byte of a client's and no `str(error)` is sent.
"""

from functools import cache
from typing import NamedTuple

from storage import errors


class Reply(NamedTuple):
    """A status response without its tag."""

    kind: bytes  # OK, NO or BAD
    text: bytes
    code: bytes = b""  # the response code without its brackets

    def line(self, tag: bytes) -> bytes:
        if self.code:
            return b"%b %b [%b] %b\r\n" % (tag, self.kind, self.code, self.text)
        return b"%b %b %b\r\n" % (tag, self.kind, self.text)


def ok(text: bytes, code: bytes = b"") -> Reply:
    return Reply(b"OK", text, code)


@cache
def completed(name: str) -> Reply:
    """OK for a command of the table that has nothing else to say."""
    return ok(name.encode("ascii") + b" completed")


class Bad(Exception):
    """The command cannot be right here, though its syntax may be."""

    def __init__(self, text: bytes, code: bytes = b"") -> None:
        super().__init__(text)
        self.reply = Reply(b"BAD", text, code)


class No(Exception):
    """The command is refused."""

    def __init__(self, text: bytes, code: bytes = b"") -> None:
        super().__init__(text)
        self.reply = Reply(b"NO", text, code)


ANSWERED = Reply(b"", b"")  # the command has sent its tagged reply itself


def _no(code: bytes, text: bytes) -> Reply:
    return Reply(b"NO", text, code)


ERRORS: dict[type[errors.StoreError], Reply] = {
    errors.MailboxMissing: _no(b"NONEXISTENT", b"There is no such mailbox"),
    errors.MailboxExists: _no(b"ALREADYEXISTS", b"A mailbox of that name exists"),
    errors.MailboxHasChildren: _no(b"HASCHILDREN", b"The mailbox has children"),
    errors.MailboxProtected: _no(b"CANNOT", b"INBOX cannot be deleted"),
    errors.NameRefused: _no(b"CANNOT", b"That is not a name for a mailbox here"),
    errors.TooManyMailboxes: _no(b"LIMIT", b"The account has as many mailboxes as it may have"),
    errors.OverQuota: _no(b"OVERQUOTA", b"The account's limit would be passed"),
    errors.KeywordsFull: _no(b"LIMIT", b"The mailbox has as many keywords as it can keep"),
    errors.DiskFull: _no(b"UNAVAILABLE", b"The server is out of storage, try again later"),
    errors.Broken: _no(b"UNAVAILABLE", b"The account cannot be read now, try again later"),
    errors.LoginRefused: _no(b"AUTHENTICATIONFAILED", b"Login failed"),
    errors.LoginUnavailable: _no(b"UNAVAILABLE", b"Logins cannot be judged now, try again later"),
}

TRYCREATE = _no(b"TRYCREATE", b"There is no such mailbox")  # APPEND, COPY and MOVE (RFC 9051 §7.1)
BAD_NAME = _no(b"CANNOT", b"The mailbox name is not modified UTF-7")
INTERNAL = _no(b"SERVERBUG", b"Internal error")


def for_error(error: errors.StoreError) -> Reply:
    """The reply for an error of the store: that of its class, or of the nearest one above it."""
    for kind in type(error).__mro__:
        if kind in ERRORS:
            return ERRORS[kind]
    return INTERNAL


def internal(trace: str) -> Reply:
    """Our own fault: the client is told the trace under which the log has it."""
    return Reply(b"NO", b"Internal error, reference " + trace.encode("ascii"), b"SERVERBUG")
