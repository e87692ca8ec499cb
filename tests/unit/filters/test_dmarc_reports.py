"""DMARC's results, counted by day and domain, reported to whoever asks for it and agrees to get it."""

import asyncio
import gzip
import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.filters import Filters, SenderAuth
from filters.dmarc_reports import report
from filters.dmarc_reports.destinations import Destination, read, wanted
from filters.dmarc_reports.report import NAMESPACE, Submitter
from filters.dmarc_reports.reporter import DmarcReporter
from filters.mail import Mail
from filters.sender_auth import check
from storage.message import Message
from storage.state import dmarc_results
from storage.state.daily import CLAIM, DAY, delay
from storage.state.dmarc_results import Counted, DmarcResults, Due, Evaluated, Published
from tests.house import Site
from tests.open_files import open_files
from tests.unit.filters.sender_auth.test_check import ZONE, run, signed
from tests.unit.filters.sender_auth.test_signatures import BODY, HEAD
from tests.unit.filters.sender_auth.zone import Record, Zone, txt

START = 20_000 * DAY
RUA = "rua=mailto:reports@example.com"
PUBLISHED = Published("example.com", "reject", "quarantine", "reject", True, False, False, True)
FAILED = Evaluated(
    PUBLISHED,
    "2001:db8::1",
    "reject",
    False,
    False,
    "",
    "sub.example.com",
    "ev&il.example",
    (("example.com", "s<1>", "fail"), ("other.example", "x", "pass")),
    ("ev&il.example", "softfail"),
)
PASSED = Evaluated(
    PUBLISHED, "192.0.2.1", "pass", True, True, "", "example.com", "", (), ("mx.example.com", "pass")
)
SUBMITTER = Submitter("mail.example.test", "postmaster@example.test")


class Clock:
    now = float(START + 3600)

    def __call__(self) -> float:
        return self.now


# ---- what is counted


