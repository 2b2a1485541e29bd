"""The route of a request is found at once, and is the one that Starlette would find by trying them all."""

from fastapi.routing import APIRoute
from starlette.routing import Match

from drumbeat.readapi import app as readapi
from drumbeat.web.directory import Directory
from drumbeat.writeapi import app as writeapi


def test_every_route_is_found_under_its_own_path() -> None:
    routers = [*readapi.ROUTERS, *writeapi.ROUTERS]
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    directory = Directory(routes)
    paths = [(method, route.path) for route in routes for method in route.methods or ()]
    assert len(paths) > 60
    for method, template in paths:
        path = "/".join("1" if part.startswith("{") else part for part in template.split("/"))
        scope = {"type": "http", "method": method, "path": path, "root_path": ""}
        match, found = directory.matches(dict(scope))
        tried = [one.matches(dict(scope)) for one in routes]
        first = next(child for way, child in tried if way is Match.FULL)
        assert match is Match.FULL
        assert found["route"] is first["route"]
        assert found["path_params"] == first["path_params"]


def test_what_is_not_known_is_left_to_others() -> None:
    directory = Directory([route for router in readapi.ROUTERS for route in router.routes])
    for method, path in (("GET", "/nothing"), ("GET", "/campaigns/"), ("PUT", "/campaigns"), ("GET", "")):
        assert (
            directory.matches({"type": "http", "method": method, "path": path, "root_path": ""})[0] is Match.NONE
        )
    assert directory.matches({"type": "websocket", "path": "/campaigns"})[0] is Match.NONE
