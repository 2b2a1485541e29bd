"""Listen: an ASGI application over HTTP, or the metrics of a process that serves nothing else."""

import asyncio
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Event

import structlog
import uvicorn
from prometheus_client import start_http_server
from starlette.types import ASGIApp

from drumbeat import telemetry
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.settings import Settings
from drumbeat.web.connection import Guard, guarded

log = structlog.get_logger(__name__)

_DRAIN_SECONDS = 5
_BACKLOG = 2_048


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The process has handlers of its own, which set an event.
        yield


def guard(settings: Settings) -> Guard:
    """What the settings let a connection take."""
    return Guard(
        connections=settings.api_max_connections,
        request_seconds=settings.api_request_seconds,
        header_bytes=settings.api_max_header_bytes,
        unread_bytes=2 * settings.api_max_body_bytes,
    )


def serve(app: ASGIApp, host: str, port: int, stop: Event, limits: Guard | None = None) -> None:
    """Answer requests until `stop` is set; those under way get a few seconds. Raises `Failed` for a taken port."""
    config = uvicorn.Config(
        app,
        http=guarded(limits or Guard()),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    server = _Server(config)

    async def until_stopped(listening: socket.socket) -> None:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not stop.is_set() and not serving.done():
            await asyncio.sleep(0.05)
        server.should_exit = True
        await serving

    with _listen(host, port) as listening, asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        log.info("listening", host=host, port=port)
        runner.run(until_stopped(listening))


def serve_metrics(host: str, port: int) -> None:
    """Serve `/metrics` from a daemon thread; port 0 serves nothing. Raises `Failed` for a taken port."""
    if not port:
        return
    try:
        start_http_server(port, addr=host, registry=telemetry.REGISTRY)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error


def require_free(host: str, ports: Iterable[int]) -> None:
    """Raises `Failed` when somebody listens on one of these ports already; 0 stands for none."""
    for port in ports:
        if port:
            _listen(host, port).close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error


def _cannot_listen(host: str, port: int, error: OSError) -> Failed:
    # The library's own words name the address a second time.
    reason = os.strerror(error.errno) if error.errno else str(error)
    return Failed(Exit.UNFIT, f"cannot listen on {host} port {port}: {reason}")
