"""Reports that others have sent: read from what they come in, however hostile, and added up."""

import gzip
import io
import zipfile
from base64 import encodebytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.dmarc_reports import reading, report
from filters.dmarc_reports.reading import Feedback, NotAReport, Row, documents, read
from filters.dmarc_reports.summary import summarise
from storage.state.dmarc_results import Counted, Due
from tests.unit.filters.test_dmarc_reports import FAILED, PASSED, SUBMITTER

# As the large receivers write it: RFC 7489, no namespace.
OLD = b"""<?xml version="1.0" encoding="UTF-8" ?>
<feedback>
 <report_metadata><org_name>big.example</org_name><email>noreply@big.example</email>
  <report_id>17</report_id><date_range><begin>1728000000</begin><end>1728086399</end></date_range>
 </report_metadata>
 <policy_published><domain>Example.test</domain><adkim>r</adkim><p>none</p><pct>100</pct></policy_published>
 <record><row><source_ip>192.0.2.7</source_ip><count>4</count><policy_evaluated>
   <disposition>none</disposition><dkim>fail</dkim><spf>pass</spf></policy_evaluated></row>
  <identifiers><header_from>example.test</header_from></identifiers>
  <auth_results><dkim><domain>a.test</domain><result>pass</result></dkim>
   <spf><domain>example.test</domain><result>pass</result></spf></auth_results></record>
 <record><row><source_ip>2001:DB8::0:7</source_ip><count>2.0</count><policy_evaluated>
   <disposition>quarantine</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>
  <identifiers><header_from>example.test</header_from></identifiers><auth_results/></record>
</feedback>"""
ROWS = (
    Row("192.0.2.7", 4, "none", False, True, "example.test"),
    Row("2001:db8::7", 2, "quarantine", False, False, "example.test"),
)


def zipped(*files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate(files):
            archive.writestr(f"{number}.xml", data)
    return made.getvalue()


def mail(*attachments: bytes) -> bytes:
    parts = b"".join(
        b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + encodebytes(each)
        for each in attachments
    )
    head = b"Subject: Report Domain: example.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return head + b"--b\r\nContent-Type: text/plain\r\n\r\n<hello>\r\n" + parts + b"--b--\r\n"


def test_a_report_of_the_old_kind() -> None:
    assert read(OLD) == Feedback("big.example", "17", 1728000000, 1728086399, "example.test", "none", ROWS)


def test_our_own_report_reads_as_it_was_meant() -> None:
    (one,) = report.reports(Due(20_000, "example.com", (Counted(FAILED, 3), Counted(PASSED, 1))))
    (document,) = documents(report.body(SUBMITTER, one))
    found = read(document)
    assert (found.reporter, found.domain, found.begin, found.end) == (
        "mail.example.test",
        "example.com",
        1728000000,
        1728086399,
    )
    assert found.rows == (
        Row("2001:db8::1", 3, "reject", False, False, "sub.example.com"),
        Row("192.0.2.1", 1, "pass", True, True, "example.com"),
    )


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (OLD, 1),
        (b"\xef\xbb\xbf" + OLD, 1),
        (OLD.decode().replace("UTF-8", "UTF-16").encode("utf-16"), 1),
        (gzip.compress(OLD), 1),
        (gzip.compress(OLD[:100]) + gzip.compress(OLD[100:]), 1),
        (zipped(OLD), 1),
        (zipped(OLD, OLD), 2),
        (mail(gzip.compress(OLD)), 1),
        (mail(zipped(OLD), b"%PDF", OLD), 2),
        (mail(), 0),
        (b"Subject: hello\r\n\r\n<p>\r\n", 0),
        (b"", 0),
    ],
)
def test_what_reports_come_in(data: bytes, number: int) -> None:
    assert [read(each).rows for each in documents(data)] == [ROWS] * number


BOMB = gzip.compress(b"<feedback>" + b" " * (reading.MOST + 1))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (BOMB, "unpacks to more than"),
        (mail(BOMB), "unpacks to more than"),
        (zipped(OLD, b" " * reading.MOST), "unpacks to more than"),
        (zipped(*([OLD] * 101)), "more than 100 files"),
        (gzip.compress(OLD)[:-20], "cut off"),
        (b"\x1f\x8b nonsense", "not gzip"),
        (zipped(OLD)[:-30], "zip cannot be read"),
        (b"PK\x03\x04 nonsense", "zip cannot be read"),
        (b'<!DOCTYPE f [<!ENTITY a "b">]>' + OLD[OLD.index(b"<feedback") :], "declares a document type"),
        (
            OLD.replace(b"<feedback>", b'<!DOCTYPE feedback [<!ENTITY a "b">]><feedback>'),
            "declares a document type",
        ),
        (
            OLD.replace(b"<feedback>", b"<!DOCTYPE feedback SYSTEM 'http://x.example/'><feedback>"),
            "declares a doc",
        ),
        (OLD.replace(b"big.example", b"&undeclared;"), "XML is broken"),
        (OLD.replace(b"UTF-8", b"nonsense"), "charset that is not known"),
        (OLD[:-20], "XML is broken"),
        (b"<html></html>", "no report: <html>"),
        (b"<feedback>" + b"<a>" * 30, "nested deeper"),
        (b"<feedback></feedback>", "is no number"),
        (OLD.replace(b"<count>4<", b"<count>-4<"), '"-4" is no number'),
        (OLD.replace(b"192.0.2.7", b"<b>x</b>"), "no source address"),
        (OLD.replace(b"<domain>Example.test</domain>", b""), "which domain"),
    ],
)
def test_what_is_no_report(data: bytes, why: str) -> None:
    with pytest.raises(NotAReport, match=why):
        for each in documents(data):
            read(each)


def test_a_bomb_inside_a_zip_that_lies_about_its_size() -> None:
    data = bytearray(zipped(b"<feedback>" + b" " * (reading.MOST + 1)))
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = b"\x10\x00\x00\x00"  # its uncompressed size, it says
    with pytest.raises(NotAReport):
        for each in documents(bytes(data)):
            read(each)


@given(
    st.integers(0, len(OLD) - 1),
    st.binary(max_size=8),
    st.sampled_from([OLD, gzip.compress(OLD), zipped(OLD)]),
)
def test_damaged_ones_are_refused_or_read_and_nothing_else(at: int, junk: bytes, data: bytes) -> None:
    try:
        for each in documents(data[:at] + junk + data[at + len(junk) :]):
            read(each)
    except NotAReport:
        pass


def test_reports_are_added_up_by_source() -> None:
    other = read(OLD.replace(b"big.example", b"small.example").replace(b"quarantine", b"reject"))
    found = summarise([read(OLD), read(OLD), other])  # the first came twice
    assert (found.reports, found.messages, found.passed) == (2, 12, 8)
    bad, good = found.sources
    assert (bad.source, bad.messages, bad.passed, bad.dispositions) == (
        "2001:db8::7",
        4,
        0,
        {"quarantine": 2, "reject": 2},
    )
    assert (good.source, good.messages, good.dkim_aligned, good.spf_aligned) == ("192.0.2.7", 8, 0, 8)
    assert good.reporters == ("big.example", "small.example")
