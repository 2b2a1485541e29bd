"""The relay: from the log to Kafka, one at a time, through everything that happens to either."""

import contextlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event
from time import monotonic

import structlog

from drumbeat.transport.cluster import KafkaProblem, KafkaRefused, KafkaUnfit
from drumbeat.transport.leadership import Leader, LeadershipLost, lead
from drumbeat.transport.publisher import Publisher
from drumbeat.transport.relay_stats import RelayStats
from drumbeat.transport.relay_term import Term, TermOptions, Window
from drumbeat.transport.source import LogRewound, LogSource, SourceUnavailable

log = structlog.get_logger(__name__)

_SHORTEST_PAUSE_SECONDS = 0.1
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayOptions:
    """How patient a relay is.

    `later_seconds`: its longest pause after what passes by itself; `never_seconds`: after what somebody must mend.
    """

    later_seconds: float = 1.0
    never_seconds: float = 5.0
    term: TermOptions = field(default_factory=TermOptions)


class Relay:
    """Publishes the log under one topic prefix. `run` belongs to one thread; `stats` may be read by any.

    Every event is published at least once, and those of a partition in order of position once repeats are dropped:
    the checkpoint moves after the acknowledgements, and whatever failed is published again from there. Nothing
    that Kafka does reaches the log: the relay only falls behind.
    """

    def __init__(
        self,
        database_url: str,
        topic_prefix: str,
        open_publisher: Callable[[], Publisher],
        options: RelayOptions | None = None,
    ) -> None:
        """`open_publisher` checks the topics and connects; it raises `KafkaProblem`."""
        self.stats = RelayStats()
        self._database_url = database_url
        self._prefix = topic_prefix
        self._open_publisher = open_publisher
        self._options = options or RelayOptions()
        self._window = Window(self._options.term)
        self._marked: int | None = None

    def run(self, stop: Event) -> None:
        """Lead, or wait to lead, until `stop` is set; a database or brokers that are away are waited for.

        Raises `SchemaMismatch` and `UnsafeServer`, as the first look at the log does.
        """
        pause = _SHORTEST_PAUSE_SECONDS
        while not stop.is_set():
            terms = self.stats.terms
            try:
                log.info("relay_waits_to_lead", topic_prefix=self._prefix)
                with lead(self._database_url, self._prefix, stop) as leader:
                    if leader is not None:
                        self._lead(leader, stop)
            except LeadershipLost as error:
                if self.stats.terms > terms:
                    pause = _SHORTEST_PAUSE_SECONDS
                self.stats.failed("leadership", str(error))
                log.warning("relay_lost_its_session", problem=str(error), seconds=pause)
                stop.wait(pause)
                pause = min(2 * pause, self._options.later_seconds)
            finally:
                self.stats.leading = False

    def _lead(self, leader: Leader, stop: Event) -> None:
        self.stats.leading = True
        self._marked = None
        pause = _SHORTEST_PAUSE_SECONDS
        with closing(LogSource(self._database_url)) as source:
            while not stop.is_set():
                before = self.stats.events
                try:
                    self._one_term(leader, source, stop)
                except (KafkaProblem, LogRewound, SourceUnavailable) as error:
                    if self.stats.events > before:
                        pause = _SHORTEST_PAUSE_SECONDS
                    kind, passes = _kind(error)
                    seconds = pause if passes else self._options.never_seconds
                    self._tell(leader, kind, error, seconds)
                    self._pause(leader, source, stop, seconds)
                    pause = min(2 * pause, self._options.later_seconds)

    def _one_term(self, leader: Leader, source: LogSource, stop: Event) -> None:
        # The log first: it says when the schema is not the one that this program knows.
        high_water = source.high_water()
        checkpoint = leader.checkpoint()
        if checkpoint.last_event_id is not None:
            source.verify_event(checkpoint.position, checkpoint.last_event_id)
        self.stats.position = checkpoint.position
        self.stats.high_water = max(high_water, checkpoint.position)
        marked, self._marked = self._marked, None
        with closing(self._open_publisher()) as publisher:
            self.stats.terms += 1
            log.info("relay_term_begins", topic_prefix=self._prefix, position=checkpoint.position)
            healthy = _Once(lambda: self._tell_healthy(leader))
            term = Term(
                source,
                publisher,
                leader,
                checkpoint,
                window=self._window,
                stats=self.stats,
                options=self._options.term,
                marked=marked,
                on_healthy=healthy,
            )
            try:
                term.run(stop)
            except KafkaProblem:
                self._window.shrink()
                raise
            finally:
                self._marked = publisher.marked if publisher.marked is not None else marked

    def _tell(self, leader: Leader, kind: str, error: Exception, seconds: float) -> None:
        words = " ".join(str(error).split())
        if words != self.stats.fault:
            leader.note_fault(words)
        self.stats.failed(kind, words)
        log.warning(
            "relay_does_not_publish", kind=kind, problem=words, position=self.stats.position, seconds=seconds
        )

    def _tell_healthy(self, leader: Leader) -> None:
        leader.note_fault(None)
        if self.stats.fault is not None:
            log.info("relay_publishes_again", after=self.stats.fault_kind, position=self.stats.position)
        self.stats.fault = self.stats.fault_kind = None

    def _pause(self, leader: Leader, source: LogSource, stop: Event, seconds: float) -> None:
        """Wait, and see meanwhile how far the log goes on and whether this relay still leads."""
        deadline = monotonic() + seconds
        while (left_seconds := deadline - monotonic()) > 0 and not stop.wait(min(left_seconds, _LOOK_SECONDS)):
            leader.check()
            with contextlib.suppress(SourceUnavailable, LogRewound):
                self.stats.high_water = max(source.high_water(), self.stats.position)


class _Once:
    """Calls something at the first of many calls."""

    def __init__(self, first: Callable[[], None]) -> None:
        self._first: Callable[[], None] | None = first

    def __call__(self) -> None:
        if self._first is not None:
            first, self._first = self._first, None
            first()


def _kind(error: Exception) -> tuple[str, bool]:
    """The name of a failure in metrics and logs, and whether it may pass by itself."""
    if isinstance(error, SourceUnavailable):
        return "log", True
    if isinstance(error, LogRewound):
        return "rewound", False
    if isinstance(error, KafkaRefused):
        return "refused", False
    return ("unfit", False) if isinstance(error, KafkaUnfit) else ("away", True)
