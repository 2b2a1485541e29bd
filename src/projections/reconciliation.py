"""Do the read models hold what their checkpoints claim? Seen in one snapshot, compared with the log afterwards."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from drumbeat.eventstore.roles import Role, as_role
from drumbeat.projections.dead_letters import ReadModelsUnavailable
from drumbeat.queries import load_queries
from drumbeat.transport.reconciliation import EXAMPLES, Fault, Finding
from drumbeat.transport.records import decode_envelope
from drumbeat.transport.source import LOG

_SQL = load_queries(Path(__file__).with_name("reconciliation.sql"))
_LOW = 2**64 - 1
_AT_ONCE = 20_000


class Versions:
    """The last version of each stream in the read models, beside that which they must have: 24 bytes a stream."""

    def __init__(self, rows: Iterable[tuple[UUID, int]] = (), stopped: Iterable[UUID] = ()) -> None:
        """`rows` in the order of the ids; `stopped` streams are known to be behind."""
        self._high, self._low = array("Q"), array("Q")
        self._held, self._due = array("i"), array("i")
        self._absent: dict[UUID, int] = {}
        self._stopped = frozenset(stopped)
        for stream_id, version in rows:
            self._high.append(stream_id.int >> 64)
            self._low.append(stream_id.int & _LOW)
            self._held.append(version)
            self._due.append(0)

    def expect(self, stream_id: UUID, version: int) -> None:
        """An event that must have been applied; those of a stream in order."""
        high, low = stream_id.int >> 64, stream_id.int & _LOW
        index = bisect_left(self._high, high)
        while index < len(self._high) and self._high[index] == high:
            if self._low[index] == low:
                self._due[index] = version
                return
            index += 1
        if len(self._absent) < EXAMPLES or stream_id in self._absent:
            self._absent[stream_id] = version

    def behind(self) -> Iterator[tuple[UUID, int, int]]:
        """Streams with the version that is held and the one that must be; of those held at 0, the first few."""
        for stream_id, version in self._absent.items():
            if stream_id not in self._stopped:
                yield stream_id, 0, version
        for index, (held, due) in enumerate(zip(self._held, self._due, strict=True)):
            if held < due:
                stream_id = UUID(int=self._high[index] << 64 | self._low[index])
                if stream_id not in self._stopped:
                    yield stream_id, held, due


@dataclass(slots=True)
class Applied:
    """What the read models say of themselves. `places`: positions by partition.

    `began_at`: up to there they were made before these partitions fed them.
    """

    places: dict[str, int] = field(default_factory=dict)
    began_at: int = 0
    parked: dict[str, tuple[int, int]] = field(default_factory=dict)
    versions: Versions | None = None
    """None where the log itself feeds them: it loses nothing."""

    def place(self, partition: str) -> int | None:
        """Up to where a partition is applied; None when nothing of it ever was."""
        return self.places.get(partition, self.places.get(LOG))

    def expect(self, partition: str, position: int, raw: bytes) -> None:
        """An event of the log, in order of position."""
        if self.versions is not None and self.began_at < position <= self.places.get(partition, 0):
            envelope = decode_envelope(raw)
            self.versions.expect(envelope.subject, envelope.streamversion)

    def conclude(self, head: int) -> Iterator[Finding]:
        """What is wrong, when every event up to `head` was expected."""
        for partition, position in self.places.items():
            if position > head:
                words = f"the read models are at {position}, and the log ends at {head}: it lost events"
                yield Finding(Fault.AHEAD, partition, position, None, words)
        for partition, (count, first) in self.parked.items():
            words = f"{count} parked events, the first at {first}: see `drumbeat dead-letters list`"
            yield Finding(Fault.PARKED, partition, first, None, words)
        for stream_id, held, due in () if self.versions is None else self.versions.behind():
            words = f"stream {stream_id} is at version {held} in the read models, and must be at {due}"
            yield Finding(Fault.BEHIND, "", None, None, words)


def read_applied(database_url: str) -> Applied:
    """Raises `ReadModelsUnavailable` when the database does not answer."""
    try:
        with closing(psycopg.connect(as_role(database_url, Role.PROJECT), connect_timeout=5)) as connection:
            return _read(connection)
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise ReadModelsUnavailable(f"the read models cannot be read: {error}".strip()) from error


def _read(connection: psycopg.Connection[Any]) -> Applied:
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    (generation,) = connection.execute(_SQL["generation"]).fetchone() or ("",)
    connection.execute("SELECT set_config('search_path', %s, false)", [generation])
    places = connection.execute(_SQL["places"]).fetchall()
    parked = connection.execute(_SQL["parked"]).fetchall()
    applied = Applied(
        {partition: position for partition, position, _ in places},
        max((began_at for *_, began_at in places), default=0),
        {partition: (count, first) for partition, count, first in parked},
    )
    (keeps,) = connection.execute(_SQL["keeps_versions"]).fetchone() or (False,)
    if applied.places and LOG not in applied.places and keeps:
        stopped = [stream_id for (stream_id,) in connection.execute(_SQL["stopped"])]
        with connection.cursor("versions") as cursor:
            cursor.itersize = _AT_ONCE
            applied.versions = Versions(cursor.execute(_SQL["versions"]), stopped)
    return applied
