"""Beside which field of a form a refusal belongs.

The rooms below say in a sentence what they refuse, and know of no forms. Here the field is found that the sentence
is about: the one in which stands what the sentence repeats, else the one of which such sentences speak. Where
neither is sure the sentence stands above the form, as it would without this.
"""

import re
from collections.abc import Mapping

# What a sentence repeats: in quotation marks, an address, or its first word where it speaks of numbers and sizes.
_REPEATED = re.compile(r'"([^"]+)"|([^\s"<>:;,]+@[^\s"<>:;,]+)|^(\S+) is not a (?:number|size|mail address)$')

# Which fields sentences of a kind speak of; the first of them that the form has.
_ABOUT = tuple(
    (re.compile(pattern), fields)
    for pattern, fields in (
        (r"number of messages", ("messages",)),
        (r"number of GB|the limits of|(smallest|largest) limit of an account", ("limit", "capacity")),
        (r"of a contract|is not a multiple of", ("capacity",)),
        (r"before the @", ("local", "aliases")),
        (r"needs its password|the password (is|has)|password is too easy", ("password",)),
        (r"needs an owner", ("owner",)),
        (r"\d members with the owner|posters", ("members",)),
        (r"at least one address to forward to", ("to",)),
        (r"[Cc]atch.all", ("catch_all",)),
        (r"a port is a number", ("port",)),
        (r"the user name has|is fetched already", ("login",)),
        (r"knows {name}", ("prefix",)),
        (r"domain name|the domain .* exists already", ("domain", "server")),
        (r"the name that was typed|a token needs a name", ("name",)),
        (r"time at which it begins", ("begins",)),
        (r"the end is not after", ("ends",)),
        (r"a title", ("title_ja",)),
    )
)

# Fields that show what is wrong with them (`macros/forms.html`). A comment is not among them: what a sentence
# repeats may stand in one by chance.
FIELDS = frozenset((
    "local", "limit", "messages", "aliases", "send_as", "password", "owner", "members", "prefix", "max_message",
    "to", "domain", "capacity", "catch_all", "archive_after", "trash", "name", "server", "port", "login", "begins",
    "ends", "title_ja",
))  # fmt: skip


def field_of(sentence: str, typed: Mapping[str, str], domain: str = "") -> str:
    """The name of the field, `""` if no one field is meant. `domain` is what the page puts behind a bare name."""
    fields = {name: _items(value) for name, value in typed.items() if name in FIELDS}
    repeated = [next(filter(None, found)).lower() for found in _REPEATED.findall(sentence)]
    named = [each.removesuffix(f"@{domain}") for each in repeated if domain and each.endswith(f"@{domain}")]
    for value in (*repeated, *named):
        for name, items in fields.items():
            if value in items:
                return name
    for pattern, names in _ABOUT:
        if pattern.search(sentence):
            return next((name for name in names if name in fields), "")
    return ""


def _items(value: str) -> frozenset[str]:
    """All of what was typed, and its words."""
    whole = value.strip().lower()
    return frozenset((whole, *whole.replace(",", " ").split())) - {""}
