"""A simulation as a table and as a picture, and the variants that a command line names."""

import re
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from drumbeat.events.values import CallOutcome, GoalResult
from drumbeat.opsapi.failures import Failed
from drumbeat.opsapi.simulated_plot import plot_of
from drumbeat.opsapi.simulated_table import spoken, table_of
from drumbeat.opsapi.simulating import variants_of
from support.contacts import TALK
from support.simulated import Recorded, simulated

SVG = "{http://www.w3.org/2000/svg}"


def answered(*variants: dict[str, Any]) -> dict[str, Any]:
    """What the API would answer of a contact whom the third call won."""
    contact = Recorded().call(CallOutcome.NO_ANSWER).call(CallOutcome.NO_ANSWER)
    contact.call(CallOutcome.COMPLETED, 90, conversation_id=TALK).judge(GoalResult.ACHIEVED, TALK).waited()
    found: dict[str, Any] = msgspec.to_builtins(simulated(contact, variants=variants))
    return found | {"as_of": "12@2026-03-02T09:00:00.000000Z"}


def test_a_line_stands_for_what_was_and_one_for_each_variant() -> None:
    lines = table_of(answered({"max_retries": 1}, {"max_retries": None}))
    assert lines[0].split() == ["attempts", "conversations", "goals", "talk", "time", "to", "finish"]
    assert [re.split(r" {2,}", line.strip()) for line in lines[1:4]] == [
        ["as it was", "3", "1", "1", "0:01:30", "3:03:00"],
        ["max_retries=1", "2", "0", "0", "0:00:00", "2:02:00"],
        ["max_retries=none", "3", "1", "1", "0:01:30", "3:03:00"],
    ]
    assert "max_retries=1: contacts with recorded attempts that are not made here: 1" in lines
    assert lines[-1] == "13 events replayed, as of 12@2026-03-02T09:00:00.000000Z"


def test_what_is_not_known_is_a_dash_with_the_reason_below() -> None:
    lines = table_of(answered({"completion_timeout": "1 day"}))
    assert lines[2].split()[-1] == "–"
    assert "contacts without a date or duration that the time to finish needs: 1" in lines[-2]


@pytest.mark.parametrize(("seconds", "said"), [(None, "–"), (0, "0:00:00"), (10_638_243, "2,955:04:03")])
def test_seconds_are_spoken_as_hours(seconds: int | None, said: str) -> None:
    assert spoken(seconds) == said


def test_the_picture_has_a_point_for_what_was_and_for_each_variant_and_is_the_same_each_time() -> None:
    answer = answered({"max_retries": 0}, {"max_retries": 1}, {"max_retries": 2})
    drawn = plot_of(answer)
    assert drawn == plot_of(answer)
    circles = ElementTree.fromstring(drawn).findall(f".//{SVG}circle")
    titles = [circle.findtext(f"{SVG}title") for circle in circles]
    assert titles == [
        "as it was: attempts 3, goals 1",
        "max_retries=0: attempts 1, goals 0",
        "max_retries=1: attempts 2, goals 0",
        "max_retries=2: attempts 3, goals 1",
    ]
    places = [(float(circle.attrib["cx"]), float(circle.attrib["cy"])) for circle in circles]
    assert places[0] == places[3]
    assert places[1][0] < places[2][0] < places[3][0]
    assert places[1][1] == places[2][1] > places[3][1]


def test_a_picture_of_nothing_is_drawn_too() -> None:
    answer = answered({"max_retries": 0})
    for measures in (answer["real"], answer["variants"][0]["measures"]):
        measures.update(attempts=0, goals_achieved=0)
    assert len(ElementTree.fromstring(plot_of(answer)).findall(f".//{SVG}circle")) == 2


def test_names_in_the_picture_are_text_not_markup() -> None:
    answer = answered({"max_retries": 0})
    answer["variants"][0]["name"] = "<script>&"
    titles = [one.text for one in ElementTree.fromstring(plot_of(answer)).iter(f"{SVG}title")]
    assert any(title is not None and title.startswith("<script>&:") for title in titles)


def test_a_line_names_one_variant_by_set_and_many_by_variant() -> None:
    assert variants_of(["max_retries=2", "retry_interval=90 minutes"], []) == [
        {"max_retries": 2, "retry_interval": "90 minutes"}
    ]
    assert variants_of(["callback_retry=manual"], ["max_retries=0", "max_retries=none, retry_interval=1h"]) == [
        {"callback_retry": "manual", "max_retries": 0},
        {"callback_retry": "manual", "max_retries": None, "retry_interval": "1h"},
    ]


@pytest.mark.parametrize(
    ("settings", "variants", "said"),
    [
        ([], [], "nothing to simulate"),
        (["max_retries"], [], "is no setting"),
        (["=2"], [], "is no setting"),
        (["max_retries=1", "max_retries=2"], [], "given twice"),
        (["max_retries=1"], ["max_retries=2"], "given twice"),
    ],
)
def test_what_names_no_setting_is_told(settings: list[str], variants: list[str], said: str) -> None:
    with pytest.raises(Failed, match=said):
        variants_of(settings, variants)
