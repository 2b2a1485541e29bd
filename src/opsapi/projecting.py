"""A projector as a process: fed from the log, or from Kafka, into the read database."""

import logging
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from functools import partial
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
from drumbeat.projections.engine.bookkeeping import GENERATION
from drumbeat.projections.engine.feeding import FeedChanged, fed_from
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.rebuild.carrying_out import LATER, CarryingOut
from drumbeat.projections.rebuild.feeds import Fed, Feeds
from drumbeat.projections.rebuild.going_live import ReadersInTheWay
from drumbeat.projections.rebuild.rebuild import Rebuild
from drumbeat.projections.rebuild.renewal import packages, renew, renew_package
from drumbeat.projections.rebuild.slices import SliceCancelled
from drumbeat.projections.rebuild.workbench import RebuildRefused
from drumbeat.settings import Settings
from drumbeat.transport.cluster import KafkaProblem, cluster_of, quieten_the_library, require_libraries
from drumbeat.transport.source import LOG, LogSource, Source
from drumbeat.transport.topic_definitions import DEAD_LETTERS, topics_as_set

log = structlog.get_logger(__name__)

_LONGEST_PAUSE_SECONDS = 5.0
_LAST_COPIES_SECONDS = 5.0


@contextmanager
def open_feed(
    settings: Settings, log_url: str | None, stop: Event, *, generation: str = GENERATION, from_log: bool = False
) -> Iterator[tuple[Source, Heal | None]]:
    """What feeds a generation of the read models, and what heals it.

    `log_url` None: the log cannot be reached from here, so that what Kafka loses cannot be healed. `from_log`:
    this generation is fed from there, whatever feeds those that are read.
    """
    with ExitStack() as stack:
        log_source = stack.enter_context(closing(LogSource(log_url))) if log_url is not None else None
        if from_log or not settings.projects_from_kafka:
            if log_source is None:
                raise FeedChanged(f"{generation} is fed from the log, which cannot be reached from here")
            yield log_source, None
            return
        quieten_the_library(logging.WARNING)
        counts = _checked(settings, stop)
        from drumbeat.transport.kafka_source import KafkaSource

        heal: Heal = stack.enter_context(closing(FromLog(log_url))) if log_url is not None else cannot_heal
        source = KafkaSource(
            cluster_of(settings),
            counts,
            # Each generation reads all partitions.
            group=settings.kafka_group if generation == GENERATION else f"{settings.kafka_group}.{generation}",
            instance=instance_of(settings),
            from_log=log_source,
        )
        yield stack.enter_context(closing(source)), heal


def run_projector(
    settings: Settings,
    log_url: str | None,
    read_url: str,
    known: Callable[[], Sequence[Projection]],
    clock: Callable[[], datetime],
    stop: Event,
) -> None:
    """Keep read models up to date until `stop` is set: every generation that is read, built or kept; and rebuild
    what has to be, or is asked for.

    `known` gives every projection, here and in processes that help. The persons' keys are in the log's database;
    without it, what is sealed has to wait. Raises `ProjectorStopped`, `FeedChanged`, `KafkaUnfit`,
    `MasterKeyProblem`.
    """
    serve_metrics(settings.api_host, settings.project_metrics_port)
    projections = known()
    held_up: list[LogSource] = []
    with copying(settings, read_url) as copies:

        @contextmanager
        def opened(fed: Fed, stop_feed: Event) -> Iterator[Projector]:
            from_log = not fed.is_live and _stands_in_the_log(read_url, fed.generation)
            with (
                open_feed(settings, log_url, stop_feed, generation=fed.generation, from_log=from_log) as (
                    source,
                    heal,
                ),
                asking(settings, log_url) as ask,
            ):
                if fed.is_live and isinstance(source, LogSource):
                    held_up.append(source)
                yield Projector(
                    source, read_url, fed.projections, _options(settings, fed.generation), heal=heal, ask=ask
                )

        feeds = Feeds(read_url, projections, opened)
        telemetry.REGISTRY.register(
            ProjectorMetrics(feeds.stats, clock, lambda: held_up[-1].held_up_seconds if held_up else 0.0, copies)
        )
        if log_url is not None:
            _rebuild_beside(
                settings,
                read_url,
                partial(Rebuild, log_url, read_url, known, partial(asking, settings, log_url)),
                stop,
            )
        feeds.run(stop)


def _rebuild_beside(settings: Settings, read_url: str, open_work: Callable[..., Rebuild], stop: Event) -> None:
    """Threads that rebuild and switch until `stop` is set; what is under way then is gone on with by the next."""
    carrying_out = CarryingOut(read_url, open_work)

    def rebuild() -> None:
        _renew(settings, open_work, stop)
        carrying_out.run_rebuilds(stop)

    Thread(target=rebuild, name="drumbeat-rebuilds", daemon=True).start()
    Thread(target=carrying_out.run_switches, args=[stop], name="drumbeat-switches", daemon=True).start()


def _renew(settings: Settings, open_work: Callable[..., Rebuild], stop: Event) -> None:
    # One worker, in this process: what is read comes first.
    while not stop.is_set():
        try:
            work = open_work()
            renew(work, do=settings.rebuild_outdated, is_over=stop.is_set)
            _renew_packages(work, settings, stop)
        except LATER as error:
            log.warning("renewal_waits", problem=str(error).strip())
            stop.wait(_LONGEST_PAUSE_SECONDS)
        except Exception:
            # What is read goes on being read as it is.
            log.exception("renewal_broke")
            return
        else:
            return


def _renew_packages(work: Rebuild, settings: Settings, stop: Event) -> None:
    # Another process may be at it, a disk full, a package wrong: nothing of that is anybody else's business.
    for package in packages(work):
        if not stop.is_set():
            try:
                renew_package(work, package, do=settings.rebuild_outdated, is_over=stop.is_set)
            except (RebuildRefused, SliceCancelled, ReadersInTheWay) as error:
                log.warning("package_projections_wait", package=package, problem=str(error))


def _options(settings: Settings, generation: str) -> ProjectorOptions:
    return ProjectorOptions(
        generation=generation,
        installs=False,
        batch_events=settings.projection_batch_events,
        poll_seconds=settings.projection_poll_ms / 1000,
        parked_limit_events=settings.parked_limit_events,
    )


def _stands_in_the_log(read_url: str, generation: str) -> bool:
    with (
        closing(open_connection(read_url, settings={}, role=Role.PROJECT)) as connection,
        connection.cursor() as cursor,
    ):
        fed = fed_from(cursor, generation).values()
    return all(LOG in partitions for partitions, _, _ in fed)


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
def asking(settings: Settings, log_url: str | None) -> Iterator[AskKeys]:
    """What gets the keys of persons; without the log's database, those of nobody. Raises `MasterKeyProblem`."""
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
