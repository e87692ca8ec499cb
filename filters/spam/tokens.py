"""A message as the words that Bayes counts: those of its text, of its header, and where its links lead.

Japanese has no spaces: runs of Han, kana and Hangul become overlapping pairs of characters (会議室 is 会議
and 議室), which serve as words well enough and need no dictionary. Texts are folded first, so ｶﾞ and ガ are one.
"""

import re
from functools import lru_cache
from operator import add

from filters.spam.reading import Reading
from filters.spam.subject import TAG
from storage.mime.text import fold

MOST_TOKENS = 3_000  # of one message

_WIDE = "\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_WORD = re.compile(rf"[{_WIDE}]+|[^\W_{_WIDE}](?:[^\W{_WIDE}]|['\-]){{1,39}}")
_PLAIN = re.compile(r"[a-z0-9][\w'\-]{1,39}", re.ASCII)  # the same where there is nothing but ASCII
_NARROW = "\u3005"  # what comes before it is no wide character
_LINK = re.compile(r"[hH][tT]{2}[pP][sS]?://(?:[^\s/@\"'<>]{0,100}+@)?([^\s/:?#\"'<>]{1,253})")
_HEADER = (b"from", b"reply-to", b"subject", b"x-mailer", b"user-agent", b"list-id", b"content-type")
_FIELD_MOST = 1000  # characters of a field
_MARK = TAG.decode()


def tokens(reading: Reading) -> frozenset[str]:
    """The distinct tokens of a message, at most MOST_TOKENS. Never raises."""
    found = {f"has:{name.decode('ascii', 'replace')[:40]}" for name in reading.header}
    for name in _HEADER:
        if text := reading.decoded(name).replace(_MARK, "")[:_FIELD_MOST]:
            field = name.decode()
            found.update([f"{field}:{word}" for word in words(text)])
    for text in (*reading.shown, *reading.markup):
        if "://" in text:
            for host in set(_LINK.findall(text)):
                found.update(_places(host))
    for text in reading.shown:
        found.update(words(text))
        if len(found) >= MOST_TOKENS:
            break
    return frozenset(sorted(found)[:MOST_TOKENS]) if len(found) > MOST_TOKENS else frozenset(found)


def words(text: str) -> set[str]:
    """The words of a text; pairs of characters where it has no spaces."""
    if text.isascii():
        return set(_PLAIN.findall(text.lower()))
    found: set[str] = set()
    for word in set(_WORD.findall(fold(text))):
        if len(word) == 1 or word[0] < _NARROW:
            found.add(word)
        else:
            found.update(map(add, word, word[1:]))
    return found


@lru_cache(maxsize=2000)
def _places(host: str) -> tuple[str, ...]:
    """Where a link leads: a host and the domains above it, without the last label alone."""
    labels = host.lower().rstrip(".").split(".")[-6:]
    return tuple("link:" + ".".join(labels[at:]) for at in range(max(len(labels) - 1, 1)))
