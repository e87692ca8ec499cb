"""One change of one key, made in the text of a YAML file.

A change is worked out on the tree, which knows where everything stands, and done on the text: a span of one
line is replaced, whole lines are dropped or put in. Lines of a dropped value that hold nothing but a comment
stay; comments inside replaced brackets or braces move above the line of the key. Whoever calls (`edit`)
compares the outcome with what was wanted, so an odd shape met here may end in `Unchangeable`, never in
another value.
"""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from enum import Enum
from typing import Any, Final

from config.render import inline, item_line, normal, pair
from config.tree import Fault, Items, Node, Pairs, Scalar, parse, plain

_COMMENT = re.compile(r"#[^\r\n]*")
_NO_LINES = range(0)
_BLOCK_HEADER = re.compile(r"[|>][0-9+-]*")


class _Removal(Enum):
    REMOVE = "REMOVE"


REMOVE: Final = _Removal.REMOVE  # as the new value of a key: take the key out


class Unchangeable(ValueError):
    """The text cannot be changed without touching more than was asked for."""


def tree_of(text: str) -> Node | None:
    try:
        return parse(text)
    except Fault as fault:
        raise Unchangeable(f"line {fault.line + 1}: {fault.text}") from None


def change(text: str, path: tuple[str, ...], value: Any) -> str:
    """The text with the key at `path` set or removed."""
    node = tree_of(text)
    if node is None or (isinstance(node, Scalar) and not node.text and node.plain):
        return text if value is REMOVE else _appended(text, path[0], _nested(path[1:], value))
    above: tuple[Pairs, Scalar, Node] | None = None
    for number, name in enumerate(path):
        if not isinstance(node, Pairs):
            raise Unchangeable("the file is not a mapping")
        found, rest = node.find(name), path[number + 1 :]
        if found is None:
            return text if value is REMOVE else _inserted(text, node, name, _nested(rest, value))
        key, child = found
        if not rest:
            if value is REMOVE:
                return _removed(text, above, node, key)
            return _set(text, path, node, key, child, value)
        if not isinstance(child, Pairs):
            # Nothing, or something else, stands where the section should be.
            return text if value is REMOVE else _replaced(text, node, key, child, _nested(rest, value))
        above, node = (node, key, child), child
    return text


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value


def _set(text: str, path: tuple[str, ...], parent: Pairs, key: Scalar, old: Node, new: Any) -> str:
    if plain(old) == normal(new):
        return text
    if isinstance(old, Pairs) and isinstance(new, Mapping) and old.pairs and new:
        gone = [name.text for name, _ in old.pairs if name.text not in new]
        for name, value in new.items():
            text = change(text, (*path, str(name)), value)
        for gone_name in gone:
            text = change(text, (*path, gone_name), REMOVE)
        return text
    if isinstance(old, Items) and not old.flow and isinstance(new, list | tuple) and new:
        changed = _items_changed(text, old, new)
        if changed is not None:
            return changed
    return _replaced(text, parent, key, old, new)


def _replaced(text: str, parent: Pairs, key: Scalar, old: Node, new: Any) -> str:
    """The value of a key replaced as a whole."""
    if parent.flow:
        head, body = " " + inline(new), []
    else:
        lines = pair("k", new, key.start.column)
        head, body = lines[0][key.start.column + 2 :], lines[1:]
    colon = text.find(":", key.end.index)
    if colon < 0 or colon > max(old.start.index, key.end.index) or text[key.end.index : colon].strip():
        return _spliced(text, key.end.index, key.end.index, ":" + head, body, [], _NO_LINES)
    if _is_block(text, old):
        if isinstance(old, Scalar):
            header = _BLOCK_HEADER.match(text, old.start.index)
            assert header is not None
            start, end = header.span()
            head = head.strip()
        else:
            start = end = colon + 1
        first = _line(text, start) + 1
        last = _line(text, _end(text, old)) + 1
        kept = [] if isinstance(old, Scalar) else _comment_lines(text, _lines(text), old, range(first, last))
        if body:
            kept = [_reindented(line, key.start.column) for line in kept]
        return _spliced(text, start, end, head, body, kept, range(first, last))
    start, end = old.start.index, old.end.index
    if start == end:
        start = end = colon + 1
    else:
        head = head.strip()
    above = _inner_comments(text, old, start, end)
    changed = _spliced(text, start, end, head, body, [], _NO_LINES)
    return _with_comments(changed, key.start.index, above)


