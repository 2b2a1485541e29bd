"""The write API in tests: commands over HTTP on a real ledger, read models from the same database."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import httpx
from fastapi import FastAPI

from drumbeat.access.person_keys import AskKeys
from drumbeat.bootstrap import PROJECTIONS, projections
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.limits import Limits
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.uploads import StoredUploads
from drumbeat.opsapi.rebuilds import AskedRebuilds
from drumbeat.projections.engine.projector import Projector
from drumbeat.projections.rebuild.carrying_out import CarryingOut
from drumbeat.projections.rebuild.rebuild import Rebuild
from drumbeat.readapi import app as readapi
from drumbeat.readapi.copying import contacts_of
from drumbeat.transport.source import LogSource
from drumbeat.web.app import create_app
from drumbeat.web.authenticating import Gate
from drumbeat.writeapi import app as writeapi
from drumbeat.writeapi.dry import DryLedger
from support.given import NOW
from support.keys import Keys, Showing, gate_for
from support.reading import served
from support.sealing import MASTER, keys_in
from support.whole import OneKey


@dataclass(slots=True)
class Writing:
    """Both APIs over one database, and the projector between them. For one thread."""

    client: httpx.Client
    ledger: EventStoreLedger
    uploads: StoredUploads
    projector: Projector
    app: FastAPI = field(default_factory=FastAPI)
    now: datetime = NOW
    workspace_id: str = "default"
    keys: Keys = field(init=False)

    @property
    def database_url(self) -> str:
        """The database behind everything."""
        return self.keys.url

    @property
    def key(self) -> str:
        """The key that requests show: it may do everything in the workspace."""
        return self.keys.of(self.workspace_id)

    def post(self, path: str, body: Any = None, *, method: str = "POST", **headers: str) -> httpx.Response:
        """Send a command; header names with underscores for dashes."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, path, json=body, headers=told)

    def done(self, path: str, body: Any = None, *, method: str = "POST", **headers: str) -> dict[str, Any]:
        """The answer to a command that is carried out."""
        answer = self.post(path, body, method=method, **headers)
        assert answer.status_code in {200, 201, 202}, answer.text
        return cast("dict[str, Any]", answer.json())

    def project(self) -> None:
        """Bring the read models up to the log."""
        self.projector.run_until(self.ledger.head())

    def carrying_out(self, **options: Any) -> CarryingOut:
        """What a process that projects does for whoever asks for rebuilds."""
        url = self.database_url

        @contextmanager
        def asking() -> Iterator[AskKeys]:
            yield keys_in(url)

        def work(**given: Any) -> Rebuild:
            return Rebuild(url, url, projections, asking, **{"sleep": lambda _seconds: None, **options, **given})

        return CarryingOut(url, work, look_seconds=0.01)

    def operate(self) -> None:
        """Carry out every rebuild and every switch that was asked for."""
        one = self.carrying_out()
        while one.rebuild_next() or one.switch_next():
            pass


@contextmanager
def writing(
    url: str,
    *,
    wait_limit_seconds: float = 10.0,
    limits: Limits | None = None,
    largest_event_bytes: int = 900_000,
    gate: Gate | None = None,
    metrics_need_key: bool = False,
    **deps: Any,
) -> Iterator[Writing]:
    """The application, served; `gate` None: it admits who shows a key of the database, as often as they like."""
    with (
        closing(EventStoreLedger(url, master=MASTER, limit_bytes=largest_event_bytes)) as ledger,
        closing(LogSource(url)) as source,
        closing(StoredUploads(url, master=MASTER)) as uploads,
        closing(AskedRebuilds(url, url, projections)) as rebuilds,
    ):
        made = Writing(httpx.Client(), ledger, uploads, Projector(source, url, PROJECTIONS, ask=keys_in(url)))

        parts = [
            readapi.reading(
                readapi.Deps(
                    read_models_url=url,
                    ledger_url=url,
                    master=MASTER,
                    clock=lambda: made.now,
                    connections=4,
                    wait_limit_seconds=wait_limit_seconds,
                    metrics_need_key=metrics_need_key,
                )
            ),
            writeapi.writing(
                writeapi.Deps(
                    commands=Commands(ledger, OneKey(), limits),
                    dry=Commands(DryLedger(ledger), OneKey(), limits),
                    uploads=uploads,
                    rebuilds=rebuilds,
                    source=contacts_of,
                    clock=lambda: made.now,
                    # Keys expire by the database's clock, not by the test's.
                    **{"key_kept_for": timedelta(days=36_500), **deps},
                )
            ),
        ]
        made.keys, made.app = Keys(url), create_app(parts, gate or gate_for(url))
        with (
            served(made.app) as address,
            httpx.Client(base_url=address, timeout=30, auth=Showing(lambda: made.key)) as client,
        ):
            made.client = client
            yield made


@contextmanager
def projected(server: Writing) -> Iterator[None]:
    """The read models follow the log meanwhile."""
    over = threading.Event()

    def follow() -> None:
        while not over.wait(0.01):
            server.project()

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
