"""Entity rows at hand: loaded for a batch, or kept from earlier batches.

A projector is the only writer of its rows, so what it wrote last is what the table holds or, while a batch is
being written, will hold. That ends with a failed transaction or a lost race for the checkpoint: then `forget`.
"""

from itertools import islice
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Entity, Key
from drumbeat.projections.engine.table import Cursor, Table

R = TypeVar("R", bound=Row)


class Slot(msgspec.Struct, gc=False):
    """One row in one batch: as it was before, and as it is. None: there is no row.

    `begins`: the row begins with this batch, so that there was none and none is looked for.
    """

    begins: bool
    before: Any = None
    row: Any = None


Slots: TypeAlias = dict[Key, Slot]


class HotRows(Generic[R]):
    """The rows of one entity, about `limit` between batches. Keys without a row are remembered too."""

    def __init__(self, entity: Entity[R], table: Table[R], limit: int) -> None:
        self._table = table
        self._limit = limit
        self._decoder: msgspec.json.Decoder[list[R]] = msgspec.json.Decoder(list[entity.row])  # type: ignore[name-defined]
        self._kept: Slots = {}
        self._being_written: Slots = {}

    def fill(self, cursor: Cursor, slots: Slots) -> None:
        """Put the rows as they were before this batch into its slots; those not at hand come in one query.

        `row` gets a copy: folds may change the row they get, and `before` stays as it was.
        """
        kept, being_written = self._kept, self._being_written
        missing = []
        for key, slot in slots.items():
            known = being_written.get(key) or kept.get(key)
            if known is not None:
                before = known.row
                if before is not None:
                    slot.before = before
                    slot.row = before.__copy__()
            elif not slot.begins:
                missing.append(key)
        if missing:
            key_of = self._table.key_of
            row: Any
            for row in self._table.load(cursor, missing, self._decoder):
                slot = slots[key_of(row)]
                slot.before = row
                slot.row = row.__copy__()

    def expect(self, slots: Slots) -> None:
        """These rows are being written; nothing else is."""
        self._being_written = slots

    def keep(self) -> None:
        """What was being written is committed. What was first kept first goes."""
        kept = self._kept
        for slot in self._being_written.values():
            slot.before = None
        kept.update(self._being_written)
        for key in list(islice(kept, max(0, len(kept) - self._limit))):
            del kept[key]
        self._being_written = {}

    def forget(self) -> None:
        """Drop everything: the table may hold something else by now."""
        self._kept.clear()
        self._being_written = {}
