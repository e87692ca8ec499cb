"""Which of two hundred addresses is asked for: found part by part, not by trying one pattern after the other.

The first route that fits is taken, in the order in which they are given, as Starlette itself would.
"""

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

_ANY = "*"  # a part that is a parameter
_HERE = "/"  # no part has this name: the routes that end at a node


class Signpost(BaseRoute):
    """Stands for all its routes."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._tree: dict[str, Any] = {}
        self._others: list[tuple[int, BaseRoute]] = []  # mounts, which are for all that is below them
        for order, route in enumerate(routes):
            if not isinstance(route, Route) or ":path}" in route.path:
                self._others.append((order, route))
                continue
            node = self._tree
            for part in route.path.split("/"):
                node = node.setdefault(_ANY if "{" in part else part, {})
            node.setdefault(_HERE, []).append((order, route))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        partial: tuple[Match, Scope] = (Match.NONE, {})
        for _, route in self._candidates(scope["path"]):
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, "kwcmaild.route": route}
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = (match, {**child, "kwcmaild.route": route})
        return partial

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["kwcmaild.route"].handle(scope, receive, send)

    def _candidates(self, path: str) -> list[tuple[int, BaseRoute]]:
        nodes = [self._tree]
        for part in path.split("/"):
            nodes = [below for node in nodes for key in {part, _ANY} if (below := node.get(key)) is not None]
            if not nodes:
                return self._others
        found = [leaf for node in nodes for leaf in node.get(_HERE, ())]
        return sorted(found + self._others, key=lambda each: each[0])
