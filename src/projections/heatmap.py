"""When do humans answer? Placed calls that have ended, by local weekday and hour (E-14)."""

from pathlib import Path

from drumbeat.events.values import AnswerStatus
from drumbeat.projections.attempts import ATTEMPTS, PLACED
from drumbeat.projections.attempts_rows import Attempt
from drumbeat.projections.engine import Key, Measures, Projection

DAY_UNKNOWN = 0
HOUR_UNKNOWN = -1


def measure_cell(row: Attempt) -> tuple[tuple[Key, int], ...]:
    """The cell that one call adds to; without a weekday its hour is of no use."""
    status = row.answer_status
    if status is None or row.direction != PLACED:
        return ()
    weekday = row.weekday or DAY_UNKNOWN
    hour = row.hour if row.weekday and row.hour is not None else HOUR_UNKNOWN
    place = weekday, hour, row.zone_source or ""
    if status == AnswerStatus.NOT_RECORDED:
        return (((*place, "not_recorded"), 1),)
    if status == AnswerStatus.HUMAN:
        return (((*place, "recorded"), 1), ((*place, "human"), 1))
    return (((*place, "recorded"), 1),)


PROJECTION = Projection(
    name="heatmap",
    version=1,
    sql=Path(__file__).with_suffix(".sql"),
    measures=(
        Measures(
            table="heatmap_cells",
            of=ATTEMPTS,
            scope=2,
            columns=("weekday", "hour", "zone_source", "what"),
            measure=measure_cell,
        ),
    ),
)
