"""What the rooms below refuse, in Japanese.

`Refused` and the checks of values speak English sentences, the same for the command line, the YAML check and
the API. Here stands each with its Japanese, by the sentence itself with names for what varies; a sentence that
is not here is shown as it is. A test reads the sentences out of the source, so that none is forgotten.
"""

import re
from functools import cache

SENTENCES: dict[str, str] = {
    "there is no account {address}": "アカウント {address} はありません。",
    "there is no domain {domain}": "ドメイン {domain} はありません。",
}

_VALUE = re.compile(r"{(\w+)}")


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Longer sentences first, so that a part of one never stands for the whole."""
    patterns = []
    for english in sorted(SENTENCES, key=len, reverse=True):
        pieces = _VALUE.split(english)
        source = "".join(
            f"(?P<{piece}>.*?)" if number % 2 else re.escape(piece) for number, piece in enumerate(pieces)
        )
        patterns.append((re.compile(source, re.DOTALL), SENTENCES[english]))
    return patterns


def translated(sentence: str) -> str:
    """The sentence in Japanese; values that are sentences themselves are translated as well."""
    for pattern, japanese in _patterns():
        if match := pattern.fullmatch(sentence):
            return japanese.format(**{name: translated(value) for name, value in match.groupdict().items()})
    return sentence
