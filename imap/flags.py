"""Flags between the wire and the store (RFC 9051 §2.3.2).

The store keeps a row's flags as a short string of letters (`storage.rows.Row.flags`); the doors' edge takes
names. Ten thousand rows have a few dozen different strings, so each string's text for the wire is made once
for a list of keywords and looked up afterwards.
"""

from collections.abc import Iterable
from functools import lru_cache
from string import ascii_lowercase

from config.imap import RIGHTS
from imap.scanner import BadSyntax, Scanner

LETTER_OF = {"\\Draft": "D", "\\Flagged": "F", "\\Answered": "R", "\\Seen": "S", "\\Deleted": "T"}
_SYSTEM = {letter: name.encode("ascii") for name, letter in LETTER_OF.items()}
_CANONICAL = {name.upper(): name for name in LETTER_OF}
_FIRST_KEYWORD = ord("a")

_SYSTEM_NAMES = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")

MOST_FLAGS = 100  # flags in one list; a mailbox keeps 26 keywords
MOST_TEXTS = 4096  # texts kept for one list of keywords; 31 flags have 2,147,483,648 combinations
MOST_OCTETS = 200  # octets of one keyword


class Texts(dict[str, bytes]):
    """From a row's letters to a parenthesised list of flags, made at the first look-up."""

    def __init__(self, keywords: tuple[str, ...], recent: bool) -> None:
        super().__init__()
        self._keywords = keywords
        self._recent = recent

    def __missing__(self, letters: str) -> bytes:
        names = [_SYSTEM[letter] for letter in letters if letter in _SYSTEM]
        for letter in letters:
            at = ord(letter) - _FIRST_KEYWORD
            if 0 <= at < len(self._keywords):
                names.append(self._keywords[at].encode("utf-8"))
        if self._recent:
            names.append(b"\\Recent")
        if len(self) >= MOST_TEXTS:
            self.clear()
        text = self[letters] = b"(" + b" ".join(names) + b")"
        return text


@lru_cache(maxsize=2048)
def texts(keywords: tuple[str, ...], recent: bool = False) -> Texts:
    """The texts of a mailbox with these keywords, shared by all sessions that meet the same list."""
    return Texts(keywords, recent)


def letters(names: Iterable[str], keywords: tuple[str, ...]) -> frozenset[str]:
    """The letters of flags that a mailbox knows; a keyword without a letter has none."""
    found = set()
    for name in names:
        if name in LETTER_OF:
            found.add(LETTER_OF[name])
        elif name in keywords:
            found.add(chr(_FIRST_KEYWORD + keywords.index(name)))
    return frozenset(found)


def defined(keywords: tuple[str, ...]) -> bytes:
    """The flags that a mailbox knows, for the FLAGS response (RFC 9051 §7.3.5)."""
    return b" ".join(wire(known(keywords)))


def known(keywords: tuple[str, ...]) -> list[str]:
    """The names of all flags that a mailbox knows."""
    return [*_SYSTEM_NAMES, *keywords]


def wire(names: Iterable[str]) -> list[bytes]:
    return [name.encode("utf-8") for name in names]


def names(letters: str, keywords: tuple[str, ...]) -> frozenset[str]:
    """The way back from a row's letters."""
    found = [_SYSTEM[letter].decode("ascii") for letter in letters if letter in _SYSTEM]
    places = [ord(letter) - _FIRST_KEYWORD for letter in letters if letter not in _SYSTEM]
    return frozenset([*found, *(keywords[at] for at in places if 0 <= at < len(keywords))])


def right_for(name: str) -> str:
    r"""What a flag needs to be changed (RFC 4314 §4): s for \Seen, t for \Deleted, w for all others."""
    return {"\\Seen": "s", "\\Deleted": "t"}.get(name, "w")


def permitted(names: Iterable[str], rights: str) -> list[str]:
    """Those of the flags that these rights allow to change."""
    return [name for name in names if right_for(name) in rights]


def fixed(rights: str) -> frozenset[str]:
    """The letters of flags that stay as they are whoever sets them: those that these rights do not reach."""
    if rights is RIGHTS or {"s", "t", "w"} <= set(rights):
        return frozenset()
    letters = {letter for letter, name in _SYSTEM.items() if right_for(name.decode("ascii")) not in rights}
    return frozenset(letters if "w" in rights else letters | set(ascii_lowercase))


def spelled(names: frozenset[str], keywords: tuple[str, ...]) -> frozenset[str]:
    """Keywords in the mailbox's own spelling: `$forwarded` is `$Forwarded` where that exists."""
    known = {keyword.upper(): keyword for keyword in keywords}
    return frozenset(name if name in LETTER_OF else known.get(name.upper(), name) for name in names)


def flag(scanner: Scanner) -> str:
    """A flag that a client may set: a system flag or a keyword (RFC 9051 §9 `flag`)."""
    raw = scanner.flag()
    name = raw.decode("ascii")
    if name.startswith("\\"):
        known = _CANONICAL.get(name.upper())
        if known is None:
            raise BadSyntax("no such system flag, or not one that a client can set")
        return known
    if len(raw) > MOST_OCTETS:
        raise BadSyntax("the keyword is too long")
    return name


def flag_list(scanner: Scanner) -> frozenset[str]:
    """A parenthesised list of flags."""
    scanner.expect(b"(")
    if scanner.take(b")"):
        return frozenset()
    return _flags(scanner, b")")


def bare_flags(scanner: Scanner) -> frozenset[str]:
    """Flags up to the end of the command, without parentheses (RFC 9051 §9 `store-att-flags`)."""
    return _flags(scanner, b"")


def _flags(scanner: Scanner, closing: bytes) -> frozenset[str]:
    found = {flag(scanner)}
    while not (scanner.take(closing) if closing else scanner.at_end()):
        scanner.space()
        found.add(flag(scanner))
        if len(found) > MOST_FLAGS:
            raise BadSyntax("too many flags")
    return frozenset(found)
