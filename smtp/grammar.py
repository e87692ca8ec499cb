"""The words of SMTP commands: bytes in, values out; nothing waits and nothing is looked up.

Invariants: a parameter's value keeps its case (ORCPT and ENVID are not ours to change); an address becomes a
`storage.people.address.Address`, so that `"taro"@x` and `taro@x` are one and `"a@b"@x` can never be mistaken for
another domain's; a source route is dropped, as RFC 5321 Appendix C says, and `%` or `!` in a local part mean
nothing.

Looser than RFC 5321 §4.1.2 where the world is: besides what `storage.people.address` takes (the carriers' dots),
the angle brackets may be missing and a space may follow the colon, as scanners and scripts write it. Everything
else is refused.
"""

import re
from dataclasses import dataclass

from smtp import parameters, replies
from smtp.parameters import DIGITS
from smtp.replies import Malformed, Reply
from storage.people.address import Address, AddressError, parse

LONGEST_PATH = 1000  # octets with its route; RFC 5321 §4.5.3.1.3 asks for 256 at least
LONGEST_NAME = 255  # octets of the name in EHLO: RFC 5321 §4.5.3.1.2

# A path up to its end; what is right inside is judged by `storage.people.address`. Only a quoted local part may
# hold `<`, `>`, spaces and the other specials.
_LOCAL = rb'(?:"(?:[^"\\]|\\.)*"|[^<>"\s,;:@\[\]]+)'
_MAILBOX = _LOCAL + rb'@(?:[^<>"\s,;:@\[\]]+|\[[^<>"\s,;@\[\]]+\])|postmaster'
_ROUTE = rb"(?:@[^<>\"\s:]+:)?"
PATH = re.compile(rb"<" + _ROUTE + rb"((?i:" + _MAILBOX + rb"))>|<>|((?i:" + _MAILBOX + rb"))(?![^ ])")
POSTMASTER = Address("postmaster", "")  # `RCPT TO:<postmaster>`, of no domain: RFC 5321 §4.5.1

__all__ = ["Malformed"]


@dataclass(frozen=True, slots=True)
class MailCommand:
    """MAIL with all the parameters that a door may offer; a reverse-path of None is `<>`."""

    reverse_path: Address | None
    size: int | None = None
    body: str = "7BIT"  # or 8BITMIME, or BINARYMIME
    smtputf8: bool = False
    auth: str | None = None  # taken, and trusted by nobody
    ret: str = ""  # FULL, HDRS, or not given
    envid: str = ""  # xtext
    requiretls: bool = False
    holdfor: int | None = None  # seconds
    holduntil: int | None = None  # seconds since 1970


@dataclass(frozen=True, slots=True)
class RcptCommand:
    """RCPT; what is said of delivery reports is kept for those who make them (RFC 3461 §4)."""

    address: Address
    notify: str = ""  # NEVER, or some of SUCCESS,FAILURE,DELAY
    orcpt: str = ""  # addr-type;xtext


@dataclass(frozen=True, slots=True)
class Chunk:
    """BDAT: how many octets follow, and whether they are the last (RFC 3030 §2)."""

    size: int
    last: bool


@dataclass(frozen=True, slots=True)
class AuthCommand:
    """AUTH: the mechanism, and the initial response still in base64 (`=` is an empty one)."""

    mechanism: bytes
    initial: bytes | None


def split(line: bytes) -> tuple[str, bytes]:
    """A command line (with its line end) as verb in upper case and what follows, without outer spaces."""
    if not line.endswith(b"\r\n"):
        raise Malformed(replies.LINE_END)
    text = line[:-2]
    if b"\r" in text or b"\n" in text or b"\0" in text:
        raise Malformed(replies.LINE_END)
    verb, _, rest = text.partition(b" ")
    return verb.decode("ascii", "replace").upper(), rest.strip(b" \t")


def nothing(rest: bytes) -> None:
    """DATA, RSET, QUIT, STARTTLS take no parameters (RFC 5321 §4.1.1)."""
    if rest:
        raise Malformed(replies.NO_PARAMETERS)


def anything(rest: bytes) -> bytes:
    """NOOP, HELP, VRFY and EXPN may have a string, of which nothing is made."""
    return rest


def name(rest: bytes) -> str:
    """The client's name in HELO and EHLO. Many say what no DNS knows, so only its shape is held to."""
    if not rest:
        raise Malformed(replies.NEED_NAME)
    if len(rest) > LONGEST_NAME or any(byte <= 0x20 or byte == 0x7F for byte in rest):
        raise Malformed(replies.SYNTAX)
    return rest.decode("ascii", "replace")


def mail(rest: bytes) -> MailCommand:
    """`FROM:<reverse-path> [parameters]` (RFC 5321 §4.1.1.2)."""
    path, words = _path(rest, b"FROM:", replies.BAD_SENDER)
    given = parameters.parameters(words, parameters.MAIL) if words else {}
    command = MailCommand(_address(path, replies.BAD_SENDER) if path else None, **given)  # type: ignore[arg-type]
    if not command.smtputf8 and not path.isascii():
        raise Malformed(replies.NON_ASCII)
    return command


def rcpt(rest: bytes) -> RcptCommand:
    """`TO:<forward-path>` (RFC 5321 §4.1.1.3)."""
    path, words = _path(rest, b"TO:", replies.BAD_ADDRESS)
    address = POSTMASTER if path.lower() == b"postmaster" else _address(path, replies.BAD_ADDRESS)
    if not words:
        return RcptCommand(address)
    return RcptCommand(address, **parameters.parameters(words, parameters.RCPT))  # type: ignore[arg-type]


def bdat(rest: bytes) -> Chunk | None:
    """`chunk-size [LAST]` (RFC 3030 §2). None where it is malformed: what follows can't be told from
    commands then, so this is the one syntax error that ends the session."""
    words = rest.upper().split()
    if len(words) not in (1, 2) or not DIGITS.fullmatch(words[0]) or words[1:] not in ([], [b"LAST"]):
        return None
    return Chunk(int(words[0]), len(words) == 2)


def auth(rest: bytes) -> AuthCommand:
    """`mechanism [initial-response]` (RFC 4954 §4)."""
    words = rest.split(b" ")
    if not 1 <= len(words) <= 2 or not words[0]:
        raise Malformed(replies.SYNTAX)
    initial = words[1] if len(words) == 2 else None
    return AuthCommand(words[0].upper(), b"" if initial == b"=" else initial)


def _path(rest: bytes, keyword: bytes, bad: Reply) -> tuple[bytes, bytes]:
    """The mailbox after FROM: or TO: (empty for `<>`), and the parameters."""
    if rest[: len(keyword)].upper() != keyword:
        raise Malformed(replies.SYNTAX)
    text = rest[len(keyword) :].lstrip(b" ")
    match = PATH.match(text)
    if match is None or match.end() > LONGEST_PATH or text[match.end() : match.end() + 1] not in (b"", b" "):
        raise Malformed(bad)
    return match[1] or match[2] or b"", text[match.end() :]


def _address(path: bytes, bad: Reply) -> Address:
    try:
        return parse(path.decode())
    except UnicodeDecodeError:
        raise Malformed(replies.BAD_UTF8) from None
    except AddressError:
        raise Malformed(bad) from None
