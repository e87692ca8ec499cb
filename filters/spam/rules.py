"""What makes a mail suspicious by itself: its header, its structure, its links, and who it is from.

Each finding has a name and points. They are few and mild on purpose, so that none of them alone makes spam of a
mail: what is right for one customer's mail is learned (`builtin`), not guessed here.
"""

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from filters.mail import Mail
from filters.verdict import AuthResult
from storage.header import fields, unfold
from storage.mime import Part, parse
from storage.text import texts

Finding = tuple[str, float]

_DANGEROUS = re.compile(
    rb"\.(?:exe|scr|pif|com|bat|cmd|js|jse|vbs|vbe|wsf|hta|lnk|iso|img|ps1)[\"' ]*$", re.IGNORECASE
)
_NUMERIC_LINK = re.compile(r"https?://(?:[^\s/@]*@)?\d{1,3}(?:\.\d{1,3}){3}[:/\s\"'<>]", re.IGNORECASE)
_LOGIN_LINK = re.compile(r"https?://[^\s/@\"'<>]+@", re.IGNORECASE)
_ANCHOR = re.compile(
    r"<a\b[^<>]*href\s*=\s*[\"']?https?://([^\s/\"'<>]+)[^<>]*>\s*(?:<[^<>]*>\s*)*https?://([^\s/\"'<>]+)",
    re.IGNORECASE,
)
_TEXT_MOST = 100_000  # characters
_ONCE = (b"from", b"subject", b"date", b"message-id", b"to")


def found(mail: Mail, data: bytes) -> Iterator[Finding]:
    """The findings about one mail; `data` is as much of it as is looked at."""
    yield from _about_sender(mail.results)
    yield from _about_header(mail.head)
    root = parse(data)
    yield from _about_structure(root)
    yield from _about_links("".join(texts(data, root, most=_TEXT_MOST))[:_TEXT_MOST])


def _about_sender(results: tuple[AuthResult, ...]) -> Iterator[Finding]:
    by_method = {each.method: each.result for each in results}
    points = {
        ("spf", "fail"): ("SPF_FAIL", 1.5),
        ("spf", "softfail"): ("SPF_SOFTFAIL", 0.7),
        ("spf", "permerror"): ("SPF_PERMERROR", 0.3),
        ("dmarc", "fail"): ("DMARC_FAIL", 2.0),
        ("dmarc", "pass"): ("DMARC_PASS", -0.5),
    }
    for pair, finding in points.items():
        if by_method.get(pair[0]) == pair[1]:
            yield finding
    if "pass" in [each.result for each in results if each.method == "dkim"]:
        yield "DKIM_VALID", -0.3


def _about_header(head: bytes) -> Iterator[Finding]:
    values: dict[bytes, list[bytes]] = {}
    for field in fields(head):
        values.setdefault(field.name, []).append(unfold(head[field.value_start : field.end]))
    if b"message-id" not in values:
        yield "MISSING_MID", 0.8
    if b"from" not in values:
        yield "MISSING_FROM", 1.5
    if b"to" not in values and b"cc" not in values:
        yield "MISSING_TO", 0.8
    if any(len(values.get(name, ())) > 1 for name in _ONCE):
        yield "REPEATED_FIELD", 1.5
    subject = values.get(b"subject", [b""])[0]
    letters = [chr(octet) for octet in subject if chr(octet).isalpha() and octet < 128]
    if len(letters) > 12 and b"=?" not in subject and all(letter.isupper() for letter in letters):
        yield "SUBJECT_ALL_CAPS", 0.8
    if (
        re.match(rb"(?i)(?:re|fw|fwd):", subject)
        and b"in-reply-to" not in values
        and b"references" not in values
    ):
        yield "FAKED_REPLY", 0.5
    yield from _about_date(values.get(b"date"))


def _about_date(dates: list[bytes] | None) -> Iterator[Finding]:
    if not dates:
        yield "MISSING_DATE", 0.8
        return
    try:
        parsedate_to_datetime(dates[0].decode("ascii", "replace"))
    except (ValueError, TypeError, OverflowError):
        yield "INVALID_DATE", 1.0


def _about_structure(root: Part) -> Iterator[Finding]:
    parts, work = [], [root]
    while work:
        part = work.pop()
        parts.append(part)
        work += part.children
    kinds = {part.media for part in parts if not part.multipart}
    if kinds == {b"text/html"}:
        yield "HTML_ONLY", 0.6
    if any(kind.startswith(b"image/") for kind in kinds) and not any(kind == b"text/plain" for kind in kinds):
        yield "HTML_AND_IMAGES", 0.5
    names = [part.param(b"name") or b"" for part in parts]
    names += [
        value for part in parts for name, value in part.disposition_params if name.lower() == b"filename"
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
