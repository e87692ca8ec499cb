"""Flags between letters and names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap import flags
from imap.scanner import BadSyntax, Scanner


def test_texts() -> None:
    texts = flags.texts(("$Forwarded", "Work"))
    assert texts[""] == b"()"
    assert texts["FSb"] == b"(\\Flagged \\Seen Work)"
    assert texts["Sz"] == b"(\\Seen)", "a letter without a keyword is not shown"
    assert flags.texts(("$Forwarded",), True)["S"] == b"(\\Seen \\Recent)"
    assert flags.texts(("$Forwarded", "Work")) is texts


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b"()", set()),
        (b"(\\seen \\DELETED)", {"\\Seen", "\\Deleted"}),
        (b"($Forwarded Work)", {"$Forwarded", "Work"}),
        (b"(a a)", {"a"}),
    ],
)
def test_flag_list(text: bytes, names: set[str]) -> None:
    assert flags.flag_list(Scanner(text)) == names


def test_bare_flags() -> None:
    assert flags.bare_flags(Scanner(b"\\Seen Work")) == {"\\Seen", "Work"}


@pytest.mark.parametrize(
    "text",
    [b"", b"(", b"(\\Seen", b"(\\Recent)", b"(\\*)", b"(\\Foo)", b"( \\Seen)", b"(\\Seen  a)", b"(\\)",
     b"(" + b"x" * 201 + b")", b"(" + b" ".join(b"k%d" % n for n in range(101)) + b")"],
)  # fmt: skip
def test_what_is_no_flag_list(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        flags.flag_list(Scanner(text))


def test_letters_and_spelling() -> None:
    assert flags.letters({"\\Seen", "Work", "New"}, ("$Forwarded", "Work")) == {"S", "b"}
    assert flags.spelled(frozenset({"\\Seen", "WORK", "new"}), ("Work",)) == {"\\Seen", "Work", "new"}


@given(st.binary(max_size=40))
def test_garbage(text: bytes) -> None:
    for read in (flags.flag_list, flags.bare_flags):
        try:
            read(Scanner(text))
        except BadSyntax:
            pass
