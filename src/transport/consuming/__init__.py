"""A consumer of one's own: events of Drumbeat have their effect once in the tables of somebody else.

Importing this imports neither Kafka's library nor that of Postgres; `consume` does.
"""

from __future__ import annotations

from threading import Event

from drumbeat.transport.cluster import Cluster
from drumbeat.transport.consuming.handling import (
    ConsumedEvent,
    ConsumerStopped,
    Handler,
    Handlers,
    HandlersUnfit,
    Later,
    TooManyParked,
)

DEFAULT_BATCH_EVENTS = 1_000
DEFAULT_PARKED_LIMIT_EVENTS = 1_000


def consume(
    *,
    name: str,
    handlers: Handlers,
    database_url: str,
    bootstrap: str | Cluster,
    log_url: str | None = None,
    stop: Event | None = None,
    instance: str | None = None,
    batch_events: int = DEFAULT_BATCH_EVENTS,
    parked_limit_events: int = DEFAULT_PARKED_LIMIT_EVENTS,
) -> None:
    """Hand each event of the handled types over once, in the order of its stream, until `stop` is set.

    A handler writes over its cursor to the database at `database_url`; the place up to which events were handled
    moves in the same transaction, so that a crash anywhere repeats and loses nothing. Processes that consume under
    one `name` share the partitions. A database or brokers that are away are waited for, and so is a handler that
    raises `Later`. Any other error of a handler parks the event; what follows it in its stream waits behind it.

    `bootstrap` is `HOST:PORT`, or a `Cluster` with a topic prefix, user and TLS. `log_url` names Drumbeat's own
    database, from which events are fetched that the topics have lost; without it, a stream that misses one waits,
    and at a range that a topic no longer holds the whole process. `instance` names this process in the group over
    restarts. Raises `ConsumerStopped`; `KafkaUnfit` for what is missing on this machine, what the brokers refuse,
    or a changed number of partitions; `ValueError` for arguments. With `log_url` also `LogRewound`, `UnsafeServer`
    and `SchemaMismatch`, of the database that it names.
    """
    from drumbeat.transport.consuming.running import Consumer, ConsumerOptions

    consumer = Consumer(
        name,
        handlers,
        database_url,
        bootstrap if isinstance(bootstrap, Cluster) else Cluster(bootstrap=bootstrap),
        log_url=log_url,
        options=ConsumerOptions(
            batch_events=batch_events, parked_limit_events=parked_limit_events, instance=instance
        ),
    )
    consumer.run(stop or Event())


__all__ = [
    "Cluster",
    "ConsumedEvent",
    "ConsumerStopped",
    "Handler",
    "Handlers",
    "HandlersUnfit",
    "Later",
    "TooManyParked",
    "consume",
]
