"""Puts the parts together: the one module that knows all. Nothing else makes a ledger, an API or a projector.

What only one kind of process needs is imported when that process is put together.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import structlog
from eventsourcing.persistence import OperationalError

from drumbeat.access import StoredWorkspaceKeys, person, provider, system
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.ledger import Ledger, LedgerUnavailable
from drumbeat.eventstore.connections import open_connection, wait_for_database
from drumbeat.eventstore.embedded import EmbeddedServer
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.migrations import ACCESS, LEDGER, MigrationSet
from drumbeat.opsapi.observing import ObservedCommands, count_policy
from drumbeat.projections import (
    activity,
    attempts,
    campaigns,
    contacts,
    dashboard,
    heatmap,
    history,
    schedules,
    senders,
    timers,
)
from drumbeat.projections.engine.bookkeeping import READMODEL
from drumbeat.projections.engine.install import install
from drumbeat.settings import Settings
from drumbeat.transport.cluster import require_libraries

if TYPE_CHECKING:
    from fastapi import FastAPI

    from drumbeat.intake.call_history import ImportReport
    from drumbeat.intake.demonstration import Loaded
    from drumbeat.intake.mapping import Mapping
    from drumbeat.intake.progress import Progress

log = structlog.get_logger(__name__)

PROJECTIONS = tuple(
    module.PROJECTION
    for module in (
        campaigns,
        contacts,
        attempts,
        dashboard,
        heatmap,
        senders,
        schedules,
        activity,
        history,
        timers,
    )
)
"""Every read model there is."""

LOG_SETS = (LEDGER, ACCESS)
"""The schemas of the log's database."""

MIGRATION_SETS = (*LOG_SETS, READMODEL)
"""Every schema there is, in the order in which they are migrated."""

Say = Callable[[str], None]


def now() -> datetime:
    """The real clock, in UTC."""
    return datetime.now(UTC)


