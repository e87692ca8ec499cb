"""The tables of commands: every row of every door has a citation beside it and a transcript that shows it."""

import re
from pathlib import Path

import pytest

import imap.table
import pop3.table
import smtp.commands

ROOT = Path(__file__).resolve().parent.parent

TABLES = {
    "imap": (Path(imap.table.__file__), [row.name for row in imap.table.COMMANDS]),
    "pop3": (
        Path(pop3.table.__file__),
        [row.name.decode() for row in pop3.table.COMMANDS],
    ),
    "smtp": (Path(smtp.commands.__file__), [row.name for row in smtp.commands.COMMANDS]),
}
ROWS = [(door, str(name)) for door, (_, names) in TABLES.items() for name in names]


# What these do is told to other sessions: in the selected mailbox, or where NOTIFY asks for it.
SEEN_BY_OTHERS = (
    "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "APPEND", "REPLACE", "UID REPLACE", "SETACL",
    "DELETEACL", "SETMETADATA", "CLOSE", "EXPUNGE", "UID EXPUNGE", "STORE", "UID STORE", "COPY", "UID COPY",
    "MOVE", "UID MOVE",
)  # fmt: skip


def sent(door: str, among: str = "") -> str:
    """All that clients say in a door's transcripts, or in those that hold `among`: one command a line, without
    IMAP's tags."""
    lines = []
    for path in sorted((ROOT / "tests/transcripts" / door).glob("*.txt")):
        script = path.read_text(encoding="utf-8")
        if among not in script:
            continue
        for text in re.findall(r"^(?:[A-Z]> )?C[:~] (.*)$", script, re.MULTILINE):
            commands = text.split(r"<\n>")
            lines += [re.sub(r"^\S+ ", "", command) if door == "imap" else command for command in commands]
    return "\n".join(lines).upper()


@pytest.mark.parametrize(("door", "name"), ROWS)
def test_a_transcript_shows_the_row(door: str, name: str) -> None:
    shown = re.search(rf"^{re.escape(name)}(?![A-Z])", sent(door), re.MULTILINE)
    assert shown, f"no file of tests/transcripts/{door}/ has a client that says {name}"


@pytest.mark.parametrize("name", SEEN_BY_OTHERS)
def test_two_clients_at_once_show_what_others_see(name: str) -> None:
    assert re.search(rf"^{re.escape(name)}(?![A-Z])", sent("imap", "\nB> "), re.MULTILINE)


@pytest.mark.parametrize(("door", "name"), ROWS)
def test_the_row_says_where_it_is_defined(door: str, name: str) -> None:
    source = TABLES[door][0].read_text(encoding="utf-8")
    rows = re.findall(rf'^ +Command\(b?"{re.escape(name)}",.*$', source, re.MULTILINE)
    assert len(rows) == 1, f"{name} should have one row, on one line"
    assert re.search(r"  # RFC \d+ §\d", rows[0]), f"the row of {name} cites no section: {rows[0]}"
