"""Finding the route of a request at once, however many routes there are.

Starlette tries one route after another. Here those that can match a path are looked up by its method, its first
segment and how many it has; the few that are left are tried in their order, by their own rules. An endpoint that
reads its request itself is called at once: what FastAPI does around others costs as much as a command.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any, TypeAlias

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

_Place: TypeAlias = tuple[str, int, str]
_Served: TypeAlias = tuple[APIRoute, Callable[..., Any] | None]

_FOUND = "drumbeat.route"


class Directory(BaseRoute):
    """One route that stands for many. What it does not find is left to those behind it. Changed by nobody.

    An endpoint of nothing but the request is called without FastAPI: it has to answer with a `Response`.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        """Routes that are no `APIRoute`, or whose first segment is a parameter, are not looked up here."""
        places: dict[_Place, list[_Served]] = defaultdict(list)
        for route in routes:
            if isinstance(route, APIRoute):
                first, count = _segments(route.path)
                for method in route.methods or ():
                    places[method, count, first].append((route, route.endpoint if _is_bare(route) else None))
        self._places = dict(places)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See Starlette: wholly, or not at all."""
        if scope["type"] != "http":
            return Match.NONE, {}
        first, count = _segments(scope["path"])
        for served in self._places.get((scope["method"], count, first), ()):
            match, child_scope = served[0].matches(scope)
            if match is Match.FULL:
                child_scope[_FOUND] = served
                return match, child_scope
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand over to the route that was found."""
        route, endpoint = scope[_FOUND]
        if endpoint is None:
            await route.handle(scope, receive, send)
        else:
            response = await endpoint(Request(scope, receive, send))
            await response(scope, receive, send)


def _is_bare(route: APIRoute) -> bool:
    asked = route.dependant
    read = (asked.path_params, asked.query_params, asked.header_params, asked.cookie_params, asked.body_params)
    return iscoroutinefunction(route.endpoint) and not (any(read) or asked.dependencies)


def _segments(path: str) -> tuple[str, int]:
    parts = path.split("/", 2)
    return parts[1] if len(parts) > 1 else "", path.count("/")
