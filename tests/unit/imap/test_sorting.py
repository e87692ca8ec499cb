"""The order of SORT: criteria, their keys, ties."""

import pytest

from imap.scanner import BadSyntax, Scanner
from imap.sorting import columns, criteria, order
from storage.columns import Columns
from storage.mime.summary import summarise
from storage.rows import Row


def message(subject: str, sender: str, date: str = "", to: str = "x@y") -> bytes:
    lines = [f"Subject: {subject}", f"From: {sender}", f"To: {to}", *([f"Date: {date}"] if date else [])]
    return "\r\n".join((*lines, "", "")).encode()


MAILS = {
    1: message("banana", "Zoe <b@example>", "Mon, 1 Jan 2024 12:00:00 +0900"),
    2: message("Re: [x] Apple", "anna <C@example>", "Mon, 1 Jan 2024 02:00:00 +0000"),
    3: message("ｂａｎａｎａ", "a@example", to="=?utf-8?b?5bGx55Sw?= <m@n>"),
    4: message("=?utf-8?b?7722776e?=", "=?utf-8?b?5bGx55Sw?= <d@example>", "nonsense"),
    5: message("ガ", '"Group": e@example;', "Sun, 31 Dec 2023 00:00:00 +0000"),
}
ROWS = Columns.of(
    Row(uid, "", "", 1, size, 1_704_067_200 + date, 1, "", True, False)
    for uid, size, date in [(1, 50, 5), (2, 40, 4), (3, 30, 3), (4, 30, 1), (5, 10, 2)]
)
HEADS = {uid: summarise(data).head for uid, data in MAILS.items()}


@pytest.mark.parametrize(
    ("text", "uids"),
    [
        ("(ARRIVAL)", [4, 5, 3, 2, 1]),
        ("(SIZE)", [5, 3, 4, 2, 1]),
        ("(REVERSE SIZE)", [1, 2, 3, 4, 5]),
        ("(SIZE REVERSE ARRIVAL)", [5, 3, 4, 2, 1]),
        ("(DATE)", [5, 4, 3, 2, 1]),
        ("(REVERSE DATE)", [1, 2, 3, 4, 5]),
        ("(SUBJECT)", [2, 1, 3, 4, 5]),  # half and full width are equal; ties stay in the mailbox's order
        ("(SUBJECT REVERSE ARRIVAL)", [2, 1, 3, 5, 4]),
        ("(FROM)", [3, 1, 2, 4, 5]),
        ("(TO)", [3, 1, 2, 4, 5]),
        ("(CC SIZE)", [5, 3, 4, 2, 1]),
        ("(DISPLAYFROM)", [3, 2, 5, 1, 4]),
        ("(DISPLAYTO)", [1, 2, 4, 5, 3]),
    ],
)
def test_order(text: str, uids: list[int]) -> None:
    wanted = criteria(Scanner(text.encode()))
    heads = {uid: tuple(getattr(head, name) for name in columns(wanted)) for uid, head in HEADS.items()}
    assert order(wanted, sorted(MAILS), ROWS, heads) == uids


def test_messages_that_vanished_are_left_out() -> None:
    wanted = criteria(Scanner(b"(SUBJECT)"))
    assert order(wanted, [1, 2, 3], Columns.of([ROWS[1], ROWS[2]]), {2: ("x",), 3: ("y",)}) == [2]


@pytest.mark.parametrize(
    "text",
    ["", "()", "SUBJECT", "(FOO)", "(REVERSE)", "(SUBJECT", "(SUBJECT  DATE)", "(" + "DATE " * 30 + "DATE)"],
)
def test_bad_criteria(text: str) -> None:
    with pytest.raises(BadSyntax):
        criteria(Scanner(text.encode()))
