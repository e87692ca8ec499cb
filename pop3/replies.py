"""What the door says when it refuses, and the one table from the store's errors to those words.

Response codes: RFC 2449 §8 (IN-USE), RFC 3206 (SYS/TEMP, SYS/PERM, AUTH). [AUTH] means that the login name or
the password is wrong, so that a mail program asks its owner; [SYS/TEMP] that it should try again by itself.
"""

from storage import errors


class Refused(Exception):
    """A command is answered with -ERR; `args[0]` is the text behind it, as bytes."""

    @property
    def text(self) -> bytes:
        text = self.args[0]
        assert isinstance(text, bytes)
        return text


WRONG_LOGIN = b"[AUTH] wrong login name or password"
TEMPORARY = b"[SYS/TEMP] the mailbox cannot be opened now, try again later"
TOO_MANY = b"[IN-USE] too many connections of this account"
STOPPING = b"[SYS/TEMP] the server is stopping"
TLS_NEEDED = b"passwords are taken under TLS only: use STLS or the TLS port"
NO_SUCH_MESSAGE = b"no such message"
DELETED = b"the message is marked as deleted"
VANISHED = b"the message has been removed meanwhile"
NOT_REMOVED = b"[SYS/TEMP] some deleted messages not removed"  # RFC 1939 §6
NO_MORE = b"[SYS/PERM] the account may not be used any more"
TOO_LONG = b"the line is too long"
TOO_MANY_ERRORS = b"too many errors, goodbye"

_ERRORS: dict[type[errors.StoreError], bytes] = {
    errors.LoginRefused: WRONG_LOGIN,
    errors.LoginUnavailable: b"[SYS/TEMP] logins cannot be judged now, try again later",
    errors.StoreError: TEMPORARY,
}


def for_error(error: errors.StoreError) -> bytes:
    """The text for an error of the store: that of its class, or of the nearest one above it."""
    return next(_ERRORS[kind] for kind in type(error).__mro__ if kind in _ERRORS)


def internal(trace: str) -> bytes:
    return b"[SYS/TEMP] internal error, reference " + trace.encode("ascii")
