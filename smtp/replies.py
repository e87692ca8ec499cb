"""What the door says: reply codes are chosen here and nowhere else.

An answer of another room comes as a `Status` (RFC 3463) or as an error of `storage.errors`; two tables make
a reply of it. The text of an exception never reaches a peer. Replies that belong to SMTP itself are the
constants below, each with its section.
"""

from dataclasses import dataclass
from functools import lru_cache

from storage import errors, status
from storage.status import Status

LONGEST = 500  # octets of a reply's text: RFC 5321 §4.5.3.1.5


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply code, an enhanced status code (empty where RFC 2034 §4 has none) and its text."""

    code: int
    status: str
    text: str

    def wire(self) -> bytes:
        return _wire(self.code, f"{self.status} {self.text}" if self.status else self.text)


@lru_cache(maxsize=256)
def _wire(code: int, text: str) -> bytes:
    # a text may come from a check: it must stay one line, whatever is in it
    text = text.replace("\r", " ").replace("\n", " ")
    return f"{code} {text[:LONGEST]}\r\n".encode("ascii", "replace")


class Malformed(Exception):
    """A line is not SMTP; `reply` says what is wrong with it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


# A reply's first digit is that of the status; the code is the nearest of RFC 5321 §4.2.3.
CODES = {
    "2.1.5": 250,
    "4.2.2": 452,
    "4.3.1": 452,
    "4.5.3": 452,
    "4.7.1": 450,
    "5.1.1": 550,
    "5.2.1": 550,
    "5.1.3": 553,
    "5.1.8": 553,
    "5.3.4": 552,
    "5.6.7": 553,
    "5.7.1": 550,
}
AT_DATA = {"5.7.1": 554}  # what is in a message, and not to whom it goes (RFC 5321 §4.3.2)
OTHERWISE = {"2": 250, "4": 451, "5": 554}
SAYS = {"2": "ok", "4": "try again later", "5": "refused"}  # where a status has no text

ERRORS: dict[type[Exception], Status] = {
    errors.OverQuota: status.MAILBOX_FULL,
    errors.DiskFull: status.DISK_FULL,
    errors.Broken: status.ACCOUNT_BROKEN,
}


def of_status(answer: Status, *, at_data: bool = False) -> Reply:
    """The reply that says what another room has answered, to an envelope or to a message."""
    nearest = CODES.get(answer.code, OTHERWISE[answer.code[0]])
    code = AT_DATA.get(answer.code, nearest) if at_data else nearest
    return Reply(code, answer.code, answer.text or SAYS[answer.code[0]])


def of_error(error: Exception, trace: str) -> Reply:
    """The reply to a fault of ours: known ones say what is the matter, all others only where to look."""
    known = ERRORS.get(type(error))
    if known is not None:
        return of_status(known)
    return Reply(451, "4.3.0", f"internal error {trace}")


def greeting(hostname: str, protocol: str = "ESMTP") -> bytes:
    """RFC 5321 §4.2: the first word is our name."""
    return f"220 {hostname} {protocol}\r\n".encode()


def capabilities(hostname: str, keywords: list[str]) -> bytes:
    """The reply to EHLO (RFC 5321 §4.1.1.1)."""
    lines = [hostname, *keywords]
    return b"".join(
        f"250{' ' if last else '-'}{line}\r\n".encode()
        for line, last in zip(lines, [False] * (len(lines) - 1) + [True], strict=True)
    )


def accepted(trace: str) -> Reply:
    """All that was promised is on the disk."""
    return Reply(250, "2.0.0", f"accepted as {trace}")


def hello(hostname: str) -> Reply:
    """The reply to HELO (RFC 5321 §4.1.1.1)."""
    return Reply(250, "", hostname)


