"""What a submission adds and removes, and that all else stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.originate import complete, is_report
from storage.message import Message
from storage.mime import header

NOW = 1_700_000_000.0
FIELDS = st.lists(
    st.sampled_from(
        [
            b"Bcc: x@y\r\n",
            b"bcc:\r\n",
            b"BCC : x@y,\r\n\tz@y\r\n",
            b"Date: now\r\n",
            b"Message-ID: <a@b>\r\n",
            b"Subject: a\r\n b\r\n",
            b"X-Bcc: x\r\n",
            b"To: t@y\r\n",
        ]
    ),
    max_size=8,
)


@given(FIELDS, st.sampled_from([b"", b"\r\n", b"\r\nBcc: body\r\n"]))
def test_only_whole_fields_change(fields: list[bytes], body: bytes) -> None:
    head = b"".join(fields) + body[:2]
    source = b"".join(fields) + body
    result = complete(Message.of(source).prepend(b"Received: x\r\n"), head, "mx.example", NOW).read()
    kept = b"".join(field for field in fields if not field.lower().startswith(b"bcc")) + body
    assert result.startswith(b"Received: x\r\n")
    assert result.endswith(kept)
    added = result[len(b"Received: x\r\n") : len(result) - len(kept)]
    names = [line.partition(b":")[0] for line in added.split(b"\r\n") if line]
    assert names == [
        name
        for name, field in ((b"Date", b"Date: now\r\n"), (b"Message-ID", b"Message-ID: <a@b>\r\n"))
        if field not in fields
    ]


@pytest.mark.parametrize(
    ("head", "report"),
    [
        (b"Content-Type: multipart/report; report-type=x\r\n\r\n", True),
        (b"content-type:\r\n Multipart/Report;x\r\n\r\n", True),
        (b"Content-Type: multipart/mixed\r\n\r\n", False),
        (b"Content-Type: text/plain\r\nContent-Type: multipart/report\r\n\r\n", False),
        (b"X: Content-Type: multipart/report\r\n\r\n", False),
        (b"", False),
    ],
)
def test_is_report(head: bytes, report: bool) -> None:
    assert is_report(head) is report


LINES = st.lists(
    st.tuples(
        st.sampled_from([b"", b" ", b"\t", b"X-", b"X", b"\xe3"]),
        st.sampled_from([b"Date", b"bcc", b"MESSAGE-ID", b"From ", b"Subject"]),
        st.sampled_from([b":", b" :", b"\t:", b"", b"x:", b"\r:"]),
        st.sampled_from([b" 1\r\n", b"\n", b"\r\n", b"\r\n \r\n", b"\r", b""]),
    ).map(b"".join),
    max_size=8,
)


@given(LINES)
def test_date_message_id_and_bcc_are_found_where_they_are_fields(lines: list[bytes]) -> None:
    """`complete` looks for them with an expression of its own."""
    whole = b"".join(lines)
    end = header.end_of_header(whole)
    head = whole if end < 0 else whole[:end]
    names = {field.name for field in header.fields(head)}
    message = complete(Message.of(head), head, "mail.example.test", 0.0)
    added = b"".join(edit.text for edit in message.edits)
    assert (b"Date: " in added) == (b"date" not in names)
    assert (b"Message-ID: " in added) == (b"message-id" not in names)
    assert any(not edit.text for edit in message.edits) == (b"bcc" in names)
