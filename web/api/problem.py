"""What went wrong, as a program reads it: `application/problem+json` (RFC 9457).

`type` leads to the sentence about it on the API's own page; `detail` is for the person who looks into the log
of that program. Nothing about the inside of the server is said: what nobody foresaw is "internal error" and a trace
id, under which the log has all of it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
BASE = "/api/v1/"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its name in `type`, its status, its title, and what a program may do about it."""

    name: str
    status: int
    title: str
    advice: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a request: where (RFC 6901, or the parameter's name) and why."""

    pointer: str
    detail: str


UNREADABLE = Kind("unreadable", 400, "Unreadable request", "The body is no JSON, or not in UTF-8: mend it.")
UNAUTHORIZED = Kind(
    "unauthorized",
    401,
    "No valid token",
    "Send Authorization: Bearer with a token that exists, has not expired, and whose owner may log in.",
)
FORBIDDEN = Kind(
    "forbidden",
    403,
    "Not allowed",
    "The token's scopes, or the rights of the person it belongs to, do not reach.",
)
MISSING = Kind("missing", 404, "Not found", "It does not exist, or is not this person's to see.")
METHOD = Kind("method", 405, "Method not allowed", "The Allow field names those that the address knows.")
REFUSED = Kind(
    "refused",
    409,
    "Refused",
    "It contradicts what there is (an address that somebody has, a contract's capacity): detail says what.",
)
STALE = Kind(
    "stale", 412, "Changed meanwhile", "It is not what If-Match names: get it again, and decide anew."
)
LARGE = Kind("large", 413, "Too large", "Send less at once.")
MEDIA = Kind("media", 415, "Media type not supported", "Send application/json.")
INVALID = Kind("invalid", 422, "Invalid values", "The member errors says what is wrong, value by value.")
BUSY = Kind("busy", 429, "Too many requests", "Wait as long as Retry-After says.")
INTERNAL = Kind("internal", 500, "Internal error", "Tell the operator the trace id.")
UNAVAILABLE = Kind("unavailable", 503, "Not available now", "Try again later.")

KINDS = (
    UNREADABLE,
    UNAUTHORIZED,
    FORBIDDEN,
    MISSING,
    METHOD,
    REFUSED,
    STALE,
    LARGE,
    MEDIA,
    INVALID,
    BUSY,
    INTERNAL,
    UNAVAILABLE,
)


class Problem(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    def response(self) -> Response:
        kind = self.kind
        body: dict[str, Any] = {"type": f"{BASE}#{kind.name}", "title": kind.title, "status": kind.status}
        if self.detail:
            body["detail"] = self.detail
        if self.errors:
            body["errors"] = [{"pointer": each.pointer, "detail": each.detail} for each in self.errors]
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(json.dumps(body, ensure_ascii=False), kind.status, headers, MEDIA_TYPE)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A problem (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Which kind of problem."},
        "title": {"type": "string", "description": "The kind in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What is the matter this time."},
        "errors": {
            "type": "array",
            "description": "What is wrong, value by value.",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "A JSON Pointer into the body (RFC 6901), or a parameter's name.",
                    },
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "detail"],
            },
        },
    },
    "required": ["type", "title", "status"],
}
