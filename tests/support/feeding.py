"""Read models of toys, fed from topics: a log to publish, who follows it, and what must be in the rows."""

from contextlib import closing
from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg.rows import dict_row

from support.projecting import CAMPAIGN, ListLog, project, rows_of
from support.toys import ENROLLED, MARK, SEEN, TABLES, TALLIES

STREAMS = [uuid5(CAMPAIGN, f"stream {n}") for n in range(12)]
ALL = [TALLIES, SEEN]


def history(rounds: int = 3) -> ListLog:
    log = ListLog()
    for stream_id in STREAMS:
        log.tell(stream_id, ENROLLED)
    for _ in range(rounds):
        for stream_id in STREAMS:
            log.tell(stream_id, MARK)
    return log


def everything(url: str, generation: str) -> list[list[dict[str, Any]]]:
    """Every row; counters are summed over the shares of projectors."""
    found = []
    for table in TABLES:
        rows = rows_of(url, f"{generation}.{table}", ["shard"])
        if rows and "value" in rows[0]:
            sums: dict[Any, int] = {}
            for row in rows:
                key = tuple((name, value) for name, value in row.items() if name != "value")
                sums[key] = sums.get(key, 0) + row["value"]
            rows = sorted(({**dict(key), "value": value} for key, value in sums.items() if value), key=repr)
        found.append(rows)
    return found


def agrees(log: ListLog, url: str) -> None:
    """The rows are those that the log itself gives, from zero."""
    project(log, url, ALL, generation="from_log")
    assert everything(url, "gen_1") == everything(url, "from_log")


def parked(url: str) -> list[dict[str, Any]]:
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute("SELECT * FROM readmodel.parked_events ORDER BY id").fetchall()


def tallies(url: str) -> dict[UUID, int]:
    return {row["contact_id"]: row["events"] for row in rows_of(url, "gen_1.tallies")}


def lowest(url: str) -> int:
    with closing(psycopg.connect(url)) as connection:
        row = connection.execute(
            "SELECT coalesce(min(position), 0) FROM readmodel.checkpoints WHERE generation = 'gen_1'"
        ).fetchone()
    return int(row[0]) if row else 0
