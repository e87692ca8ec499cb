"""Which language a page is in: the one asked for by name, else what the browser prefers (RFC 9110 §12.5.4)."""

from typing import Literal, get_args

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "en"  # for who reads neither


def choose(asked: str | None, accept: str) -> Language:
    """`asked` is the page's own switch, `accept` the Accept-Language field."""
    for language in LANGUAGES:
        if asked == language:
            return language
    best, weight = DEFAULT, 0.0
    for item in accept[:1000].split(","):
        tag, _, parameter = item.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        quality = _quality(parameter)
        for language in LANGUAGES:
            if primary == language and quality > weight:
                best, weight = language, quality
    return best


def _quality(parameter: str) -> float:
    """RFC 9110 §12.4.2; what cannot be read counts as not wanted."""
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        quality = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
