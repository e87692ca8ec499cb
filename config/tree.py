"""YAML as a tree that knows the lines it came from.

What a mail server's settings need of YAML is scalars, lists and mappings; anchors, aliases and tags are
refused (an alias is how a small file becomes a large one). Scalars stay text, so that a password `0123`, a
comment `no` or a version `1.2` is what was written; the models turn text into numbers and truth values. Only
a bare `null`, `~` or nothing is null.

The tree is built from libyaml's events, since its own composer recurses in C and falls over a file of
brackets; here depth and number of nodes are bounded. One syntax error ends the reading, the rest is judged
by the models. Lines and columns count from 0 as in YAML's marks; `Problem` counts from 1.
"""

from dataclasses import dataclass
from typing import Any

import yaml

MOST_DEPTH = 16
MOST_NODES = 200_000
MOST_BYTES = 8 * 1024 * 1024

_NULL = frozenset(("", "~", "null", "Null", "NULL"))


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text; `index` counts characters."""

    index: int
    line: int
    column: int


@dataclass(slots=True)
class Scalar:
    text: str
    plain: bool
    start: Mark
    end: Mark


@dataclass(slots=True)
class Items:
    items: "list[Node]"
    flow: bool
    start: Mark
    end: Mark


@dataclass(slots=True)
class Pairs:
    pairs: "list[tuple[Scalar, Node]]"
    flow: bool
    start: Mark
    end: Mark

    def find(self, key: str) -> "tuple[Scalar, Node] | None":
        return next((pair for pair in self.pairs if pair[0].text == key), None)


Node = Scalar | Items | Pairs


class Fault(Exception):
    """The text is no YAML that is taken here."""

    def __init__(self, line: int, text: str, key: str = "") -> None:
        super().__init__(text)
        self.line = line
        self.text = text
        self.key = key


def parse(text: str) -> Node | None:
    """The tree of a file, None for one without content; raises `Fault`."""
    reader = _Reader(text)
    try:
        return reader.document()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        raise Fault(line, f"a character that YAML does not allow: U+{_code(error.character):04X}") from None
    except yaml.MarkedYAMLError as error:
        raise _fault(error) from None
    except yaml.YAMLError as error:
        raise Fault(0, str(error)) from None
    finally:
        reader.parser.dispose()


def plain(node: Node | None) -> Any:
    """The values alone: dict, list, str and None. Of a key given twice the first counts."""
    if isinstance(node, Scalar):
        return None if node.plain and node.text in _NULL else node.text
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    if isinstance(node, Pairs):
        values: dict[str, Any] = {}
        for key, value in node.pairs:
            if key.text not in values:
                values[key.text] = plain(value)
        return values
    return None


class _Reader:
    """Builds nodes from events; the parser is libyaml's."""

    def __init__(self, text: str) -> None:
        self.parser: Any = yaml.CBaseLoader(text)
        self.count = 0

    def document(self) -> Node | None:
        event = self._next(yaml.StreamStartEvent)
        event = self.parser.get_event()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        node = self._node(self.parser.get_event(), 0)
        self._next(yaml.DocumentEndEvent)
        event = self.parser.get_event()
        if not isinstance(event, yaml.StreamEndEvent):
            raise Fault(event.start_mark.line, "a second document begins here; a file holds one")
        return node

    def _next(self, kind: type) -> Any:
        event = self.parser.get_event()
        assert isinstance(event, kind)
        return event

    def _node(self, event: Any, depth: int) -> Node:
        kind = type(event)
        if kind is yaml.AliasEvent or event.anchor is not None:
            raise Fault(event.start_mark.line, "anchors (&name) and aliases (*name) are not taken here")
        if event.tag is not None:
            raise Fault(event.start_mark.line, f"tags ({event.tag}) are not taken here")
        self.count += 1
        if self.count > MOST_NODES:
            raise Fault(event.start_mark.line, f"more than {MOST_NODES} values in one file")
        if kind is yaml.ScalarEvent:
            # A key or value without quotes has the style None or ''.
            return Scalar(event.value, not event.style, _mark(event.start_mark), _mark(event.end_mark))
        if depth == MOST_DEPTH:
            raise Fault(event.start_mark.line, f"nested deeper than {MOST_DEPTH} levels")
        if kind is yaml.SequenceStartEvent:
            return self._items(event, depth + 1)
        return self._pairs(event, depth + 1)

    def _items(self, start: Any, depth: int) -> Items:
        items: list[Node] = []
        while True:
            event = self.parser.get_event()
            if type(event) is yaml.SequenceEndEvent:
                return Items(items, start.flow_style, _mark(start.start_mark), _mark(event.end_mark))
            items.append(self._node(event, depth))

    def _pairs(self, start: Any, depth: int) -> Pairs:
        pairs: list[tuple[Scalar, Node]] = []
        while True:
            event = self.parser.get_event()
            if type(event) is yaml.MappingEndEvent:
                return Pairs(pairs, start.flow_style, _mark(start.start_mark), _mark(event.end_mark))
            key = self._node(event, depth)
            if not isinstance(key, Scalar):
                raise Fault(key.start.line, "a key is a name, not a list or a mapping")
            pairs.append((key, self._node(self.parser.get_event(), depth)))


def _mark(mark: Any) -> Mark:
    return Mark(mark.index, mark.line, mark.column)


def _code(character: str | int) -> int:
    return character if isinstance(character, int) else ord(character)


def _fault(error: yaml.MarkedYAMLError) -> Fault:
    """libyaml's sentence at its line, with the line where the thing began if that is another."""
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    text = error.problem or "not YAML"
    if error.context and error.context_mark and error.context_mark.line != line:
        text += f" ({error.context} that begins in line {error.context_mark.line + 1})"
    elif error.context:
        text += f" ({error.context})"
    return Fault(line, f"not YAML: {text}")