def _removed(text: str, above: tuple[Pairs, Scalar, Node] | None, parent: Pairs, key: Scalar) -> str:
    position = next(number for number, (name, _) in enumerate(parent.pairs) if name is key)
    child = parent.pairs[position][1]
    if len(parent.pairs) == 1 and above is not None:
        grandparent, parent_key, _ = above
        return _replaced(text, grandparent, parent_key, parent, {})
    if parent.flow:
        return _removed_from_braces(text, parent, position)
    first = key.start.line
    if text[_line_start(text, key.start.index) : key.start.index].strip():
        raise Unchangeable(f"line {first + 1}: something stands before the key")
    last = _line(text, max(_end(text, child), key.end.index)) + 1
    lines = _lines(text)
    comments = _comment_lines(text, lines, child, range(first, last))
    kept = [_reindented(line, key.start.column) for line in comments]
    lines[first:last] = [line + _newline(text) for line in kept]
    return "".join(lines)


def _removed_from_braces(text: str, parent: Pairs, position: int) -> str:
    key = parent.pairs[position][0]
    if len(parent.pairs) == 1:
        start, end = parent.start.index + 1, parent.end.index - 1
    elif position + 1 < len(parent.pairs):
        start, end = key.start.index, parent.pairs[position + 1][0].start.index
    else:
        before_key, before = parent.pairs[position - 1]
        start = max(_end(text, before), before_key.end.index)
        end = start + len(text[start : parent.end.index - 1].rstrip())
    above = _inner_comments(text, parent, start, end)
    return _with_comments(text[:start] + text[end:], parent.start.index, above)


def _inserted(text: str, parent: Pairs, name: str, value: Any) -> str:
    if not parent.pairs:
        at = parent.start.index + 1
        return text[:at] + f"{inline(name)}: {inline(value)}" + text[at:]
    last_key, last = parent.pairs[-1]
    end = max(_end(text, last), last_key.end.index)
    if parent.flow:
        gap = text[end : parent.end.index - 1]
        if "#" in gap:
            return text[:end] + f", {inline(name)}: {inline(value)}" + text[end:]
        at = end + len(gap.rstrip())
        comma = "" if gap.rstrip().endswith(",") else ","
        return text[:at] + f"{comma} {inline(name)}: {inline(value)}" + text[at:]
    if isinstance(last, Scalar) and _is_block(text, last) and "+" in _header(text, last):
        end = max(last.end.index - 1, end)
    lines, added = _lines(text), pair(name, value, parent.pairs[0][0].start.column)
    return _with_lines(text, lines, _line(text, end) + 1, added)


def _appended(text: str, name: str, value: Any) -> str:
    lines = _lines(text)
    return _with_lines(text, lines, len(lines), pair(name, value, 0))


def _items_changed(text: str, old: Items, new: list[Any] | tuple[Any, ...]) -> str | None:
    """A block list changed item by item, so that the others keep their lines; None where its shape is odd."""
    places = []
    for item in old.items:
        first = item.start.line
        if text[_line_start(text, item.start.index) : item.start.index].strip() != "-":
            return None
        places.append(range(first, _last_line(text, item) + 1))
    matcher = SequenceMatcher(
        None,
        [_comparable(plain(item)) for item in old.items],
        [_comparable(normal(item)) for item in new],
        False,
    )
    lines, newline = _lines(text), _newline(text)
    for tag, first, last, new_first, new_last in reversed(matcher.get_opcodes()):
        if tag == "equal":
            continue
        added = [item_line(item, old.start.column) + newline for item in new[new_first:new_last]]
        if first == last:
            at = places[0].start if first == 0 else places[first - 1].stop
            if at == len(lines) and not lines[-1].endswith("\n"):
                lines[-1] += newline
            lines[at:at] = added
            continue
        for number in range(last - 1, first - 1, -1):
            kept = _comment_lines(text, lines, old.items[number], places[number])
            lines[places[number].start : places[number].stop] = [line + newline for line in kept]
        lines[places[first].start : places[first].start] = added
    return "".join(lines)


