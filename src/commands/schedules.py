"""Commands on business hours (E-21)."""

from typing import ClassVar
from uuid import UUID

from drumbeat.aggregates.schedule import SCHEDULE, change_schedule, define_schedule
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler, on_stream
from drumbeat.commands.limits import Name
from drumbeat.commands.loop import Run
from drumbeat.events.schedule import Hours


class DefineSchedule(Command):
    """Set business hours. Without `schedule_id` they get a new one; `Done.stream_id` tells it."""

    NAME: ClassVar[str] = "define_schedule"
    schedule_id: UUID | None = None
    name: Name
    hours: Hours


class ChangeSchedule(Command):
    """Set other hours, for every campaign that uses them."""

    NAME: ClassVar[str] = "change_schedule"
    schedule_id: UUID
    expected_version: int | None = None
    hours: Hours


def _define(command: DefineSchedule, run: Run) -> Done:
    return run.one(
        SCHEDULE,
        command.schedule_id or run.new_id(),
        lambda state: define_schedule(state, name=command.name, hours=command.hours),
    )


HANDLERS: dict[type[Command], Handler] = {
    DefineSchedule: _define,
    ChangeSchedule: on_stream(SCHEDULE, "schedule_id", change_schedule),
}
