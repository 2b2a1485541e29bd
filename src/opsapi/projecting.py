"""A projector as a process: fed from the log, or from Kafka, into the read database."""

import logging
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from threading import Event, Thread

import structlog

from drumbeat import telemetry
from drumbeat.access.person_keys import AskKeys, KnownKeys, no_keys
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.healing import FromLog, Heal, cannot_heal
from drumbeat.eventstore.roles import Role
from drumbeat.opsapi.master_keys import checked_master_keys
from drumbeat.opsapi.projector_metrics import ProjectorMetrics
from drumbeat.opsapi.serving import serve_metrics
from drumbeat.projections.dead_letter_outbox import Outbox, OutboxStats
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.projections.engine.shapes import Projection
from drumbeat.settings import Settings
from drumbeat.transport.cluster import KafkaProblem, cluster_of, quieten_the_library, require_libraries
from drumbeat.transport.source import LogSource, Source
from drumbeat.transport.topic_definitions import DEAD_LETTERS, topics_as_set

log = structlog.get_logger(__name__)

_LONGEST_PAUSE_SECONDS = 5.0
_LAST_COPIES_SECONDS = 5.0


@contextmanager
def open_feed(
    settings: Settings, log_url: str | None, stop: Event
) -> Iterator[tuple[Source, Heal | None, Callable[[], float]]]:
    """What feeds the read models, what heals it, and for how long one append has held it up.

    `log_url` None: the log cannot be reached from here, so that what Kafka loses cannot be healed.
    """
    with ExitStack() as stack:
        from_log = stack.enter_context(closing(LogSource(log_url))) if log_url is not None else None
        if not settings.projects_from_kafka:
            assert from_log is not None, "without Kafka the log is what is read"
            yield from_log, None, lambda: from_log.held_up_seconds
            return
        quieten_the_library(logging.WARNING)
        counts = _checked(settings, stop)
        from drumbeat.transport.kafka_source import KafkaSource

        heal: Heal = stack.enter_context(closing(FromLog(log_url))) if log_url is not None else cannot_heal
        source = KafkaSource(
            cluster_of(settings),
            counts,
            group=settings.kafka_group,
            instance=instance_of(settings),
            from_log=from_log,
        )
        yield stack.enter_context(closing(source)), heal, lambda: 0.0


def run_projector(
    settings: Settings,
    log_url: str | None,
    read_url: str,
    projections: Sequence[Projection],
    clock: Callable[[], datetime],
    stop: Event,
) -> None:
    """Keep read models up to date until `stop` is set.

    The persons' keys are in the log's database; without it, what is sealed has to wait. Raises `ProjectorStopped`,
    `FeedChanged`, `KafkaUnfit`, `MasterKeyProblem`.
    """
    serve_metrics(settings.api_host, settings.project_metrics_port)
    with (
        open_feed(settings, log_url, stop) as (source, heal, held_up_seconds),
        copying(settings, read_url) as copies,
        _asking(settings, log_url) as ask,
    ):
        projector = Projector(
            source,
            read_url,
            projections,
            ProjectorOptions(
                batch_events=settings.projection_batch_events,
                poll_seconds=settings.projection_poll_ms / 1000,
                parked_limit_events=settings.parked_limit_events,
            ),
            heal=heal,
            ask=ask,
        )
        telemetry.REGISTRY.register(ProjectorMetrics(projector.stats, clock, held_up_seconds, copies))
        projector.run(stop)


@contextmanager
def copying(settings: Settings, read_url: str) -> Iterator[OutboxStats | None]:
    """Meanwhile what is parked is copied to Kafka, when it came from there; what is left at the end too."""
    if not settings.projects_from_kafka:
        yield None
        return
    from drumbeat.transport.dead_letter_topic import DeadLetterTopic

    cluster, wanted = cluster_of(settings), topics_as_set(settings)
    (topic,) = (one for one in wanted if one.definition.name == DEAD_LETTERS)
    outbox, stop = Outbox(read_url, lambda: DeadLetterTopic(cluster, topic)), Event()
    thread = Thread(target=outbox.run, args=[stop], name="drumbeat-dead-letters", daemon=True)
    thread.start()
    try:
        yield outbox.stats
    finally:
        stop.set()
        thread.join(_LAST_COPIES_SECONDS)


@contextmanager
def _asking(settings: Settings, log_url: str | None) -> Iterator[AskKeys]:
    if log_url is None:
        yield no_keys
        return
    master = checked_master_keys(settings)
    with closing(KnownKeys(lambda: open_connection(log_url, settings={}, role=Role.READ), master)) as ask:
        yield ask


def instance_of(settings: Settings) -> str | None:
    """The name that this projector keeps over restarts; None: no two of them can be told apart from outside."""
    if settings.kafka_instance is not None:
        return settings.kafka_instance
    port = settings.project_metrics_port
    return f"{socket.gethostname()}-{port}" if port else None


def _checked(settings: Settings, stop: Event) -> Mapping[str, int]:
    """The event topics with their partition counts; waits for brokers that are away and topics that are missing.

    A projector must not read topics that were made with other numbers: streams would change their partition.
    """
    require_libraries()
    from drumbeat.transport.topics import check

    cluster, wanted = cluster_of(settings), topics_as_set(settings)
    counts = {topic.name: topic.partitions for topic in wanted if topic.definition.stream is not None}
    pause_seconds = 0.25
    while not stop.is_set():
        try:
            check(cluster, wanted)
        except KafkaProblem as error:
            log.warning("projector_waits_for_kafka", problem=str(error), seconds=pause_seconds)
            stop.wait(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        else:
            break
    return counts
