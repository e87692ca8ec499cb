"""How hard a password is to guess: an estimate for people, and the least that is taken.

Counted are bits, as if every character were drawn from the kinds of character that occur; but what guessers
try first counts for next to nothing: well-known passwords, the person's own names, years, rows of the
keyboard, repetitions. A password of which many leaks tell is guessed at once, whatever it is made of, also with
digits or signs around it (OWASP ASVS 5.0 §6.2.4, 4.0 §2.1.7).
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

LEAST_LENGTH = 8  # characters (NIST SP 800-63B §5.1.1.2)
LEVELS = (28, 42, 56, 72)  # bits from which a password is weak, fair, good, strong
LEAST_LEVEL = 2

# What stands for a word: a piece of a password that is one of these counts as one and a half characters.
_WORDS = frozenset(
    """
    password passwort passw0rd p@ssw0rd pass admin administrator root user guest login welcome letmein master
    secret himitsu angou mypass default change changeme monkey dragon football baseball sunshine princess shadow
    iloveyou qwerty qwertz azerty asdfgh asdf zxcvbn zxcv qazwsx 1qaz 2wsx abc test testtest sample demo hello
    konnichiwa arigatou sakura tokyo osaka nippon japan nihon watashi daisuki doraemon pikachu pokemon totoro
    yakyuu soccer tanaka suzuki satou sato takahashi yamada tarou taro hanako kaisha company mail webmail email
    server office windows google apple amazon rakuten yahoo docomo softbank spring summer autumn winter january
    haru natsu aki fuyu love happy lucky super computer internet kwcmaild
    """.split()  # noqa: SIM905 (a page of quotes)
)
_LEAKED = frozenset(
    line
    for line in Path(__file__).with_name("common_passwords.txt").read_text().splitlines()
    if not line.startswith("#")
)
_AROUND = "0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_RUNS = tuple(row[start : start + 3] for row in _ROWS for start in range(len(row) - 2))
_SEQUENCES = frozenset((*_RUNS, *(run[::-1] for run in _RUNS)))
_KINDS = ((r"[a-z]", 26), (r"[A-Z]", 26), (r"[0-9]", 10), (r"[ -/:-@\[-`{-~]", 33), (r"[^\x00-\x7f]", 100))


@dataclass(frozen=True, slots=True)
class Strength:
    """From 0 (guessed at once) to 4, and whether it is enough."""

    level: int
    long_enough: bool

    @property
    def enough(self) -> bool:
        return self.long_enough and self.level >= LEAST_LEVEL


def strength(password: str, *names: str) -> Strength:
    """`names` are the person's own: address, comment."""
    text = unicodedata.normalize("NFKC", password)
    if not _LEAKED.isdisjoint({text.lower(), text.lower().strip(_AROUND)}):
        return Strength(0, len(text) >= LEAST_LENGTH)
    kinds = sum(size for pattern, size in _KINDS if re.search(pattern, text))
    bits = _weight(text.lower(), _own(names)) * math.log2(max(kinds, 2))
    return Strength(sum(bits >= level for level in LEVELS), len(text) >= LEAST_LENGTH)


def _own(names: tuple[str, ...]) -> list[str]:
    pieces = (piece for name in names for piece in re.split(r"[^\w]+|_", name.lower()))
    return [piece for piece in pieces if len(piece) >= 3]


def _weight(text: str, own: list[str]) -> float:
    """How many characters it is worth."""
    weight = 0.0
    for word in sorted({*_WORDS, *own}, key=len, reverse=True):
        if (plain := text.replace(word, "\0")) != text:
            weight += 1.5 * (plain.count("\0") - text.count("\0"))
            text = plain
    text = re.sub(r"\0", "", text)
    text, years = re.subn(r"(?:19|20)\d\d", "", text)
    weight += 1.5 * years
    for place, character in enumerate(text):
        before = text[max(0, place - 2) : place]
        if before[-1:] == character or before + character in _SEQUENCES:
            weight += 0.25
        elif text.find(text[place : place + 3], 0, place) != -1 and len(text) - place >= 3:
            weight += 0.5
        else:
            weight += 1
    return weight
