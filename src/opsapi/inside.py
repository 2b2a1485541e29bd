"""Ask the read API from inside a process, without a port: the command line shows what the API answers."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.types import ASGIApp, Message

from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed

Query = Mapping[str, str] | Sequence[tuple[str, str]]
Headers = Mapping[str, str]
Body = Mapping[str, Any]


async def ask(app: FastAPI, path: str, query: Query, body: Body | None = None) -> dict[str, Any]:
    """Start the application, ask it once, and end it. Raises `Failed` with the detail of a problem."""
    async with app.router.lifespan_context(app):
        return await send(app, path, query, body)


async def get(app: ASGIApp, path: str, query: Query) -> dict[str, Any]:
    """The JSON that a GET of this path answers. Raises `Failed` with the detail of a problem."""
    return await send(app, path, query, None)


async def send(app: ASGIApp, path: str, query: Query, body: Body | None) -> dict[str, Any]:
    """The JSON that a GET of this path answers, or with a body a POST. Raises `Failed` as `get` does."""
    told = bytearray()
    await _answered(app, path, query, told.extend, body)
    answer: dict[str, Any] = json.loads(told)
    return answer


async def copy(app: FastAPI, path: str, query: Query, write: Callable[[bytes], object]) -> Headers:
    """Hand what a GET answers to `write`, piece by piece as it is made; the answer's headers.

    Raises `Failed` with the detail of a problem, or when the answer ended before it was whole; and what `write`
    raises.
    """
    async with app.router.lifespan_context(app):
        return await _answered(app, path, query, write)


async def _answered(
    app: ASGIApp, path: str, query: Query, write: Callable[[bytes], object], body: Body | None = None
) -> Headers:
    sent = b"" if body is None else json.dumps(body).encode()
    status, headers, problem, is_whole = 0, {}, bytearray(), False
    asked = False
    failed: list[Exception] = []

    async def receive() -> Message:
        nonlocal asked
        if asked:
            # Whoever asks from inside stays until it has its answer.
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": sent, "more_body": False}

    async def hear(message: Message) -> None:
        nonlocal status, headers, is_whole
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            return
        piece = message.get("body", b"")
        is_whole = not message.get("more_body", False)
        if status >= 400:
            problem.extend(piece)
        elif piece:
            try:
                write(piece)
            except Exception as error:
                failed.append(error)
                raise OSError from error

    await app(_scope(path, query, None if body is None else sent), receive, hear)
    if failed:
        raise failed[0]
    if status >= 400:
        told = json.loads(problem).get("detail", f"the read API answered {status}")
        raise Failed(Exit.UNAVAILABLE if status >= 500 else Exit.REFUSED, str(told))
    if not is_whole:
        raise Failed(Exit.UNAVAILABLE, "the answer ended before it was whole; the log says why")
    return headers


def _scope(path: str, query: Query, sent: bytes | None) -> dict[str, Any]:
    length = [] if sent is None else [(b"content-length", str(len(sent)).encode())]
    return {
        "type": "http",
        # As of 2.4 `send` says by an `OSError` that nobody listens any more.
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET" if sent is None else "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": urlencode(query).encode(),
        "root_path": "",
        "headers": [(b"host", b"inside"), *length],
        "client": None,
        "server": ("inside", 80),
    }
