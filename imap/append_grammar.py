"""What stands around the octets of messages in APPEND and REPLACE (RFC 9051 §6.3.12, RFC 3502, 4469, 6855, 8508).

A command is read in stretches: each line up to a literal that belongs to a message, whose octets the session
streams to the spool, and then the line behind it. `Messages` keeps where in the grammar that is, and says of each
stretch what it means, as a list of steps. Pure: bytes in, frozen values out.
"""

from dataclasses import dataclass
from enum import Enum

from imap import dates, flags
from imap.scanner import BadSyntax, Scanner

MOST_PARTS = 1000  # of one message made with CATENATE


@dataclass(frozen=True, slots=True)
class Begin:
    """A message begins."""

    flags: frozenset[str]
    date: int | None
    utf8: bool = False  # with the data item of RFC 6855 §4
    catenate: bool = False


@dataclass(frozen=True, slots=True)
class Url:
    """A part of it that lies in a mailbox (RFC 4469 §3)."""

    text: bytes


class Mark(Enum):
    OCTETS = 1  # the literal at the end of the line belongs to the message
    END = 2  # the message is whole


Step = Begin | Url | Mark


class Messages:
    """Where in the grammar the next line begins."""

    __slots__ = ("_first", "_parts", "_single", "_within")

    def __init__(self, single: bool = False) -> None:
        self._within = ""  # of what: "octets" of a plain message, "utf8", "catenate"; "" between two
        self._first = True
        self._single = single  # REPLACE takes one message alone
        self._parts = 0

    def line(self, scanner: Scanner) -> tuple[Step, ...]:
        """What a stretch of the command says; it ends where the command does, or in front of a literal."""
        steps: list[Step] = []
        if self._within == "utf8":
            scanner.expect(b")")
        if self._within in ("utf8", "octets"):
            self._within = ""
            steps.append(Mark.END)
        elif self._within == "catenate" and self._closed(scanner, steps):
            return tuple(steps)
        while not self._within and (self._first or not scanner.at_end()):
            if self._single and not self._first:
                raise BadSyntax("one message is enough")
            if not self._first:
                scanner.space()
            self._first = False
            self._message(scanner, steps)
        return tuple(steps)

    def _message(self, scanner: Scanner, steps: list[Step]) -> None:
        names, date = _head(scanner)
        if scanner.take_word(b"CATENATE"):
            steps.append(Begin(names, date, catenate=True))
            scanner.expect(b" (")
            self._within, self._parts = "catenate", 0
            self._take_parts(scanner, steps)
        elif scanner.take_word(b"UTF8"):
            steps.append(Begin(names, date, utf8=True))
            scanner.expect(b" (")
            if scanner.peek() != b"~":
                raise BadSyntax("expected a literal8")
            scanner.literal_to_come()
            self._within = "utf8"
            steps.append(Mark.OCTETS)
        else:
            scanner.literal_to_come()
            self._within = "octets"
            steps += (Begin(names, date), Mark.OCTETS)

    def _closed(self, scanner: Scanner, steps: list[Step]) -> bool:
        """Behind a TEXT: the end of the message, or further parts. True where another TEXT has come."""
        if scanner.take(b")"):
            self._end(steps)
            return False
        scanner.space()
        self._take_parts(scanner, steps)
        return bool(self._within)

    def _take_parts(self, scanner: Scanner, steps: list[Step]) -> None:
        while True:
            self._parts += 1
            if self._parts > MOST_PARTS:
                raise BadSyntax("too many parts")
            if scanner.take_word(b"TEXT"):
                scanner.space()
                scanner.literal_to_come()
                steps.append(Mark.OCTETS)
                return
            if not scanner.take_word(b"URL"):
                raise BadSyntax("expected URL or TEXT")
            scanner.space()
            steps.append(Url(scanner.astring()))
            if scanner.take(b")"):
                self._end(steps)
                return
            scanner.space()

    def _end(self, steps: list[Step]) -> None:
        self._within = ""
        steps.append(Mark.END)


def _head(scanner: Scanner) -> tuple[frozenset[str], int | None]:
    names: frozenset[str] = frozenset()
    date: int | None = None
    if scanner.peek() == b"(":
        names = flags.flag_list(scanner)
        scanner.space()
    if scanner.peek() == b'"':
        date = dates.date_time(scanner)
        scanner.space()
    return names, date
