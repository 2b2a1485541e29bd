"""The peer of `kafka-live`: a FastStream application, a Postgres upsert a message.

It is what a user of FastStream writes: a subscriber that gets one message after the other, and one statement each
that adds to the dashboard's counters, committed by itself. What it needs to know of a contact it keeps in memory,
computed by our own fold functions from light events, and FastStream's own decoding and type conversion are off;
all that is in the peer's favour. `run_whole` keeps every table of all read models, in a transaction a message.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from psycopg.rows import tuple_row

from benchmarks.keys import opened
from benchmarks.live_floor import NothingStored
from benchmarks.live_peer import write_changes
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.projections import attempts, contacts, dashboard
from drumbeat.projections.engine.bookkeeping import GENERATION
from drumbeat.projections.engine.fold import Changes, fold_batch
from drumbeat.projections.engine.hot import HotRows
from drumbeat.projections.engine.plan import Plan
from drumbeat.projections.engine.store import Store
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.watermarks import WATERMARK_TYPE

Handle = Callable[[str, bytes, int], Awaitable[None]]

_UPSERT = f"""
    INSERT INTO {GENERATION}.dashboard_counters AS kept (workspace_id, campaign_id, metric, key, shard, value)
    SELECT %s, %s, metric, key, 0, value
    FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS new (metric, key, value)
    ON CONFLICT (workspace_id, campaign_id, metric, key, shard) DO UPDATE SET value = kept.value + excluded.value
"""


def run_counters(url: str, cluster: Cluster, topics: Mapping[str, int], events: int) -> float:
    """Events a second of one upsert a message: the dashboard's counters, and nothing else."""
    plan = Plan([contacts.PROJECTION, attempts.PROJECTION, dashboard.PROJECTION])

    async def go() -> float:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute("SET synchronous_commit = off")
            with closing(psycopg.connect(url, autocommit=True)) as plain:
                store = Store(plain, plan, 0)
            fold = _in_memory(plan, store)

            async def handle(kind: str, raw: bytes, position: int) -> None:
                tally: Mapping[Any, Any] = fold(kind, raw, position).counters.get("dashboard_counters", {})
                for (workspace_id, campaign_id), amounts in tally.items():
                    metrics, keys = [metric for metric, _ in amounts], [key for _, key in amounts]
                    row = workspace_id, UUID(int=campaign_id), metrics, keys, list(amounts.values())
                    await connection.execute(_UPSERT, row)

            return await _consumed(cluster, topics, events, handle)

    return events / asyncio.run(go())


def run_whole(url: str, cluster: Cluster, topics: Mapping[str, int], events: int) -> float:
    """Events a second of all tables of all read models, with plain upserts in one transaction a message."""
    plan = Plan(PROJECTIONS)
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(f"SET search_path = {GENERATION}")
        connection.execute("SET synchronous_commit = off")
        store = Store(connection, plan, 0)

        def write(kind: str, raw: bytes, position: int) -> None:
            handlers = plan.handlers.get(kind)
            if handlers is not None:
                with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
                    changes = fold_batch(plan, cursor, store.hot, [(position, opened(kind, raw), handlers)])
                    write_changes(cursor, store, changes)

        async def handle(kind: str, raw: bytes, position: int) -> None:
            # As FastStream does it with handlers that block: its heartbeats go on meanwhile.
            await asyncio.to_thread(write, kind, raw, position)

        return events / asyncio.run(_consumed(cluster, topics, events, handle))


def _in_memory(plan: Plan, store: Store) -> Callable[[str, bytes, int], Changes]:
    hot = [HotRows(entity, NothingStored(store.tables[entity.table]), 10**9) for entity in plan.entities]

    def fold(kind: str, raw: bytes, position: int) -> Changes:
        handlers = plan.handlers.get(kind)
        events = [] if handlers is None else [(position, opened(kind, raw), handlers)]
        changes = fold_batch(plan, cast("Any", None), hot, events)
        for rows, slots in zip(hot, changes.touched, strict=True):
            rows.expect(slots)
            rows.keep()
        return changes

    return fold


async def _consumed(cluster: Cluster, topics: Mapping[str, int], events: int, handle: Handle) -> float:
    """Seconds from the first message until every event was handled."""
    broker = KafkaBroker(
        cluster.bootstrap,
        decoder=_as_it_is,
        apply_types=False,
        logger=None,
        allow_auto_create_topics=False,
    )
    seen, begun = 0, 0.0
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def each(message: KafkaMessage) -> None:
        nonlocal seen, begun
        begun = begun or time.perf_counter()
        headers: Mapping[str, Any] = message.headers
        if headers["type"] == WATERMARK_TYPE:
            return
        try:
            await handle(headers["type"], message.body, int(headers["position"]))
        except Exception as error:  # noqa: BLE001  FastStream would log it and go on
            if not done.done():
                done.set_exception(error)
        seen += 1
        if seen == events and not done.done():
            done.set_result(None)

    names: Sequence[str] = sorted(topics)
    subscriber = broker.subscriber(
        *names, group_id=uuid4().hex, auto_offset_reset="earliest", ack_policy=AckPolicy.ACK_FIRST
    )
    subscriber(each)
    async with broker:
        await broker.start()
        await asyncio.wait_for(done, 300)
        return time.perf_counter() - begun


async def _as_it_is(message: KafkaMessage) -> KafkaMessage:
    return message
