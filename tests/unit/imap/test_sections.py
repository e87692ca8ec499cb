"""Sections: their grammar, and the octets that they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap.scanner import BadSyntax, Scanner
from imap.sections import Section, extract, parse_section, span
from storage.mime.parts import parse

# RFC 9051 §6.4.5.1 has a message of this shape as its example.
INNER = b"Subject: inner\r\nFrom: c@d\r\n\r\ninner body\r\n"
MIXED = (
    b"Content-Type: multipart/mixed; boundary=c\r\nSubject: mixed\r\n\r\n--c\r\nX: one\r\n\r\nc one\r\n--c\r\n"
    b"Content-Type: multipart/alternative; boundary=d\r\n\r\n--d\r\n\r\nd one\r\n--d--\r\n\r\n--c--\r\n"
)
MESSAGE = (
    b"Subject: outer\r\nFrom: a@b\r\nContent-Type: multipart/mixed; boundary=b\r\nX-Last: x\r\n y\r\n\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\none\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + INNER + b"\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + MIXED + b"\r\n--b--\r\n"
)
HEADER = MESSAGE[: MESSAGE.index(b"\r\n\r\n") + 4]


def section(text: str) -> Section:
    scanner = Scanner(b"[%b]" % text.encode())
    found = parse_section(scanner)
    assert scanner.at_end()
    return found


def take(message: bytes, text: str) -> bytes | None:
    return extract(message, parse(message), section(text))


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("", MESSAGE),
        ("HEADER", HEADER),
        ("TEXT", MESSAGE[len(HEADER) :]),
        ("1", b"one"),
        ("1.MIME", b"Content-Type: text/html\r\n\r\n"),
        ("2", INNER),
        ("2.MIME", b"Content-Type: message/rfc822\r\n\r\n"),
        ("2.HEADER", INNER[:29]),
        ("2.TEXT", b"inner body\r\n"),
        ("2.1", b"inner body\r\n"),
        ("2.1.MIME", INNER[:29]),
        ("2.HEADER.FIELDS (SUBJECT)", b"Subject: inner\r\n\r\n"),
        ("3", MIXED),
        ("3.1", b"c one"),
        ("3.1.MIME", b"X: one\r\n\r\n"),
        ("3.2.1", b"d one"),
        ("3.2.1.MIME", b"\r\n"),
        ("HEADER.FIELDS (X-LAST subject)", b"Subject: outer\r\nX-Last: x\r\n y\r\n\r\n"),
        ("HEADER.FIELDS (NOTHING)", b"\r\n"),
        ("HEADER.FIELDS.NOT (FROM X-Last Content-Type)", b"Subject: outer\r\n\r\n"),
        ("HEADER.FIELDS.NOT (NOTHING)", HEADER),
        ("1.HEADER", None),
        ("1.TEXT", None),
        ("1.1", None),
        ("1.HEADER.FIELDS (FROM)", None),
        ("2.2", None),
        ("2.1.1", None),
        ("3.2.2", None),
        ("3.HEADER.FIELDS (SUBJECT)", b"Subject: mixed\r\n\r\n"),
        ("4", None),
        ("999999", None),
    ],
)
def test_what_a_section_is(text: str, octets: bytes | None) -> None:
    assert take(MESSAGE, text) == octets


@pytest.mark.parametrize(
    ("message", "text", "octets"),
    [
        (b"Subject: a\r\n\r\nbody", "1", b"body"),
        (b"Subject: a\r\n\r\nbody", "1.MIME", b"Subject: a\r\n\r\n"),
        (b"Subject: a\r\n\r\nbody", "2", None),
        (b"Content-Type: message/rfc822\r\n\r\nSubject: b\r\n\r\nx", "1.HEADER", b"Subject: b\r\n\r\n"),
        (b"Content-Type: message/rfc822\r\n\r\nSubject: b\r\n\r\nx", "1.1", b"x"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\nnone", "1", b""),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\nnone", "2", None),
        (b"Subject: a", "HEADER.FIELDS (SUBJECT)", b"Subject: a\r\n"),
        (b"Subject: a", "TEXT", b""),
        (b"", "HEADER", b""),
        (b"\r\nx", "HEADER", b"\r\n"),
        (b"A: 1\n\nx", "HEADER.FIELDS.NOT (B)", b"A: 1\n\r\n"),
        (b"junk\r\nA: 1\r\n\r\nx", "HEADER.FIELDS.NOT (A)", b"junk\r\n\r\n"),
    ],
)
def test_odd_messages(message: bytes, text: str, octets: bytes | None) -> None:
    assert take(message, text) == octets


@pytest.mark.parametrize(
    "text",
    ["MIME", "0", "1.", ".1", "1..2", "01", "HEADER.FIELDS", "HEADER.FIELDS ()", "HEADER.FIELDS (A", "FOO", "1.FOO",
     "TEXT.1", "HEADER.FIELDS(A)", ".".join(["1"] * 200), "9999999", "1 ", "HEADER.FIELDS (" + " A" * 1000 + ")"],
)  # fmt: skip
def test_bad_sections(text: str) -> None:
    with pytest.raises(BadSyntax):
        section(text)


def test_only_the_header_is_needed() -> None:
    assert section("HEADER").header_only and section("HEADER.FIELDS (A)").header_only
    assert (
        not section("1.HEADER").header_only
        and not section("").header_only
        and not section("TEXT").header_only
    )


@given(
    st.lists(
        st.sampled_from([b"--b\r\n", b"\r\n", b"A: 1\r\n", b"x\r\n", b"Content-Type: message/rfc822\r\n"])
    ),
    st.sampled_from(["1", "1.1", "2.HEADER", "HEADER", "TEXT", "1.MIME", "2.1.TEXT", ""]),
)
def test_a_range_is_what_is_extracted(lines: list[bytes], text: str) -> None:
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"".join(lines)
    place = span(message, parse(message), section(text))
    assert take(message, text) == (None if place is None else message[place[0] : place[1]])


@given(st.text(alphabet='0123456789.[]() "HEADRFILSNOTMX{}\r\n', max_size=30))
def test_any_text_is_a_section_or_bad_syntax(text: str) -> None:
    try:
        parse_section(Scanner(b"[" + text.encode()))
    except BadSyntax:
        pass
