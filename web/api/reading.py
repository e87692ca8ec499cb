"""A request, read into values: parameters, body, preconditions, token. Raises `Problem`; asks nobody."""

import json
import re
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from web.api.problem import BUSY, INVALID, LARGE, MEDIA, STALE, UNAUTHORIZED, UNREADABLE, Fault, Problem

MOST_JSON = 1024 * 1024  # octets of a body
MOST_CSV = 4 * 1024 * 1024
MOST_FAULTS = 50  # told of one request

_JSON = ("application/json", "application/merge-patch+json")
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')  # RFC 9110 §8.8.3

Model = TypeVar("Model", bound=BaseModel)


def bearer(request: Request) -> str:
    """The token of the Authorization field (RFC 6750 §2.1)."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise unauthorized("there is no Authorization: Bearer field with a token")
    return secret.strip()


def unauthorized(detail: str, error: str = "") -> Problem:
    challenge = 'Bearer realm="kwcmaild"' + (f', error="{error}"' if error else "")  # RFC 6750 §3
    return Problem(UNAUTHORIZED, detail, headers={"WWW-Authenticate": challenge})


def busy(seconds: float) -> Problem:
    wait = max(1, int(seconds + 0.999))
    return Problem(BUSY, f"wait {wait} seconds", headers={"Retry-After": str(wait)})


def query(request: Request, model: type[Model]) -> Model:
    """What stands after the question mark; each parameter once."""
    items = request.query_params.multi_items()
    given = dict(items)
    if len(given) < len(items):
        twice = sorted({name for name, _ in items if len(request.query_params.getlist(name)) > 1})
        raise Problem(
            INVALID, "given more than once", [Fault(name, "is given more than once") for name in twice]
        )
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(error, pointers=False) from error


def no_query(request: Request) -> None:
    if names := sorted(request.query_params.keys()):
        raise Problem(
            INVALID, "there are no such parameters", [Fault(name, "is not known here") for name in names]
        )


async def body(request: Request, most: int) -> bytes:
    """The octets of the body. More than `most` are not read."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise Problem(LARGE, f"a body has at most {most} octets", headers={"Connection": "close"})
    read = bytearray()
    try:
        async for piece in request.stream():
            read += piece
            if len(read) > most:
                raise Problem(LARGE, f"a body has at most {most} octets", headers={"Connection": "close"})
    except ClientDisconnect as error:
        raise Problem(UNREADABLE, "the body ended early") from error
    return bytes(read)


def media_type(request: Request, *known: str) -> None:
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    if kind.strip().lower() not in known:
        raise Problem(MEDIA, f"send {known[0]}", headers={"Accept": ", ".join(known)})
    if known[0] in _JSON and charset and charset[1].lower() not in ("utf-8", "utf8"):
        raise Problem(MEDIA, "JSON is in UTF-8 (RFC 8259 §8.1)")


async def json_body(request: Request, model: type[Model]) -> Model:
    media_type(request, *_JSON)
    octets = await body(request, MOST_JSON)
    try:
        value = json.loads(octets.decode(), parse_constant=_no_number, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise Problem(UNREADABLE, "the body is no JSON in UTF-8") from error
    try:
        return model.model_validate_json(json.dumps(value))
    except ValidationError as error:
        raise invalid(error) from error


async def csv_body(request: Request) -> bytes:
    media_type(request, "text/csv")
    return await body(request, MOST_CSV)


def seen(request: Request) -> str | None:
    """What If-Match asks for (RFC 9110 §13.1.1): the one entity-tag; None where anything will do. What is no strong
    entity-tag, and a list of them, matches nothing (§8.8.3.2)."""
    asked = request.headers.get("if-match", "").strip()
    if not asked or asked == "*":
        return None
    match = _TAG.fullmatch(asked)
    if match is None or match[1]:
        raise Problem(
            STALE, "If-Match is one strong entity-tag in quotes, or *; anything else matches nothing"
        )
    return match[2]


def only_new(request: Request) -> bool:
    """If-None-Match: * (RFC 9110 §13.1.2): only where there is nothing yet."""
    return request.headers.get("if-none-match", "").strip() == "*"


def invalid(error: ValidationError, *, pointers: bool = True) -> Problem:
    faults = [
        Fault(_place(each["loc"], pointers), each["msg"].removeprefix("Value error, "))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return Problem(INVALID, "some values are not what they must be", faults[:MOST_FAULTS])


def _place(location: tuple[int | str, ...], pointers: bool) -> str:
    if not pointers:
        return str(location[0]) if location else ""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)  # RFC 6901 §3


def _number(text: str) -> int | float:
    """`5.0` is the whole number 5 (JSON Schema 2020-12 validation §6.1.1)."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _no_number(name: str) -> Mapping[str, str]:
    raise ValueError(f"{name} is no number of JSON")
