"""The life of one consumer: join the group, hand over what comes, wait for what is away, and stop when told."""

import re
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

import psycopg
import structlog

from drumbeat.events.fact import FACTS
from drumbeat.eventstore.connections import NO_DATABASE
from drumbeat.eventstore.healing import FromLog, Heal, cannot_heal
from drumbeat.transport.cluster import Cluster, KafkaAway, require_libraries
from drumbeat.transport.consuming.applying import Applier, words
from drumbeat.transport.consuming.handling import Handlers, Later, TooManyParked
from drumbeat.transport.consuming.kept import Kept, PlaceMoved
from drumbeat.transport.consuming.steps import Reading
from drumbeat.transport.kafka_source import SESSION_TIMEOUT_SECONDS, KafkaSource
from drumbeat.transport.partitions import topic_of
from drumbeat.transport.source import Checkpoint, LogSource, Reassigned, SourceUnavailable
from drumbeat.transport.topics import partition_counts

log = structlog.get_logger(__name__)

_SHORTEST_PAUSE_SECONDS: Final = 0.05
_QUIET_MOVE_SECONDS: Final = 1.0
_LOOKS_LEFT_OUT: Final = 9
"""Of ten looks for parked events to be tried again, while there is more to read than one batch."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerOptions:
    """`batch_events` are handled in one transaction at most, and none is begun after `batch_seconds` of it.

    `retry_look_seconds` is how often parked events are looked for that are to be tried again.
    """

    batch_events: int = 1_000
    batch_seconds: float = 5.0
    parked_limit_events: int = 1_000
    instance: str | None = None
    poll_seconds: float = 0.2
    retry_look_seconds: float = 1.0
    longest_pause_seconds: float = 5.0
    session_timeout_seconds: float = SESSION_TIMEOUT_SECONDS


class Consumer:
    """See `drumbeat.consume`. `run` belongs to one thread."""

    def __init__(
        self,
        name: str,
        handlers: Handlers,
        database_url: str,
        cluster: Cluster,
        *,
        log_url: str | None = None,
        options: ConsumerOptions | None = None,
    ) -> None:
        """Nothing is connected yet. Raises `ValueError` for arguments, `KafkaUnfit` for a missing library."""
        _refuse(name, handlers)
        require_libraries()
        self._name = name
        self._database_url = database_url
        self._cluster = cluster
        self._log_url = log_url
        self._options = options or ConsumerOptions()
        self._kept = Kept(name)
        self._reading = Reading(handlers)
        self._topics = sorted({cluster.topic(topic_of(fact.TYPE)) for fact in handlers})
        self._pause_seconds = _SHORTEST_PAUSE_SECONDS
        self._away_since: float | None = None

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set. Raises what `drumbeat.consume` raises."""
        while not stop.is_set():
            try:
                with self._source() as (source, heal):
                    self._follow(source, heal, stop)
            except (*NO_DATABASE, SourceUnavailable, KafkaAway) as error:
                self._pause(stop, error)

    def _follow(self, source: KafkaSource, heal: Heal, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with self._session(source, heal) as session:
                    while not stop.is_set():
                        if session.step():
                            self._pause_seconds = _SHORTEST_PAUSE_SECONDS
                        else:
                            source.wait(self._options.poll_seconds)
                    session.move()
            except Reassigned as error:
                log.info("partitions_reassigned", consumer=self._name, now=str(error))
            except (Later, PlaceMoved) as error:
                self._pause(stop, error)
            except NO_DATABASE as error:
                if self._is_long_away():
                    raise
                self._pause(stop, error)

    def _is_long_away(self) -> bool:
        # A deadlock or a database that starts anew moves no partitions. One that only we cannot reach does: the
        # others wait for us in the group while we do not poll.
        self._away_since = self._away_since or monotonic()
        return monotonic() - self._away_since > self._options.session_timeout_seconds

    def _pause(self, stop: threading.Event, error: Exception) -> None:
        log.warning(
            "consumer_waits", consumer=self._name, problem=words(error), seconds=round(self._pause_seconds, 2)
        )
        stop.wait(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, self._options.longest_pause_seconds)

    @contextmanager
    def _source(self) -> Iterator[tuple[KafkaSource, Heal]]:
        counts = partition_counts(self._cluster, self._topics)
        with closing(self._connect()) as connection:
            self._kept.begin(connection, counts)
        with ExitStack() as stack:
            from_log: LogSource | None = None
            heal: Heal = cannot_heal
            if self._log_url is not None:
                from_log = stack.enter_context(closing(LogSource(self._log_url)))
                heal = stack.enter_context(closing(FromLog(self._log_url)))
            source = KafkaSource(
                self._cluster,
                counts,
                group=self._cluster.topic_prefix + self._name,
                instance=self._options.instance,
                from_log=from_log,
                session_timeout_seconds=self._options.session_timeout_seconds,
                client=f"drumbeat-consume-{self._name}",
            )
            yield stack.enter_context(closing(source)), heal

    @contextmanager
    def _session(self, source: KafkaSource, heal: Heal) -> Iterator["_Session"]:
        assigned = source.assigned()
        with closing(self._connect()) as connection:
            applier = Applier(connection, self._kept, self._reading, heal, self._options.batch_seconds)
            with connection.cursor() as cursor:
                places = self._kept.places(cursor, assigned)
            if places.keys() != assigned:
                raise SourceUnavailable("a topic was given more partitions, or the database is an older one")
            self._away_since = None
            yield _Session(source, connection, applier, self._kept, self._options, places)

    def _connect(self) -> psycopg.Connection[Any]:
        # Of any version, and with nothing set: the session is the handlers'.
        return psycopg.connect(
            self._database_url,
            autocommit=True,
            connect_timeout=5,
            keepalives_idle=15,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=20_000,
        )


@dataclass(slots=True)
class _Session:
    """From reading the places of our partitions until they change hands or a connection is lost.

    `places` are in the database; `reached` is how far was read, with nothing in between to be handed over.
    """

    source: KafkaSource
    connection: psycopg.Connection[Any]
    applier: Applier
    kept: Kept
    options: ConsumerOptions
    places: dict[str, Checkpoint]
    reached: dict[str, Checkpoint] = field(init=False)
    _moved_at: float = 0.0
    _looked_at: float = -1e9

    def __post_init__(self) -> None:
        self.reached = dict(self.places)
        self._look()

    def step(self) -> bool:
        """Hand over what comes next. False: there was nothing."""
        delivery = self.source.take(self.reached, self.options.batch_events)
        if delivery.rows:
            after = self.applier.apply(delivery, self.reached_from(delivery.reached))
            self.places.update(after)
            self.reached.update(after)
            self._refuse_too_many()
        else:
            self.reached.update(delivery.reached)
            if monotonic() - self._moved_at > _QUIET_MOVE_SECONDS:
                self.move()
        self.source.applied(self.places)
        if len(delivery.rows) < self.options.batch_events or self._is_long_behind():
            self._try_again()
        return bool(delivery.reached)

    def _is_long_behind(self) -> bool:
        # Looking costs a moment in which nothing is handed over: rarely, while there is a backlog.
        return monotonic() - self._looked_at >= (1 + _LOOKS_LEFT_OUT) * self.options.retry_look_seconds

    def reached_from(self, partitions: Collection[str]) -> dict[str, Checkpoint]:
        """Where the database says these partitions are; what was read beyond needs no handing over."""
        return {name: self.places[name] for name in partitions}

    def move(self) -> None:
        """Move places over what needed no handing over."""
        self._moved_at = monotonic()
        if self.reached != self.places:
            with self.connection.transaction(), self.connection.cursor() as cursor:
                self.kept.move(cursor, self.places, self.reached)
            self.places = dict(self.reached)

    def _try_again(self) -> None:
        if monotonic() - self._looked_at < self.options.retry_look_seconds:
            return
        with self.connection.cursor() as cursor:
            due = self.kept.due_streams(cursor, self.places)
        for stream_id, partition in due:
            if not self.applier.retry(stream_id, {partition: self.places[partition]}):
                self.applier.try_later(stream_id)
        self._look()

    def _look(self) -> None:
        self._looked_at = monotonic()
        self.applier.look(frozenset(self.places))
        self._refuse_too_many()

    def _refuse_too_many(self) -> None:
        count, limit = self.applier.waiting.count, self.options.parked_limit_events
        if count > limit:
            raise TooManyParked(
                f"{count} events are parked, the limit is {limit}: see drumbeat_consumers.parked_events"
            )


def _refuse(name: str, handlers: Handlers) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} names no consumer: letters, digits, `.`, `_` and `-`, at most 100")
    if not handlers:
        raise ValueError("a consumer needs a handler")
    strange = [fact for fact in handlers if not _is_of_today(fact)]
    if strange:
        raise ValueError(f"{strange[0]!r} is no event class of drumbeat.events")


def _is_of_today(fact: type[Any]) -> bool:
    return FACTS.get(getattr(fact, "TYPE", "")) is fact
