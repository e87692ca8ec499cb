"""The reference page, the commented example and the JSON schemas, made from the models.

Nothing about a setting is written here: its sentence, default and bounds come from where it is defined, and
`tests/test_settings.py` holds the files in `docs/` current.
"""

from collections.abc import Callable, Iterator
from pathlib import PurePath
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config import values
from config.account import AccountFile
from config.domain import DomainFile
from config.fields import key_of, metadata_of, models_in, unit_of, written
from config.forwards import ForwardsFile
from config.list import ListFile
from config.outbound import domain_pattern
from config.render import inline
from config.settings import Settings

FILES: dict[str, tuple[str, type[BaseModel]]] = {
    "settings": ("kwcmaild.yaml", Settings),
    "domain": ("domains/<domain>/domain.yaml", DomainFile),
    "account": ("domains/<domain>/accounts/<local>.yaml", AccountFile),
    "list": ("domains/<domain>/lists/<local>.yaml", ListFile),
    "forwards": ("domains/<domain>/forwards.yaml", ForwardsFile),
}

# What the example sets; everything else stands in it with its default, commented out.
_EXAMPLE: dict[str, Any] = {
    "hostname": "mail.example.jp",
    "operators": ["admin@example.jp"],
    "tls.certificate": "cert.pem",
    "tls.key": "key.pem",
}

_KINDS: dict[Callable[..., Any], str] = {
    values.domain_name: "domain name",
    values.own_domain: "domain name",
    values.host_name: "host name",
    values.own_local_part: "local part",
    values.own_address: "address of an account",
    values.mail_address: "mail address",
    values.listen_address: "IP address and port",
    values.name_server: "IP address, port",
    values.socket_address: "path, or host and port",
    values.ip_address: "IP address",
    domain_pattern: "domain name or `*.domain`",
}

_INTRODUCTION = """\
# Settings

Made by `kwcmaild config reference` from the definitions in `config/`; a test keeps it current.

- **Sizes** are whole numbers with K, M, G or T (powers of 1024): `100M`, `5G`. **Times** are whole numbers with
  s, m, h or d: `30s`, `5m`, `2h`, `31d`.
- Relative paths are from the folder of the file that they stand in.
- A key that is not listed here is an error. `kwcmaild check` finds everything that is wrong in all files at
  once, as `file:line: key: problem`; `kwcmaild config schema` prints a JSON schema for editors.
- Only files named `*.yaml` count; what editors leave behind (`.swp`, `~`) does not.
- `kwcmaild.yaml` is read at the start and at SIGHUP; a broken one is refused and the last good one stays in
  force. All other files are picked up when they change.
"""


def reference() -> str:
    """`docs/reference.md`."""
    parts = [_INTRODUCTION]
    for _, (name, model) in FILES.items():
        parts.append(f"\n## `{name}`\n\n{_sentence(model)}\n")
        if issubclass(model, RootModel):
            parts.append(
                "\n```yaml\nsales: [taro@example.jp, hanako@example.jp]\ninfo: office@example.com\n```\n"
            )
        else:
            parts.extend(_tables(model, ""))
    return "".join(parts)


def example() -> str:
    """`docs/kwcmaild.example.yaml`: every setting with its sentence; a default stands behind a `#`."""
    head = (
        "# kwcmaild.yaml with every setting. What stands behind a # (without a blank) is the default.\n"
        "# Sizes: 100M, 5G. Times: 30s, 5m, 2h, 31d. Relative paths are from this file.\n"
    )
    return head + "\n".join(_example_lines(Settings, "", 0)) + "\n"


