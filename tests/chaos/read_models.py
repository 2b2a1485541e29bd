"""The read models that went through the storm, row by row against those that the log itself gives."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import sql

from chaos.topics import TopicsFound
from chaos.writers import Answered
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.transport.source import LogSource
from support.rebuilding import tables_of
from support.sealing import keys_in

Connection = psycopg.Connection[Any]

STORM: Final = "gen_1"
QUIET: Final = "quiet"
"""The generation of the run without faults: the same log, read from the log by one projector."""


@dataclass(slots=True)
class RowsFound:
    """`missing` are only in the run without faults, `extra` only in that of the storm."""

    tables: int = 0
    rows: int = 0
    missing: int = 0
    extra: int = 0
    problems: list[str] = field(default_factory=list)


def caught_up(url: str, position: int) -> bool:
    """Whether every read model stands at a position or above everywhere, and all dead letters are told."""
    try:
        with closing(psycopg.connect(url, connect_timeout=5)) as connection:
            row = connection.execute(
                "SELECT min(position), (SELECT count(*) FROM readmodel.parked_events"
                " WHERE generation = %(generation)s AND published_at IS NULL)"
                " FROM readmodel.checkpoints WHERE generation = %(generation)s",
                {"generation": STORM},
            ).fetchone()
    except psycopg.OperationalError:
        return False
    return row is not None and row[0] is not None and int(row[0]) >= position and not row[1]


def judge_rows(url: str, topics: TopicsFound, answered: Answered) -> RowsFound:
    """Project the log quietly beside, and compare everything. Nobody writes any more."""
    found = RowsFound()
    with closing(LogSource(url)) as source:
        quiet = Projector(
            source, url, PROJECTIONS, ProjectorOptions(generation=QUIET, poll_seconds=0.01), ask=keys_in(url)
        )
        quiet.run_until(source.high_water(), timeout_seconds=600)
    with closing(psycopg.connect(url)) as connection:
        for projection in PROJECTIONS:
            for table in tables_of(projection):
                _compare(connection, table, found)
        _compare_parked(connection, topics, found)
        _compare_streams(connection, found)
        _compare_answered(connection, answered, found)
    return found


def _compare(connection: Connection, table: str, found: RowsFound) -> None:
    storm, quiet = (_rows_of(connection, generation, table) for generation in (STORM, QUIET))
    found.tables += 1
    (count,) = _one(connection, sql.SQL("SELECT count(*) FROM ({}) AS t").format(quiet))
    found.rows += count
    for what, left, right in (("missing", quiet, storm), ("extra", storm, quiet)):
        difference = sql.SQL("({}) EXCEPT ALL ({})").format(left, right)
        rows = connection.execute(difference).fetchall()
        setattr(found, what, getattr(found, what) + len(rows))
        found.problems += [f"{table}: {what} {row}" for row in rows[:5]]


def _rows_of(connection: Connection, generation: str, table: str) -> sql.Composed:
    """All rows; counters as they are read: summed over the shares of projectors, without those that are zero."""
    names = [
        name
        for (name,) in connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
            " ORDER BY ordinal_position",
            [generation, table],
        )
    ]
    where = sql.Identifier(generation, table)
    if "shard" not in names:
        return sql.SQL("SELECT {} FROM {}").format(_list(names), where)
    keys = _list([name for name in names if name not in {"shard", "value"}])
    return sql.SQL("SELECT {}, sum(value)::bigint FROM {} GROUP BY {} HAVING sum(value) <> 0").format(
        keys, where, keys
    )


def _list(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _compare_parked(connection: Connection, topics: TopicsFound, found: RowsFound) -> None:
    """What could not be applied is set aside, all of it and once, in both runs."""
    parked = (
        "SELECT projection, kind, position, stream_id, type, bytes FROM readmodel.parked_events"
        " WHERE stream_id IS NOT NULL AND generation = %s"
    )
    for what, one, other in (("missing", QUIET, STORM), ("extra", STORM, QUIET)):
        rows = connection.execute(f"({parked}) EXCEPT ALL ({parked})", [one, other]).fetchall()
        setattr(found, what, getattr(found, what) + len(rows))
        found.problems += [f"parked: {what} {row}" for row in rows[:5]]
    foreign = connection.execute(
        "SELECT partition, next_offset - 1 FROM readmodel.parked_events"
        " WHERE generation = %s AND kind = 'foreign' ORDER BY 1, 2",
        [STORM],
    ).fetchall()
    if foreign != sorted(topics.foreign):
        found.problems.append(
            f"foreign records: the topics hold {sorted(topics.foreign)}, set aside are {foreign}"
        )


def _compare_streams(connection: Connection, found: RowsFound) -> None:
    """The last version seen of each stream is the last that the log has, but for streams that are parked."""
    rows = connection.execute(
        "SELECT stream_id, log.version, seen.version"
        " FROM (SELECT stream_id, max(version) AS version FROM ledger.events GROUP BY 1) AS log"
        " FULL JOIN gen_1.streams AS seen USING (stream_id)"
        " WHERE log.version IS DISTINCT FROM seen.version"
        " AND stream_id NOT IN (SELECT stream_id FROM readmodel.parked_events WHERE stream_id IS NOT NULL)"
    ).fetchall()
    found.problems += [f"stream {stream}: version {log} in the log, {seen} seen" for stream, log, seen in rows[:5]]


def _compare_answered(connection: Connection, answered: Answered, found: RowsFound) -> None:
    """What was confirmed to a dialler is in the log, once."""
    for kind, expected in (
        ("contact.enrolled.v1", answered.contacts),
        ("contact.call_placed.v1", answered.calls),
        ("contact.call_ended.v1", answered.calls),
    ):
        logged = dict(_logged(connection, kind))
        wrong = {one for one in logged.keys() | expected.keys() if logged.get(one, 0) != expected.get(one, 0)}
        found.problems += [
            f"{kind} of {one}: {expected.get(one)} confirmed, {logged.get(one)} logged" for one in wrong
        ]
    (over,) = _one(connection, sql.SQL(_FINISHED_AS_OVER))
    if over:
        found.problems.append(f"{over} contacts were finished because their campaign was over, which it was not")


_FINISHED_AS_OVER: Final = (
    "SELECT count(*) FROM ledger.events"
    " WHERE type = 'contact.finished.v1' AND bytes LIKE '%\"outcome\":\"campaign_over\"%'"
)


def _logged(connection: Connection, kind: str) -> Iterator[tuple[Any, int]]:
    yield from connection.execute(
        "SELECT (convert_from(bytes, 'UTF8')::jsonb ->> 'campaignid')::uuid, count(*) FROM ledger.events"
        " WHERE type = %s GROUP BY 1",
        [kind],
    )


def _one(connection: Connection, query: sql.SQL | sql.Composed) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(query).fetchone()
    assert row is not None
    return row
