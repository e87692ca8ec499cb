"""Every command of the table is cited, spoken in a transcript, and offered or refused for a reason."""

import re
from pathlib import Path

import pytest

from smtp import commands
from smtp.commands import COMMANDS, LMTP, SMTP
from smtp.session import Command

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(commands.__file__).read_text("utf-8")
SPOKEN = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests/transcripts/smtp").glob("*.txt"))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_row(command: Command) -> None:
    assert re.search(rf'Command\("{command.name}", .*\),  # RFC \d+ §[\d.]+$', SOURCE, re.MULTILINE)
    assert re.search(rf"(C: |C~ |>){command.name}\b", SPOKEN)


def test_names_are_unique() -> None:
    assert {*SMTP, *LMTP} == {command.name for command in COMMANDS}
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)
