"""What SEARCH, SORT and THREAD compare of a message's header, made once and kept beside its row.

A search for a subject among a hundred thousand messages is to open none of them. So the fields that mail programs
ask for are kept in the form in which texts are compared (`storage.mime.text.fold`): decoded as their sender meant
them, half and full width alike, cases folded. The same goes for what RFC 5256 sorts and threads by.

`None` is a field that is not there; several of one name are lines of one text. A field longer than `FIELD` is
cut, and `whole` is false: then only the message itself can say that something is not in it.
"""

import re
from calendar import timegm
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from storage.mime.addresses import Address, addresses
from storage.mime.charset import decode, decode_header
from storage.mime.text import fold

FIELD = 8192  # characters of one field, all of its name together
LINKS = 100  # message identifiers that one message refers to: the first, and the last ones
LINK = 500  # octets of one
RAW = 2000  # octets of a field whose names are not declared, that are read again
REMEMBERED, REMEMBERED_MOST = (
    2048,
    200,
)  # values with encoded words whose text is remembered, and octets of one

# The fields that are kept, by the name of their column.
COLUMNS = {
    b"subject": "subject",
    b"from": "author",
    b"to": "receiver",
    b"cc": "cc",
    b"bcc": "bcc",
    b"message-id": "ident",
}


_Kept = Mapping[bytes, Sequence[bytes]]  # unfolded values by the lower-case names of their fields


class Head(NamedTuple):
    """One message's. A NamedTuple: a SORT makes ten thousand."""

    subject: str | None
    author: str | None
    receiver: str | None
    cc: str | None
    bcc: str | None
    ident: str | None
    day: int  # the day of Date as its writer wrote it, 20240131; 0 where none can be read
    sent: int | None  # the moment of Date, seconds since 1970 (RFC 5256 §2.2)
    topic: str  # base subject (RFC 5256 §2.1)
    reply: bool  # whether something was taken off for it (RFC 5256 §2.1: is a reply or forward)
    by_author: str  # mailbox of the first From, To, Cc: what FROM, TO and CC sort by (RFC 5256 §3)
    by_receiver: str
    by_cc: str
    shown_author: str  # what a person is shown of them: DISPLAYFROM and DISPLAYTO (RFC 5957 §3)
    shown_receiver: str
    links: str  # its identifier, or "-", then those that it refers to, oldest first, a space between
    whole: bool


def head_of(fields: Sequence[tuple[bytes, bytes]], lists: Mapping[int, Sequence[Address]]) -> Head:
    """From the fields of the header (lower-case names, unfolded values) and the addresses in it, by their place in
    ENVELOPE."""
    kept: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        if name in WANTED:
            kept.setdefault(name, []).append(value)
    texts = [_text(kept[name]) if name in kept else None for name in COLUMNS]
    subject, author, receiver, cc, bcc, ident = [text and text[:FIELD] for text in texts]
    dates = kept.get(b"date")
    day, sent = read_date(dates[-1]) if dates else (0, None)
    # RFC 5322 §3.6 allows one; of several the last is shown in ENVELOPE
    topic, reply = base_subject(subject.rpartition("\n")[2]) if subject else ("", False)
    first = [_first(kept, name, lists.get(place)) for name, place in _LISTS]
    return Head(
        subject,
        author,
        receiver,
        cc,
        bcc,
        ident,
        day,
        sent,
        topic,
        reply,
        _mailbox(first[0]),
        _mailbox(first[1]),
        _mailbox(first[2]),
        _shown(first[0]),
        _shown(first[1]),
        links_of(kept),
        all(text is None or len(text) <= FIELD for text in texts),
    )


_LISTS = ((b"from", 2), (b"to", 5), (b"cc", 6))  # and their places in ENVELOPE
LINKING = (b"message-id", b"references", b"in-reply-to")  # what `Head.links` is made of
WANTED = frozenset((*COLUMNS, b"date", *LINKING))


def folded(value: bytes) -> str:
    """An unfolded value as it is compared: `fold(decode_header(value))`, sooner for what nearly all fields are."""
    if value.isascii() and b"=?" not in value and b"\x1b" not in value:
        return " ".join(value.decode("ascii").lower().split())
    return _decoded(value) if len(value) <= REMEMBERED_MOST else fold(decode_header(value))


@lru_cache(maxsize=REMEMBERED)
def _decoded(value: bytes) -> str:
    """The same names stand in message after message."""
    return fold(decode_header(value))


def _text(values: Sequence[bytes]) -> str:
    return folded(values[0]) if len(values) == 1 else "\n".join(map(folded, values))


