"""Texts that Postgres cannot keep are refused where they come in, before they could stop a reader of the log."""

from typing import Any

import pytest

from drumbeat.aggregates.values import is_storable
from drumbeat.commands.calls import EndCall, PlaceCall
from drumbeat.commands.campaign import CancelCampaign, ChangeSettings, PauseCampaign, RenameCampaign
from drumbeat.commands.command import Command
from drumbeat.commands.contacts import ChangeProfile, PauseContact
from drumbeat.commands.enrolment import ContactRow, EnrolContacts
from drumbeat.events.values import CallOutcome
from support.commanding import CAMPAIGN, contact, running

NUL = "a\0b"


@pytest.mark.parametrize(
    "command",
    [
        RenameCampaign(campaign_id=CAMPAIGN, name=NUL),
        PauseCampaign(campaign_id=CAMPAIGN, note=NUL),
        CancelCampaign(campaign_id=CAMPAIGN, reason=NUL),
        ChangeSettings(campaign_id=CAMPAIGN, changes={"notes": NUL}),
        PauseContact(campaign_id=CAMPAIGN, contact_id=contact(1), reason=NUL),
        ChangeProfile(campaign_id=CAMPAIGN, contact_id=contact(1), name=NUL),
        ChangeProfile(campaign_id=CAMPAIGN, contact_id=contact(1), profile={NUL: "x"}),
    ],
    ids=lambda command: command.NAME,
)
def test_a_text_with_a_nul_character_is_refused_by_its_field(command: Command) -> None:
    refused = running().refused(command, "out_of_range")
    assert refused.field in {"name", "note", "reason", "changes", "profile"}
    assert refused.allowed == "text without NUL characters"


def test_a_summary_with_a_nul_character_is_refused_and_the_call_may_still_end() -> None:
    world = running()
    world.do(PlaceCall(campaign_id=CAMPAIGN, contact_id=contact(1)))
    ended: dict[str, Any] = {
        "campaign_id": CAMPAIGN,
        "contact_id": contact(1),
        "attempt": 1,
        "outcome": CallOutcome.COMPLETED,
    }
    world.refused(EndCall(**ended, summary=NUL), "out_of_range")
    assert world.do(EndCall(**ended, summary="talked")).facts


def test_a_row_with_a_nul_character_is_refused_and_the_others_go_on() -> None:
    rows = (
        ContactRow(reference=NUL),
        ContactRow(reference="b", name=NUL),
        ContactRow(reference="c", tags=(NUL,)),
        ContactRow(reference="d", profile={"city": NUL}),
        ContactRow(reference="e", name="Eve"),
    )
    results = running().do(EnrolContacts(campaign_id=CAMPAIGN, rows=rows)).results
    assert [result["result"] for result in results] == ["refused"] * 4 + ["accepted"]
    assert [result.get("field") for result in results] == ["reference", "name", "tags", "profile", None]


def test_half_a_surrogate_pair_cannot_be_kept_either() -> None:
    assert not is_storable("\ud800")
    assert is_storable("\U0001f600")
