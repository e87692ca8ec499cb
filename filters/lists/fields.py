"""What a list changes in the header of a post; the body stays as it is, to the octet.

Whole fields are put in front (List-Id and its kin, RFC 2369 and 2919, the same for all members; Delivered-To as
the mark by which the list knows its own posts again), and whole fields are dropped or replaced: Subject, which
gets the prefix, Reply-To, From where DMARC would refuse the copies, what would have a thousand members answer
(receipts), and another list's fields. There is no footer: it would have to be written into the body, whose
signature and whose charset are the author's.
"""

import re
from dataclasses import dataclass
from email.header import Header
from email.utils import quote

from filters.head import named
from filters.lists.addresses import of
from storage.message import Edit
from storage.mime.addresses import addresses
from storage.mime.charset import decode_header, known
from storage.mime.header import Field, fields, unfold
from storage.people.directory import ListEntry

LINE = 76  # octets of a line with encoded words (RFC 2047 §2)
DIGITS = 5
LONGEST_NAME = 100  # characters of an author's name
LONGEST_FIELD = 900  # octets of a From that is written down on one line (RFC 5322 §2.1.1: 998)

DROPPED = frozenset(
    (
        b"precedence",
        b"x-ml-name",
        b"x-mail-count",
        b"errors-to",
        b"return-receipt-to",
        b"disposition-notification-to",
        b"x-confirm-reading-to",
        b"return-path",
        b"approved",
        b"x-original-from",
    )
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # an encoded word may hold a line end
_CHARSET = re.compile(rb"=\?([^?*\s]{1,40})[^?\s]*\?[bq]\?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Changes:
    prefix: bytes
    edits: tuple[Edit, ...]


def changes(entry: ListEntry, head: bytes, number: int | None, *, rewrite_from: bool) -> Changes:
    """The edits of a post. `number` is the post's, None where the list does not count."""
    own = list(_own_fields(entry, number))
    edits: list[Edit] = []
    answers_to_author = entry.file.reply_to == "author"
    has_reply_to = has_subject = False
    for each in fields(head):
        text: bytes | None = None
        if each.name in DROPPED or each.name.startswith(b"list-"):
            text = b""
        elif each.name == b"reply-to":
            has_reply_to = True
            text = None if answers_to_author else b""
        elif each.name == b"subject" and not has_subject:
            has_subject = True
            text = subject(entry, head, each, number) if entry.file.prefix else None
        elif each.name == b"from" and rewrite_from:
            text = b""
        if text is not None:
            edits.append(Edit(each.start, each.end, text))
    if rewrite_from:
        own += _from_fields(entry, head, with_reply_to=answers_to_author and not has_reply_to)
    if not answers_to_author:
        own.append(f"Reply-To: <{entry.address}>")
    if not has_subject and entry.file.prefix:
        own.append(f"Subject: {_encoded(_mark(entry, number))}")
    lines = "".join(f"{line}\r\n" for line in own)
    return Changes(lines.encode(errors="surrogateescape"), tuple(edits))


def subject(entry: ListEntry, head: bytes, field: Field, number: int | None) -> bytes:
    """The whole Subject with the prefix. The rest keeps its octets, encoded words and all, but for an earlier
    mark of this list: `Re: [sales:00122] …` becomes `[sales:00123] Re: …`."""
    raw = head[field.value_start : field.end].rstrip(b"\r\n")
    rest = _earlier(entry).sub("", raw.decode("latin-1")).encode("latin-1")
    if _earlier(entry).search(decode_header(unfold(rest))):  # inside an encoded word
        rest = _again(rest, _earlier(entry).sub("", decode_header(unfold(rest))))
    rest = rest.lstrip(b" \t\r\n")
    mark = _encoded(_mark(entry, number)).encode()
    if mark.startswith(b"=?") and rest.startswith(b"=?"):
        mark = _encoded(_mark(entry, number) + " ").encode()  # white space between encoded words is not shown
    start = head[field.start : field.value_start] + b" " + mark
    if not rest:
        return start + b"\r\n"
    first = rest.partition(b"\n")[0].rstrip(b"\r")
    joint = b" " if len(start.rpartition(b"\n")[2]) + 1 + len(first) <= LINE else b"\r\n "
    return start + joint + rest + b"\r\n"


def _own_fields(entry: ListEntry, number: int | None) -> list[str]:
    address = entry.address
    name = address.rpartition("@")[0]
    request = of(address, "request")
    lines = [
        f"Delivered-To: {address}",
        f"List-Id: <{address.replace('@', '.')}>",
        f"List-Post: <mailto:{address}>",
        f"List-Unsubscribe: <mailto:{request}?subject=unsubscribe>",
        f"List-Help: <mailto:{request}?subject=help>",
        f"List-Owner: <mailto:{of(address, 'owner')}>",
        "Precedence: list",
        f"X-ML-Name: {name}",
    ]
    if number is not None:
        lines.append(f"X-Mail-Count: {number:0{DIGITS}}")
    return lines


def _from_fields(entry: ListEntry, head: bytes, *, with_reply_to: bool) -> list[str]:
    """The list as the author, with the author's name; who it was stands beside it."""
    raw = next(
        (unfold(head[each.value_start : each.end]) for each in fields(head) if each.name == b"from"), b""
    )
    author = next(iter(named(head, (b"from",))), "")
    found = next((each for each in addresses(raw) if each.mailbox and each.host), None)
    name = decode_header(found.name) if found is not None and found.name else ""
    name = _CONTROL.sub(" ", name).strip()[:LONGEST_NAME] or author.partition("@")[0]
    shown = f"{name} via {entry.address.partition('@')[0]}"
    phrase = f'"{quote(shown)}"' if shown.isascii() else _encoded(shown)
    lines = [f"From: {phrase} <{entry.address}>"]
    if raw.isascii() and len(raw) <= LONGEST_FIELD:
        lines.append(f"X-Original-From: {raw.decode('ascii')}")
    if with_reply_to and author.isascii():
        lines.append(f"Reply-To: <{author}>")
    return lines


def _mark(entry: ListEntry, number: int | None) -> str:
    name = entry.address.rpartition("@")[0]
    counted = f"{number:0{DIGITS}}" if number is not None else ""
    return entry.file.prefix.replace("{name}", name).replace("{number}", counted)


def _earlier(entry: ListEntry) -> re.Pattern[str]:
    """An earlier mark of the list, whatever its number."""
    pattern = re.escape(entry.file.prefix).replace(
        re.escape("{name}"), re.escape(entry.address.rpartition("@")[0])
    )
    return re.compile(pattern.replace(re.escape("{number}"), r"\d{1,12}") + r"[ \t]*", re.IGNORECASE)


def _encoded(text: str) -> str:
    if text.isascii():
        return text
    return Header(text, "utf-8", maxlinelen=LINE).encode(linesep="\r\n")


def _again(raw: bytes, text: str) -> bytes:
    """Text in encoded words of the charset that it came in, or in UTF-8 if that cannot hold it."""
    found = _CHARSET.search(raw)
    charset = found[1].decode("ascii", "replace").lower() if found else "utf-8"
    text = _CONTROL.sub(" ", text).strip()
    for each in (charset if known(charset) else "utf-8", "utf-8"):
        try:
            return Header(text, each, header_name="Subject").encode(linesep="\r\n").encode()
        except (UnicodeError, LookupError):
            continue
    return raw
