"""ENVELOPE, BODYSTRUCTURE and BODY of odd messages: as written beside them, and as Dovecot sees them."""

import re
from pathlib import Path

import pytest

from storage.summary import summarise
from tests.corpus import dovecot
from tests.corpus.values import Value, read_values

HERE = Path(__file__).parent
PATHS = sorted(HERE.glob("[0-9]*.eml"))

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


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_summary_is_the_expected_one(path: Path) -> None:
    items, _ = expected(path)
    summary = summarise(path.read_bytes())
    assert items == {
        "ENVELOPE": read_values(summary.envelope, 1)[0],
        "BODYSTRUCTURE": read_values(summary.bodystructure, 1)[0],
        "BODY": read_values(summary.body, 1)[0],
    }


@pytest.mark.skipif(dovecot.missing() is not None, reason=str(dovecot.missing()))
def test_dovecot_agrees_except_where_we_say_why() -> None:
    answers = dovecot.ask([path.read_bytes() for path in PATHS])
    for path, answer in zip(PATHS, answers, strict=True):
        items, differs = expected(path)
        told = {name for name in items if items[name] != answer[name]}
        assert told == differs, (
            f"{path.name}: {[(name, items[name], answer[name]) for name in told ^ differs]}"
        )
