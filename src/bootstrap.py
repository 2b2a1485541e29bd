"""Puts the parts together: the one module that knows all. Nothing else makes a ledger, an API or a projector.

What only one kind of process needs is imported when that process is put together.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import structlog

from drumbeat.access import StoredWorkspaceKeys, person, provider, system
from drumbeat.choices import MetricsFor
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.ledger import Ledger, LedgerUnavailable
from drumbeat.commands.limits import Limits
from drumbeat.eventstore.connections import open_connection, wait_for_database
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.roles import Role
from drumbeat.opsapi.databases import revival
from drumbeat.opsapi.master_keys import checked_master_keys
from drumbeat.opsapi.observing import ObservedCommands, count_policy
from drumbeat.opsapi.schemas import LOG_SETS, ROLES, check_all_schemas, check_schemas, read_url
from drumbeat.projections import models
from drumbeat.projections.engine import Projection
from drumbeat.projections.engine.bookkeeping import READMODEL
from drumbeat.projections.rebuild.feeds import install_new
from drumbeat.settings import Settings
from drumbeat.transport.cluster import require_libraries

if TYPE_CHECKING:
    from fastapi import FastAPI

    from drumbeat.intake.call_history import ImportReport
    from drumbeat.intake.demonstration import Loaded
    from drumbeat.intake.mapping import Mapping
    from drumbeat.intake.progress import Progress
    from drumbeat.web.app import Part
    from drumbeat.web.authenticating import Gate

log = structlog.get_logger(__name__)

PROJECTIONS = models.PROJECTIONS
"""Every read model of Drumbeat's own."""


def projections() -> tuple[Projection, ...]:
    """Every read model there is, those of installed packages included; for another process to ask."""
    return (*PROJECTIONS, *models.installed().projections)


def _tell_refused() -> None:
    for one in models.installed().refused:
        log.warning("projection_refused", problem=str(one))


def now() -> datetime:
    """The real clock, in UTC."""
    return datetime.now(UTC)


def migrate(settings: Settings, database_url: str, *, patience_seconds: float = 10.0) -> tuple[str, ...]:
    """Bring every schema up to date and make missing read models; what was done, by name.

    Raises the library's `OperationalError` when a database does not answer in time, `SchemaNewer`.
    """
    read_models_url = read_url(settings, database_url)
    for url in dict.fromkeys((database_url, read_models_url)):
        wait_for_database(url, patience_seconds=patience_seconds)
    done = [f"{one.name}/{name}" for one in LOG_SETS for name in one.migrate(database_url)]
    done += [f"{READMODEL.name}/{name}" for name in READMODEL.migrate(read_models_url)]
    done += [f"read model {name}" for name in install_new(read_models_url, PROJECTIONS)]
    return tuple(done)


def api(settings: Settings, database_url: str, gate: "Gate", on: Ledger | None = None) -> "FastAPI":
    """The read API over one database, for whom the gate admits; with a ledger, commands too."""
    from drumbeat.readapi.app import Deps, reading
    from drumbeat.web.app import create_app

    parts = [
        reading(
            Deps(
                read_models_url=read_url(settings, database_url),
                ledger_url=database_url,
                master=checked_master_keys(settings),
                connections=settings.database_pool_size,
                wait_for_connection_seconds=settings.database_wait_seconds,
                wait_limit_seconds=settings.read_wait_limit_seconds,
                max_waiters=settings.read_max_waiters,
                page_rows=settings.max_page_rows,
                diff_contacts=settings.max_diff_contacts,
                metrics_need_key=settings.metrics_for is MetricsFor.KEYS,
                as_of_kept=settings.as_of_kept,
                as_of_max_events=settings.as_of_max_events,
            )
        )
    ]
    if on is not None:
        parts.append(_writing(settings, database_url, on))
    return create_app(parts, gate)


def _writing(settings: Settings, database_url: str, on: Ledger) -> "Part":
    from drumbeat.opsapi.rebuilds import AskedRebuilds
    from drumbeat.opsapi.uploading import uploads
    from drumbeat.readapi.copying import contacts_of
    from drumbeat.writeapi.app import Deps, writing
    from drumbeat.writeapi.dry import DryLedger

    return writing(
        Deps(
            commands=commands(database_url, on, settings),
            dry=commands(database_url, DryLedger(on), settings),
            uploads=uploads(settings, database_url),
            rebuilds=AskedRebuilds(
                database_url,
                read_url(settings, database_url),
                projections,
                patience_seconds=settings.database_wait_seconds,
            ),
            source=contacts_of,
            imports_at_once=settings.imports_at_once,
            page_rows=settings.max_page_rows,
            simulated_contacts=settings.max_simulated_contacts,
            clock=now,
            body_limit_bytes=settings.api_max_body_bytes,
            commands_at_once=settings.api_commands_at_once,
            key_kept_for=timedelta(hours=settings.idempotency_hours),
        )
    )


