"""Is an event of a stream missing? Asked only of sources that can lose one: the log itself has no gaps.

The last version seen of each stream is kept with the rows, in their transaction. A version that is passed over is
fetched from the log when the log can be reached; else the stream stops there, is named, and goes on when it can.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from drumbeat.access.person_keys import AskKeys
from drumbeat.eventstore.healing import Heal, Missing
from drumbeat.projections.engine.bookkeeping import Kind, ParkedStreams
from drumbeat.projections.engine.decode import Decoded, Unreadable, decode_rows, place_of
from drumbeat.projections.engine.hot import HotRows, Slot, Slots
from drumbeat.projections.engine.rows import Row
from drumbeat.projections.engine.shapes import Entity, Key
from drumbeat.projections.engine.table import Cursor, Table
from drumbeat.projections.engine.work import Work
from drumbeat.transport.records import HEALED, KafkaRow
from drumbeat.transport.source import LogRow


class StreamRow(Row):
    """The last version of a stream that was seen; applied, or parked."""

    stream_id: UUID
    version: int


STREAMS: Final = Entity(table="streams", row=StreamRow, key_columns=1, folds={})


class Continuity:
    """Watches the versions of one projector's streams. For one thread."""

    def __init__(
        self, hot: HotRows[StreamRow], table: Table[StreamRow], heal: Heal, ask: AskKeys, began_at: int
    ) -> None:
        """`began_at`: up to there the rows were made from a source without gaps, and versions were not kept."""
        self._hot = hot
        self._table = table
        self._heal = heal
        self._ask = ask
        self._began_at = began_at
        self.healed_events = 0

    def follow(self, cursor: Cursor, work: Work, parked: ParkedStreams) -> tuple[Sequence[Decoded], Slots]:
        """The batch with what was missing put in before its successor, and the streams' rows that follow.

        A stream whose missing events cannot be had stops: its event is `Unreadable`, and its row stays.
        """
        slots, is_whole = self._slots(cursor, work)
        if is_whole:
            return work.decoded, slots
        missing = _missing(slots, work.decoded, parked)
        found = self._fetched(missing)
        whole: list[Decoded] = []
        for row, event in work.decoded:
            place = place_of(event)
            if place is None:
                whole.append((row, event))
                continue
            stream_id, version = place
            slot = slots[(stream_id.int,)]
            known = _known(slot)
            if version > known + 1:
                if parked.waits_for_missing(stream_id) and parked.all_wait(stream_id, work.active):
                    whole.append((row, event))
                    continue
                gap = found.pop(stream_id, None)
                if gap is None:
                    whole.append((row, _stopped(stream_id, known, version)))
                    continue
                whole += self._in_place_of(work, row, gap)
            if version > known:
                slot.row = StreamRow(stream_id, version)
            whole.append((row, event))
        return whole, slots

    def note(self, cursor: Cursor, item: Decoded) -> None:
        """An event was seen alone; in the caller's transaction."""
        _, event = item
        place = place_of(event)
        if place is not None:
            self.note_versions(cursor, [StreamRow(*place)])

    def note_versions(self, cursor: Cursor, rows: Sequence[StreamRow]) -> None:
        """These are the last versions seen; in the caller's transaction."""
        self._table.change(cursor, rows)

    def fetch(self, stream_id: UUID, first: int, last: int) -> Sequence[LogRow] | None:
        """Versions of a stream from the log, in order, less what is in the rows already; None: not to be had."""
        return self._fetched({stream_id: (first, last)}).get(stream_id)

    def version_of(self, cursor: Cursor, stream_id: UUID) -> int:
        """The last version seen of a stream, 0 for none."""
        slots: Slots = {(stream_id.int,): Slot(begins=False)}
        self._hot.fill(cursor, slots)
        return _known(slots[(stream_id.int,)])

    def _slots(self, cursor: Cursor, work: Work) -> tuple[Slots, bool]:
        """The streams' rows. True: nothing is missing, which is nearly always, and they are as they will be."""
        slots: Slots = {}
        spans: dict[Key, list[Any]] = {}  # first and last version, and the stream
        first_time = work.active == work.plan.names
        is_whole = True
        for _, event in work.decoded:
            place = place_of(event)
            if place is None:
                continue
            stream_id, version = place
            key = (stream_id.int,)
            span = spans.get(key)
            if span is None:
                spans[key] = [version, version, stream_id]
                # Projections that catch up read events again whose streams are known; all others begin with 1.
                slots[key] = Slot(begins=first_time and version == 1)
            elif version > span[1] + 1:
                is_whole = False
            elif version > span[1]:
                span[1] = version
        self._hot.fill(cursor, slots)
        is_whole = is_whole and all(first <= _known(slots[key]) + 1 for key, (first, *_) in spans.items())
        if is_whole:
            for key, (_, last, stream_id) in spans.items():
                slot = slots[key]
                if last > _known(slot):
                    slot.row = StreamRow(stream_id, last)
        return slots, is_whole

    def _fetched(self, missing: Missing) -> dict[UUID, Sequence[LogRow]]:
        found = self._heal(missing) if missing else None
        if found is None:
            return {}
        fetched: dict[UUID, Sequence[LogRow]] = {}
        for stream_id, (first, last) in missing.items():
            rows = found.get(stream_id, ())
            if len(rows) == last - first + 1:
                fetched[stream_id] = [row for row in rows if row.position > self._began_at]
        return fetched

    def _in_place_of(self, work: Work, before: Any, rows: Iterable[LogRow]) -> list[Decoded]:
        put = [
            KafkaRow(row.position, row.type, row.bytes, row.recorded_at_us, before.partition, HEALED)
            for row in rows
        ]
        self.healed_events += len(put)
        return decode_rows(work.plan, put, self._ask, every_type=True)


def _known(slot: Slot) -> int:
    return slot.row.version if slot.row is not None else 0


def _missing(slots: Slots, decoded: Iterable[Decoded], parked: ParkedStreams) -> dict[UUID, tuple[int, int]]:
    # The first gap of each stream; a second one in the same batch stops the stream until the next.
    versions: dict[UUID, int] = {}
    missing: dict[UUID, tuple[int, int]] = {}
    for _, event in decoded:
        place = place_of(event)
        if place is None:
            continue
        stream_id, version = place
        known = versions.get(stream_id)
        if known is None:
            known = _known(slots[(stream_id.int,)])
        if version > known + 1 and stream_id not in missing and not parked.waits_for_missing(stream_id):
            missing[stream_id] = (known + 1, version - 1)
        versions[stream_id] = max(known, version)
    return missing


def _stopped(stream_id: UUID, known: int, version: int) -> Unreadable:
    gone = f"version {known + 1}" if version == known + 2 else f"versions {known + 1} to {version - 1}"
    return Unreadable(stream_id, f"{gone} of the stream did not come before version {version}", Kind.GAP)
