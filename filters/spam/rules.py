"""What makes a mail suspicious by itself: its header, its structure, its links, and who it is from.

Each finding has a name and points. They are few and mild on purpose, so that none of them alone makes spam of a
mail: what is right for one customer's mail is learned (`builtin`), not guessed here.
"""

import re
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime

from filters.spam.reading import Reading
from filters.verdict import AuthResult
from storage.mime.parts import Part

Finding = tuple[str, float]

_DANGEROUS = re.compile(
    rb"\.(?:exe|scr|pif|com|bat|cmd|js|jse|vbs|vbe|wsf|hta|lnk|iso|img|ps1)[\"' ]*$", re.IGNORECASE
)
# Bounded, and possessive where a way back would be tried over and over: hostile HTML is looked at once.
# Both cases are written out: so the expression has a beginning that can be searched for.
_HTTP = r"[hH][tT]{2}[pP][sS]?://"
_NUMERIC_LINK = re.compile(_HTTP + r"(?:[^\s/@]{0,100}+@)?\d{1,3}(?:\.\d{1,3}){3}(?=[:/\s\"'<>]|$)")
_LOGIN_LINK = re.compile(_HTTP + r"[^\s/@\"'<>]{1,100}+@")
_ANCHOR = re.compile(
    rf"<[aA]\b[^<>]{{0,500}}?\b[hH][rR][eE][fF]\s{{0,5}}=\s{{0,5}}[\"']?{_HTTP}([^\s/\"'<>]{{1,253}}+)[^<>]{{0,2000}}+>"
    rf"\s{{0,50}}+(?:<[^<>]{{0,300}}+>\s{{0,50}}+){{0,5}}+{_HTTP}([^\s/\"'<>]{{1,253}}+)"
)
_ONCE = (b"from", b"subject", b"date", b"message-id", b"to")
_CAPITALS = [bytes((letter,)) for letter in range(ord("A"), ord("Z") + 1)]
_REPLY = re.compile(rb"(?:re|fw|fwd):", re.IGNORECASE)
_SENDER = {
    ("spf", "fail"): ("SPF_FAIL", 1.5),
    ("spf", "softfail"): ("SPF_SOFTFAIL", 0.7),
    ("spf", "permerror"): ("SPF_PERMERROR", 0.3),
    ("dmarc", "fail"): ("DMARC_FAIL", 2.0),
    ("dmarc", "pass"): ("DMARC_PASS", -0.5),
    ("dkim", "pass"): ("DKIM_VALID", -0.3),  # of several signatures one is enough
}


def found(reading: Reading, results: Sequence[AuthResult] = ()) -> Iterator[Finding]:
    """The findings about one mail, some more than once; `results` are those of sender authentication."""
    for each in results:
        if finding := _SENDER.get((each.method, each.result)):
            yield finding
    yield from _about_header(reading.header)
    yield from _about_structure(reading.parts)
    for text in (*reading.shown, *reading.markup):
        if "://" in text:
            yield from _about_links(text)


def _about_header(header: dict[bytes, list[bytes]]) -> Iterator[Finding]:
    if b"message-id" not in header:
        yield "MISSING_MID", 0.8
    if b"from" not in header:
        yield "MISSING_FROM", 1.5
    if b"to" not in header and b"cc" not in header:
        yield "MISSING_TO", 0.8
    if any(len(header.get(name, ())) > 1 for name in _ONCE):
        yield "REPEATED_FIELD", 1.5
    subject = header.get(b"subject", [b""])[0]
    plain = b"=?" not in subject and b"\x1b" not in subject
    if plain and subject.isupper() and sum(map(subject.count, _CAPITALS)) > 12:
        yield "SUBJECT_ALL_CAPS", 0.8
    if _REPLY.match(subject) and b"in-reply-to" not in header and b"references" not in header:
        yield "FAKED_REPLY", 0.5
    yield from _about_date(header.get(b"date"))


def _about_date(dates: list[bytes] | None) -> Iterator[Finding]:
    if not dates:
        yield "MISSING_DATE", 0.8
        return
    try:
        parsedate_to_datetime(dates[0].decode("ascii", "replace"))
    except (ValueError, TypeError, OverflowError):
        yield "INVALID_DATE", 1.0


def _about_structure(parts: Sequence[Part]) -> Iterator[Finding]:
    kinds = {part.media for part in parts if not part.multipart and part.message is None}
    if kinds == {b"text/html"}:
        yield "HTML_ONLY", 0.6
    if any(kind.startswith(b"image/") for kind in kinds) and b"text/plain" not in kinds:
        yield "HTML_AND_IMAGES", 0.5
    names = [
        value
        for part in parts
        for name, value in (*part.params, *part.disposition_params)
        if name.lower().startswith((b"name", b"filename"))
    ]
    if any(_DANGEROUS.search(name) for name in names):
        yield "DANGEROUS_ATTACHMENT", 3.0


def _about_links(text: str) -> Iterator[Finding]:
    if _NUMERIC_LINK.search(text):
        yield "LINK_TO_NUMBERS", 1.5
    if _LOGIN_LINK.search(text):
        yield "LINK_WITH_LOGIN", 1.0
    for match in _ANCHOR.finditer(text):
        if _site(match[1]) != _site(match[2]):
            yield "LINK_SAYS_ANOTHER", 2.0
            return


def _site(host: str) -> str:
    return ".".join(host.lower().rstrip(".").split(":")[0].split(".")[-2:])
