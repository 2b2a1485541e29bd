"""The bank file under other limits of attempts: exactly the table that its rows give, all limits in one run."""

import csv
from collections.abc import Iterator
from typing import Any

import pytest

from support.bank import IMPORTED_AT, Bank, bank_csv
from support.writing import Writing, writing

pytestmark = [pytest.mark.postgres, pytest.mark.long, pytest.mark.timeout(300)]

CALLS_ALLOWED = (1, 2, 3, 4, 6, 11, None)
ATTEMPTS = (41_188, 64_734, 77_710, 85_345, 93_714, 101_237, 105_754)
GOALS = (2_300, 3_511, 4_085, 4_334, 4_529, 4_625, 4_640)


@pytest.fixture(scope="module")
def api(bank: Bank) -> Iterator[Writing]:
    with writing(bank.url) as made:
        made.now = IMPORTED_AT
        yield made


@pytest.fixture(scope="module")
def rows() -> list[tuple[int, int]]:
    """Of each row of the file: attempts, seconds of the last one."""
    with bank_csv().open(encoding="utf-8", newline="") as file:
        return [(int(row["campaign"]), int(row["duration"])) for row in csv.DictReader(file, delimiter=";")]


@pytest.fixture(scope="module")
def answer(api: Writing, bank: Bank) -> dict[str, Any]:
    variants = [{"max_retries": None if allowed is None else allowed - 1} for allowed in CALLS_ALLOWED]
    asked = {"variants": variants, "cost_per_call": 0.1, "cost_per_minute": 0.2}
    return api.done(f"/campaigns/{bank.campaign_id}/simulations", asked)


def of(answer: dict[str, Any], measure: str) -> tuple[Any, ...]:
    return tuple(one["measures"][measure] for one in answer["variants"])


def test_attempts_and_goals_are_those_of_the_table(answer: dict[str, Any]) -> None:
    assert of(answer, "attempts") == ATTEMPTS
    assert of(answer, "goals_achieved") == GOALS
    assert of(answer, "contacts") == (41_188,) * 7


def test_what_was_is_what_the_file_says(answer: dict[str, Any]) -> None:
    real = answer["real"]
    assert (real["contacts"], real["attempts"], real["goals_achieved"]) == (41_188, 105_754, 4_640)
    assert (real["conversations"], real["attempts_not_recorded"]) == (41_184, 64_566)
    assert real["talk_time_seconds"] == {"value": 10_638_243, "contacts_unknown": 0}


def test_conversations_and_talk_time_are_those_of_the_last_calls_that_are_made(
    answer: dict[str, Any], rows: list[tuple[int, int]]
) -> None:
    for allowed, measures in zip(CALLS_ALLOWED, (one["measures"] for one in answer["variants"]), strict=True):
        made = [seconds for calls, seconds in rows if allowed is None or calls <= allowed]
        assert measures["conversations"] == sum(seconds > 0 for seconds in made)
        assert measures["talk_time_seconds"] == {"value": sum(made), "contacts_unknown": 0}
        assert measures["unknown"]["contacts_cut_short"] == len(rows) - len(made)
        # Four last calls were not answered: where the limit allows more, another one would have been due.
        silent = [calls for calls, seconds in rows if not seconds and (allowed is None or calls < allowed)]
        assert measures["unknown"]["contacts_open"] == len(silent)


def test_what_the_file_does_not_date_or_time_is_null_with_the_contacts_concerned(
    answer: dict[str, Any], rows: list[tuple[int, int]]
) -> None:
    untimed = sum(calls > 1 for calls, _ in rows)
    for measures in (answer["real"], *(one["measures"] for one in answer["variants"])):
        assert measures["seconds_to_finish"] == {"value": None, "contacts_unknown": 41_188}
        assert measures["call_time_seconds"] == {"value": None, "contacts_unknown": untimed}
        assert measures["cost"] == {"value": None, "contacts_unknown": untimed}


def test_without_a_price_of_minutes_every_cost_is_known(api: Writing, bank: Bank) -> None:
    asked = {"variants": [{"max_retries": 2}], "cost_per_call": 0.1}
    answer = api.done(f"/campaigns/{bank.campaign_id}/simulations", asked)
    assert answer["variants"][0]["measures"]["cost"] == {"value": 7_771.0, "contacts_unknown": 0}
    assert answer["real"]["cost"]["value"] == 10_575.4


def test_what_changes_no_limit_changes_nothing(api: Writing, bank: Bank) -> None:
    asked = {"variants": [{}, {"retry_interval": "2 days"}]}
    answer = api.done(f"/campaigns/{bank.campaign_id}/simulations", asked)
    assert [one["measures"] for one in answer["variants"]] == [answer["real"], answer["real"]]