def _first(kept: _Kept, name: bytes, found: Sequence[Address] | None) -> Address | None:
    """The first address of a field. Where names stand in it undeclared, their octets may look like quotes and
    brackets: then it is read again as text."""
    if not found:
        return None
    value = kept[name][0]
    if value.isascii() and b"\x1b" not in value:
        return found[0]
    read = addresses(decode(value[:RAW]).encode("utf-8", "replace"))
    return read[0] if read else found[0]


def _mailbox(address: Address | None) -> str:
    return folded(address.mailbox) if address and address.mailbox else ""


def _shown(address: Address | None) -> str:
    """RFC 5957 §3: the name, else the address; of a group its name."""
    if address is None:
        return ""
    if address.name:
        return folded(address.name)
    return folded(b"@".join(filter(None, (address.mailbox, address.host))))


# RFC 5256 §5, for a text that is folded already: `subj-blob`s, and `subj-refwd`.
_BLOBS = re.compile(r"(?:\[[^\[\]]*\] ?)*")
_REPLY = re.compile(r"(?:re|fwd?) ?(?:\[[^\[\]]*\] ?)?: ?")


def base_subject(folded: str) -> tuple[str, bool]:
    """The base subject, and whether it is that of a reply or a forward (RFC 5256 §2.1).

    Exactly the RFC's steps: no word for "Re" of another language is taken off, for clients reckon with the same.
    """
    text, reply = folded, False
    while True:
        text = text.strip()
        while text.endswith("(fwd)"):  # (2)
            text, reply = text[:-5].rstrip(), True
        start = 0
        while True:
            blobs = _BLOBS.match(text, start).end()  # type: ignore[union-attr]  # matches everywhere
            match = _REPLY.match(text, blobs)
            if match is None:
                break
            start, reply = match.end(), True  # (3)
        if blobs == len(text) > start:
            blobs = max(start, text.rindex("["))  # (4) something must be left
        text = text[blobs:]
        if not (text.startswith("[fwd:") and text.endswith("]")):  # (6)
            return text, reply
        text, reply = text[5:-1], True


_DATE = re.compile(
    rb"(?:^|[\s,])([0-9]{1,2})[ \t-]+([A-Za-z]{3})[A-Za-z]*[ \t-]+([0-9]{2,4})\b"
    rb"(?:[ \t]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?[ \t]*([+-][0-9]{4}|[A-Za-z]{1,5})?)?"
)
_MONTHS = b"JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# RFC 5322 §4.3, and what Japanese programs of that age wrote. Any other name means that the zone is not known.
_ZONES = {
    b"EST": -5,
    b"EDT": -4,
    b"CST": -6,
    b"CDT": -5,
    b"MST": -7,
    b"MDT": -6,
    b"PST": -8,
    b"PDT": -7,
    b"JST": 9,
}


def read_date(value: bytes) -> tuple[int, int | None]:
    """The day that a Date names, whatever its zone (RFC 9051 §6.4.4), and its moment (RFC 5256 §2.2)."""
    match = _DATE.search(value[:200])
    if match is None:
        return 0, None
    month = _MONTHS.find(match[2].upper())
    if month < 0 or month % 3:
        return 0, None
    year, number = int(match[3]), int(match[1])
    if len(match[3]) < 4:  # RFC 5322 §4.3
        year += 2000 if len(match[3]) == 2 and year < 50 else 1900
    month = month // 3 + 1
    day = year * 10_000 + month * 100 + number
    if not 1 <= number <= _DAYS[month - 1] or not 1 <= year <= 9999:
        return day, None
    # RFC 5256 §2.2: without a time it is midnight
    hour, minute, second = (int(match[group] or 0) for group in (4, 5, 6))
    if hour > 23 or minute > 59 or second > 60:
        hour = minute = second = 0
    zone = match[7] or b""
    if zone[:1] in (b"+", b"-"):
        away = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
        away = -away if zone[:1] == b"-" else away
    else:
        away = _ZONES.get(zone.upper(), 0) * 3600
    return day, timegm((year, month, number, hour, minute, second)) - away


_IDENT = re.compile(rb"<[ \t]*([^<>\s]{1,%d})[ \t]*>" % LINK)


def links_of(kept: _Kept) -> str:
    """`Head.links`. Identifiers without quotes, for `<"a"@b>` is `<a@b>` (RFC 5256 §3, REFERENCES)."""
    own = _idents(kept.get(b"message-id", ())[:1])[:1] or ["-"]
    above = _idents(kept.get(b"references", ())) or _idents(kept.get(b"in-reply-to", ()))[:1]
    if len(above) > LINKS:
        above = [above[0], *above[1 - LINKS :]]
    return " ".join(own + above)


def _idents(values: Sequence[bytes]) -> list[str]:
    found = []
    for value in values:
        for ident in _IDENT.findall(value):
            found.append(ident.replace(b'"', b"").decode("utf-8", "replace"))
    return found
