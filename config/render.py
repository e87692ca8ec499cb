"""Values written as YAML that every reader understands the same way.

Text is written without quotes only where neither this program nor another YAML reader could take it for
something else; otherwise in double quotes, with every character escaped that is not printable.
"""

import json
import re
from collections.abc import Mapping
from datetime import date
from enum import Enum
from pathlib import PurePath
from typing import Any

import yaml

WIDTH = 100  # a list or mapping that fits is written in one line

# A conservative part of YAML's plain scalars (YAML 1.1 §9.1.3), safe inside brackets and braces too.
_PLAIN = re.compile(r"[\w/.+$]([\w/.+$@=~%-]|:(?=\d))*( [\w/.+$]([\w/.+$@=~%-]|:(?=\d))*)*")
_LITERAL = re.compile(r"[^\s\x00-\x1f#][^\x00-\x09\x0b-\x1f]*\n?")


def normal(value: Any) -> Any:
    """What `config.tree.plain` gives back for a value that has been written: text, lists and mappings."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return normal(value.value)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | PurePath):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [normal(item) for item in value]
    raise TypeError(f"a {type(value).__name__} cannot be written as YAML")


def inline(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Enum):
        return inline(value.value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(key))}: {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, PurePath):
        return _text(str(value))
    simple = normal(value)
    return "null" if simple is None else str(simple)


def pair(key: str, value: Any, indent: int) -> list[str]:
    """Lines, without line ends, of a key and its value in a block mapping."""
    start = " " * indent + _text(key) + ":"
    if isinstance(value, str) and (header := literal_header(value)):
        return [f"{start} {header}", *literal_lines(value, indent + 2)]
    short = f"{start} {inline(value)}"
    if len(short) <= WIDTH or not value or not isinstance(value, Mapping | list | tuple):
        return [short]
    if isinstance(value, Mapping):
        return [start, *(line for name, item in value.items() for line in pair(str(name), item, indent + 2))]
    return [start, *(item_line(item, indent + 2) for item in value)]


def item_line(value: Any, indent: int) -> str:
    """The line of an item in a block list."""
    return " " * indent + "- " + inline(value)


def literal_header(text: str) -> str:
    """`|` or `|-` where text of several lines can be written as it is; else nothing."""
    if "\n" not in text or not text.replace("\n", "").isprintable():
        return ""
    lines = text.split("\n")
    if lines[0][:1] in ("", " ", "\ufeff") or any(line != line.rstrip() for line in lines):
        return ""
    if not text.endswith("\n"):
        return "|-"
    return "" if text.endswith("\n\n") else "|"


def literal_lines(text: str, indent: int) -> list[str]:
    return [" " * indent + line if line else "" for line in text.removesuffix("\n").split("\n")]


def _text(text: str) -> str:
    text.encode()  # a lone surrogate cannot be written
    if _PLAIN.fullmatch(text) and text.isprintable() and not _means_something_else(text):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    if character < "\x80":
        return json.dumps(character)[1:-1]
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _means_something_else(text: str) -> bool:
    """Whether a YAML 1.1 reader takes the plain text for null, a number, a date or a truth value."""
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    return any(pattern.match(text) for _, pattern in resolvers.get(text[:1], []))
