"""The API for people: the document as JSON, and the same table as a page, without a foreign script."""

import json
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from web.api import openapi, problem
from web.api.table import OPERATIONS, routes_below
from web.pages.frame import render
from web.pages.page import Page
from web.pages.visit import visit
from web.person import SCOPES, Right

PREFIX = "/api/v1"


async def document(request: Request) -> Response:
    """OpenAPI 3.1."""
    body = _document(request.app.state.office.settings().hostname)
    return Response(body, media_type="application/json", headers={"Cache-Control": "max-age=300"})


@cache
def _document(hostname: str) -> bytes:
    return json.dumps(openapi.document(OPERATIONS, hostname), ensure_ascii=False).encode()


async def page(request: Request) -> Response:
    """Every operation, with what goes in and out."""
    await visit(request)
    return render(
        request, "api/index.html", groups=_groups(), problems=problem.KINDS, scopes=SCOPES, prefix=PREFIX
    )


@cache
def _groups() -> dict[str, list[dict[str, Any]]]:
    """The operations by subject, as the page shows them."""
    made = openapi.document(OPERATIONS, "")
    groups: dict[str, list[dict[str, Any]]] = {}
    for operation in OPERATIONS:
        entry = made["paths"][operation.path][operation.method.lower()]
        groups.setdefault(operation.subject, []).append(
            {
                "method": operation.method,
                "path": PREFIX + operation.path,
                "id": operation.name,
                "says": operation.says,
                "scope": operation.scope,
                "parameters": entry.get("parameters", []),
                "body": _fields(made, operation.body),
                "answers": [
                    (status, each["description"].partition(". ")[0].rstrip("."))
                    for status, each in entry["responses"].items()
                ],
            }
        )
    return groups


def _fields(made: dict[str, Any], model: type | None) -> list[tuple[str, str, bool, str]]:
    """The members of a body: name, kind, whether it must be there, and what it says."""
    if model is None or not hasattr(model, "model_json_schema"):
        return []
    schema = model.model_json_schema()
    return [
        (name, _kind(each), name in schema.get("required", []), each.get("description", ""))
        for name, each in schema.get("properties", {}).items()
    ]


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a word or two."""
    if "anyOf" in schema:
        return " | ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kind = schema.get("format") or schema.get("type", "any")
    return f"[{_kind(schema['items'])}]" if kind == "array" and "items" in schema else str(kind)


def routes() -> list[BaseRoute]:
    return [
        Page(f"{PREFIX}/", page, right=Right.PUBLIC),
        Route(f"{PREFIX}/openapi.json", document),
        Mount(PREFIX, routes=routes_below()),
    ]