def run_api(settings: Settings, database_url: str, stop: Event) -> None:
    """Answer requests until `stop` is set. Raises `Failed` when the port cannot be had, `SchemaMismatch`."""
    from drumbeat.opsapi.authentication import key_gate
    from drumbeat.opsapi.serving import guard, serve

    check_all_schemas(settings, database_url, ROLES["api"])
    with closing(_open_ledger(settings, database_url)) as on:
        app = api(settings, database_url, key_gate(settings, database_url, now), on)
        serve(app, settings.api_host, settings.api_port, stop, guard(settings))


def run_projector(settings: Settings, database_url: str | None, stop: Event) -> None:
    """Keep the read models up to date until `stop` is set. `database_url` None: the log is out of reach.

    Raises `ProjectorStopped`, `FeedChanged`, `SchemaMismatch`, `KafkaUnfit`.
    """
    from drumbeat.opsapi import projecting

    if database_url is not None:
        check_schemas(database_url, LOG_SETS, *ROLES["project"].on_log)
    read_models_url = settings.read_database_url or database_url
    assert read_models_url is not None
    check_schemas(read_models_url, (READMODEL,), *ROLES["project"].on_read_models)
    _tell_refused()
    projecting.run_projector(settings, database_url, read_models_url, projections, now, stop)


def run_relay(settings: Settings, database_url: str, stop: Event) -> None:
    """Publish the log to Kafka until `stop` is set. Raises `KafkaUnfit` for what is missing, `SchemaMismatch`."""
    require_libraries()
    from drumbeat.opsapi import publishing

    check_schemas(database_url, LOG_SETS, *ROLES["relay"].on_log)
    publishing.run_relay(settings, database_url, now, stop)


@contextmanager
def ledger(settings: Settings, database_url: str, *, stop: Event | None = None) -> Iterator[EventStoreLedger]:
    """The ledger on a database; with `stop`, one that is away is waited for until `stop` is set.

    Raises `SchemaMismatch`, `UnsafeServer`, and without `stop` `LedgerUnavailable`.
    """
    with closing(_open_ledger(settings, database_url)) as made:
        _check(made, stop)
        yield made


def _open_ledger(settings: Settings, database_url: str) -> EventStoreLedger:
    return EventStoreLedger(
        database_url,
        master=checked_master_keys(settings),
        connections=settings.database_pool_size,
        patience_seconds=settings.database_wait_seconds,
        limit_bytes=settings.max_event_bytes,
        snapshot_every_events=settings.snapshot_interval_events,
    )


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


def commands(database_url: str, on: Ledger, settings: Settings | None = None) -> Commands:
    """What carries out commands, seen in logs and metrics, within the limits of the settings.

    Without settings only those of the events: what nobody typed is not for the operator's limits.
    """
    limits = Limits()
    if settings is not None:
        limits = Limits(
            name_characters=settings.max_name_characters,
            note_characters=settings.max_note_characters,
            batch_rows=settings.max_batch_rows,
        )
    keys = StoredWorkspaceKeys(lambda: closing(open_connection(database_url, settings={}, role=Role.WRITE)))
    return ObservedCommands(on, keys, limits)


def run_policies(settings: Settings, database_url: str, stop: Event) -> None:
    """Command what is due, enrol what was uploaded and keep the tree over the log, until `stop` is set.

    Raises `SchemaMismatch`, `SigningKeyUnfit`.
    """
    from drumbeat.opsapi.auditing import auditing
    from drumbeat.opsapi.housekeeping import keep_forgetting
    from drumbeat.opsapi.serving import serve_metrics
    from drumbeat.opsapi.uploading import importing
    from drumbeat.policies.clock import Clock

    check_all_schemas(settings, database_url, ROLES["policies"])
    serve_metrics(settings.api_host, settings.policies_metrics_port)
    with ledger(settings, database_url, stop=stop) as on:
        keep_forgetting(on, stop)
        carries_out, timers_url = commands(database_url, on), read_url(settings, database_url)
        with (
            auditing(settings, database_url, now, stop),
            importing(settings, database_url, carries_out, now, stop),
        ):
            clock = Clock(carries_out, observe=count_policy)
            clock.run(
                lambda: open_connection(timers_url, settings={}, role=Role.POLICIES),
                now,
                stop,
                settings.policies_poll_ms / 1000,
            )


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
            commands=commands(database_url, on, settings),
            principal=person(),
            clock=now,
            refused_rows=refused_rows,
            on_progress=told,
        )