@contextmanager
def database(settings: Settings, *, say: Say = lambda _words: None) -> Iterator[str]:
    """The URL of the database: the one of the settings, or that of the embedded server, joined or started.

    Raises `EmbeddedServerError`. The embedded server ends with its last user.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    with EmbeddedServer(settings.postgres_home, progress=say) as server:
        yield server.url


@contextmanager
def revival(settings: Settings) -> Iterator[Callable[[], object]]:
    """What to call when the database of `database` is away: starts the embedded server again when it has ended.

    A server of the user's own comes back by itself. What is called raises `EmbeddedServerError`.
    """
    if settings.database_url is not None:
        yield lambda: None
        return
    server = EmbeddedServer(settings.postgres_home)
    try:
        yield server.start
    finally:
        server.stop()


@contextmanager
def database_of_log(settings: Settings, *, say: Say = lambda _words: None) -> Iterator[str | None]:
    """As `database`; None where read models of their own server are fed from Kafka and no log is named."""
    if settings.database_url is None and settings.read_database_url is not None and settings.projects_from_kafka:
        yield None
        return
    with database(settings, say=say) as url:
        yield url


def migrate(settings: Settings, database_url: str, *, patience_seconds: float = 10.0) -> tuple[str, ...]:
    """Bring every schema up to date and make missing read models; what was done, by name.

    Raises the library's `OperationalError` when a database does not answer in time, `SchemaNewer`,
    `OtherDefinition`.
    """
    read_models_url = read_url(settings, database_url)
    for url in dict.fromkeys((database_url, read_models_url)):
        wait_for_database(url, patience_seconds=patience_seconds)
    done = [f"{one.name}/{name}" for one in LOG_SETS for name in one.migrate(database_url)]
    done += [f"{READMODEL.name}/{name}" for name in READMODEL.migrate(read_models_url)]
    with closing(open_connection(read_models_url, settings={})) as connection:
        done += [f"read model {name}" for name in install(connection, PROJECTIONS)]
    return tuple(done)


def check_all_schemas(settings: Settings, database_url: str) -> None:
    """As `check_schemas`, of both databases."""
    check_schemas(database_url, LOG_SETS)
    check_schemas(read_url(settings, database_url), (READMODEL,))


def check_schemas(database_url: str, sets: Sequence[MigrationSet]) -> None:
    """Raises `SchemaOlder` or `SchemaNewer`. A database that is away cannot be judged, and is waited for later."""
    try:
        wait_for_database(database_url, patience_seconds=2.0)
    except OperationalError as error:
        log.warning("database_away", problem=str(error))
        return
    with closing(open_connection(database_url, settings={})) as connection:
        for one in sets:
            one.check(connection)


def read_url(settings: Settings, database_url: str) -> str:
    """The URL of the read models' database, which is the log's unless the settings name another."""
    return settings.read_database_url or database_url


def api(settings: Settings, database_url: str) -> "FastAPI":
    """The read API over one database."""
    from drumbeat.readapi.app import Deps, create_app

    return create_app(
        Deps(
            read_models_url=read_url(settings, database_url),
            ledger_url=database_url,
            connections=settings.database_pool_size,
            wait_for_connection_seconds=settings.database_wait_seconds,
            wait_limit_seconds=settings.read_wait_limit_seconds,
            max_waiters=settings.read_max_waiters,
        )
    )


def run_api(settings: Settings, database_url: str, stop: Event) -> None:
    """Answer requests until `stop` is set. Raises `Failed` when the port cannot be had, `SchemaMismatch`."""
    from drumbeat.opsapi.serving import serve

    check_all_schemas(settings, database_url)
    serve(api(settings, database_url), settings.api_host, settings.api_port, stop)


def run_projector(settings: Settings, database_url: str | None, stop: Event) -> None:
    """Keep the read models up to date until `stop` is set. `database_url` None: the log is out of reach.

    Raises `ProjectorStopped`, `FeedChanged`, `SchemaMismatch`, `KafkaUnfit`.
    """
    from drumbeat.opsapi import projecting

    if database_url is not None:
        check_schemas(database_url, LOG_SETS)
    read_models_url = settings.read_database_url or database_url
    assert read_models_url is not None
    check_schemas(read_models_url, (READMODEL,))
    projecting.run_projector(settings, database_url, read_models_url, PROJECTIONS, now, stop)


def run_relay(settings: Settings, database_url: str, stop: Event) -> None:
    """Publish the log to Kafka until `stop` is set. Raises `KafkaUnfit` for what is missing, `SchemaMismatch`."""
    require_libraries()
    from drumbeat.opsapi import publishing

    check_schemas(database_url, LOG_SETS)
    publishing.run_relay(settings, database_url, now, stop)


@contextmanager
def ledger(settings: Settings, database_url: str, *, stop: Event | None = None) -> Iterator[EventStoreLedger]:
    """The ledger on a database; with `stop`, one that is away is waited for until `stop` is set.

    Raises `SchemaMismatch`, `UnsafeServer`, and without `stop` `LedgerUnavailable`.
    """
    with closing(
        EventStoreLedger(
            database_url,
            connections=settings.database_pool_size,
            patience_seconds=settings.database_wait_seconds,
            limit_bytes=settings.max_event_bytes,
            snapshot_every_events=settings.snapshot_interval_events,
        )
    ) as made:
        _check(made, stop)
        yield made


def _check(on: EventStoreLedger, stop: Event | None) -> None:
    pause_seconds = 0.1
    while True:
        try:
            on.check()
        except LedgerUnavailable as error:
            if stop is None:
                raise
            log.warning("ledger_waits_for_the_database", problem=str(error), seconds=pause_seconds)
            if stop.wait(pause_seconds):
                return
            pause_seconds = min(2 * pause_seconds, 5.0)
        else:
            return


def commands(database_url: str, on: Ledger) -> Commands:
    """What carries out commands, seen in logs and metrics."""
    keys = StoredWorkspaceKeys(lambda: closing(open_connection(database_url, settings={})))
    return ObservedCommands(on, keys)


def run_policies(settings: Settings, database_url: str, stop: Event) -> None:
    """Command what is due until `stop` is set. Raises `SchemaMismatch`."""
    from drumbeat.opsapi.housekeeping import keep_forgetting
    from drumbeat.opsapi.serving import serve_metrics
    from drumbeat.policies.clock import Clock

    check_all_schemas(settings, database_url)
    serve_metrics(settings.api_host, settings.policies_metrics_port)
    with ledger(settings, database_url, stop=stop) as on:
        keep_forgetting(on, stop)
        clock = Clock(commands(database_url, on), observe=count_policy)
        poll_seconds = settings.policies_poll_ms / 1000
        timers_url = read_url(settings, database_url)
        clock.run(lambda: open_connection(timers_url, settings={}), now, stop, poll_seconds)


def load_demonstration(
    settings: Settings,
    database_url: str,
    *,
    stop: Event,
    people: int,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> "Loaded":
    """Load the demonstration, or find it again. Raises `Interrupted`, `LedgerUnavailable`."""
    from drumbeat.intake.demonstration import Demonstration
    from drumbeat.policies.clock import ACTOR

    with ledger(settings, database_url) as on:
        demonstration = Demonstration(
            ledger=on,
            commands_on=lambda one: commands(database_url, one),
            person=person(),
            provider=provider("demonstration dialler"),
            policies=system(ACTOR),
            now=now(),
            people=people,
        )
        return demonstration.load(stop=stop, on_progress=on_progress)


def import_call_history(
    settings: Settings,
    database_url: str,
    file: Path,
    mapping: "Mapping",
    *,
    refused_rows: Path,
    on_progress: "Callable[[Progress], None]",
) -> "ImportReport":
    """Import a call history as the person at the keyboard. Raises `IntakeError`, `Refused`."""
    from drumbeat.intake import call_history
    from drumbeat.intake.progress import Phase

    with ledger(settings, database_url) as on, revival(settings) as revive:

        def told(progress: "Progress") -> None:
            on_progress(progress)
            if progress.phase is Phase.WAITING:
                revive()

        return call_history.import_call_history(
            file,
            mapping,
            commands=commands(database_url, on),
            principal=person(),
            clock=now,
            refused_rows=refused_rows,
            on_progress=told,
        )
