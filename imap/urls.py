"""IMAP URLs that name a message or a part of one (RFC 5092), as CATENATE uses them. Pure.

`/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2/;PARTIAL=0.1024`, percent-encoded UTF-8; in front may stand
`imap://taro@mail.example.jp`, which then has to be this server and this account: the caller compares.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from imap import sections
from imap.scanner import BadSyntax, Scanner
from imap.sections import Section

LONGEST = 4000  # octets of a URL

_URL = re.compile(
    r"(?:imap://(?:(?P<user>[^@/;]*)(?:;AUTH=[^@/]*)?@)?(?P<host>[^@/;:]+)(?::[0-9]{1,5})?)?"
    r"/(?P<mailbox>[^;]+?)(?:;UIDVALIDITY=(?P<validity>[0-9]{1,10}))?"
    r"/;UID=(?P<uid>[1-9][0-9]{0,9})"
    r"(?:/;SECTION=(?P<section>[^;/]+))?"
    r"(?:/;PARTIAL=(?P<offset>[0-9]{1,19})(?:\.(?P<length>[0-9]{1,19}))?)?",
    re.IGNORECASE,
)


class BadUrl(Exception):
    """Not a URL of a message."""


@dataclass(frozen=True, slots=True)
class MessageUrl:
    mailbox: str
    uid: int
    section: Section
    uidvalidity: int | None = None
    user: str | None = None
    host: str | None = None
    offset: int = 0
    length: int | None = None


def parse(raw: bytes) -> MessageUrl:
    """Raises BadUrl."""
    if len(raw) > LONGEST:
        raise BadUrl
    try:
        match = _URL.fullmatch(raw.decode("ascii"))
        if match is None:
            raise BadUrl
        mailbox, user, section = (_plain(match[name]) for name in ("mailbox", "user", "section"))
        scanner = Scanner(b"[" + (section or "").encode("utf-8") + b"]")
        found = sections.parse_section(scanner)
        scanner.end()
    except (UnicodeDecodeError, BadSyntax):
        raise BadUrl from None
    validity, length = match["validity"], match["length"]
    return MessageUrl(
        mailbox or "",
        int(match["uid"]),
        found,
        int(validity) if validity else None,
        user,
        match["host"],
        int(match["offset"] or 0),
        int(length) if length else None,
    )


def _plain(text: str | None) -> str | None:
    return None if text is None else unquote_to_bytes(text).decode("utf-8")
