"""A command of the table, and how it is found: by its name, or because the same was asked before.

A row says the name, the pure parser of the arguments, what runs it, in which states it may come, and whether
message sequence numbers must stay as they are while it is answered (`HOLD`: no EXPUNGE, RFC 9051 §7.5.1) or
may move (`FREE`). COPY holds too: clients send it and a STORE by the same numbers in one breath.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from imap.replies import Reply
from imap.scanner import BadSyntax, Scanner
from imap.state import State

# What is kept in memory of what clients said: no passwords, no words that are searched for.
_REPEATED = frozenset({"CAPABILITY", "NOOP", "NAMESPACE", "LIST", "STATUS", "SELECT", "EXAMINE", "IDLE"})
MOST_KEPT = 2000
LONGEST_KEPT = 200  # octets


class Numbers(Enum):
    """What may happen to message sequence numbers while a command is answered."""

    HOLD = 1
    FREE = 2


HOLD, FREE = Numbers.HOLD, Numbers.FREE


class Command(NamedTuple):
    """One row."""

    name: str
    parse: Callable[[Scanner], Any]
    run: Callable[[Any, Any], Awaitable[Reply | None]]  # of the session and the arguments
    states: frozenset[State]
    seqs: Numbers
    needs: bytes = b""  # the capability without which there is no such command


class Asked(NamedTuple):
    """A command that was read to its end."""

    command: Command
    arguments: Any  # frozen, as all that parsers give


class Table:
    """The commands of the door.

    `awaits`: of commands that may end with a message, whether these arguments do. `refused` says whether arguments
    need a capability that is off, `names_numbers` whether they name messages by their numbers (`imap/uses.py`).
    """

    def __init__(
        self,
        rows: Sequence[Command],
        awaits: Mapping[str, Callable[[Any], bool]],
        refused: Callable[[Any, frozenset[bytes]], bool],
        names_numbers: Callable[[Any], bool],
    ) -> None:
        self._by_name = {row.name.encode("ascii"): row for row in rows}
        self._awaits = awaits
        self._asked: dict[bytes, Asked] = {}
        self.refused = refused
        self.names_numbers = names_numbers

    def find(self, scanner: Scanner) -> Command:
        """Read tag and name of a command; its row."""
        scanner.tag()
        scanner.space()
        name = scanner.keyword()
        if name == b"UID":
            scanner.space()
            name += b" " + scanner.keyword()
        command = self._by_name.get(name)
        if command is None:
            raise BadSyntax("no such command")
        return command

    def known(self, text: bytes) -> Asked | None:
        """A command without its tag that was asked before, word for word."""
        return self._asked.get(text)

    def keep(self, text: bytes, command: Command, arguments: Any) -> Asked:
        """What was read of a command: mail programs ask a few things again and again, on every connection."""
        asked = Asked(command, arguments)
        if command.name in _REPEATED and len(text) <= LONGEST_KEPT:
            if len(self._asked) >= MOST_KEPT:
                self._asked.clear()
            self._asked[text] = asked
        return asked

    def by_numbers(self, command: Command) -> bool:
        """Whether a command names messages by their numbers: then it has a twin that names them by UID."""
        return command.name != "EXPUNGE" and b"UID " + command.name.encode("ascii") in self._by_name

    def streams(self, text: bytes) -> bool:
        """Whether the literal announced at the end of `text` is a message's, which is streamed to the spool."""
        scanner = Scanner(text)
        try:
            command = self.find(scanner)
            awaits = self._awaits.get(command.name)
            return awaits is not None and awaits(command.parse(scanner))
        except BadSyntax:
            return False
