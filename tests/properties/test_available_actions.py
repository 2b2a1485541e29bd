"""A campaign's row agrees with its decisions and offers what they allow: no more, no less, whatever happened."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given as draws
from hypothesis import settings
from hypothesis import strategies as st

from drumbeat.aggregates.campaign import (
    CAMPAIGN,
    Campaign,
    drafting,
    ending,
    launching,
    reports,
    running,
    terms_of,
)
from drumbeat.aggregates.campaign import analyses as analysis
from drumbeat.aggregates.campaign import goals as goal
from drumbeat.aggregates.campaign import senders as sender
from drumbeat.aggregates.campaign.imports import start_import
from drumbeat.aggregates.campaign.state import Completed, Finalizing, Paused, settings_of
from drumbeat.aggregates.contact.control import retry_contact
from drumbeat.aggregates.contact.enrolment import enrol
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events import Fact
from drumbeat.events.contact import ContactFinished
from drumbeat.events.goals import AnalysisText
from drumbeat.events.lifecycle import ALLOWED_FROM
from drumbeat.events.light import decode_light
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    CampaignKind,
    CampaignSource,
    ContactPrivate,
    FinishOutcome,
    GoalRole,
    Question,
    Step,
    StepChannel,
)
from drumbeat.projections.campaigns import CAMPAIGN_ROWS, CampaignRow
from drumbeat.readapi.campaigns import actions
from support.campaigns import GOAL, SENDER, ready
from support.contacts import enrolled
from support.given import CAMPAIGN_ID, NOW, Given, event, given, uid
from support.sealing import sealed_bytes

DAY = timedelta(days=1)
OTHER_GOAL = uid("other goal")
MOOD = uid("mood")
TEXT = AnalysisText(name="Mood", question=Question.RATING, scale=5)
STEPS = (Step(step_id=uid("step"), name="Hello", channel=StepChannel.EMAIL, action="send", delay_seconds=0),)
FINISHED = given(CONTACT, enrolled(), ContactFinished(outcome=FinishOutcome.NO_CONVERSATION)).state

Decide = Callable[[Campaign | None, datetime], Any]


def _retry(campaign: Campaign | None, now: datetime) -> Any:
    assert campaign is not None
    return retry_contact(FINISHED, terms=terms_of(campaign, CAMPAIGN_ID), suppressed=False, now=now)


def _enrol(campaign: Campaign | None, _now: datetime) -> Any:
    assert campaign is not None
    opened = launching.open_audience(campaign)
    return opened, enrol(
        None, terms=terms_of(campaign, CAMPAIGN_ID), reference="new", private=ContactPrivate(name="Eve")
    )


def _duplicate(campaign: Campaign | None, now: datetime) -> Any:
    return drafting.duplicate_campaign(
        campaign, original_id=CAMPAIGN_ID, copy_id=uid("copy"), spam_reports={}, now=now
    )


def _extend(campaign: Campaign | None, now: datetime) -> Any:
    assert campaign is not None
    end = max(campaign.core.settings.end_at or now, now) + DAY
    return running.extend_campaign(campaign, end_at=end, now=now)


def _named(number: int) -> str:
    return f"name {number}"


# With arguments under which only the state, the kind or the source can be in the way.
TRIES: dict[str, Decide] = {
    "launch_campaign": lambda c, now: launching.launch_campaign(c, now=now),
    "pause_campaign": lambda c, _: running.pause_campaign(c),
    "resume_campaign": lambda c, now: running.resume_campaign(c, now=now),
    "complete_campaign": lambda c, now: running.complete_campaign(c, now=now),
    "extend_campaign": _extend,
    "send_reminders": lambda c, _: running.send_reminders(c),
    "enrol_contacts": _enrol,
    "retry_contact": _retry,
    "rename_campaign": lambda c, now: drafting.rename_campaign(c, name=_named(now.hour)),
    "change_settings": lambda c, now: drafting.change_settings(c, changes={"notes": _named(now.hour)}, now=now),
    "define_goal": lambda c, _: goal.define_goal(c, goal_id=OTHER_GOAL, name="Other", role=GoalRole.SECONDARY),
    "edit_goal": lambda c, now: goal.edit_goal(c, goal_id=GOAL, name=_named(now.hour)),
    "archive_goal": lambda c, _: goal.archive_goal(c, goal_id=OTHER_GOAL, successor=GOAL),
    "restore_goal": lambda c, _: goal.restore_goal(c, goal_id=OTHER_GOAL),
    "change_primary_goal": lambda c, _: goal.change_primary_goal(c, goal_id=GOAL),
    "define_analysis": lambda c, _: analysis.define_analysis(c, analysis_id=MOOD, text=TEXT),
    "edit_analysis": lambda c, _: analysis.edit_analysis(c, analysis_id=MOOD, text=TEXT),
    "activate_analysis": lambda c, _: analysis.activate_analysis(c, analysis_id=MOOD),
    "deactivate_analysis": lambda c, _: analysis.deactivate_analysis(c, analysis_id=MOOD),
    "archive_analysis": lambda c, _: analysis.archive_analysis(c, analysis_id=MOOD),
    "restore_analysis": lambda c, _: analysis.restore_analysis(c, analysis_id=MOOD),
    "assign_sender": lambda c, _: sender.assign_sender(c, sender_id=SENDER, weight=3),
    "unassign_sender": lambda c, _: sender.unassign_sender(c, sender_id=SENDER),
    "disable_sender": lambda c, _: sender.disable_sender(c, sender_id=SENDER),
    "enable_sender": lambda c, _: sender.enable_sender(c, sender_id=SENDER),
    "reinstate_sender": lambda c, _: sender.reinstate_sender(c, sender_id=SENDER),
    "define_sequence": lambda c, _: drafting.define_sequence(c, steps=STEPS),
    "cancel_campaign": lambda c, _: ending.cancel_campaign(c, reason="budget"),
    "reopen_campaign": lambda c, now: ending.reopen_campaign(c, end_at=now + DAY, now=now),
    "request_report": lambda c, _: reports.request_report(c, completed_sessions=5),
    "duplicate_campaign": _duplicate,
    "archive_campaign": lambda c, _: ending.archive_campaign(c),
    "delete_campaign": lambda c, _: ending.delete_campaign(c),
}


# What the clock and policies do.
def launch_later(campaign: Campaign | None, now: datetime) -> Any:
    return launching.launch_campaign(campaign, start_at=now + 2 * DAY, now=now)


def start(campaign: Campaign | None, now: datetime) -> Any:
    return launching.start_campaign(campaign, now=now)


def activate(campaign: Campaign | None, _now: datetime) -> Any:
    return launching.activate_campaign(campaign)


def begin_import(campaign: Campaign | None, _now: datetime) -> Any:
    return start_import(campaign, file_hash="f", mapping_hash="m")


def close(campaign: Campaign | None, now: datetime) -> Any:
    return running.close_window(campaign, now=now)


def process(campaign: Campaign | None, now: datetime) -> Any:
    return running.mark_audience_processed(campaign, now=now)


def finish(campaign: Campaign | None, now: datetime) -> Any:
    # So many sessions that some days have enough for a report.
    return running.finish_finalizing(campaign, drained=True, completed_sessions=now.day % 5, now=now)


def report(campaign: Campaign | None, _now: datetime) -> Any:
    return reports.record_report_generated(campaign)


def fail_report(campaign: Campaign | None, _now: datetime) -> Any:
    return reports.record_report_failed(campaign, reason="broke")


BY_ITSELF = (launch_later, start, activate, begin_import, close, process, finish, report, fail_report)

OF_ITS_OWN = {
    RefusalCode.NO_SENDER,
    RefusalCode.NO_PRIMARY_GOAL,
    RefusalCode.INVALID_SETTINGS,
    RefusalCode.UNKNOWN_ANALYSIS,
    RefusalCode.UNKNOWN_GOAL,
    RefusalCode.UNKNOWN_SENDER,
}
"""What an action that is offered may still be refused for: it is about something that is not there."""

# The facts of these stand in other streams; the ends come last, so that a story sees more than them.
ELSEWHERE = {"enrol_contacts", "retry_contact", "duplicate_campaign"}
ENDS = {"cancel_campaign", "archive_campaign", "delete_campaign"}
LIFE = {f"{verb}_campaign" for verb in ("launch", "pause", "resume", "complete", "extend", "reopen")}
_others = [decide for name, decide in TRIES.items() if name not in ENDS | ELSEWHERE]
steps = st.one_of(
    st.sampled_from([TRIES[name] for name in sorted(LIFE)]),
    st.sampled_from(BY_ITSELF),
    st.sampled_from(_others),
)
ends = st.sampled_from([TRIES[name] for name in sorted(ENDS)])
days = st.sampled_from([0, 0, 0, 1, 3])
OPENINGS: dict[str, tuple[Decide, ...]] = {
    "launched": (),
    "completed": (activate, TRIES["complete_campaign"], finish),
    "reopened": (process, finish, TRIES["reopen_campaign"]),
    "paused": (TRIES["pause_campaign"], process, close),
    "imported": (begin_import,),
}
"""Ways to where single steps seldom lead."""


@dataclass
class Told:
    """A campaign as decisions see it, and as its row shows it."""

    campaign: Given[Campaign]
    row: CampaignRow | None = None
    position: int = 0

    def tell(self, *facts: Fact) -> None:
        for fact in facts:
            self.position += 1
            fold: Any = CAMPAIGN_ROWS.folds[type(fact)]
            self.row = fold(
                self.row, decode_light(fact.TYPE, sealed_bytes(event(fact, version=self.position))), self.position
            )
        self.campaign = self.campaign.and_given(*facts)

    def actions(self, now: datetime) -> tuple[str, ...]:
        assert self.row is not None
        shown = msgspec.structs.asdict(self.row)
        report = None if self.row.report is None else json.loads(self.row.report)
        return actions(shown | {"report": report, "window_closed": shown["window_closed_by"] is not None}, now)


@settings(max_examples=100)
@draws(
    kind=st.sampled_from(CampaignKind),
    source=st.sampled_from([CampaignSource.API] * 3 + [CampaignSource.IMPORT]),
    end=st.none() | st.integers(2, 20),
    opening=st.sampled_from(sorted(OPENINGS)),
    story=st.lists(st.tuples(steps, days), max_size=20),
    last=st.lists(st.tuples(ends, days), max_size=2),
)
def test_what_is_offered_is_allowed_and_what_is_not_offered_is_refused(
    kind: CampaignKind,
    source: CampaignSource,
    end: int | None,
    opening: str,
    story: list[tuple[Decide, int]],
    last: list[tuple[Decide, int]],
) -> None:
    told = Told(given(CAMPAIGN))
    told.tell(*ready(kind=kind, source=source, **({} if end is None else {"end_at": NOW + end * DAY})))
    _check_along(told, [(decide, 0) for decide in (TRIES["launch_campaign"], *OPENINGS[opening])] + story + last)


@pytest.mark.parametrize(
    ("days_later", "follows", "status"),
    [(0, (), "not_generated"), (1, (), "requested"), (1, (report,), "generated"), (1, (fail_report,), "failed")],
)
def test_a_survey_offers_what_its_report_allows(days_later: int, follows: tuple[Decide, ...], status: str) -> None:
    told = Told(given(CAMPAIGN))
    told.tell(*ready(kind=CampaignKind.SURVEY))
    completed = (TRIES["launch_campaign"], activate, TRIES["complete_campaign"])
    _check_along(told, [(decide, 0) for decide in completed] + [(finish, days_later)])
    _check_along(told, [(decide, 0) for decide in follows])
    assert told.campaign.state is not None
    assert told.campaign.state.core.report == status


def _check_along(told: Told, story: list[tuple[Decide, int]]) -> None:
    _check(told, NOW)
    now = NOW
    for decide, later in story:
        now += later * DAY
        with suppress(Refused):
            told.tell(*decide(told.campaign.state, now))
        _check(told, now)


def _check(told: Told, now: datetime) -> None:
    campaign = told.campaign.state
    assert campaign is not None
    assert told.row is not None
    _row_agrees(told.row, campaign)
    offered = told.actions(now)
    for name, decide in TRIES.items():
        if name == "enrol_contacts" and campaign.core.source is CampaignSource.IMPORT:
            continue  # histories are enrolled as they are recorded
        answer, code = _answer(decide, campaign, now)
        if code is None:
            assert name in offered or answer == (), f"{name} is allowed while {campaign.STATUS} and not offered"
        else:
            refused = f"{name} is offered and refused {code} while {campaign.STATUS}"
            assert name not in offered or code in OF_ITS_OWN, refused


def _row_agrees(row: CampaignRow, campaign: Campaign) -> None:
    core, kept = campaign.core, settings_of(campaign.core)
    assert row.status == campaign.STATUS
    assert CampaignSettings.model_validate_json(row.settings) == kept
    assert (row.start_at, row.end_at, row.settings_version) == (kept.start_at, kept.end_at, core.settings_version)
    assert (row.audience_open, row.audience_processed) == (core.audience_open, core.audience_processed)
    assert row.window_closed_by == core.window_closed
    assert row.drain_until == getattr(campaign, "drain_until", None)
    if isinstance(campaign, Finalizing | Completed):
        assert row.completion_reason == campaign.completion_reason
    if isinstance(campaign, Paused):
        assert row.reopened is campaign.reopened


def _answer(decide: Decide, campaign: Campaign, now: datetime) -> tuple[Any, RefusalCode | None]:
    try:
        return decide(campaign, now), None
    except Refused as refused:
        return None, refused.code


def test_every_action_is_tried() -> None:
    assert set(TRIES) == set(ALLOWED_FROM)
