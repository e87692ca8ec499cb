"""Questions about the models: which field stands at a location, and how its values are written in YAML."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.functional_validators import BeforeValidator

from config.units import format_duration, format_size, parse_duration, parse_size

Location = tuple[str | int, ...]


def key_of(name: str, field: FieldInfo) -> str:
    """The YAML key of a field (`from` cannot be an attribute's name)."""
    return field.alias or name


def keys_of(model: type[BaseModel]) -> list[str]:
    return [key_of(name, field) for name, field in model.model_fields.items()]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside an annotation such as `tuple[Listen, ...]` or `Virus | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def field_at(model: type[BaseModel], location: Location) -> FieldInfo | None:
    """The last field that a location names. Numbers of items and names of union members are no fields."""
    owners, found = [model], None
    for part in location:
        for owner in owners:
            field = next((f for name, f in owner.model_fields.items() if key_of(name, f) == part), None)
            if field is not None:
                found, owners = field, list(models_in(field.annotation))
                break
    return found


def model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The model of the mapping at a location."""
    if not location:
        return model
    field = field_at(model, location)
    return next(models_in(field.annotation), None) if field else None


def unit_of(field: FieldInfo) -> str:
    """`size`, `duration` or an empty string."""
    parsers = {
        item.func
        for item in (*field.metadata, *metadata_of(field.annotation))
        if isinstance(item, BeforeValidator)
    }
    return "size" if parse_size in parsers else "duration" if parse_duration in parsers else ""


def written(field: FieldInfo | None, value: Any) -> str:
    """A number as one writes it for this field: `100M`, `5m`, `20`."""
    unit = unit_of(field) if field is not None and isinstance(value, int) else ""
    if unit == "size":
        return format_size(value)
    return format_duration(value) if unit == "duration" else str(value)


def metadata_of(annotation: Any) -> Iterator[Any]:
    """What is annotated anywhere inside an annotation."""
    yield from getattr(annotation, "__metadata__", ())
    for argument in get_args(annotation):
        yield from metadata_of(argument)
