"""What a consumer keeps in the database of its handlers: places, versions of streams, parked events."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg

from drumbeat.eventstore.sql import load_queries
from drumbeat.transport.cluster import KafkaUnfit
from drumbeat.transport.records import KafkaRow, split
from drumbeat.transport.source import Checkpoint, Places, microseconds
from drumbeat.transport.texts import as_text

SQL: Final = load_queries(Path(__file__).parent / "kept.sql")

Cursor: TypeAlias = psycopg.Cursor[Any]


class Kind(StrEnum):
    """Why an event is parked."""

    POISON = "poison"
    WAITING = "waiting"
    GAP = "gap"
    FOREIGN = "foreign"


class PlaceMoved(Exception):
    """Another process has handled events of our partitions: nothing of ours was written."""


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """A row set aside."""

    kind: Kind
    row: KafkaRow
    stream_id: UUID | None
    error: str | None
    attempts: int = 0


class Kept:
    """The rows of one consumer. Methods take a cursor and run in its transaction."""

    def __init__(self, consumer: str) -> None:
        self._consumer = consumer

    def begin(self, connection: psycopg.Connection[Any], topics: Mapping[str, int]) -> None:
        """Make the tables and places that are missing.

        Raises `KafkaUnfit` when a topic has another number of partitions than it had when it was first consumed:
        streams would stand in two partitions.
        """
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(SQL["take_turns"])
            (made,) = cursor.execute(SQL["is_made"]).fetchone() or (False,)
            if not made:
                cursor.execute(SQL["make"])
            for partition, count in cursor.execute(SQL["partition_counts"], [self._consumer]).fetchall():
                topic, _ = split(partition)
                if topics.get(topic, count) != count:
                    raise KafkaUnfit(
                        f"{topic} has {topics[topic]} partitions, and had {count} when {self._consumer} first"
                        " consumed it: its streams may stand in two partitions, in no order. Consume new topics"
                        " under a new name"
                    )
            partitions = [(f"{topic}/{n}", count) for topic, count in topics.items() for n in range(count)]
            arguments = {
                "consumer": self._consumer,
                "partitions": [partition for partition, _ in partitions],
                "of_partitions": [count for _, count in partitions],
            }
            cursor.execute(SQL["begin"], arguments)

    def places(self, cursor: Cursor, partitions: Collection[str]) -> dict[str, Checkpoint]:
        """Where the consumer stands."""
        rows = cursor.execute(SQL["places"], [self._consumer, list(partitions)]).fetchall()
        return {
            partition: Checkpoint(position, None, next_offset, at) for partition, position, next_offset, at in rows
        }

    def hold(self, cursor: Cursor, places: Places) -> None:
        """Keep others out of these partitions. Raises `PlaceMoved` when one of them is elsewhere by now."""
        rows = cursor.execute(SQL["hold_places"], [self._consumer, list(places)]).fetchall()
        found = {partition: (position, offset) for partition, position, offset in rows}
        for partition, place in places.items():
            if found.get(partition) != (place.position, place.next_offset):
                raise PlaceMoved(f"{self._consumer} is no longer at {place.position} in {partition}")

    def move(self, cursor: Cursor, before: Places, after: Places) -> None:
        """Move places on; those of `after` are among those of `before`. Raises `PlaceMoved`."""
        moved = [name for name, place in after.items() if place != before[name]]
        if not moved:
            return
        arguments = {
            "consumer": self._consumer,
            "partitions": moved,
            "before": [before[name].position for name in moved],
            "before_offsets": [before[name].next_offset for name in moved],
            "positions": [after[name].position for name in moved],
            "offsets": [after[name].next_offset for name in moved],
            "recorded": [after[name].recorded_at for name in moved],
        }
        if cursor.execute(SQL["move_places"], arguments).rowcount != len(moved):
            raise PlaceMoved(f"{self._consumer} was moved by another process")

    def versions(self, cursor: Cursor, streams: Collection[UUID]) -> dict[UUID, int]:
        """The last version seen of each of these streams; those that were never seen are left out."""
        if not streams:
            return {}
        return dict(cursor.execute(SQL["versions"], [self._consumer, list(streams)]).fetchall())

    def note_versions(self, cursor: Cursor, versions: Mapping[UUID, int]) -> None:
        """These were seen."""
        if versions:
            arguments = {"stream_ids": list(versions), "versions": list(versions.values())}
            cursor.execute(SQL["note_versions"], {"consumer": self._consumer, **arguments})

    def park(self, cursor: Cursor, events: Sequence[ParkedEvent]) -> None:
        """Set events aside."""
        for one in events:
            arguments = {
                "consumer": self._consumer,
                "kind": one.kind.value,
                "partition": one.row.partition,
                "next_offset": one.row.next_offset,
                "position": one.row.position,
                "stream_id": one.stream_id,
                "type": as_text(one.row.type),
                "bytes": one.row.bytes,
                "error": None if one.error is None else as_text(one.error),
                "recorded_at": one.row.recorded_at,
                "attempts": one.attempts,
            }
            cursor.execute(SQL["park"], arguments)

    def parked_streams(self, cursor: Cursor, partitions: Collection[str]) -> list[tuple[UUID | None, bool, int]]:
        """The streams that wait, whether for missing events, and with how many events."""
        return cursor.execute(SQL["parked_streams"], [self._consumer, list(partitions)]).fetchall()

    def due_streams(self, cursor: Cursor, partitions: Collection[str]) -> list[tuple[UUID, str]]:
        """Streams of which something is to be tried again now, each with its partition."""
        return cursor.execute(SQL["due_streams"], [self._consumer, list(partitions)]).fetchall()

    def take_out(self, cursor: Cursor, stream_id: UUID) -> list[ParkedEvent]:
        """Everything parked of a stream, in order, out of the table in this transaction."""
        rows = cursor.execute(SQL["take_out"], [self._consumer, stream_id]).fetchall()
        events = [
            ParkedEvent(
                Kind(kind),
                KafkaRow(position, type_name, bytes(raw), microseconds(at), partition, next_offset),
                stream_id,
                None,
                attempts,
            )
            for kind, partition, next_offset, position, type_name, raw, at, attempts in rows
        ]
        return sorted(events, key=lambda one: one.row.position)

    def try_later(self, cursor: Cursor, stream_id: UUID) -> None:
        """What is due of a stream could not be tried."""
        cursor.execute(SQL["try_later"], [self._consumer, stream_id])
