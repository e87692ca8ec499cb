"""What a mail address is here, and when two spellings are the same mailbox.

Addresses come from peers (paths of SMTP), from people (login names, forms) and from files (names of account
files). All of them end as one canonical text, `local@domain`, that names an account in every table, folder
and log line; a local part is put in quotes only where it could not stand without.

Invariants: `canonical(canonical(x)) == canonical(x)`; a quoted and a bare spelling of the same local part are
one (RFC 5321 §4.1.2: "the quoted form is equivalent"); the domain is lower case from the start, the local
part keeps its case until `folded` is asked for, because the next host may tell cases apart (RFC 5321 §2.4).
A local part reaches the file system only where `names_a_file` is true. (What a *new* account may be called is
narrower and stands in `config.values.own_local_part`.)
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

REMEMBERED = 4096  # texts whose parse is kept: a mail asks for the same ones several times
LOCAL_OCTETS = (
    256  # RFC 5321 §4.5.3.1.1 says 64; bounce addresses of real senders are longer (§4.5.3.1 allows)
)
DOMAIN_OCTETS = 255  # RFC 5321 §4.5.3.1.2
FILE_OCTETS = 64  # an account's own local part keeps to the 64 of §4.5.3.1.1

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00A0-\U0010FFFF"
# Dots anywhere: `a..b@docomo.ne.jp` and `a.@ezweb.ne.jp` were given out by carriers and are in use, although
# the Dot-string of RFC 5321 §4.1.2 has none of that.
_BARE = re.compile(rf"[{_ATEXT}.]+")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~\u00A0-\U0010FFFF]|\\[ -~])*)"')  # RFC 5321 §4.1.2, RFC 6531 §3.3
_LABEL = (
    r"[A-Za-z0-9_\u00A0-\U0010FFFF](?:[A-Za-z0-9_\-\u00A0-\U0010FFFF]{0,61}[A-Za-z0-9_\u00A0-\U0010FFFF])?"
)
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LITERAL = re.compile(r"\[[A-Za-z0-9:.\-]{1,80}\]")  # RFC 5321 §4.1.3


class AddressError(ValueError):
    """The text is no mail address; the message says what is wrong with it, for people."""


@dataclass(frozen=True, slots=True)
class Address:
    """A local part without its quotes, in the case in which it came, and a domain in lower case."""

    local: str
    domain: str

    def __str__(self) -> str:
        return _written(self.local, self.domain)

    @property
    def folded(self) -> "Address":
        """The address of the mailbox: local parts of ours do not tell cases apart."""
        local = fold(self.local)
        return self if local == self.local else Address(local, self.domain)

    def without_detail(self, separator: str = "+") -> "tuple[Address, str] | None":
        """`taro+shop@…` as `taro@…` and `shop` (RFC 5233 §1); None where there is no subaddress."""
        user, found, detail = self.local.partition(separator)
        return (Address(user, self.domain), detail) if found and user else None


@lru_cache(maxsize=REMEMBERED)
def _written(local: str, domain: str) -> str:
    if _BARE.fullmatch(local):
        return f"{local}@{domain}"
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"@{domain}'


def fold(text: str) -> str:
    """One form for all cases and all compositions of the same letters."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


@lru_cache(maxsize=REMEMBERED)
def parse(text: str) -> Address:
    """`local@domain`, the local part bare or quoted. Raises AddressError."""
    _refuse_surrogates(text)
    if text.startswith('"'):
        match = _QUOTED.match(text)
        if match is None:
            raise AddressError("the quoted local part is not closed or has a control character in it")
        local, rest = re.sub(r"\\(.)", r"\1", match[1]), text[match.end() :]
        if not rest.startswith("@"):
            raise AddressError("a quoted local part must be followed by @")
        domain = rest[1:]
    else:
        local, at, domain = text.rpartition("@")
        if not at:
            raise AddressError("the address has no @")
        if local and not _BARE.fullmatch(local):
            raise AddressError("the local part has a character that only a quoted one may have")
    if not local:
        raise AddressError("the local part is empty")
    if len(local.encode()) > LOCAL_OCTETS:
        raise AddressError(f"the local part is longer than {LOCAL_OCTETS} octets")
    return Address(local, parse_domain(domain))


@lru_cache(maxsize=REMEMBERED)
def parse_domain(text: str) -> str:
    """A domain name or an address literal, in lower case. Raises AddressError."""
    _refuse_surrogates(text)
    if not text:
        raise AddressError("the domain is empty")
    if len(text.encode()) > DOMAIN_OCTETS:
        raise AddressError(f"the domain is longer than {DOMAIN_OCTETS} octets")
    domain = fold(text)
    if not (_DOMAIN.fullmatch(domain) or _LITERAL.fullmatch(domain)):
        raise AddressError("the domain is not a domain name")
    return domain


def canonical(text: str) -> str:
    """The one text of a mailbox's address. Raises AddressError."""
    return str(parse(text).folded)


def login_address(login: str, default_domain: str | None) -> Address | None:
    """The address that a login name means: in full, as `user%domain`, or bare with the default domain.

    None where it can mean none. `%` is for programs that cut a login name at its @ (old ones of Netscape and
    Outlook Express); blanks around it are what phones' keyboards add.
    """
    name = login.strip()
    if "@" not in name:
        user, percent, domain = name.rpartition("%")
        if not percent:
            user, domain = name, default_domain or ""
        name = f"{user}@{domain}"
    try:
        return parse(name).folded
    except AddressError:
        return None


def _refuse_surrogates(text: str) -> None:
    """Octets that are not UTF-8 come as surrogates: they are in no file's name, and in no answer."""
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise AddressError("the address is not UTF-8")


def names_a_file(local: str) -> bool:
    """May a folded local part be a file's and a folder's name? No path, no hidden name, no control."""
    return (
        0 < len(local.encode()) <= FILE_OCTETS
        and not local.startswith(".")
        and "/" not in local
        and local.isprintable()
    )
