"""A message as the words that Bayes counts: those of its text, of its header, and where its links lead.

Japanese has no spaces: runs of Han, kana and Hangul become overlapping pairs of characters (会議室 is 会議
and 議室), which serve as words well enough and need no dictionary. Texts are folded first, so ｶﾞ and ガ are one.
"""

import re
from collections.abc import Iterator

from storage.header import values
from storage.mime import parse
from storage.octets import Octets
from storage.text import fold, header_text, texts

MOST_TOKENS = 5_000  # of one message
MOST_TEXT = 200_000  # characters read of one
PART_MOST = 256 * 1024  # octets read of one part

_WIDE = "\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_WORD = re.compile(rf"[{_WIDE}]+|[^\W_{_WIDE}](?:[^\W{_WIDE}]|['\-]){{1,39}}")
_WIDE_ONLY = re.compile(rf"[{_WIDE}]")
_LINK = re.compile(r"https?://(?:[^\s/@\"'<>]*@)?([^\s/:?#\"'<>]{1,253})", re.IGNORECASE)
_HEADER = ("from", "reply-to", "subject", "x-mailer", "user-agent", "list-id", "content-type")


def tokens(data: Octets) -> frozenset[str]:
    """The distinct tokens of a message, at most MOST_TOKENS. Never raises."""
    root = parse(data)
    found: set[str] = set()
    for name, _ in values(bytes(data[root.header_start : root.body_start])):
        found.add(f"has:{name.decode('ascii', 'replace').lower()[:40]}")
    for line in header_text(data, root).split("\n"):
        field, _, value = line.partition(":")
        if field.lower() in _HEADER:
            found.update(f"{field.lower()}:{word}" for word in words(value[:1000]))
    room = MOST_TEXT
    for text in texts(data, root, most=PART_MOST):
        text = text[:room]
        room -= len(text)
        found.update(f"link:{part}" for host in _LINK.findall(text) for part in _domains(host.lower()))
        found.update(words(text))
        if room <= 0 or len(found) >= MOST_TOKENS:
            break
    return frozenset(sorted(found)[:MOST_TOKENS]) if len(found) > MOST_TOKENS else frozenset(found)


def words(text: str) -> Iterator[str]:
    """The words of a text; pairs of characters where it has no spaces."""
    for match in _WORD.finditer(fold(text)):
        word = match[0]
        if len(word) == 1 or not _WIDE_ONLY.match(word):
            yield word
        else:
            for at in range(len(word) - 1):
                yield word[at : at + 2]


def _domains(host: str) -> Iterator[str]:
    """A host and the domains above it, without the last label alone."""
    labels = host.rstrip(".").split(".")
    for at in range(max(len(labels) - 1, 1)):
        yield ".".join(labels[at:])
