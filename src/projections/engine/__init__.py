"""The engine of all projections. A module of read models needs `shapes` and `rows` and nothing else of it."""

from drumbeat.projections.engine.rows import Row, as_array, as_json
from drumbeat.projections.engine.shapes import (
    Derived,
    Entity,
    Key,
    Log,
    Measures,
    Projection,
    by_stream,
    by_workspace_stream,
)

__all__ = [
    "Derived",
    "Entity",
    "Key",
    "Log",
    "Measures",
    "Projection",
    "Row",
    "as_array",
    "as_json",
    "by_stream",
    "by_workspace_stream",
]
