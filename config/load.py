"""Reads the YAML files into the models and, when one is wrong, says everything that is wrong with it at once.

A file that is right costs one pass of libyaml's events and one of pydantic. Only when something is wrong are
pydantic's locations looked up in the tree, to name the line; a key that nobody knows is told the nearest one
that exists. No sentence repeats a value that may be a secret.
"""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.account import AccountFile
from config.domain import DomainFile
from config.fields import field_at, keys_of, model_at, written
from config.forwards import ForwardsFile
from config.list import ListFile
from config.problem import ConfigError, Problem
from config.settings import Settings
from config.tree import MOST_BYTES, Fault, Items, Node, Pairs, Scalar, parse, plain
from config.units import format_size

Model = TypeVar("Model", bound=BaseModel)


def load_settings(path: Path) -> Settings:
    """The operator's file; relative paths in it are from its folder."""
    return read(Settings, path)


def load_account(path: Path) -> AccountFile:
    return read(AccountFile, path)


def load_domain(path: Path) -> DomainFile:
    return read(DomainFile, path)


def load_list(path: Path) -> ListFile:
    return read(ListFile, path)


def load_forwards(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Local part → the addresses that get the mail."""
    return read(ForwardsFile, path).root


def read(model: type[Model], path: Path) -> Model:
    """Reads and validates a file; raises `ConfigError` with every problem of it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError([Problem(path, 1, "", f"cannot be read: {error.strerror}")]) from error
    return validate(model, data, path)


def validate(model: type[Model], data: bytes, path: Path) -> Model:
    """The same for bytes already read; `path` names the file and is where relative paths start."""
    value, tree = tree_of(model, data, path)
    try:
        result = model.model_validate(value, context={"base": path.absolute().parent})
    except ValidationError as error:
        found = [_problem(model, tree, path, detail) for detail in error.errors(include_url=False)]
        raise ConfigError(sorted(set(found + _repeated(tree, path)), key=_by_line)) from None
    if repeated := _repeated(tree, path):
        raise ConfigError(sorted(repeated, key=_by_line))
    return result


def tree_of(model: type[BaseModel], data: bytes, path: Path) -> tuple[Any, Node | None]:
    """The plain values and the tree of a file that is YAML and a mapping; else `ConfigError`."""
    if len(data) > MOST_BYTES:
        raise ConfigError([Problem(path, 1, "", f"is larger than {format_size(MOST_BYTES)}")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(path, line, "", "is not UTF-8")]) from None
    try:
        tree = parse(text)
    except Fault as fault:
        raise ConfigError([Problem(path, fault.line + 1, fault.key, fault.text)]) from None
    value = plain(tree)
    if value is None:
        # An account file cut off at nothing must not pass for an account with all the defaults.
        if model not in (DomainFile, ForwardsFile):
            raise ConfigError([Problem(path, 1, "", "is empty")])
        return {}, tree
    if not isinstance(value, dict):
        line = tree.start.line + 1 if tree else 1
        raise ConfigError([Problem(path, line, "", "is not a mapping: write `key: value` lines")])
    return value, tree


def line_of(tree: Node | None, location: tuple[str | int, ...]) -> int:
    """The line, from 1, of the key or item at a location, or of the nearest thing around it that exists."""
    return _find(tree, location)[0]


def _by_line(problem: Problem) -> tuple[int, str, str]:
    return problem.line, problem.key, problem.text


def _repeated(tree: Node | None, path: Path) -> list[Problem]:
    """Keys given twice in one mapping."""
    return [
        Problem(path, key.start.line + 1, dotted, f"is given a second time (first in line {first})")
        for dotted, key, first in _repeats(tree, "")
    ]


def _repeats(node: Node | None, prefix: str) -> Iterator[tuple[str, Scalar, int]]:
    if isinstance(node, Items):
        for number, item in enumerate(node.items):
            yield from _repeats(item, f"{prefix}[{number}]")
    elif isinstance(node, Pairs):
        seen: dict[str, int] = {}
        for key, value in node.pairs:
            dotted = f"{prefix}.{key.text}" if prefix else key.text
            if key.text in seen:
                yield dotted, key, seen[key.text]
            seen.setdefault(key.text, key.start.line + 1)
            yield from _repeats(value, dotted)


def _find(tree: Node | None, location: tuple[str | int, ...]) -> tuple[int, str]:
    """Line and dotted key of a location; parts that the file has not (names of union members) are left out."""
    line, dotted, node = (tree.start.line if tree else 0), "", tree
    for part in location:
        if isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            line, dotted = node.start.line, f"{dotted}[{part}]"
        elif isinstance(node, Pairs) and (pair := node.find(str(part))) is not None:
            line, node = pair[0].start.line, pair[1]
            dotted = f"{dotted}.{part}" if dotted else str(part)
    return line + 1, dotted


def _problem(model: type[BaseModel], tree: Node | None, path: Path, detail: ErrorDetails) -> Problem:
    line, key = _find(tree, detail["loc"])
    if detail["type"] == "missing":
        missing = str(detail["loc"][-1])
        key = f"{key}.{missing}" if key else missing
    return Problem(path, line, key, _sentence(model, detail))


def _sentence(model: type[BaseModel], detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        owner = model_at(model, detail["loc"][:-1])
        return "unknown key" + _nearest(str(detail["loc"][-1]), keys_of(owner) if owner else [])
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        expected = str(context["expected"]).replace(" or ", ", ").replace("'", "")
        given = detail.get("input")
        hint = _nearest(given, expected.split(", ")) if isinstance(given, str) else ""
        return f"must be one of: {expected}{hint}"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = context.get("ge", context.get("le"))
        word = "at least" if kind == "greater_than_equal" else "at most"
        return f"must be {word} {written(field_at(model, detail['loc']), bound)}"
    return _SENTENCES.get(kind) or detail["msg"].replace("Input should", "must")


_SENTENCES = {
    "string_type": "must be text",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "tuple_type": "must be a list, such as [one, two]",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "path_type": "must be a path",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}


def _nearest(given: str, known: list[str]) -> str:
    near = difflib.get_close_matches(given.lower(), known, n=1, cutoff=0.6)
    return f' (did you mean "{near[0]}"?)' if near else ""
