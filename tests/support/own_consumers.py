"""Consumers of one's own in tests: calls in topics, a table that a handler fills, and the loop in a thread."""

import contextlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid5

import psycopg

from drumbeat.events.calls import ContactCallEnded
from drumbeat.events.values import CallOutcome
from drumbeat.eventstore.healing import Heal, cannot_heal
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.consuming import ConsumedEvent, Handlers
from drumbeat.transport.consuming.applying import Applier
from drumbeat.transport.consuming.kept import Kept
from drumbeat.transport.consuming.running import Consumer, ConsumerOptions
from drumbeat.transport.consuming.steps import Reading
from drumbeat.transport.records import KafkaRow, subject_of
from drumbeat.transport.source import Delivery, LogRow, Places, checkpoint_of
from support.contacts import enrolled
from support.machine import until
from support.projecting import CAMPAIGN, ListLog
from support.threads import Running, running
from support.toys import MARK

STREAMS = [uuid5(CAMPAIGN, f"person {n}") for n in range(10)]


def call(attempt: int, detail: str | None = None) -> ContactCallEnded:
    """An ended call."""
    return ContactCallEnded(attempt=attempt, outcome=CallOutcome.NO_ANSWER, detail=detail)


def calls(rounds: int = 3) -> ListLog:
    """People who are enrolled and called, with other events between."""
    log = ListLog()
    for stream_id in STREAMS:
        log.tell(stream_id, enrolled())
    for attempt in range(1, rounds + 1):
        for stream_id in STREAMS:
            log.tell(stream_id, MARK, call(attempt))
    return log


def make_table(url: str) -> None:
    """The user's table. It has no key, so that an effect that comes twice is seen."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE calls (n bigserial, contact uuid, attempt int, position bigint)")


def save(cursor: psycopg.Cursor[Any], event: ConsumedEvent[ContactCallEnded]) -> None:
    """What most tests do with a call."""
    cursor.execute(
        "INSERT INTO calls (contact, attempt, position) VALUES (%s, %s, %s)",
        [event.stream_id, event.data.attempt, event.position],
    )


def rows(url: str, query: str = "SELECT contact, attempt, position FROM calls ORDER BY n") -> list[Any]:
    """What the user's database holds."""
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def parked(url: str) -> list[tuple[str, UUID | None, int, str | None]]:
    """Kind, stream, position and error of what is parked, in order."""
    return rows(
        url, "SELECT kind, stream_id, position, error FROM drumbeat_consumers.parked_events ORDER BY position, id"
    )


def expected(log: ListLog) -> dict[UUID, list[tuple[int, int]]]:
    """Attempt and position of the calls of each stream, as the log has them."""
    told: dict[UUID, list[tuple[int, int]]] = {}
    for row in log.rows:
        if row.type == ContactCallEnded.TYPE:
            event = _light(row.bytes)
            told.setdefault(event.stream_id, []).append((event.data.attempt, row.position))
    return told


def _light(raw: bytes) -> Any:
    from drumbeat.events.light import decode_light

    return decode_light(ContactCallEnded.TYPE, raw)


def saved(url: str) -> dict[UUID, list[tuple[int, int]]]:
    """The same as the user's table has them, in the order in which they were written."""
    told: dict[UUID, list[tuple[int, int]]] = {}
    for contact, attempt, position in rows(url):
        told.setdefault(contact, []).append((attempt, position))
    return told


def comes(url: str, log: ListLog, seconds: float = 30.0) -> bool:
    """Whether the table comes to hold every call of the log, each once, in order."""
    return until(lambda: saved(url) == expected(log), seconds)


@contextlib.contextmanager
def consuming(
    url: str,
    cluster: Cluster,
    handlers: Handlers | None = None,
    *,
    name: str = "billing",
    log_url: str | None = None,
    fails: bool = False,
    **options: Any,
) -> Iterator[Running]:
    """A consumer in a thread until the end of the `with`; only one that `fails` may raise."""
    told = {
        "poll_seconds": 0.05,
        "retry_look_seconds": 0.1,
        "longest_pause_seconds": 0.2,
        "session_timeout_seconds": 6.0,
        **options,
    }
    made = Consumer(
        name,
        handlers or {ContactCallEnded: save},
        url,
        cluster,
        log_url=log_url,
        options=ConsumerOptions(**told),
    )
    with running(made.run, fails=fails) as thread:
        yield thread


HERE = "drumbeat.contacts/0"


def delivery(told: list[LogRow]) -> Delivery:
    """These rows as one partition delivers them: each at the offset of its position."""
    made = [KafkaRow(r.position, r.type, r.bytes, r.recorded_at_us, HERE, r.position + 1) for r in told]
    return Delivery(made, {HERE: checkpoint_of(made[-1])}, made[-1].position)


class Own:
    """A consumer's applier over a database, with its place."""

    def __init__(self, url: str, handler: Any = save, heal: Heal = cannot_heal) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.kept = Kept("billing")
        self.kept.begin(self.connection, {"drumbeat.contacts": 1})
        self.applier = Applier(self.connection, self.kept, Reading({ContactCallEnded: handler}), heal, 60.0)
        self.look()

    def look(self) -> None:
        """See where it stands and what is parked."""
        with self.connection.cursor() as cursor:
            self.places = dict(self.kept.places(cursor, [HERE]))
        self.applier.look(frozenset(self.places))

    def apply(self, told: list[LogRow]) -> Places:
        """A batch."""
        reached = self.applier.apply(delivery(told), self.places)
        self.places.update(reached)
        return reached

    def retry(self, stream_id: UUID) -> bool:
        """What is parked of a stream."""
        done = self.applier.retry(stream_id, self.places)
        self.look()
        return done


def heal_from(log: ListLog) -> Heal:
    """What the log's own table answers."""

    def heal(missing: Any) -> Any:
        found: dict[UUID, list[LogRow]] = {}
        for stream_id, (first, last) in missing.items():
            of_stream = [row for row in log.rows if subject_of(row.bytes) == str(stream_id).encode()]
            found[stream_id] = of_stream[first - 1 : last]
        return found

    return heal
