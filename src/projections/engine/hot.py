"""Entity rows at hand: loaded for a batch, or kept from earlier batches.

A projector is the only writer of its rows, so what it wrote last is what the table holds. That ends with a failed
transaction or a lost race for the checkpoint: then `forget`.
"""

from collections.abc import Collection
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec

from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Entity, Key
from drumbeat.projections.engine.table import Cursor, Table

R = TypeVar("R", bound=Row)


class HotRows(Generic[R]):
    """The rows of one entity, at most `limit` between batches. None stands for a key that has no row."""

    def __init__(self, entity: Entity[R], table: Table[R], limit: int) -> None:
        self._table = table
        self._limit = limit
        self._decoder: msgspec.json.Decoder[list[R]] = msgspec.json.Decoder(list[entity.row])  # type: ignore[name-defined]
        self._rows: dict[Key, R | None] = {}

    def rows_of(self, cursor: Cursor, keys: Collection[Key]) -> dict[Key, R | None]:
        """The rows of the keys as they were before this batch; those not at hand come in one query."""
        kept = self._rows
        rows = {key: kept[key] for key in keys if key in kept}
        missing = [key for key in keys if key not in rows]
        if missing:
            rows.update(dict.fromkeys(missing))
            key_of = self._table.key_of
            for row in self._table.load(cursor, missing, self._decoder):
                rows[key_of(row)] = row
        return rows

    def keep(self, rows: dict[Key, Any]) -> None:
        """Remember what a committed batch wrote; the longest untouched rows go first."""
        kept = self._rows
        for key in rows:
            kept.pop(key, None)
        kept.update(rows)
        for key in list(islice(kept, max(0, len(kept) - self._limit))):
            del kept[key]

    def forget(self) -> None:
        """Drop everything: the table may hold something else by now."""
        self._rows.clear()
