"""When humans answer: which cell a call adds to."""

from uuid import UUID

import pytest

from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import AnswerStatus, CallOutcome
from drumbeat.projections.attempts_rows import Attempt
from drumbeat.projections.heatmap import measure_cell


def call(outcome: CallOutcome | None, **more: object) -> Attempt:
    """A call as the call log holds it."""
    status = MEANING[outcome].answer_status if outcome is not None else None
    row = Attempt("default", UUID(int=1), UUID(int=2), 1, "placed", 1, 1, outcome=outcome, answer_status=status)
    for name, value in more.items():
        setattr(row, name, value)
    return row


def cells(row: Attempt) -> dict[tuple[object, ...], int]:
    return dict(measure_cell(row))


def test_a_human_answer_counts_as_recorded_and_as_human_in_its_local_hour() -> None:
    found = cells(call(CallOutcome.COMPLETED, weekday=3, hour=14, zone_source="contact"))
    assert found == {(3, 14, "contact", "recorded"): 1, (3, 14, "contact", "human"): 1}


@pytest.mark.parametrize("outcome", [o for o, m in MEANING.items() if m.answer_status is not AnswerStatus.HUMAN])
def test_everything_else_that_is_recorded_counts_as_an_attempt(outcome: CallOutcome) -> None:
    what = "not_recorded" if outcome is CallOutcome.NOT_RECORDED else "recorded"
    assert cells(call(outcome, weekday=3, hour=0, zone_source="campaign")) == {(3, 0, "campaign", what): 1}


def test_an_unknown_hour_counts_in_its_weekday_and_an_unknown_weekday_in_none() -> None:
    assert cells(call(CallOutcome.BUSY, weekday=7)) == {(7, -1, "", "recorded"): 1}
    assert cells(call(CallOutcome.BUSY, hour=14)) == {(0, -1, "", "recorded"): 1}
    assert cells(call(CallOutcome.NOT_RECORDED)) == {(0, -1, "", "not_recorded"): 1}


def test_calls_in_flight_and_received_ones_are_in_no_cell() -> None:
    assert cells(call(None, weekday=3, hour=14)) == {}
    assert cells(call(None, direction="received", conversation=True, weekday=3, hour=14)) == {}