def _comparable(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _spliced(
    text: str, start: int, end: int, head: str, body: list[str], kept: list[str], dropped: range
) -> str:
    """The span replaced by `head`, some lines after it dropped, and `body` and `kept` put behind its line."""
    changed = text[:start] + head + text[end:]
    lines = _lines(changed)
    shift = _line(text, end) - _line(text, start)
    del lines[dropped.start - shift : dropped.stop - shift]
    return _with_lines(changed, lines, _line(text, start) + 1, [*body, *kept])


def _with_lines(text: str, lines: list[str], at: int, added: list[str]) -> str:
    newline = _newline(text)
    if added and at == len(lines) and lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    lines[at:at] = [line + newline for line in added]
    return "".join(lines)


def _with_comments(text: str, index: int, comments: list[str]) -> str:
    """Comments put above the line of `index`, as far in as that line."""
    if not comments:
        return text
    start = _line_start(text, index)
    line = text[start:]
    indent = line[: len(line) - len(line.lstrip(" "))]
    return text[:start] + "".join(indent + comment + _newline(text) for comment in comments) + text[start:]


def _inner_comments(text: str, node: Node, start: int, end: int) -> list[str]:
    """Comments between `start` and `end`, which lie inside a value in brackets or braces."""
    found, position = [], start
    for scalar in (*_scalars(node), None):
        stop = end if scalar is None else min(scalar.start.index, end)
        if stop > position:
            found += _COMMENT.findall(text[position:stop])
        if scalar is not None:
            position = max(position, scalar.end.index)
    return found


def _comment_lines(text: str, lines: list[str], node: Node, places: range) -> list[str]:
    """Those of some lines that hold nothing but a comment, or nothing, and are not inside a text."""
    inside: set[int] = set()
    for scalar in _scalars(node):
        inside.update(range(scalar.start.line, _last_line(text, scalar) + 1))
    return [
        lines[number].rstrip("\r\n")
        for number in places
        if number not in inside and lines[number].strip()[:1] in ("", "#")
    ]


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Items):
        for item in node.items:
            yield from _scalars(item)
    else:
        for key, value in node.pairs:
            yield key
            yield from _scalars(value)


def _reindented(line: str, column: int) -> str:
    return " " * column + line.strip() if line.strip() else line


def _is_block(text: str, node: Node) -> bool:
    if isinstance(node, Scalar):
        return not node.plain and text[node.start.index : node.start.index + 1] in ("|", ">")
    return not node.flow


def _header(text: str, node: Scalar) -> str:
    header = _BLOCK_HEADER.match(text, node.start.index)
    return header[0] if header else ""


def _end(text: str, node: Node) -> int:
    """Where a value really ends: YAML's mark of a block is where the next thing begins."""
    if isinstance(node, Scalar):
        if not _is_block(text, node):
            return node.end.index
        return node.start.index + len(text[node.start.index : node.end.index].rstrip())
    if node.flow:
        return node.end.index
    if isinstance(node, Items):
        return max((_end(text, item) for item in node.items[-1:]), default=node.start.index)
    return max(
        (max(_end(text, value), key.end.index) for key, value in node.pairs[-1:]), default=node.start.index
    )


def _last_line(text: str, node: Node) -> int:
    """The line that a value ends in; counted from where it begins, since the text before may be long."""
    return node.start.line + text.count("\n", node.start.index, max(_end(text, node), node.start.index))


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _line(text: str, index: int) -> int:
    return text.count("\n", 0, index)


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
