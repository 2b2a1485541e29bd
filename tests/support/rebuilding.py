"""What holds of every projection: events that come again change nothing, and from zero the rows are the same."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from drumbeat.projections.engine import Projection
from support.projecting import ListLog, project, rows_of


def tables_of(projection: Projection) -> list[str]:
    """Every table that a projection writes."""
    parts: tuple[Any, ...] = (
        *projection.entities,
        *projection.measures,
        *projection.derived,
        *projection.logs,
    )
    return sorted({part.table for part in parts})


def all_rows(database_url: str, projection: Projection, generation: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of a projection in a generation; counters that are zero are as good as absent."""
    found = {table: rows_of(database_url, f"{generation}.{table}") for table in tables_of(projection)}
    return {
        table: [row for row in rows if "shard" not in row or row["value"] != 0] for table, rows in found.items()
    }


def summed_rows(database_url: str, projection: Projection, generation: str) -> dict[str, list[dict[str, Any]]]:
    """The same with the shares that projectors have of a counter added up."""
    summed = {}
    for table, rows in all_rows(database_url, projection, generation).items():
        if not rows or "shard" not in rows[0]:
            summed[table] = rows
            continue
        sums: Counter[tuple[tuple[str, Any], ...]] = Counter()
        for row in rows:
            key = tuple(item for item in row.items() if item[0] not in {"shard", "value"})
            sums[key] += row["value"]
        summed[table] = sorted(({**dict(key), "value": n} for key, n in sums.items() if n), key=repr)
    return summed


def same_again_and_from_zero(log: ListLog, database_url: str, projections: Sequence[Projection]) -> None:
    """Read the log in one batch, read it again, and read it event by event into another generation."""
    project(log, database_url, projections)
    first = [all_rows(database_url, projection, "gen_1") for projection in projections]
    assert any(rows for tables in first for rows in tables.values())
    project(log, database_url, projections)
    assert [all_rows(database_url, projection, "gen_1") for projection in projections] == first
    project(log, database_url, projections, batch_events=1, hot_rows=0, generation="gen_2")
    assert [all_rows(database_url, projection, "gen_2") for projection in projections] == first
