"""Messages that are made to cost: the work is linear in their octets, and what is kept of them is bounded.

Work is measured in CPU seconds of the thread, with a bound ten times what was measured on a slow machine; what is
quadratic passes it a hundred times over.
"""

import time
from collections.abc import Callable

import pytest

from storage.mime import parts as mime
from storage.mime.addresses import ADDRESSES, addresses
from storage.mime.content import media_type
from storage.mime.parts import Part
from storage.mime.summary import summarise
from tests.attacks.balanced import balanced

KIB = 1024
LONG = 64 * KIB


def seconds(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


@pytest.mark.parametrize(
    "unit",
    [
        '"\\',
        "a@[,",
        "<a@[,",
        "@[\\",
        "[",
        "<",
        "<@",
        '"',
        '"a" ',
        "a:",
        ";",
        "a.",
        "(",
        "()",
        "a(b)",
        "<,",
        "a@b,",
    ],
)
def test_no_address_list_costs_more_than_its_length(unit: str) -> None:
    hostile = unit.encode() * (LONG // len(unit))
    assert seconds(lambda: addresses(hostile)) < 4


@pytest.mark.parametrize(
    "unit", [";", "a ", "(", "()", "();", "(()", '"', '"\\', 'a="\\";', "a=", "a=x y", "a*0=b;", "name=x y "]
)
def test_no_content_type_costs_more_than_its_length(unit: str) -> None:
    hostile = b"text/plain; " + unit.encode() * (LONG // len(unit))
    assert seconds(lambda: media_type(hostile)) < 4


@pytest.mark.parametrize(
    ("unit", "closing"),
    [
        ("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", ""),
        ("Content-Type: message/rfc822\r\n\r\n", ""),
        ("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", "\r\n--b%d--"),
        ("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n", ""),
    ],
)
def test_ten_thousand_parts_in_parts_are_a_tree_of_bounded_depth(unit: str, closing: str) -> None:
    many = 10_000
    text = "".join(unit.replace("%d", str(at)) for at in range(many))
    text += "".join(closing.replace("%d", str(at)) for at in reversed(range(many)) if closing)
    data = text.encode()
    tree = mime.parse(data)
    assert _depth(tree) <= mime.DEPTH
    assert seconds(lambda: mime.parse(data)) < 10
    summary = summarise(data)
    for answer in (summary.envelope, summary.bodystructure, summary.body):
        assert answer.count(b"(") == answer.count(b")")
        assert len(answer) < 4 * len(data)


def test_more_parts_than_any_mail_has_are_not_all_made() -> None:
    tree = mime.parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 50_000)
    assert len(tree.children) <= mime.PARTS


@pytest.mark.parametrize("field", ["From", "To", "Cc", "Sender"])
def test_an_envelope_is_not_many_times_larger_than_its_message(field: str) -> None:
    """`FETCH 1:* ENVELOPE` has thousands of them in memory, and anybody may send them."""
    header = f"{field}: ".encode() + b"a@b," * 250_000 + b"\r\n\r\n"
    envelope = summarise(header).envelope
    assert envelope.count(b'"a"') <= 3 * ADDRESSES  # From stands for Sender and Reply-To too
    assert len(envelope) < len(header)
    repeated = f"{field}: a@b\r\n".encode() * 90_000 + b"\r\n"
    assert len(summarise(repeated).envelope) < 4 * len(repeated)


def test_a_header_without_end_is_looked_at_only_so_far() -> None:
    endless = b"X-Filler: " + b"y" * 70 + b"\r\n"
    data = endless * (8 * KIB * KIB // len(endless)) + b"From: late@example.test\r\n\r\n"
    assert b"late" not in summarise(data).envelope


@pytest.mark.parametrize(
    "octets", [bytes([octet]) for octet in (*range(48), 91, 92, 93, 123, 125, 127, 128, 255)]
)
def test_no_text_breaks_out_of_what_imap_is_told(octets: bytes) -> None:
    """Every text of a message stands in a quoted string or a counted literal, so it can't forge a response."""
    odd = b'x")\r\n\t* BYE forged\r\n\t{5}' + octets
    data = (
        b"Subject: %b\r\nFrom: %b <a@b>\r\nMessage-ID: %b\r\nContent-Type: text/%b; name=%b\r\n"
        b"Content-Disposition: %b; filename=%b\r\nContent-ID: %b\r\nContent-Description: %b\r\n\r\nbody"
    ) % ((odd,) * 9)
    summary = summarise(data)
    for answer in (summary.envelope, summary.bodystructure, summary.body):
        balanced(answer)


def _depth(root: Part) -> int:
    deepest, work = 0, [(root, 1)]
    while work:
        part, depth = work.pop()
        deepest = max(deepest, depth)
        work += [(child, depth + 1) for child in part.children]
        if part.message is not None:
            work.append((part.message, depth + 1))
    return deepest
