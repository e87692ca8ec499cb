"""Every row of the table has a citation beside it and is spoken in a transcript."""

import inspect
import re
from pathlib import Path

import pytest

from pop3 import table
from pop3.table import COMMANDS

TRANSCRIPTS = Path(__file__).parents[2] / "transcripts/pop3"


@pytest.mark.parametrize("name", [command.name.decode() for command in COMMANDS])
def test_a_row_has_a_citation_and_a_transcript(name: str) -> None:
    (row,) = re.findall(rf'^    Command\(b"{name}".*$', inspect.getsource(table), re.MULTILINE)
    assert re.search(r"# RFC \d+ §\d", row)
    spoken = "\n".join(path.read_text() for path in sorted(TRANSCRIPTS.glob("*.txt")))
    assert re.search(rf"^(?:[A-Z]> )?C: {name}\b", spoken, re.MULTILINE)


def test_no_keyword_stands_twice() -> None:
    assert len(table.BY_NAME) == len(COMMANDS)
