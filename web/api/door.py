"""One address of the API: who asks, may the token, what is asked, and the answer or the problem.

In this order, so that nobody learns anything without a token: method, token, rate, scope, address, preconditions,
parameters, body; then the act, which asks for the person's right. What no row foresees is an internal error
with a trace id.
"""

import logging
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from net.log import event
from storage.admin_files import Missing, Refused, Stale
from storage.errors import Broken
from storage.list_csv import BadCsv
from storage.people.lockout import network
from storage.state.panel_tokens import Token, Tokens
from web.api import problem, reading
from web.api.operation import Answer, Call, Csv, Operation
from web.api.parameters import PARAMETERS
from web.api.problem import Fault, Problem
from web.office import Office
from web.person import Forbidden, Person

MINUTE = 60
MOST_STRANGERS = 60  # requests without a valid token from one address in a minute

_log = logging.getLogger("web.api")


class Address:
    """The operations of one path, by method; without any, what no row of the table has."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Exception as error:
            response = _problem(request, error).response()
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        operation = self._operations.get(method)
        if not self._operations:
            raise Problem(problem.MISSING, "the API has no such address")
        if operation is None:
            raise Problem(problem.METHOD, headers={"Allow": ", ".join(self._allowed())})
        office: Office = request.app.state.office
        person, token = await _who(office, request)
        within_scope(operation, token)
        path = _path(request)
        call = Call(
            office,
            person,
            token,
            path,
            _query(request, operation),
            await _body(request, operation),
            reading.seen(request) if operation.guarded else None,
            operation.method == "PUT" and reading.only_new(request),
        )
        return _response(operation, await operation.run(call))

    def _allowed(self) -> list[str]:
        return sorted({*self._operations, *(["HEAD"] if "GET" in self._operations else [])})


async def _who(office: Office, request: Request) -> tuple[Person, Token]:
    """Whose token this is, and who that is now."""
    peer = request.client.host if request.client else ""
    most = office.settings().web.api_requests
    failures = office.store.rates.add("api-strangers", network(peer), MINUTE, 0)
    if failures.total >= MOST_STRANGERS:
        raise reading.busy(failures.falls(MOST_STRANGERS - 1) - failures.at)
    try:
        secret = reading.bearer(request)
        token = await office.run(Tokens(office.panel.db, office.panel.clock).find, secret)
        person = await office.person(token.owner) if token is not None else None
        if token is None or person is None:
            raise reading.unauthorized("this token is not valid, or not any more", "invalid_token")
    except Problem:
        office.store.rates.add("api-strangers", network(peer), MINUTE)
        raise
    if not office.store.rates.take("api", token.id, MINUTE, most):
        tally = office.store.rates.add("api", token.id, MINUTE, 0)
        raise reading.busy(tally.falls(most - 1) - tally.at)
    return replace(person, scopes=token.scopes, peer=peer), token


def within_scope(operation: Operation, token: Token) -> None:
    """RFC 6750 §3.1: which scope is missing is said."""
    subject, _, verb = operation.scope.partition(":")
    if operation.scope in token.scopes or (verb == "read" and f"{subject}:write" in token.scopes):
        return
    challenge = f'Bearer realm="kwcmaild", error="insufficient_scope", scope="{operation.scope}"'
    raise Problem(
        problem.FORBIDDEN, f"the token lacks {operation.scope}", headers={"WWW-Authenticate": challenge}
    )


def _path(request: Request) -> dict[str, str]:
    found: dict[str, str] = request.path_params
    for name, value in found.items():
        if not PARAMETERS[name].fits(value):
            raise Problem(problem.MISSING, f"nothing has such a name ({name})")
    return dict(found)


def _query(request: Request, operation: Operation) -> BaseModel | None:
    if operation.query is None:
        reading.no_query(request)
        return None
    return reading.query(request, operation.query)


async def _body(request: Request, operation: Operation) -> BaseModel | bytes | None:
    if operation.body is None:
        return None
    if issubclass(operation.body, Csv):
        return await reading.csv_body(request)
    return await reading.json_body(request, operation.body)


def _response(operation: Operation, answer: Answer) -> Response:
    headers = {"Cache-Control": "no-store"}
    if answer.location:
        headers["Location"] = f"/api/v1{answer.location}"
    if answer.digest:
        headers["ETag"] = f'"{answer.digest}"'
    status = answer.status or operation.status
    if answer.body is None:
        return Response(None, status, headers)
    if isinstance(answer.body, bytes):
        return Response(answer.body, status, headers, "text/csv; charset=utf-8")
    return Response(answer.body.model_dump_json(), status, headers, "application/json")


def _problem(request: Request, error: Exception) -> Problem:
    """What a program is told of an exception. The three kinds: its fault, an answer, our fault."""
    match error:
        case Problem():
            return error
        case Missing():
            return Problem(problem.MISSING, str(error))
        case Stale():
            return Problem(problem.STALE, str(error))
        case BadCsv():
            faults = [Fault("", line) for line in str(error).splitlines()]
            return Problem(problem.INVALID, "the table cannot be used", faults)
        case Refused():
            return Problem(problem.REFUSED, str(error))
        case Forbidden(hidden=True):
            return Problem(problem.MISSING, "there is no such thing, or it is not yours to see")
        case Forbidden():
            return Problem(problem.FORBIDDEN, f"the token's owner lacks the right {error.right}")
        case Broken() | sqlite3.OperationalError():
            event(_log, "api.unavailable", logging.WARNING, path=request.url.path, error=str(error))
            return Problem(problem.UNAVAILABLE, headers={"Retry-After": "5"})
    trace = secrets.token_hex(6)
    fields = {"path": request.url.path, "method": request.method, "trace": trace}
    _log.error("api.error", exc_info=error, extra={"fields": fields})
    return Problem(problem.INTERNAL, f"trace {trace}")
