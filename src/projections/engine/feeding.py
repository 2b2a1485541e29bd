"""What feeds a generation of read models: the log, or the partitions of topics. It may change between two moments.

A change is safe when everything up to one position is in the rows, whatever fed them: the new partitions then
begin with what lies above it.
"""

from collections.abc import Collection
from typing import Any

import psycopg
import structlog

from drumbeat.projections.engine.bookkeeping import SQL, Kind
from drumbeat.projections.engine.table import Cursor
from drumbeat.transport.cluster import KafkaUnfit
from drumbeat.transport.partitions import partition_among
from drumbeat.transport.source import LOG

log = structlog.get_logger(__name__)


class FeedChanged(Exception):
    """Read models are to be fed from elsewhere, but the partitions that fed them stand at different places."""


def fed_from(cursor: Cursor, generation: str) -> dict[str, tuple[frozenset[str], int, int]]:
    """The partitions that feed each projection, with its lowest and its highest position in them."""
    rows = cursor.execute(SQL["fed_from"], [generation]).fetchall()
    return {name: (frozenset(partitions), low, high) for name, partitions, low, high in rows}


def begin(cursor: Cursor, generation: str, projection: str, partitions: Collection[str], position: int) -> None:
    """A projection's checkpoints in partitions that it was not fed from before."""
    arguments = {
        "generation": generation,
        "projection": projection,
        "partitions": sorted(partitions),
        "position": position,
        "next_offset": None if LOG in partitions else 0,
    }
    cursor.execute(SQL["begin"], arguments)


def feed(
    connection: psycopg.Connection[Any], projections: Collection[str], generation: str, partitions: Collection[str]
) -> None:
    """Let these partitions, and no others, feed the projections; nothing when they do already.

    Raises `FeedChanged`.
    """
    wanted = frozenset(partitions)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(SQL["take_turns"])
        for name, (known, low, high) in fed_from(cursor, generation).items():
            if name not in projections or known == wanted:
                continue
            if low != high:
                raise FeedChanged(
                    f"{name} is fed from {_words(known)}, which stand between positions {low} and {high}, and not "
                    f"from {_words(wanted)}: let it catch up there first, or rebuild it"
                )
            _take_along(cursor, generation, name, wanted)
            cursor.execute(SQL["leave"], [generation, name])
            begin(cursor, generation, name, wanted, low)
            log.info("fed_from_elsewhere", projection=name, partitions=_words(wanted), position=low)


def _take_along(cursor: Cursor, generation: str, projection: str, partitions: frozenset[str]) -> None:
    # Streams that wait go on waiting: what comes of them from elsewhere must not pass what is parked.
    parked = cursor.execute(SQL["parked_elsewhere"], [generation, projection]).fetchall()
    if any(kind == Kind.GAP for _, kind, _, _ in parked):
        raise FeedChanged(
            f"{projection} waits for events that are missing: let it go on where it is until it has them"
        )
    for parked_id, _, stream_id, type_name in parked:
        try:
            partition = partition_among(partitions, stream_id, type_name)
        except KafkaUnfit as error:
            raise FeedChanged(f"{projection} has parked what no topic carries: {error}") from error
        cursor.execute(SQL["take_along"], [partition, parked_id])


def _words(partitions: Collection[str]) -> str:
    topics = sorted({partition.rpartition("/")[0] or "the log" for partition in partitions})
    return f"{', '.join(topics)} ({len(partitions)} partitions)" if topics != ["the log"] else topics[0]
