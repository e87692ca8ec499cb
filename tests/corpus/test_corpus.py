"""ENVELOPE, BODYSTRUCTURE and BODY of odd messages: as written beside them, and as Dovecot sees them."""

import re
from pathlib import Path

import pytest

from storage.mime.summary import summarise
from tests.corpus import dovecot
from tests.corpus.made import digest, made
from tests.corpus.values import Value, read_values

HERE = Path(__file__).parent
PATHS = sorted(HERE.glob("[0-9]*.eml"))
MADE = made()

_ITEM = re.compile(rb"^(ENVELOPE|BODYSTRUCTURE|BODY) \(", re.MULTILINE)
_DIFFERS = re.compile(rb"^differs: ([A-Z]+): \S", re.MULTILINE)


def expected(path: Path) -> tuple[dict[str, Value], set[str]]:
    """The items beside a message, and those in which we differ from Dovecot on purpose."""
    text = path.with_suffix(".imap").read_bytes()
    start = text.index(b"\nENVELOPE ")
    items: dict[str, Value] = {}
    position = start
    while match := _ITEM.search(text, position):
        items[match[1].decode()], position = read_values(text, match.end())
    return items, {name.decode() for name in _DIFFERS.findall(text[: start + 1])}


def test_there_is_a_corpus() -> None:
    assert len(PATHS) >= 100
    assert len({one.message for one in MADE}) >= 300


def test_of_what_is_made_by_rule_the_same_is_said_as_ever() -> None:
    known = (HERE / "made.txt").read_text().splitlines()
    assert [f"{digest(one)} {one.what!r}" for one in MADE] == known


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_summary_is_the_expected_one(path: Path) -> None:
    items, _ = expected(path)
    assert items == said(path.read_bytes())


def said(message: bytes) -> dict[str, Value]:
    """What we say of a message."""
    summary = summarise(message)
    return {
        "ENVELOPE": read_values(summary.envelope, 1)[0],
        "BODYSTRUCTURE": read_values(summary.bodystructure, 1)[0],
        "BODY": read_values(summary.body, 1)[0],
    }


@pytest.mark.skipif(dovecot.missing() is not None, reason=str(dovecot.missing()))
def test_dovecot_agrees_except_where_we_say_why() -> None:
    answers = iter(dovecot.ask([*(path.read_bytes() for path in PATHS), *(one.message for one in MADE)]))
    for path, answer in zip(PATHS, answers, strict=False):
        _compare(path.name, *expected(path), answer)
    for one, answer in zip(MADE, answers, strict=True):
        _compare(one.what, said(one.message), set(one.differs), answer)


def _compare(name: str, ours: dict[str, Value], differs: set[str], theirs: dict[str, Value]) -> None:
    told = {item for item in ours if ours[item] != theirs[item]}
    assert told == differs, f"{name}: {[(item, ours[item], theirs[item]) for item in told ^ differs]}"
