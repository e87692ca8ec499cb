"""Every operation of the API: the index of this room. Routes, document, page and tests are made of it."""

from collections.abc import Mapping

from starlette.routing import BaseRoute, Route

from web.api import (
    account_mail,
    account_many,
    accounts,
    audit,
    dns,
    domains,
    forwards,
    list_members,
    lists,
    notices,
    own,
    queue,
    server,
    stats,
    tokens,
    traces,
)
from web.api.door import Address
from web.api.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *domains.OPERATIONS,
    *accounts.OPERATIONS,
    *account_many.OPERATIONS,
    *account_mail.OPERATIONS,
    *own.OPERATIONS,
    *lists.OPERATIONS,
    *list_members.OPERATIONS,
    *forwards.OPERATIONS,
    *dns.OPERATIONS,
    *stats.OPERATIONS,
    *traces.OPERATIONS,
    *queue.OPERATIONS,
    *notices.OPERATIONS,
    *audit.OPERATIONS,
    *server.OPERATIONS,
    *tokens.OPERATIONS,
)


def routes_below() -> list[BaseRoute]:
    """One route for each path, for mounting at /api/v1."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = operation
    # a fixed word before a parameter in its place: /queue/stats is no message
    ordered: list[tuple[str, Mapping[str, Operation]]] = sorted(paths.items(), key=_fixed_first)
    return [*(Route(path, Address(each)) for path, each in ordered), Route("/{rest:path}", Address({}))]


def _fixed_first(path: tuple[str, Mapping[str, Operation]]) -> list[str]:
    return [part.replace("{", "\x7f") for part in path[0].split("/")]