def chunk(size: int) -> Reply:
    """The reply to a BDAT that is not the last (RFC 3030 §2)."""
    return Reply(250, "2.0.0", f"{size} octets received")


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection is closed by us."""

    status: str
    text: str


TIMED_OUT = Ending("4.4.2", "timed out")
STOPPING = Ending("4.3.2", "is shutting down")
BUSY = Ending("4.3.2", "is too busy, try again later")
CROWDED = Ending("4.7.0", "too many connections from your address")
TOO_MANY_CONNECTIONS = Ending("4.7.0", "too many connections, try again later")
TOO_MANY_ERRORS = Ending("4.7.0", "too many errors")
TOO_MANY_LOGINS = Ending("4.7.0", "too many failed logins")


def closing(hostname: str, why: Ending) -> Reply:
    """RFC 5321 §3.8: a server that closes the connection of its own accord says 421 first."""
    return Reply(421, why.status, f"{hostname} {why.text}")


OK = Reply(250, "2.0.0", "ok")
SENDER_OK = Reply(250, "2.1.0", "sender ok")
RECIPIENT_OK = Reply(250, "2.1.5", "recipient ok")
GO_AHEAD = Reply(354, "", "end data with <CR><LF>.<CR><LF>")
BYE = Reply(221, "2.0.0", "bye")
HELP = Reply(214, "2.0.0", "RFC 5321; ask postmaster")
CANNOT_VERIFY = Reply(252, "2.0.0", "cannot verify, but will try to deliver")  # RFC 5321 §7.3
NOT_HERE = Reply(502, "5.5.1", "command not offered here")

UNKNOWN = Reply(500, "5.5.1", "unknown command")
LINE_TOO_LONG = Reply(500, "5.5.2", "line too long")
LINE_END = Reply(500, "5.5.2", "a line must end with CRLF and have no CR, LF or NUL inside")  # §2.3.8
SYNTAX = Reply(501, "5.5.4", "syntax error in parameters")
NO_PARAMETERS = Reply(501, "5.5.4", "this command takes no parameters")
NEED_NAME = Reply(501, "5.5.4", "a host name is needed")
BAD_ADDRESS = Reply(501, "5.1.3", "malformed address")
BAD_SENDER = Reply(501, "5.1.7", "malformed sender address")
NON_ASCII = Reply(553, "5.6.7", "a non-ASCII address needs SMTPUTF8")  # RFC 6531 §3.5
BAD_UTF8 = Reply(501, "5.5.2", "malformed UTF-8")
PARAMETER_UNKNOWN = Reply(555, "5.5.4", "parameter not recognised")  # RFC 5321 §4.1.1.11
HOLD_TWICE = Reply(501, "5.5.4", "HOLDFOR and HOLDUNTIL exclude each other")  # RFC 4865 §3
HOLD_TOO_LONG = Reply(501, "5.5.4", "the message cannot be held for so long")  # RFC 4865 §4
PARAMETER_TWICE = Reply(501, "5.5.4", "parameter given twice")
GREET_FIRST = Reply(503, "5.5.1", "say EHLO first")
GREET_FIRST_LMTP = Reply(503, "5.5.1", "say LHLO first")
ONE_TRANSACTION = Reply(503, "5.5.1", "MAIL already given")
MAIL_FIRST = Reply(503, "5.5.1", "say MAIL first")
NO_RECIPIENTS = Reply(554, "5.5.1", "no valid recipients")
NO_RECIPIENTS_LMTP = Reply(503, "5.5.1", "no valid recipients")  # RFC 2033 §4.2
AFTER_BDAT = Reply(503, "5.5.1", "RCPT cannot follow BDAT")  # RFC 3030 §2
MIXED_DATA = Reply(503, "5.5.1", "DATA cannot follow BDAT")  # RFC 3030 §2
BINARY_DATA = Reply(503, "5.5.1", "BODY=BINARYMIME needs BDAT")  # RFC 3030 §3
CHUNK_FAILED = Reply(503, "5.5.1", "an earlier chunk was refused, say RSET")

TOO_BIG = Reply(552, "5.3.4", "message is too big")
HEADER_TOO_BIG = Reply(552, "5.3.4", "message header is too big")
BARE_LINE_ENDS = Reply(554, "5.6.0", "message has a bare CR or bare LF")  # RFC 5321 §2.3.8
LONG_TEXT_LINE = Reply(554, "5.6.0", "message has a line that is too long")
LOOP = Reply(554, "5.4.6", "too many hops, this message loops")  # RFC 5321 §6.3
TOO_FAST = Reply(450, "4.7.1", "too many messages from your address, try again later")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "too many recipients")  # RFC 5321 §4.5.3.1.10

READY_FOR_TLS = Reply(220, "2.0.0", "ready to start TLS")
TLS_ALREADY = Reply(503, "5.5.1", "TLS is on already")
TLS_FIRST = Reply(530, "5.7.0", "must issue a STARTTLS command first")  # RFC 3207 §4
ENCRYPT_FIRST = Reply(538, "5.7.11", "encryption is needed for this mechanism")  # RFC 4954 §6
LOGIN_FIRST = Reply(530, "5.7.0", "authentication required")  # RFC 4954 §6
LOGGED_IN = Reply(235, "2.7.0", "authentication succeeded")
LOGGED_IN_ALREADY = Reply(503, "5.5.1", "authenticated already")
LOGIN_IN_TRANSACTION = Reply(503, "5.5.1", "no AUTH within a mail transaction")
LOGIN_REFUSED = Reply(535, "5.7.8", "authentication failed")
LOGIN_UNAVAILABLE = Reply(454, "4.7.0", "temporary authentication failure")
LOGIN_CANCELLED = Reply(501, "5.7.0", "authentication cancelled")
LOGIN_MALFORMED = Reply(501, "5.5.2", "malformed authentication exchange")
LOGIN_TOO_LONG = Reply(500, "5.5.6", "authentication exchange line is too long")  # RFC 4954 §6
MECHANISM_UNKNOWN = Reply(504, "5.5.4", "mechanism not offered")

XCLIENT_REFUSED = Reply(550, "5.7.0", "you may not speak for others")
XCLIENT_LATE = Reply(503, "5.5.1", "no XCLIENT within a mail transaction")
XCLIENT_LOGIN = Reply(550, "5.7.0", "nobody logs in here under this name")

EARLY_TALKER = Reply(554, "5.5.1", "you spoke before the greeting")  # RFC 5321 §4.3.1
