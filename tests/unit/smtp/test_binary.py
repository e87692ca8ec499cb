"""BINARYMIME: what is written in base64, what is left alone, and that nothing else changes."""

import asyncio
import base64
import email
import email.policy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp import binary
from smtp.data import Lines
from storage.message import Message
from tests.house import House

OCTETS = bytes(range(256)) * 300 + b"\r\n.\r\n\n--\r\0"
HEAD = b"Subject: x\r\nMIME-Version: 1.0\r\n"


def made(*parts: bytes) -> bytes:
    head = HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\nContent-Transfer-Encoding: binary\r\n\r\n'
    return head + b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def part(body: bytes, encoding: bytes = b"binary", kind: bytes = b"application/octet-stream") -> bytes:
    return b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body


def turned(data: bytes) -> bytes:
    return b"".join(binary.lines(Message.of(data)))


def test_a_binary_part_becomes_base64_and_the_rest_stays() -> None:
    text = part("日本語\r\n--\r\n".encode(), b"8bit", b"text/plain; charset=utf-8")
    found = turned(made(text, part(OCTETS), part(b"plain text\r\n", b"binary", b"text/plain")))
    assert Lines(1000).fault is None
    parsed = email.message_from_bytes(found, policy=email.policy.default)
    first, second, third = parsed.iter_parts()  # type: ignore[attr-defined]
    assert second.get_content() == OCTETS
    assert [each["Content-Transfer-Encoding"] for each in (parsed, first, second, third)] == [
        "8bit", "8bit", "base64", "8bit",
    ]  # fmt: skip
    assert text in found
    assert found.endswith(b"\r\nplain text\r\n\r\n--b--\r\n")
    assert max(map(len, found.split(b"\r\n"))) <= 76


def test_a_message_that_is_one_binary_part() -> None:
    found = turned(HEAD + part(OCTETS))
    assert email.message_from_bytes(found).get_payload(decode=True) == OCTETS
    assert found.endswith(b"\r\n")


def test_binary_parts_of_a_message_in_a_message() -> None:
    inner = HEAD + part(OCTETS)
    found = turned(made(part(inner, b"binary", b"message/rfc822")))
    (outer,) = email.message_from_bytes(found).get_payload()  # type: ignore[misc]
    assert outer["Content-Transfer-Encoding"] == "8bit"  # type: ignore[index]
    assert outer.get_payload()[0].get_payload(decode=True) == OCTETS  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD + b"\r\nhello\r\n",
        made(part(base64.encodebytes(OCTETS).replace(b"\n", b"\r\n"), b"base64")).replace(
            b": binary", b": 8bit"
        ),
    ],
)
def test_what_has_no_binary_part_is_not_touched(data: bytes) -> None:
    assert turned(data) == data


@given(st.binary(max_size=400))
def test_any_octets_come_through(octets: bytes) -> None:
    if b"--b" in octets:
        return
    found = turned(made(part(octets)))
    watch = Lines(1000)
    watch.see(found)
    watch.end()
    assert watch.fault is None
    (only,) = email.message_from_bytes(found).get_payload()  # type: ignore[misc]
    assert only.get_payload(decode=True) == octets  # type: ignore[union-attr]


def test_a_large_message_is_read_piece_by_piece(tmp_path: Path) -> None:
    body = OCTETS * 60
    path = tmp_path / "m"
    path.write_bytes(made(part(body)))
    pieces = list(binary.lines(Message(path, path.stat().st_size)))
    assert max(map(len, pieces)) <= 2 * binary.PIECE
    (only,) = email.message_from_bytes(b"".join(pieces)).get_payload()  # type: ignore[misc]
    assert only.get_payload(decode=True) == body  # type: ignore[union-attr]


async def send(house: House, data: bytes, body: str = "BINARYMIME") -> bytes:
    reader, writer = await asyncio.open_connection(*await house.smtp(tls="none"))
    writer.write(
        f"EHLO x\r\nMAIL FROM:<a@example.com> BODY={body}\r\nRCPT TO:<taro@example.test>\r\n".encode()
    )
    while not (await reader.readline()).startswith(b"250 2.1.5"):
        pass
    half = len(data) // 2
    writer.write(b"BDAT %d\r\n" % half + data[:half] + b"BDAT %d LAST\r\n" % (len(data) - half) + data[half:])
    await asyncio.wait_for(reader.readline(), 60)
    answer = await asyncio.wait_for(reader.readline(), 60)
    writer.close()
    return answer


@pytest.mark.parametrize("times", [1, 20])  # in memory, and in a file
async def test_delivered(house: House, times: int) -> None:
    assert (await send(house, made(part(OCTETS * times)))).startswith(b"250 2.0.0 ")
    mailbox = await house.store.account("taro@example.test").open("INBOX")
    (message,) = await mailbox.messages(mailbox.uids)
    (only,) = email.message_from_bytes(message.read()).get_payload()  # type: ignore[misc]
    assert only.get_payload(decode=True) == OCTETS * times  # type: ignore[union-attr]
    assert mailbox.rows[mailbox.uids[0]].size == message.size
    mailbox.release()
    assert not list(house.settings.data.glob("spool/*"))


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (made(part(OCTETS)), "8BITMIME"),
        (made(part(OCTETS, b"8bit")), "BINARYMIME"),  # says that it is lines, and is not
        (b"Subject: bare\n" + made(part(OCTETS)), "BINARYMIME"),
    ],
)
async def test_refused(house: House, data: bytes, body: str) -> None:
    assert (await send(house, data, body)).startswith(b"5")
    assert not list(house.settings.data.glob("spool/*"))
