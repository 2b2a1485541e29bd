"""The read API in tests: events → the real engine on a real Postgres → asked over HTTP."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import uvicorn
from fastapi import FastAPI

from drumbeat.projections.models import FOR_READERS
from drumbeat.readapi.app import Deps, create_app
from drumbeat.web.authenticating import Gate
from drumbeat.web.connection import Guard, guarded
from drumbeat.web.problems import Problem
from support.keys import Keys, Showing, gate_for
from support.projecting import EPOCH, ListLog, project
from support.sealing import MASTER, keep_keys

ALL = FOR_READERS


@dataclass(slots=True)
class Reading:
    """A database with a history, and the clock and the workspace of whoever asks."""

    database_url: str
    log: ListLog = field(default_factory=ListLog)
    now: datetime = EPOCH
    workspace_id: str = "default"

    def written(self) -> None:
        """Write the log into the ledger too; the read models do not know yet."""
        with closing(psycopg.connect(self.database_url, autocommit=True)) as connection:
            known = connection.execute("SELECT max(position) FROM ledger.events").fetchone()
            after = (known and known[0]) or 0
            connection.cursor().executemany(_INSERT, [_ledger_row(row) for row in self.log.rows[after:]])
            connection.execute("SELECT setval('ledger.events_position', max(position)) FROM ledger.events")
        keep_keys(self.database_url, [row.bytes for row in self.log.rows[after:]])

    def applied(self) -> None:
        """Write the log into the ledger, and bring the read models up to its end."""
        self.written()
        project(self.log, self.database_url, ALL)

    @contextmanager
    def client(self, gate: Gate | None = None, **deps: Any) -> Iterator[httpx.Client]:
        """The application, started; asks with a key of this workspace at this clock."""
        settings: dict[str, Any] = {
            "read_models_url": self.database_url,
            "ledger_url": self.database_url,
            "master": MASTER,
            "connections": 4,
            "clock": lambda: self.now,
        }
        made = Deps(**(settings | deps))
        keys = Keys(self.database_url)
        shown = Showing(lambda: keys.of(self.workspace_id))
        with (
            served(create_app(made, gate or gate_for(self.database_url))) as url,
            httpx.Client(base_url=url, timeout=30, auth=shown) as client,
        ):
            yield client


_INSERT = """
INSERT INTO ledger.events (position, stream_id, version, type, bytes) OVERRIDING SYSTEM VALUE
VALUES (%s, (%s::jsonb ->> 'subject')::uuid, (%s::jsonb ->> 'streamversion')::int, %s, %s)
"""


def _ledger_row(row: Any) -> tuple[Any, ...]:
    return row.position, row.bytes.decode(), row.bytes.decode(), row.type, row.bytes


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application behind a real server of its own, in a thread; its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=guarded(Guard()), log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def get(client: httpx.Client, path: str, **parameters: Any) -> dict[str, Any]:
    """The body of an answer that succeeds."""
    answer = client.get(httpx.URL(path).copy_merge_params(parameters))
    assert answer.status_code == 200, answer.text
    return cast("dict[str, Any]", answer.json())


def as_of(client: httpx.Client, path: str, moment: object) -> httpx.Response:
    """What is answered as of an earlier moment; `path` may have filters."""
    return client.get(httpx.URL(path).copy_merge_params({"as_of": str(moment)}))


def said(answer: httpx.Response) -> dict[str, Any]:
    """The body of an answer, without how far the log is by now."""
    body = cast("dict[str, Any]", answer.json())
    body.get("freshness", {}).pop("lag_events", None)
    return body


def pages(client: httpx.Client, path: str, limit: int = 500) -> list[dict[str, Any]]:
    """All rows of a list, page by page; `path` may have filters."""
    rows: list[dict[str, Any]] = []
    asked = httpx.URL(path).copy_merge_params({"limit": limit})
    url = asked
    while True:
        page = get(client, str(url))
        rows += page["items"]
        assert len(page["items"]) <= limit
        if page["next_cursor"] is None:
            return rows
        assert page["items"], "a page that leads on is not empty"
        url = asked.copy_merge_params({"cursor": page["next_cursor"]})


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The document of an answer that is a problem, checked for what every problem has."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document = cast("dict[str, Any]", answer.json())
    assert document["status"] == answer.status_code
    assert document["type"] == f"urn:drumbeat:problem:{document['code']}"
    assert document["correlation_id"] == answer.headers["correlation-id"]
    assert document["instance"] == urlsplit(str(answer.url)).path
    return document


def kinds_of_problems() -> list[type[Problem]]:
    """Every kind of problem that a read can meet."""
    found: list[type[Problem]] = []
    pending: list[type[Problem]] = [Problem]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if "code" in kind.__dict__ and not kind.__module__.startswith("drumbeat.writeapi"):
            found.append(kind)
    return found


def away(url: str) -> str:
    """The same URL with a port where nothing listens."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc="127.0.0.1:1", query=""))


def metrics_in(answer: Any) -> dict[str, str]:
    """Every metric that an answer has a number of → the unit that it is told in."""
    if isinstance(answer, list):
        return {metric: unit for one in answer for metric, unit in metrics_in(one).items()}
    if not isinstance(answer, dict):
        return {}
    own = {answer["metric"]: answer["unit"]} if "metric" in answer else {}
    return own | metrics_in(list(answer.values()))
