"""Finding the route of a request at once, however many routes there are.

Starlette tries one route after another. Here those that can match a path are looked up by its method, its first
segment and how many it has; the few that are left are tried in their order, by their own rules.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

_Place: TypeAlias = tuple[str, int, str]

_FOUND = "drumbeat.route"


class Directory(BaseRoute):
    """One route that stands for many. What it does not find is left to those behind it. Changed by nobody."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        """Routes that are no `APIRoute`, or whose first segment is a parameter, are not looked up here."""
        places: dict[_Place, list[APIRoute]] = defaultdict(list)
        for route in routes:
            if isinstance(route, APIRoute):
                first, count = _segments(route.path)
                for method in route.methods or ():
                    places[method, count, first].append(route)
        self._places = dict(places)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See Starlette: wholly, or not at all."""
        if scope["type"] != "http":
            return Match.NONE, {}
        first, count = _segments(scope["path"])
        for route in self._places.get((scope["method"], count, first), ()):
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                child_scope[_FOUND] = route
                return match, child_scope
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand over to the route that was found."""
        await scope[_FOUND].handle(scope, receive, send)


def _segments(path: str) -> tuple[str, int]:
    parts = path.split("/", 2)
    return parts[1] if len(parts) > 1 else "", path.count("/")
