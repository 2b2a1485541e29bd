"""Ask the read API from inside a process, without a port: the command line shows what the API answers."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.types import ASGIApp, Message

from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed


async def ask(app: FastAPI, path: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Start the application, ask it once, and end it. Raises `Failed` with the detail of a problem."""
    async with app.router.lifespan_context(app):
        return await get(app, path, query)


async def get(app: ASGIApp, path: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The JSON that a GET of this path answers. Raises `Failed` with the detail of a problem."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": urlencode(query).encode(),
        "root_path": "",
        "headers": [(b"host", b"inside")],
        "client": None,
        "server": ("inside", 80),
    }
    await app(scope, receive, send)
    status = next(message["status"] for message in messages if message["type"] == "http.response.start")
    body = b"".join(message.get("body", b"") for message in messages if message["type"] == "http.response.body")
    answer: dict[str, Any] = json.loads(body)
    if status >= 400:
        code = Exit.UNAVAILABLE if status >= 500 else Exit.REFUSED
        raise Failed(code, str(answer.get("detail", f"the read API answered {status}")))
    return answer
