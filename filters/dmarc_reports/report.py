"""An aggregate report of RFC 9990: the XML of it, and the mail that carries it. Pure: counts in, bytes out.

Readers that know RFC 7489 alone find all its elements under their names; what is new is passed over by them.
"""

import base64
import gzip
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from datetime import datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

from storage.state.daily import DAY
from storage.state.dmarc_results import Counted, Due, Evaluated, Published

NAMESPACE = "urn:ietf:params:xml:ns:dmarc-2.0"
_DKIM_RESULTS = frozenset(("none", "pass", "fail", "policy", "neutral", "temperror", "permerror"))


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who reports."""

    hostname: str
    contact: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a day under one policy; a domain that changed its policy that day gets two."""

    day: int  # days since 1970, UTC
    published: Published
    results: tuple[Counted, ...]

    @property
    def domain(self) -> str:
        return self.published.domain


def reports(due: Due) -> list[Report]:
    """The reports of a domain and day."""
    found: dict[Published, list[Counted]] = defaultdict(list)
    for each in due.results:
        found[each.evaluated.published].append(each)
    return [Report(due.day, published, tuple(results)) for published, results in found.items()]


def report_id(submitter: Submitter, report: Report) -> str:
    """The same for the same report, so that one that is sent twice counts once."""
    policy = hashlib.sha256(repr(astuple(report.published)).encode()).hexdigest()[:8]
    return f"{report.day * DAY}.{policy}.{report.domain}@{submitter.hostname}"


def body(submitter: Submitter, report: Report) -> bytes:
    """The XML of RFC 9990 §3.1, gzipped."""
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(_feedback(submitter, report)) + "\n"
    return gzip.compress(text.encode("utf-8", "replace"), mtime=0)


def _feedback(submitter: Submitter, report: Report) -> Iterator[str]:
    yield f'<feedback xmlns="{NAMESPACE}">'
    yield _element("version", "1.0")
    yield from _within(
        "report_metadata",
        [
            _element("org_name", submitter.hostname),
            _element("email", submitter.contact),
            _element("report_id", report_id(submitter, report)),
            f"<date_range><begin>{report.day * DAY}</begin><end>{report.day * DAY + DAY - 1}</end></date_range>",
            _element("generator", "kwcmaild"),
        ],
    )
    yield from _within("policy_published", _policy(report.published))
    for each in report.results:
        yield from _within("record", _record(each.evaluated, each.count))
    yield "</feedback>"


def _policy(published: Published) -> list[str]:
    return [
        _element("domain", published.domain),
        _element("discovery_method", "treewalk" if published.tree_walk else "psl"),
        _element("p", published.policy),
        _element("sp", published.subdomain_policy),
        _element("np", published.missing_policy),
        _element("adkim", "s" if published.strict_dkim else "r"),
        _element("aspf", "s" if published.strict_spf else "r"),
        _element("testing", "y" if published.testing else "n"),
    ]


def _record(found: Evaluated, count: int) -> Iterator[str]:
    judged = [
        _element("disposition", found.disposition),
        _element("dkim", "pass" if found.dkim_aligned else "fail"),
        _element("spf", "pass" if found.spf_aligned else "fail"),
    ]
    if found.override:
        judged += _within("reason", [_element("type", found.override)])
    row = [
        _element("source_ip", found.source),
        _element("count", str(count)),
        *_within("policy_evaluated", judged),
    ]
    yield from _within("row", row)
    identifiers = [_element("header_from", found.header_from)]
    if found.envelope_from:
        identifiers.insert(0, _element("envelope_from", found.envelope_from))
    yield from _within("identifiers", identifiers)
    yield from _within("auth_results", _results(found))


def _results(found: Evaluated) -> Iterator[str]:
    for domain, selector, result in found.signatures:
        word = result if result in _DKIM_RESULTS else "permerror"
        said = [_element("domain", domain), _element("selector", selector), _element("result", word)]
        yield from _within("dkim", said)
    domain, result = found.spf
    said = [_element("domain", domain), _element("scope", "mfrom"), _element("result", result)]
    yield from _within("spf", said)


def _within(name: str, inner: Iterable[str]) -> list[str]:
    return [f"<{name}>", *inner, f"</{name}>"]


def _element(name: str, text: str) -> str:
    """Names are chosen by strangers: what XML can't hold (XML 1.0 §2.2) becomes a question mark."""
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return f"<{name}>{escape(clean)}</{name}>"


def mail(submitter: Submitter, report: Report, data: bytes, to: str, now: datetime) -> bytes:
    """The mail of RFC 9990 §3.2.2, which carries `body` as an attachment."""
    start, end = report.day * DAY, report.day * DAY + DAY - 1
    identity = report_id(submitter, report)
    policy = identity.split(".")[1]
    name = f"{submitter.hostname}!{report.domain}!{start}!{end}!{policy}.xml.gz"
    boundary = f"dmarc-{start}-{policy}"
    encoded = base64.encodebytes(data).decode("ascii").replace("\n", "\r\n")
    return (
        f"From: <{submitter.contact}>\r\n"
        f"To: <{to}>\r\n"
        f"Date: {format_datetime(now)}\r\n"
        f"Message-ID: <dmarc.{identity}>\r\n"
        f"Subject: Report Domain: {report.domain}\r\n"
        f" Submitter: {submitter.hostname}\r\n"
        f" Report-ID: <{identity}>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n'
        "\r\n"
        f"--{boundary}\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n"
        "\r\n"
        f"This is an aggregate report of DMARC for {report.domain}, as its DNS asks for (RFC 9990).\r\n"
        "\r\n"
        f"--{boundary}\r\n"
        "Content-Type: application/gzip\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "\r\n"
        f"{encoded}"
        f"--{boundary}--\r\n"
    ).encode("ascii")
