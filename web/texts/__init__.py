"""The catalogue: every text that a page shows, in each language. Values in braces are put in by the page.

One file a subject, joined here; a key that two files give is an error at once. A key that is missing is one,
too (tests walk the templates), so nobody ever sees half a page in another language.
"""

from collections.abc import Mapping

from web.language import Language
from web.texts import (
    accounts,
    api,
    dashboard,
    dns,
    domains,
    frame,
    lists,
    mailbox,
    manual,
    many,
    notices,
    programs,
    queue,
    refusals,
    security,
    server,
    signing_in,
    tokens,
    traces,
)

NAMES: dict[Language, str] = {"ja": "日本語", "en": "English"}  # of each language, in itself

Texts = dict[str, dict[Language, str]]


def _joined(*files: Mapping[str, dict[Language, str]]) -> Texts:
    joined: Texts = {}
    for texts in files:
        if twice := joined.keys() & texts.keys():
            raise ValueError(f"texts given twice: {', '.join(sorted(twice))}")
        joined.update(texts)
    return joined


TEXTS = _joined(
    accounts.TEXTS,
    api.TEXTS,
    dashboard.TEXTS,
    dns.TEXTS,
    domains.TEXTS,
    frame.TEXTS,
    lists.TEXTS,
    mailbox.TEXTS,
    manual.TEXTS,
    many.TEXTS,
    notices.TEXTS,
    programs.TEXTS,
    queue.TEXTS,
    security.TEXTS,
    server.TEXTS,
    signing_in.TEXTS,
    tokens.TEXTS,
    traces.TEXTS,
)


def text(language: Language, key: str, **values: object) -> str:
    """The text of a key. Raises KeyError."""
    return TEXTS[key][language].format(**values)


def refusal(language: Language, sentence: str) -> str:
    """A sentence of the rooms below (`Refused`, a wrong value), as this person reads it."""
    sentence = refusals.plain(sentence)
    return refusals.translated(sentence) if language == "ja" else sentence
