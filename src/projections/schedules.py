"""Schedules: business hours, from which a reader tells whether a campaign is open now (E-21)."""

from pathlib import Path
from typing import Any
from uuid import UUID

from drumbeat.events.light import LightEvent
from drumbeat.events.schedule import ScheduleChanged, ScheduleDefined
from drumbeat.projections.engine.rows import Row, as_json
from drumbeat.projections.engine.shapes import Entity, Projection, by_workspace_stream


class ScheduleRow(Row):
    """Business hours; schedules.sql says what each field means."""

    workspace_id: str
    schedule_id: UUID
    name: str
    zone: str
    weekly_hours: str
    holidays: str
    version: int
    position: int


def _defined(_row: ScheduleRow | None, event: LightEvent[ScheduleDefined], position: int) -> ScheduleRow | None:
    return _with_hours(event.data.name, event.data, event, position)


def _changed(row: ScheduleRow | None, event: LightEvent[ScheduleChanged], position: int) -> ScheduleRow | None:
    assert row is not None, f"{event.type} came before the schedule was defined"
    return _with_hours(row.name, event.data.after, event, position)


def _with_hours(name: str, hours: Any, event: LightEvent[Any], position: int) -> ScheduleRow:
    return ScheduleRow(
        workspace_id=event.workspace_id,
        schedule_id=event.stream_id,
        name=name,
        zone=hours.zone,
        weekly_hours=as_json(hours.weekly_hours),
        holidays=as_json(hours.holidays),
        version=event.stream_version,
        position=position,
    )


SCHEDULE_ROWS = Entity(
    table="schedules",
    row=ScheduleRow,
    key_columns=2,
    key_of=by_workspace_stream,
    folds={ScheduleDefined: _defined, ScheduleChanged: _changed},
    keys={},
)

PROJECTION = Projection(
    name="schedules", version=1, sql=Path(__file__).with_suffix(".sql"), entities=(SCHEDULE_ROWS,)
)
