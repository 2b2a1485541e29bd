"""What may not be done, tried one by one on a real database: a telling refusal, and not a trace in the log."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from pydantic import ValidationError

from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.commands.calls import CorrectOutcome, EndCall, PlaceCall, ReceiveCall
from drumbeat.commands.campaign import (
    ChangeSettings,
    DraftCampaign,
    DuplicateCampaign,
    LaunchCampaign,
    PauseCampaign,
    RenameCampaign,
)
from drumbeat.commands.command import Command
from drumbeat.commands.contacts import PauseContact, RemoveContact
from drumbeat.commands.enrolment import ContactRow, EnrolContacts
from drumbeat.commands.evaluations import EvaluateGoal
from drumbeat.commands.goals import ArchiveGoal, DefineGoal, EditGoal
from drumbeat.commands.loop import Idempotency
from drumbeat.commands.schedules import ChangeSchedule
from drumbeat.commands.senders import AssignSender, RegisterSender, RenameSender, ReportSpamScore
from drumbeat.events.ids import contact_id
from drumbeat.events.schedule import Hours
from drumbeat.events.values import CallOutcome, CampaignKind, Channel, GoalResult, GoalRole
from drumbeat.opsapi.exits import Exit
from support.given import uid
from support.machine import drumbeat_inside, environment
from support.postgres import TestServer
from support.whole import Whole, whole_system

pytestmark = pytest.mark.postgres

RUNNING, NOBODY = uid("spring"), uid("nobody")
ANN = contact_id(RUNNING, "ann")
BARE, UNSTAFFED, AIMLESS = uid("bare"), uid("unstaffed"), uid("aimless")
NUMBER = uid("number")


@pytest.fixture(scope="module")
def system(postgres_server: TestServer) -> Iterator[Whole]:
    """A running campaign with one contact, and three drafts that each lack what a launch needs."""
    with postgres_server.fresh_database() as url, whole_system(url) as whole:
        whole.running_campaign("ann")
        for campaign_id, people, goal, number in (
            (BARE, (), True, True),
            (UNSTAFFED, ("ann",), True, False),
            (AIMLESS, ("ann",), False, True),
        ):
            whole.do(DraftCampaign(campaign_id=campaign_id, kind=CampaignKind.VOICE_AGENT, name="draft"))
            if people:
                whole.enrol(campaign_id, *people)
            if goal:
                whole.do(DefineGoal(campaign_id=campaign_id, name="Sale", role=GoalRole.PRIMARY))
            if number:
                whole.do(AssignSender(campaign_id=campaign_id, sender_id=NUMBER))
        whole.project()
        yield whole


def traces(whole: Whole) -> list[tuple[Any, ...]]:
    """Everything that a command can leave behind."""
    return whole.rows("SELECT stream_id, version, bytes FROM ledger.events ORDER BY position") + whole.rows(
        "SELECT workspace_id, key, answer FROM ledger.idempotency_keys ORDER BY 1, 2"
    )


def settings(**changes: Any) -> ChangeSettings:
    return ChangeSettings(campaign_id=RUNNING, changes=changes)


def call(contact: UUID = ANN, campaign: UUID = RUNNING, **more: Any) -> EndCall:
    return EndCall(campaign_id=campaign, contact_id=contact, attempt=1, outcome=CallOutcome.BUSY, **more)


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        # settings out of range, and unknown ones
        (settings(max_retries=11), "out_of_range", "max_retries"),
        (settings(retry_interval="59 s"), "out_of_range", "retry_interval"),
        (settings(spam_threshold=10), "out_of_range", "spam_threshold"),
        (settings(call_interval_seconds=6), "out_of_range", "call_interval_seconds"),
        (settings(ring_time=30), "invalid_settings", "ring_time"),
        (settings(max_retries=3, schedule_id=str(NOBODY)), "unknown_stream", "schedule_id"),
        (
            DraftCampaign(kind=CampaignKind.CALL, name="new", settings={"zone": "Mars/Olympus"}),
            "out_of_range",
            "zone",
        ),
        (DraftCampaign(kind=CampaignKind.CALL, name=""), "out_of_range", "name"),
        (AssignSender(campaign_id=RUNNING, sender_id=NUMBER, weight=101), "out_of_range", "weight"),
        (ReportSpamScore(sender_id=NUMBER, score=11, source="x"), "out_of_range", "score"),
        # launching without what it takes
        (LaunchCampaign(campaign_id=BARE), "no_audience", None),
        (LaunchCampaign(campaign_id=UNSTAFFED), "no_sender", None),
        (LaunchCampaign(campaign_id=AIMLESS), "no_primary_goal", None),
        # a stale version
        (RenameCampaign(campaign_id=RUNNING, name="x", expected_version=1), "stale_version", "expected_version"),
        (PauseCampaign(campaign_id=RUNNING, expected_version=99), "stale_version", "expected_version"),
        (
            RenameSender(sender_id=NUMBER, friendly_name="x", expected_version=7),
            "stale_version",
            "expected_version",
        ),
        (
            PauseContact(campaign_id=RUNNING, contact_id=ANN, expected_version=9),
            "stale_version",
            "expected_version",
        ),
        # unknown ids
        (LaunchCampaign(campaign_id=NOBODY), "unknown_stream", "campaign_id"),
        (DuplicateCampaign(campaign_id=NOBODY), "unknown_stream", "campaign_id"),
        (
            EnrolContacts(campaign_id=NOBODY, rows=(ContactRow(reference="ann"),)),
            "unknown_stream",
            "campaign_id",
        ),
        (PlaceCall(campaign_id=RUNNING, contact_id=NOBODY, sender_id=NUMBER), "unknown_stream", "contact_id"),
        (PlaceCall(campaign_id=RUNNING, contact_id=ANN, sender_id=NOBODY), "unknown_sender", "sender_id"),
        (PlaceCall(campaign_id=AIMLESS, contact_id=ANN, sender_id=NUMBER), "unknown_stream", "contact_id"),
        (call(), "unknown_attempt", "attempt"),
        (call(NOBODY), "unknown_stream", "contact_id"),
        (RemoveContact(campaign_id=RUNNING, contact_id=NOBODY, reason="x"), "unknown_stream", "contact_id"),
        (
            ReceiveCall(campaign_id=RUNNING, contact_id=NOBODY, conversation_id=uid("talk"), duration_seconds=1),
            "unknown_stream",
            "contact_id",
        ),
        (
            CorrectOutcome(
                campaign_id=RUNNING,
                contact_id=ANN,
                attempt=4,
                from_=CallOutcome.BUSY,
                to=CallOutcome.FAILED,
                reason="x",
            ),
            "unknown_attempt",
            "attempt",
        ),
        (
            EvaluateGoal(campaign_id=RUNNING, contact_id=ANN, goal_id=NOBODY, result=GoalResult.ACHIEVED),
            "unknown_goal",
            "goal_id",
        ),
        (EditGoal(campaign_id=RUNNING, goal_id=NOBODY, name="x"), "unknown_goal", "goal_id"),
        (ArchiveGoal(campaign_id=RUNNING, goal_id=NOBODY), "unknown_goal", "goal_id"),
        (AssignSender(campaign_id=RUNNING, sender_id=NOBODY), "unknown_sender", "sender_id"),
        (RenameSender(sender_id=NOBODY, friendly_name="x"), "unknown_stream", "sender_id"),
        (
            RegisterSender(channel=Channel.PHONE, friendly_name="x", address="+12125550100", schedule_id=NOBODY),
            "unknown_stream",
            "schedule_id",
        ),
        (
            ChangeSchedule(schedule_id=NOBODY, hours=Hours(zone="UTC", weekly_hours=())),
            "unknown_stream",
            "schedule_id",
        ),
    ],
    ids=lambda value: value.NAME if isinstance(value, Command) else str(value),
)
def test_a_refused_command_names_what_is_wrong_and_leaves_no_trace(
    system: Whole, command: Command, code: str, field: str | None
) -> None:
    before = traces(system)
    for idempotency in (None, Idempotency(key="refused")):
        with pytest.raises(Refused) as caught:
            system.do(command, idempotency=idempotency)
        assert caught.value.code == RefusalCode(code)
        assert caught.value.message
        if field is not None:
            assert caught.value.field == field
    assert traces(system) == before


@pytest.mark.parametrize(
    "make",
    [
        lambda: LaunchCampaign.model_validate({"campaign_id": RUNNING, "starts": "now"}),
        lambda: ContactRow.model_validate({"reference": "ann", "fone": "+12125550100"}),
        lambda: EndCall.model_validate({**call().model_dump(), "outcome": "danced"}),
        lambda: RenameCampaign.model_validate({"campaign_id": "no-uuid", "name": "x"}),
    ],
)
def test_a_command_with_an_unknown_field_or_a_value_of_no_kind_is_never_made(make: Callable[[], Command]) -> None:
    with pytest.raises(ValidationError) as caught:
        make()
    assert caught.value.errors()[0]["loc"]


@pytest.mark.parametrize(
    ("campaign_id", "code"), [(BARE, "no_audience"), (UNSTAFFED, "no_sender"), (AIMLESS, "no_primary_goal")]
)
def test_the_command_line_says_what_a_launch_lacks(
    system: Whole, campaign_id: UUID, code: str, tmp_path: Path
) -> None:
    before = traces(system)
    env = environment(tmp_path / "home", DRUMBEAT_DATABASE_URL=system.url)
    answer = drumbeat_inside("campaign", "launch", str(campaign_id), env=env)
    assert answer.returncode == Exit.REFUSED
    [line] = [line for line in answer.stderr.splitlines() if line.startswith("drumbeat: ")]
    assert line.startswith(f"drumbeat: refused ({code}): ")
    assert traces(system) == before


def test_the_read_models_show_nothing_of_what_was_refused(system: Whole) -> None:
    system.project()
    head = system.ledger.head()
    with closing(psycopg.connect(system.url)) as connection:
        stands = connection.execute("SELECT projection, position FROM readmodel.checkpoints").fetchall()
    assert dict(stands) == {projection.name: head for projection in PROJECTIONS}
    shown = system.rows("SELECT campaign_id, status FROM live.campaigns")
    assert dict(shown) == {RUNNING: "running", BARE: "draft", UNSTAFFED: "draft", AIMLESS: "draft"}
