"""What a submission adds and removes, and that all else stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.originate import complete, is_report
from storage.message import Message

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