def schema(kind: str) -> dict[str, Any]:
    """The JSON schema of one kind of file, for editors; defaults as people write them."""
    name, model = FILES[kind]
    made = model.model_json_schema()
    for inner in {model, *_all_models(model)}:
        properties = (made if inner is model else made.get("$defs", {}).get(inner.__name__, {})).get(
            "properties", {}
        )
        for attribute, field in inner.model_fields.items():
            entry = properties.get(key_of(attribute, field), {})
            if isinstance(entry.get("default"), int) and unit_of(field):
                entry["default"] = written(field, entry["default"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": name}


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting of a file with its dotted key; `smtp.listen[]` for what is in a list."""
    if issubclass(model, RootModel):
        return
    for name, field in model.model_fields.items():
        key = prefix + key_of(name, field)
        yield key, field
        for inner in models_in(field.annotation):
            yield from settings_of(inner, key + _joint(field))


def _all_models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield inner
            yield from _all_models(inner)


def _joint(field: FieldInfo) -> str:
    """How the key goes on inside: `.`, or `[].` for items, or `.<name>.` for the entries of a mapping."""
    origin = get_origin(field.annotation)
    return "[]." if origin is tuple else ".<name>." if origin is dict else "."


def _tables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    plain = [
        (key_of(name, field), field) for name, field in model.model_fields.items() if not _is_section(field)
    ]
    if plain:
        yield "\n| key | value | default | |\n|---|---|---|---|\n"
    for key, field in plain:
        yield f"| `{prefix}{key}` | {_kind(field)} | {_default_cell(field)} | {field.description} |\n"
    for name, field in model.model_fields.items():
        key = prefix + key_of(name, field)
        for inner in models_in(field.annotation):
            yield f"\n### `{key}`\n\n{_sentence(inner)}\n"
            yield from _tables(inner, key + _joint(field))


def _sentence(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip()


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _default_cell(field: FieldInfo) -> str:
    return "**required**" if field.is_required() else f"`{_default(field)}`"


def _default(field: FieldInfo) -> str:
    """The default as it would stand in the file."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, tuple):
        return inline([_item(field, item) for item in value])
    if isinstance(value, PurePath | str):
        return inline(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return written(field, value)
    return inline(value)


def _item(field: FieldInfo, item: Any) -> Any:
    if isinstance(item, BaseModel):
        return item.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if isinstance(item, tuple):
        return list(item)
    return written(field, item)


def _kind(field: FieldInfo) -> str:
    """What may stand there, in words."""
    kind = _kind_of(field.annotation, [*field.metadata, *metadata_of(field.annotation)])
    if unit := unit_of(field):
        word = "time" if unit == "duration" else unit
        kind = f"list of {word}s" if get_origin(field.annotation) is tuple else word
    bounds = _bounds(field)
    nullable = " or `null`" if type(None) in get_args(field.annotation) else ""
    return kind + (f", {bounds}" if bounds else "") + nullable


def _kind_of(annotation: Any, metadata: list[Any]) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        return f"list of: {_kind_of(arguments[0], metadata)}"
    if origin is dict:
        return "mapping"
    if origin in (UnionType, Union):
        return _kind_of(next(each for each in arguments if each is not type(None)), metadata)
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if hasattr(annotation, "__metadata__"):
        return _kind_of(arguments[0], [*annotation.__metadata__, *metadata])
    for item in metadata:
        if (word := _KINDS.get(getattr(item, "func", None) or _kind_of)) is not None:
            return word
    if any(models_in(annotation)):
        return "mapping, below"
    names = {bool: "`true`, `false`", int: "number", str: "text"}
    return names.get(annotation) or annotation.__name__.lower()


def _bounds(field: FieldInfo) -> str:
    metadata = [*field.metadata, *metadata_of(field.annotation)]
    least = next((item.ge for item in metadata if isinstance(item, Ge)), None)
    most = next((item.le for item in metadata if isinstance(item, Le)), None)
    if least is not None and most is not None:
        return f"{written(field, least)} to {written(field, most)}"
    return f"at least {written(field, least)}" if least is not None else ""


def _example_lines(model: type[BaseModel], prefix: str, indent: int) -> Iterator[str]:
    space = " " * indent
    for name, field in model.model_fields.items():
        key = key_of(name, field)
        if not prefix and (_is_section(field) or key in ("hostname",)):
            yield ""
        yield f"{space}# {(field.description or '').strip()}"
        if _is_section(field):
            yield f"{space}{key}:"
            inner = field.annotation
            assert isinstance(inner, type)
            yield from _example_lines(inner, f"{prefix}{key}.", indent + 2)
        elif prefix + key in _EXAMPLE:
            yield f"{space}{key}: {inline(_EXAMPLE[prefix + key])}"
        else:
            assert field.default is not PydanticUndefined or field.default_factory is not None, key
            yield from _commented(field, key, space)


def _commented(field: FieldInfo, key: str, space: str) -> Iterator[str]:
    value = field.get_default(call_default_factory=True, validated_data={})
    line = f"{space}#{key}: {_default(field)}"
    if isinstance(value, tuple) and len(line) > 100:
        yield f"{space}#{key}:"
        yield from (f"{space}#  - {inline(_item(field, item))}" for item in value)
    else:
        yield line
