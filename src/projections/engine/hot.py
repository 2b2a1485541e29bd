"""Entity rows at hand: loaded for a batch, or kept from earlier batches.

A projector is the only writer of its rows, so what it wrote last is what the table holds or, while a batch is
being written, will hold. That ends with a failed transaction or a lost race for the checkpoint: then `forget`.
"""

from collections.abc import Mapping
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
        self._kept: dict[Key, R | None] = {}
        self._being_written: dict[Key, R | None] = {}

    def rows_of(self, cursor: Cursor, keys: Mapping[Key, bool]) -> dict[Key, R | None]:
        """The rows of the keys as they were before this batch; those not at hand come in one query.

        A key that maps to True begins with this batch: there can be no row, and none is looked for.
        """
        rows: dict[Key, R | None] = dict.fromkeys(keys)
        kept, being_written = self._kept, self._being_written
        missing = []
        for key, begins in keys.items():
            if key in being_written:
                rows[key] = being_written[key]
            elif key in kept:
                rows[key] = kept[key]
            elif not begins:
                missing.append(key)
        if missing:
            key_of = self._table.key_of
            for row in self._table.load(cursor, missing, self._decoder):
                rows[key_of(row)] = row
        return rows

    def expect(self, rows: dict[Key, Any]) -> None:
        """These rows are being written; nothing else is."""
        self._being_written = rows

    def keep(self) -> None:
        """What was being written is committed; the longest untouched rows go first."""
        kept, written = self._kept, self._being_written
        for key in written:
            kept.pop(key, None)
        kept.update(written)
        for key in list(islice(kept, max(0, len(kept) - self._limit))):
            del kept[key]
        self._being_written = {}

    def forget(self) -> None:
        """Drop everything: the table may hold something else by now."""
        self._kept.clear()
        self._being_written = {}
