"""How everything is: the log, the projections, the processes. Looked at now, from outside."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from drumbeat.audit.standing import TreeStanding, tree_standing
from drumbeat.eventstore.reader import LogReader, StuckAppender
from drumbeat.projections.dead_letters import dead_letters
from drumbeat.projections.standing import Standing, standings
from drumbeat.settings import Settings, redacted
from drumbeat.transport.relay_standing import RelayStanding, relay_standing

_LONG_APPEND_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ProcessState:
    """Whether a process answered just now."""

    name: str
    address: str
    answers: bool


@dataclass(frozen=True, slots=True)
class Status:
    """One look at everything. `head` is the high-water mark: nothing can appear below it any more.

    `database` is the URL without its password.
    """

    looked_at: datetime
    database: str
    head: int
    projections: tuple[Standing, ...]
    long_appends: tuple[StuckAppender, ...]
    processes: tuple[ProcessState, ...]
    tree: TreeStanding
    relay: RelayStanding | None = None
    """None without Kafka, and until a relay has led."""
    parked: Mapping[str, int] = field(default_factory=dict)
    """How many streams are parked, by the kind of what holds them up; `foreign`: how many records."""

    @property
    def healthy(self) -> bool:
        """Nothing parked, nobody stuck, nothing in the relay's way, the tree whole, every process answers."""
        parked = bool(self.parked) or any(standing.parked for standing in self.projections)
        stands_still = self.relay is not None and self.relay.fault is not None
        answer = all(process.answers for process in self.processes)
        return not parked and not self.long_appends and not stands_still and answer and self.tree.fault is None

    def lag_events(self, standing: Standing) -> int:
        """Positions between the log and a projection."""
        return max(0, self.head - standing.position)

    def lag_seconds(self, standing: Standing) -> float:
        """Age of what a projection shows while there is more to apply, else 0."""
        if not self.lag_events(standing) or standing.recorded_at is None:
            return 0.0
        return max(0.0, (self.looked_at - standing.recorded_at).total_seconds())

    def document(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "healthy": self.healthy,
            "looked_at": self.looked_at.isoformat(),
            "database": self.database,
            "head": self.head,
            "projections": [
                {
                    "projection": standing.projection,
                    "position": standing.position,
                    "lag_events": self.lag_events(standing),
                    "lag_seconds": self.lag_seconds(standing),
                    "parked": standing.parked,
                }
                for standing in self.projections
            ],
            "parked": dict(self.parked),
            "tree": self._tree_document(self.tree),
            "relay": None if self.relay is None else self._relay_document(self.relay),
            "long_appends": [appender._asdict() for appender in self.long_appends],
            "processes": [asdict(process) for process in self.processes],
        }

    def _tree_document(self, tree: TreeStanding) -> dict[str, Any]:
        return {
            "leaves": tree.leaves,
            "position": tree.position,
            "lag_events": max(0, self.head - tree.position),
            "signed_leaves": tree.signed_leaves,
            "signed_at": None if tree.signed_at is None else tree.signed_at.isoformat(),
            "fault": tree.fault,
        }

    def _tree_lines(self, tree: TreeStanding) -> list[str]:
        if tree.fault is not None:
            return ["", f"the tree over the log: {tree.fault}; see `drumbeat audit check`"]
        signed = "no head is signed"
        if tree.signed_at is not None:
            signed = f"head of {tree.signed_leaves:,} signed {tree.signed_at:%Y-%m-%d %H:%M:%S} UTC"
        place = f"{tree.position:>12,}{max(0, self.head - tree.position):>10,}"
        return ["", f"{'tree':<20}{place}  {tree.leaves:,} leaves, {signed}"]

    def _relay_document(self, relay: RelayStanding) -> dict[str, Any]:
        return {
            "position": relay.position,
            "lag_events": max(0, self.head - relay.position),
            "moved_at": relay.moved_at.isoformat(),
            "fault": relay.fault,
            "fault_since": None if relay.fault_since is None else relay.fault_since.isoformat(),
        }

    def _relay_lines(self, relay: RelayStanding) -> list[str]:
        words = ["", f"{'Kafka':<20}{relay.position:>12,}{max(0, self.head - relay.position):>10,}"]
        if relay.fault is not None and relay.fault_since is not None:
            words.append(f"nothing is published since {relay.fault_since:%Y-%m-%d %H:%M:%S} UTC: {relay.fault}")
        return words

    def _parked_lines(self) -> list[str]:
        told = [f"{count:,} {kind}" for kind, count in self.parked.items()]
        return ["", f"parked streams: {', '.join(told)}; see `drumbeat dead-letters list`"]

    def lines(self) -> list[str]:
        """The same for people."""
        words = [f"log at {self.head:,}", "", f"{'projection':<20}{'position':>12}{'behind':>10}{'parked':>9}"]
        words += [
            f"{s.projection:<20}{s.position:>12,}{self.lag_events(s):>10,}{s.parked:>9,}" for s in self.projections
        ]
        words += self._parked_lines() if self.parked else []
        words += self._tree_lines(self.tree)
        words += [] if self.relay is None else self._relay_lines(self.relay)
        words += [
            f"append of process {appender.pid} takes {appender.seconds:.0f} s and holds readers up"
            for appender in self.long_appends
        ]
        words += [
            "",
            *(f"{p.name:<20}{'answers' if p.answers else 'silent':>12}  {p.address}" for p in self.processes),
        ]
        return words


def look(
    settings: Settings, database_url: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Status:
    """Look at everything once.

    Raises `LogUnavailable`, `ReadModelsUnavailable`, `SchemaMismatch`, `UnsafeServer`; and psycopg's errors when
    the log's database goes away while the standing of tree and relay is read.
    """
    reader = LogReader(database_url)
    read_url = settings.read_database_url or database_url
    try:
        head = reader.high_water()
        long_appends = tuple(a for a in reader.appenders() if a.seconds >= _LONG_APPEND_SECONDS)
        return Status(
            clock(),
            redacted(database_url),
            head,
            tuple(standings(read_url)),
            long_appends,
            processes(settings),
            tree_standing(database_url),
            _relay(settings, database_url),
            _parked(read_url),
        )
    finally:
        reader.close()


def _parked(read_url: str) -> Mapping[str, int]:
    with dead_letters(read_url) as letters:
        return letters.counts()


def _relay(settings: Settings, database_url: str) -> RelayStanding | None:
    if settings.kafka_bootstrap is None:
        return None
    return relay_standing(database_url, settings.kafka_topic_prefix)


def processes(settings: Settings) -> tuple[ProcessState, ...]:
    """Which processes answer; those without a port cannot be asked."""
    addresses = {"api": settings.address(settings.api_port) + "/health/ready"}
    ports = {"project": settings.project_metrics_port, "policies": settings.policies_metrics_port}
    if settings.kafka_bootstrap is not None:
        ports["relay"] = settings.relay_metrics_port
    for name, port in ports.items():
        if port:
            addresses[name] = settings.address(port) + "/metrics"
    return tuple(ProcessState(name, address, _answers(address)) for name, address in addresses.items())


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as answer:  # noqa: S310  an address of our own
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
