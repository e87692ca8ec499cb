"""What a text is looked up by: pairs of wide characters, triples of others. Pure.

Japanese has no spaces between words and most of what people look for has two characters, so of Han, kana and what
else stands from U+2E80 on each overlapping pair is a token, and the last character of a run by itself: a single
character is then the beginning of some token. Of other scripts, letters, digits and signs alike, each overlapping
triple without white space in it is one.

The invariant that makes the index right: if `needle` stands in `text` (both folded, `storage.mime.text.fold`), then
`tokens(text)` has everything that `query(needle)` asks for. The other way round it need not be: who finds a
candidate looks at its text.
"""

import re

_WIDE = re.compile("[\u2e80-\U0010ffff]+")
_OTHER = re.compile("[^\\s\x00-\x1f\x7f\u2e80-\U0010ffff]{3,}")
_RUNS = re.compile(f"({_WIDE.pattern})|({_OTHER.pattern})")

MOST = 30  # tokens of one query; more would hardly leave out another message


def tokens(text: str) -> set[str]:
    """Everything that a folded text is found by. No token has white space or a control character in it."""
    # All runs at once, a space behind each: what has a space in it is not a token, or the end of a run.
    wide = "".join([run + " " for run in _WIDE.findall(text)])
    found = {pair.rstrip(" ") for pair in set(map(str.__add__, wide, wide[1:])) if pair[0] != " "}
    other = " ".join(_OTHER.findall(text))
    triples = {other[at : at + 3] for at in range(len(other) - 2)}
    found.update([triple for triple in triples if " " not in triple])
    return found


def query(needle: str) -> str | None:
    """The question to FTS5 whose answers hold all texts with `needle` in them; None: nothing of it can be asked."""
    asked: dict[str, None] = {}
    for wide, other in _RUNS.findall(needle):
        if len(wide) == 1:
            asked[_quoted(wide) + "*"] = None
        elif wide:
            asked.update((_quoted(wide[at : at + 2]), None) for at in range(len(wide) - 1))
        else:
            asked.update((_quoted(other[at : at + 3]), None) for at in range(len(other) - 2))
    return " AND ".join(list(asked)[:MOST]) or None


def _quoted(token: str) -> str:
    return '"' + token.replace('"', '""') + '"'