class Kept(DmarcResults):
    """Keeps what is noted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Clock())
        self.noted: list[Evaluated] = []

    def note(self, evaluated: Evaluated) -> None:
        self.noted.append(evaluated)


async def noted(
    tmp_path: Path, record: str, head: bytes = HEAD, peer: str = "198.51.100.7", **rules: Any
) -> list[Evaluated]:
    kept = Kept(tmp_path)
    zone = Zone({**ZONE, "_dmarc.example.com": [txt(record)]})
    made = check.SenderAuth(lambda: SenderAuth(**rules), zone, run, kept)
    message = Message.of(head + BODY)
    await made.message(Mail("Taro@example.com", peer, "t.1", "mx.example.net", message=message, head=head))
    return kept.noted


@pytest.mark.parametrize(
    ("record", "rules", "disposition", "override"),
    [
        ("p=reject", {}, "reject", ""),
        ("p=reject", {"dmarc_reject": False}, "quarantine", "local_policy"),
        ("p=quarantine", {"dmarc_quarantine": False}, "none", "local_policy"),
        ("p=none", {}, "none", ""),
        ("p=reject; t=y", {}, "quarantine", "policy_test_mode"),
    ],
)
async def test_what_became_of_mail_that_fails(
    tmp_path: Path, record: str, rules: dict[str, Any], disposition: str, override: str
) -> None:
    (found,) = await noted(tmp_path, f"v=DMARC1; {record}; {RUA}", **rules)
    assert (found.disposition, found.override) == (disposition, override)
    assert (found.source, found.header_from, found.envelope_from) == (
        "198.51.100.7",
        "example.com",
        "example.com",
    )
    assert (found.dkim_aligned, found.spf_aligned, found.spf) == (False, False, ("example.com", "fail"))
    assert found.published.testing is ("t=y" in record)


async def test_what_became_of_mail_that_passes(tmp_path: Path) -> None:
    (found,) = await noted(tmp_path, f"v=DMARC1; p=reject; {RUA}", signed(), "192.0.2.1")
    assert (found.disposition, found.dkim_aligned, found.spf_aligned) == ("pass", True, True)
    assert found.signatures == (("example.com", "r1", "pass"),)


@pytest.mark.parametrize(
    ("record", "rules"),
    [
        ("v=DMARC1; p=reject", {}),
        (f"v=DMARC1; p=reject; {RUA}", {"dmarc_reports": False}),
        (f"v=DMARC1; p=reject; {RUA}", {"dmarc_reports_not_to": ("example.com",)}),
        ("v=spf1", {}),
    ],
)
async def test_nothing_is_counted_for_who_gets_no_report(
    tmp_path: Path, record: str, rules: dict[str, Any]
) -> None:
    assert await noted(tmp_path, record, **rules) == []


def test_a_domain_that_gets_none_stands_for_what_is_below_it() -> None:
    rules = SenderAuth(dmarc_reports_not_to=("example.com",))
    assert [rules.reports_to(each) for each in ("example.com", "a.example.com", "anexample.com")] == [
        False,
        False,
        True,
    ]


# ---- how it is kept


def test_results_of_a_day_are_due_when_it_is_over(tmp_path: Path) -> None:
    clock = Clock()
    results, other = DmarcResults(tmp_path, clock), DmarcResults(tmp_path, clock)  # two processes
    for each in [FAILED] * 2 + [PASSED]:
        results.note(each)
    other.note(FAILED)
    results.write()
    other.write()
    assert not other.due()
    clock.now = START + DAY + delay("example.com") - 1
    assert not other.due()
    clock.now += 2
    (due,) = other.due()
    assert due == Due(20_000, "example.com", (Counted(FAILED, 3), Counted(PASSED, 1)))
    assert not results.due()  # the other one has claimed it
    clock.now += CLAIM + 1
    assert results.due()  # and was killed
    results.done(due)
    clock.now += CLAIM + 1
    assert not results.due()
    results.note(PASSED)
    results.close()
    clock.now += DAY + 4 * 3600
    assert [each.day for each in other.due()] == [20_001]  # noted before the close
    other.close()


def test_memory_and_disk_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dmarc_results, "MOST_KINDS", 10)
    monkeypatch.setattr(dmarc_results, "MOST_ROWS", 15)
    clock = Clock()
    results = DmarcResults(tmp_path, clock)
    for round_ in range(3):
        for number in range(100):
            source = f"192.0.2.{number + round_ * 5}"
            results.note(Evaluated(PUBLISHED, source, "none", False, False, "", "a", "b", (), ("c", "none")))
        results.write()
    clock.now += 2 * DAY
    (due,) = results.due()
    assert len(due.results) == 15
    assert sum(each.count for each in due.results) == 30 - 5  # the last five kinds found no room
    results.close()


# ---- the report


def made(*results: Counted) -> ET.Element:
    (one,) = report.reports(Due(20_000, "example.com", results))
    return ET.fromstring(gzip.decompress(report.body(SUBMITTER, one)))


def texts(element: ET.Element, path: str) -> list[str | None]:
    return [
        each.text for each in element.findall("/".join(f"{{{NAMESPACE}}}{name}" for name in path.split("/")))
    ]


def test_the_xml() -> None:
    found = made(Counted(FAILED, 3), Counted(PASSED, 1))
    expected = {
        "version": ["1.0"],
        "report_metadata/org_name": ["mail.example.test"],
        "report_metadata/email": ["postmaster@example.test"],
        "report_metadata/date_range/begin": ["1728000000"],
        "report_metadata/date_range/end": ["1728086399"],
        "policy_published/domain": ["example.com"],
        "policy_published/discovery_method": ["treewalk"],
        "policy_published/p": ["reject"],
        "policy_published/sp": ["quarantine"],
        "policy_published/np": ["reject"],
        "policy_published/adkim": ["s"],
        "policy_published/aspf": ["r"],
        "policy_published/testing": ["n"],
        "record/row/source_ip": ["2001:db8::1", "192.0.2.1"],
        "record/row/count": ["3", "1"],
        "record/row/policy_evaluated/disposition": ["reject", "pass"],
        "record/row/policy_evaluated/dkim": ["fail", "pass"],
        "record/row/policy_evaluated/spf": ["fail", "pass"],
        "record/row/policy_evaluated/reason/type": [],
        "record/identifiers/header_from": ["sub.example.com", "example.com"],
        "record/identifiers/envelope_from": ["ev&il.example"],
        "record/auth_results/dkim/selector": ["s<1>", "x"],
        "record/auth_results/dkim/result": ["fail", "pass"],
        "record/auth_results/spf/scope": ["mfrom", "mfrom"],
        "record/auth_results/spf/result": ["softfail", "pass"],
    }
    assert {path: texts(found, path) for path in expected} == expected


def test_names_that_xml_cannot_hold() -> None:
    odd = Evaluated(
        PUBLISHED, "192.0.2.1", "none", False, False, "local_policy", "a\x00\ud800b", "", (), ("\x1b", "none")
    )
    found = made(Counted(odd, 1))
    assert texts(found, "record/identifiers/header_from") == ["a??b"]
    assert texts(found, "record/row/policy_evaluated/reason/type") == ["local_policy"]


def test_a_policy_that_changed_makes_two_reports() -> None:
    changed = Evaluated(
        Published("example.com", "none", "none", "none", False, False, False, True),
        *("192.0.2.1", "none", False, False, "", "example.com", "", (), ("example.com", "fail")),
    )
    two = report.reports(Due(20_000, "example.com", (Counted(FAILED, 1), Counted(changed, 1))))
    assert len({report.report_id(SUBMITTER, each) for each in two}) == 2


def test_the_mail() -> None:
    (one,) = report.reports(Due(20_000, "example.com", (Counted(FAILED, 3),)))
    data = report.body(SUBMITTER, one)
    text = report.mail(SUBMITTER, one, data, "d@example.com", datetime(2024, 10, 5, tzinfo=UTC)).decode()
    assert "\n" not in text.replace("\r\n", "") and all(len(line) < 200 for line in text.split("\r\n"))
    for field in (
        "To: <d@example.com>\r\n",
        "Subject: Report Domain: example.com\r\n Submitter: mail.example.test\r\n Report-ID: <1728000000.",
        "Content-Type: application/gzip\r\n",
        'filename="mail.example.test!example.com!1728000000!1728086399!',
    ):
        assert field in text
    encoded = re.search(r"gz\"\r\n\r\n(.*?)\r\n--", text, re.DOTALL)
    assert encoded is not None
    assert b64decode(encoded[1]) == data


# ---- where it goes


@pytest.mark.parametrize(
    ("uris", "expected"),
    [
        (("mailto:a@example.com",), [Destination("a@example.com")]),
        (
            ("mailto:a@example.com!10m", "MAILTO:b%2Bx@example.com!50"),
            [Destination("a@example.com", 10 * 2**20), Destination("b+x@example.com", 50)],
        ),
        (("mailto:a@example.com?subject=x", "mailto:a@example.com"), [Destination("a@example.com")]),
        (("https://example.com/", "mailto:", "mailto:a@", "mailto:a@[192.0.2.1]", "mailto:a@b!x"), []),
        (
            tuple(f"mailto:a{number}@b.test" for number in range(9)),
            [Destination(f"a{n}@b.test") for n in range(5)],
        ),
    ],
)
def test_addresses_in_a_record(uris: tuple[str, ...], expected: list[Destination]) -> None:
    assert read(uris) == expected


TO_OTHER = "mailto:a@example.com,mailto:b@reports.example.com,mailto:c@collector.example"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, ["a@example.com", "b@reports.example.com"]),
        (txt("v=DMARC1"), ["a@example.com", "b@reports.example.com", "c@collector.example"]),
        (
            txt("v=DMARC1; rua=mailto:d@collector.example!5k"),
            ["a@example.com", "b@reports.example.com", "d@collector.example"],
        ),
        (
            txt("v=DMARC1; rua=mailto:victim@third.example"),  # not at its own host
            ["a@example.com", "b@reports.example.com", "c@collector.example"],
        ),
        (txt("v=spf1 -all"), ["a@example.com", "b@reports.example.com"]),
        (("TXT", "TIMEOUT"), ["a@example.com", "b@reports.example.com"]),
    ],
)
async def test_another_organisation_has_to_agree(answer: Record | None, expected: list[str]) -> None:
    records: dict[str, list[Record]] = {"_dmarc.example.com": [txt(f"v=DMARC1; p=none; rua={TO_OTHER}")]}
    if answer is not None:
        records["example.com._report._dmarc.collector.example"] = [answer]
    found = await wanted(Zone(records), "example.com", "public_suffix")
    assert [each.address for each in found] == expected


# ---- when it is sent


class Desk:
    """A reporter whose mail is kept here, a day after FAILED came three times."""

    def __init__(self, site: Site, tmp_path: Path, records: dict[str, list[Record]], **rules: Any) -> None:
        self.clock = Clock()
        self.results = DmarcResults(tmp_path, self.clock)
        self.sent: list[tuple[bytes, str]] = []

        async def send(message: Message, to: str) -> None:
            self.sent.append((message.read(), to))

        settings = site.settings.model_copy(update={"filters": Filters(sender_auth=SenderAuth(**rules))})
        self.zone = Zone(records)
        self.reporter = DmarcReporter(settings, self.results, self.zone, asyncio.to_thread, send)
        for _ in range(3):
            self.results.note(FAILED)
        self.results.write()
        self.clock.now = START + DAY + 4 * 3600

    async def step(self) -> list[tuple[bytes, str]]:
        self.clock.now += CLAIM + 1
        await self.reporter.step()
        sent, self.sent = self.sent, []
        return sent


async def test_between_two_looks_nothing_is_open(site: Site, tmp_path: Path) -> None:
    desk = Desk(site, tmp_path / "dmarc", {})
    assert open_files(tmp_path / "dmarc")
    await desk.step()
    assert not open_files(tmp_path / "dmarc")


async def test_a_report_is_sent_once(site: Site, tmp_path: Path) -> None:
    record = txt("v=DMARC1; p=reject; rua=mailto:a@example.com!1k,mailto:b@example.com!100")
    desk = Desk(site, tmp_path, {"_dmarc.example.com": [record]}, dmarc_report_contact="dmarc@example.test")
    ((message, to),) = await desk.step()
    assert to == "a@example.com"  # it is larger than 100 octets
    assert b"From: <dmarc@example.test>\r\n" in message
    assert await desk.step() == []


async def test_a_silent_dns_keeps_it(site: Site, tmp_path: Path) -> None:
    desk = Desk(site, tmp_path, {"_dmarc.example.com": [("TXT", "TIMEOUT")]})
    assert await desk.step() == []
    desk.zone.records["_dmarc.example.com"] = [txt(f"v=DMARC1; p=none; {RUA}")]
    assert [to for _, to in await desk.step()] == ["reports@example.com"]


async def test_who_wants_none_any_more_gets_none(site: Site, tmp_path: Path) -> None:
    desk = Desk(site, tmp_path, {"_dmarc.example.com": [txt("v=DMARC1; p=none")]})
    assert await desk.step() == []
    desk.zone.records["_dmarc.example.com"] = [txt(f"v=DMARC1; p=none; {RUA}")]
    assert await desk.step() == []  # it is thrown away
    desk = Desk(
        site, tmp_path, {"_dmarc.example.com": [txt(f"v=DMARC1; p=none; {RUA}")]}, dmarc_reports=False
    )
    assert await desk.step() == []
