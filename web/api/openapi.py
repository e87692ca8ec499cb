"""The OpenAPI 3.1 document, made from the table and the models: what is not in them is not in it."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web.api import problem
from web.api.operation import Csv, Operation
from web.api.parameters import PARAMETERS
from web.api.problem import Kind

VERSION = "1.0.0"
REFERENCE = "#/components/schemas/{model}"

_REASONS = {200: "Done.", 201: "Made.", 202: "Begun; it goes on.", 204: "Done; there is nothing to say."}
_ALWAYS = (problem.INVALID, problem.UNAUTHORIZED, problem.FORBIDDEN, problem.BUSY, problem.INTERNAL)

Schema = dict[str, Any]


def document(operations: Sequence[Operation], server: str) -> Schema:
    """The whole document. `server` is the host's name."""
    names, schemas = _models(operations)
    paths: dict[str, Schema] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, names)
    for path, methods in paths.items():
        if parameters := [_path_parameter(name) for name in _names(path)]:
            methods["parameters"] = parameters
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kwcmaild",
            "version": VERSION,
            "description": "Domains, accounts, lists and all else that the control panel looks after."
            " Sums are octets; times are RFC 3339.",
        },
        "servers": [{"url": "/api/v1", "description": server}],
        "security": [{"token": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.subject for each in operations)],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": problem.SCHEMA},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token made in the panel, or by `kwcmaild token add`.",
                }
            },
        },
    }


def problems(operation: Operation) -> list[Kind]:
    """The problems that an operation may answer with."""
    kinds = [*_ALWAYS, *operation.problems]
    if "{" in operation.path:
        kinds.append(problem.MISSING)
    if operation.body is not None:
        kinds += [problem.UNREADABLE, problem.LARGE, problem.MEDIA]
    if operation.guarded and operation.method not in ("GET", "POST"):
        kinds.append(problem.STALE)
    if operation.method != "GET":
        kinds.append(problem.REFUSED)
    return sorted(dict.fromkeys(kinds), key=lambda kind: kind.status)


def _operation(operation: Operation, names: dict[tuple[type[BaseModel], str], str]) -> Schema:
    made: Schema = {
        "operationId": operation.name,
        "tags": [operation.subject],
        "summary": operation.says,
        "description": f"Needs the scope `{operation.scope}`.",
        "responses": {
            **{
                str(status): _good(operation, status, names) for status in (operation.status, *operation.also)
            },
            **{str(kind.status): _bad(kind) for kind in problems(operation)},
        },
    }
    parameters = [*_query(operation), *_conditions(operation)]
    if parameters:
        made["parameters"] = parameters
    if operation.body is not None:
        made["requestBody"] = {"required": True, "content": _content(operation.body, "validation", names)}
    return made


def _good(operation: Operation, status: int, names: dict[tuple[type[BaseModel], str], str]) -> Schema:
    made: Schema = {"description": _REASONS[status]}
    if operation.gives is not None and status != 204:
        made["content"] = _content(operation.gives, "serialization", names)
    headers: Schema = {}
    if status == 201:
        headers["Location"] = _header("Where it is.")
    if operation.guarded and operation.gives is not None:
        headers["ETag"] = _header("For If-Match of a later change.")
    if headers:
        made["headers"] = headers
    return made


def _bad(kind: Kind) -> Schema:
    made: Schema = {
        "description": f"{kind.title}. {kind.advice}",
        "content": {problem.MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="Problem")}}},
    }
    if kind is problem.BUSY:
        made["headers"] = {"Retry-After": _header("Seconds to wait.")}
    if kind is problem.UNAUTHORIZED:
        made["headers"] = {"WWW-Authenticate": _header("What is asked for.")}
    return made


def _header(says: str) -> Schema:
    return {"description": says, "schema": {"type": "string"}}


def _content(
    model: type[BaseModel] | type[Csv], mode: str, names: dict[tuple[type[BaseModel], str], str]
) -> Schema:
    if issubclass(model, Csv):
        return {"text/csv": {"schema": {"type": "string"}}}
    return {"application/json": {"schema": {"$ref": REFERENCE.format(model=names[model, mode])}}}


def _models(operations: Sequence[Operation]) -> tuple[dict[tuple[type[BaseModel], str], str], Schema]:
    """Every model that goes in or out, by the name under which its schema stands, and the schemas."""
    wanted: dict[tuple[type[BaseModel], str], None] = {}
    for operation in operations:
        for model, mode in ((operation.body, "validation"), (operation.gives, "serialization")):
            if model is not None and issubclass(model, BaseModel):
                wanted[model, mode] = None
    references, schema = models_json_schema(
        list(wanted),  # type: ignore[arg-type]
        ref_template=REFERENCE,
    )
    names = {
        (model, str(mode)): str(reference["$ref"]).rpartition("/")[2]
        for (model, mode), reference in references.items()
        if isinstance(model, type) and issubclass(model, BaseModel)
    }
    return names, schema.get("$defs", {})


def _query(operation: Operation) -> list[Schema]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema()
    made = []
    for name, each in schema["properties"].items():
        says = each.pop("description", "")
        each.pop("title", None)
        each.pop("default", None) if each.get("default", 0) is None else None
        if "anyOf" in each:  # a parameter cannot be null: it is there or not
            (only,) = [one for one in each.pop("anyOf") if one.get("type") != "null"]
            each.update(only)
        required = name in schema.get("required", [])
        made.append({"name": name, "in": "query", "description": says, "required": required, "schema": each})
    return made


def _conditions(operation: Operation) -> list[Schema]:
    if not operation.guarded or operation.method in ("GET", "POST"):
        return []
    says = "The ETag of what was looked at: the change is made only if it still is that."
    return [{"name": "If-Match", "in": "header", "description": says, "required": False, "schema": _TAG}]


_TAG = {"type": "string"}


def _names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _path_parameter(name: str) -> Schema:
    parameter = PARAMETERS[name]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": parameter.says,
        "schema": parameter.schema,
    }
