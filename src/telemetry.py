"""How a process is seen from outside: structured logs on standard error, and the catalogue of its metrics.

Log events are named in snake_case and carry their values as fields; a command's `correlation_id` follows it
from the request to the projection of its events.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TextIO
from uuid import UUID

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LogFormat = Literal["auto", "json", "text"]

REGISTRY = CollectorRegistry(auto_describe=True)
"""The metrics below and nothing else; every process serves it at `/metrics`."""

_FAST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

COMMANDS = Counter(
    "drumbeat_commands", "Commands carried out or refused.", ("command", "outcome"), registry=REGISTRY
)
"""`outcome` is `done`, `nothing` (no event was needed) or the code of the refusal."""

REQUEST_SECONDS = Histogram(
    "drumbeat_request_seconds",
    "Time to answer an HTTP request.",
    ("method", "route", "status"),
    buckets=_FAST_SECONDS,
    registry=REGISTRY,
)
"""`route` is the template (`/campaigns/{campaign_id}`), so that the number of series stays small."""

# The projector's own metrics are made when they are asked for, by `opsapi.projector_metrics`.

WAITING_READS = Gauge(
    "drumbeat_waiting_reads", "Reads that wait for the read models to reach a position.", registry=REGISTRY
)

POLICY_COMMANDS = Counter(
    "drumbeat_policy_commands", "Commands that policies gave.", ("policy", "outcome"), registry=REGISTRY
)


IMPORTED_ROWS = Counter("drumbeat_imported_rows", "Rows of uploaded files.", ("result",), registry=REGISTRY)
"""`result` is accepted, already_enrolled or refused."""


def configure_logging(
    *, process: str, level: str = "info", log_format: LogFormat = "auto", stream: TextIO | None = None
) -> None:
    """Send all logs of this process, the libraries' too, to standard error: one JSON object a line, or text.

    `auto` writes text on a terminal and JSON elsewhere. Called once, when a process starts.
    """
    target = stream or sys.stderr
    as_text = log_format == "text" or (log_format == "auto" and target.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Any] = [structlog.processors.format_exc_info, _as_json]
    if as_text:
        # A traceback with the values of all locals takes seconds to draw, and shows what is private.
        plainly = structlog.dev.plain_traceback
        last = [structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=plainly)]
    # Our own records go straight to the stream: by way of the standard library each costs four times as much, and
    # a read has one.
    structlog.configure(
        processors=[*shared, _named(process), *last],
        logger_factory=structlog.WriteLoggerFactory(target),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[_named(process), structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        # Uvicorn brings handlers of its own; its records go the way of all others instead.
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = True
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)


def _as_json(_logger: Any, _method: str, record: Any) -> str:
    return msgspec.json.encode(record, enc_hook=str).decode()


def _named(process: str) -> Any:
    def add(_logger: Any, _method: str, record: dict[str, Any]) -> dict[str, Any]:
        record.setdefault("process", process)
        return record

    return add


@contextmanager
def correlated(correlation_id: UUID, **fields: object) -> Iterator[None]:
    """Every log record written inside carries the correlation id and these fields."""
    with structlog.contextvars.bound_contextvars(correlation_id=str(correlation_id), **fields):
        yield
