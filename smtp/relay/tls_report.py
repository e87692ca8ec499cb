"""A report of RFC 8460: the JSON of it, and the mail that carries it. Pure: counts in, bytes out."""

import base64
import gzip
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from smtp.relay.protection import Policy
from smtp.relay.tls_rpt import Counted, Due
from storage.state.daily import DAY

MOST_URIS = 5  # places that one report is sent to


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who reports."""

    hostname: str
    contact: str


def destinations(texts: list[str]) -> tuple[str, ...]:
    """The `rua` of a TLSRPT record (§3): mailto: and https: URIs; none if there is no such record, or several."""
    records = [text for text in texts if text.replace(" ", "").startswith("v=TLSRPTv1;")]
    if len(records) != 1:
        return ()
    for field in records[0].split(";")[1:]:
        key, _, value = field.strip().partition("=")
        if key.strip() == "rua":
            uris = [uri.strip() for uri in value.split(",")]
            return tuple(uri for uri in uris if uri.lower().startswith(("mailto:", "https://")))[:MOST_URIS]
    return ()


def report_id(submitter: Submitter, due: Due) -> str:
    """The same for the same report, so that one that is sent twice counts once (§4.4)."""
    return f"{_date(due.day).date().isoformat()}.{due.domain}@{submitter.hostname}"


def body(submitter: Submitter, due: Due) -> bytes:
    """The JSON of §4.4, gzipped."""
    found: dict[Policy, list[Counted]] = defaultdict(list)
    for counted in due.results:
        found[counted.result.policy].append(counted)
    report = {
        "organization-name": submitter.hostname,
        "date-range": {
            "start-datetime": _date(due.day).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "end-datetime": _date(due.day, DAY - 1).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "contact-info": submitter.contact,
        "report-id": report_id(submitter, due),
        "policies": [_policy(due.domain, policy, results) for policy, results in found.items()],
    }
    return gzip.compress(json.dumps(report, ensure_ascii=False).encode("utf-8"), mtime=0)


def _policy(domain: str, policy: Policy, results: list[Counted]) -> dict[str, Any]:
    described: dict[str, Any] = {"policy-type": policy.kind, "policy-domain": domain}
    if policy.lines:
        described["policy-string"] = list(policy.lines)
    if policy.mx:
        described["mx-host"] = list(policy.mx)
    failed = [each for each in results if each.result.failure]
    made: dict[str, Any] = {
        "policy": described,
        "summary": {
            "total-successful-session-count": sum(each.count for each in results if not each.result.failure),
            "total-failure-session-count": sum(each.count for each in failed),
        },
    }
    if failed:
        made["failure-details"] = [_failure(each) for each in failed]
    return made


def _failure(counted: Counted) -> dict[str, Any]:
    result = counted.result
    named = {
        "sending-mta-ip": result.source,
        "receiving-mx-hostname": result.host,
        "receiving-ip": result.address,
        "failure-reason-code": result.words,
    }
    return {
        "result-type": result.failure,
        **{key: value for key, value in named.items() if value},
        "failed-session-count": counted.count,
    }


def mail(submitter: Submitter, due: Due, to: str, now: datetime) -> bytes:
    """The mail of §5.3. Its own delivery must not depend on the TLS that it reports on (RFC 8689 §5)."""
    start, end = due.day * DAY, due.day * DAY + DAY - 1
    name = f"{submitter.hostname}!{due.domain}!{start}!{end}.json.gz"
    identity = report_id(submitter, due)
    boundary = f"tlsrpt-{due.day}-{start}"
    data = base64.encodebytes(body(submitter, due)).decode("ascii").replace("\n", "\r\n")
    return (
        f"From: <{submitter.contact}>\r\n"
        f"To: <{to}>\r\n"
        f"Date: {format_datetime(now)}\r\n"
        f"Message-ID: <tlsrpt.{identity}>\r\n"
        f"Subject: Report Domain: {due.domain}\r\n"
        f"\tSubmitter: {submitter.hostname}\r\n"
        f"\tReport-ID: <{identity}>\r\n"
        f"TLS-Report-Domain: {due.domain}\r\n"
        f"TLS-Report-Submitter: {submitter.hostname}\r\n"
        "TLS-Required: No\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type="tlsrpt";\r\n\tboundary="{boundary}"\r\n'
        "\r\n"
        f"--{boundary}\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n"
        "\r\n"
        f"This is an aggregate TLS report for {due.domain}, as its DNS asks for (RFC 8460).\r\n"
        "\r\n"
        f"--{boundary}\r\n"
        "Content-Type: application/tlsrpt+gzip\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "\r\n"
        f"{data}"
        f"--{boundary}--\r\n"
    ).encode("ascii")


def _date(day: int, seconds: int = 0) -> datetime:
    return datetime.fromtimestamp(day * DAY + seconds, UTC)
